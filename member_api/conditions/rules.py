"""Days and ages as conditions mean them: birthdays around the turn of the year, 29 February, ages on a day."""

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from foundation.conditions import Condition, Operator

LEAP_DAY = 229
YEAR_DAYS = 366
MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Upper ends (included) of the age bands by which a list is broken down.
AGE_BANDS = (17, 24, 34, 44, 54, 64)


def month_day(day: date) -> int:
    """A day without its year, as month x 100 + day."""
    return day.month * 100 + day.day


def birthdays_within(first: date, last: date) -> list[int]:
    """The month-days whose birthday falls between two days, both included, ascending.

    Who was born on 29 February has the birthday on 28 February in years without one.
    """
    found: set[int] = set()
    day = first
    for _ in range(YEAR_DAYS):
        if day > last:
            break
        found.add(month_day(day))
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.add(LEAP_DAY)
        day += timedelta(days=1)
    return sorted(found)


def ranges_of(days: Sequence[int]) -> tuple[list[int], list[int]]:
    """First and last of each run of month-days, ascending."""
    firsts: list[int] = []
    lasts: list[int] = []
    for day in days:
        if lasts and day == _following(lasts[-1]):
            lasts[-1] = day
        else:
            firsts.append(day)
            lasts.append(day)
    return firsts, lasts


def _following(day: int) -> int:
    month, of_month = divmod(day, 100)
    return day + 1 if of_month < MONTH_LENGTHS[month - 1] else (month + 1) * 100 + 1


def days_of_months(months: Iterable[int]) -> list[int]:
    """Every month-day of these months, ascending."""
    return [month * 100 + day for month in sorted(set(months)) for day in range(1, MONTH_LENGTHS[month - 1] + 1)]


def range_of(condition: Condition) -> tuple[int | None, int | None]:
    """The whole numbers that a comparison lets pass, both ends included; `!=` is the opposite of `=`."""
    value = condition.value
    if isinstance(value, tuple):
        return int(value[0]), int(value[1])
    assert isinstance(value, int)
    match condition.operator:
        case Operator.AT_LEAST:
            return value, None
        case Operator.MORE:
            return value + 1, None
        case Operator.AT_MOST:
            return None, value
        case Operator.LESS:
            return None, value - 1
        case _:
            return value, value


def born_between(youngest: int | None, oldest: int | None, today: date) -> tuple[tuple[int, int], tuple[int, int]]:
    """(year, month-day) after which, and up to which, somebody was born who is of these ages today, ends included."""
    here = month_day(today)
    after = (0, 0) if oldest is None else (today.year - oldest - 1, here)
    until = (9999, 0) if youngest is None else (today.year - youngest, here)
    return after, until
