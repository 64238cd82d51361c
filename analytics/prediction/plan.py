"""Which days to learn at and which to test at, all of them before the day whose future is unknown.

A lesson at day d is: what was known before d, and what happened in the horizon from d on. A fold at day f tests on the
lesson at f what was learned from lessons that ended by f. Nothing after `as_of` exists here.
"""

from dataclasses import dataclass

STEP_DAYS = 28
LESSONS_MAX = 4
FOLDS_MAX = 3
YEAR_DAYS = 364
"""A year in whole weeks, so that weekdays fall on weekdays."""

_LEAD_DAYS_MIN = 28


@dataclass(frozen=True, slots=True)
class Fold:
    """Test at `day` what was learned at `lessons`, latest first."""

    day: int
    lessons: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`horizon_days` is what is learned and tested: the horizon asked for, or shorter where the history is.

    `folds`, latest first, are empty when the history is too short for any test; then there are no lessons either.
    """

    horizon_days: int
    lessons: tuple[int, ...]
    folds: tuple[Fold, ...]


def plan(first_day: int, as_of: int, horizon_days: int, folds_max: int = FOLDS_MAX) -> Plan:
    """The lessons and folds for a history from `first_day` up to, not including, `as_of`."""
    tested = horizon_to_test(as_of - first_day, horizon_days)
    if tested == 0:
        return Plan(0, (), ())
    days = [as_of - tested - STEP_DAYS * number for number in range(folds_max)]
    folds = [Fold(day, _lessons(first_day, day, tested)) for day in days]
    return Plan(tested, _lessons(first_day, as_of, tested), tuple(fold for fold in folds if fold.lessons))


def horizon_to_test(known_days: int, horizon_days: int) -> int:
    """The longest horizon, in whole weeks or as asked, of which one fold with one lesson fits; 0 if not even a week."""
    if known_days >= _lead(horizon_days) + 2 * horizon_days:
        return horizon_days
    weeks = horizon_days // 7
    while weeks and known_days < _lead(7 * weeks) + 14 * weeks:
        weeks -= 1
    return 7 * weeks


def _lead(horizon_days: int) -> int:
    """How many days must be known before a lesson."""
    return max(_LEAD_DAYS_MIN, horizon_days // 2)


def _lessons(first_day: int, until: int, horizon_days: int) -> tuple[int, ...]:
    """The latest days whose outcome was known at `until`, and the same season a year before."""
    days = [until - horizon_days - STEP_DAYS * number for number in range(LESSONS_MAX)]
    if horizon_days <= YEAR_DAYS:
        days.append(until - YEAR_DAYS)
    return tuple(dict.fromkeys(day for day in days if day - first_day >= _lead(horizon_days)))
