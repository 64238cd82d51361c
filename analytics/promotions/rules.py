"""The promotion coefficient (RETAIL section 5). Pure: a node's days in, what the promotion did to them out.

K = sum over promotion days of y / sum of b                                               1: no effect
b = median of the last 8 same weekdays without promotion or holiday x trend of the control on the day
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Control(StrEnum):
    """What says how the days would have gone anyway."""

    OTHER_STORES = "other_stores"  # the same category in stores without the promotion
    OTHER_CATEGORIES = "other_categories"  # categories of the same stores that were not promoted
    NONE = "none"  # nothing: the trend is taken for 1


@dataclass(frozen=True, slots=True)
class CoefficientSettings:
    """`baseline_days` same weekdays, sought at most `weeks_back` weeks before the promotion; a day with fewer than
    `days_min` is not usable. Below `receipts_min` expected receipts nothing is told. The interval is of `level`."""

    baseline_days: int = 8
    weeks_back: int = 26
    days_min: int = 4
    receipts_min: int = 30
    replicates: int = 2_000
    level: float = 0.95
    seed: int = 20_260_101


NO_SETTINGS = CoefficientSettings()


@dataclass(frozen=True, slots=True)
class NodeDay:
    """One business day of a node (stores, or a category in them); money in minor units. `control` are the net sales of
    the control on that day; None: there is no control, or it sold nothing."""

    sales: int
    receipts: int
    profit: int | None = None
    control: int | None = None


NOTHING = NodeDay(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a promotion did. `told` is False where there is too little to tell; then K is None.

    `sales` and `expected` are of the usable days, in minor units; `expected_receipts` says how much they rest on.
    `profit_gained` is profit less expected profit less `cost`; None if any of it is unknown. `low` and `high` are the
    interval of K, None where it cannot be told. `after` is K over as many days afterwards: below 1, the promotion only
    brought sales forward.
    """

    told: bool
    coefficient: float | None
    low: float | None
    high: float | None
    sales: int
    expected: int
    expected_receipts: int
    profit_gained: int | None
    after: float | None
    days: int
    days_unusable: int
    control: Control

    @property
    def sales_gained(self) -> int:
        return self.sales - self.expected


@dataclass(frozen=True, slots=True)
class _Expected:
    """A day with what was to be expected of it."""

    day: NodeDay
    base: Sequence[NodeDay]


def effect_of(
    days: Mapping[date, NodeDay],
    promotion: Collection[date],
    excluded: Collection[date],
    holidays: Mapping[date, str],
    control: Control,
    cost: int = 0,
    settings: CoefficientSettings = NO_SETTINGS,
) -> Effect:
    """The effect of a promotion on the days it ran.

    `days` has every day on which anything was known of the node; the first and the last say how far that reaches, and
    a day between them that is missing sold nothing. `excluded` are days of other promotions: they are no baseline.
    `holidays` are named days: no baseline for others; a promotion on one is compared with the days of the same name
    in other years. `cost` is what the store paid for the promotion beside the prices.
    """
    ran = sorted(promotion)
    shunned = {*excluded, *ran}
    during = _expectations(ran, days, shunned, holidays, settings)
    afterwards = _expectations(_days_after(ran, days, shunned), days, shunned, holidays, settings, ran[:1])
    sales = sum(each.day.sales for each in during)
    expected = sum(_expected(each, "sales") or 0.0 for each in during)
    receipts = sum(float(np.median([base.receipts for base in each.base])) for each in during)
    told = bool(during) and expected > 0 and receipts >= settings.receipts_min
    low, high = _interval(during, settings) if told else (None, None)
    return Effect(
        told=told,
        coefficient=sales / expected if told else None,
        low=low,
        high=high,
        sales=sales,
        expected=_whole(expected),
        expected_receipts=_whole(receipts),
        profit_gained=_profit_gained(during, cost) if told else None,
        after=_coefficient(afterwards) if told else None,
        days=len(during),
        days_unusable=len(ran) - len(during),
        control=control,
    )


def _whole(value: float) -> int:
    return int(np.floor(value + 0.5))


def _days_after(ran: Sequence[date], days: Mapping[date, NodeDay], shunned: Collection[date]) -> list[date]:
    """As many days as the promotion had, from the day after its last, as far as anything is known."""
    if not ran or not days:
        return []
    last = max(days)
    after = [ran[-1] + timedelta(days=n) for n in range(1, len(ran) + 1)]
    return [day for day in after if day <= last and day not in shunned]


def _expectations(
    wanted: Sequence[date],
    days: Mapping[date, NodeDay],
    shunned: Collection[date],
    holidays: Mapping[date, str],
    settings: CoefficientSettings,
    started: Sequence[date] = (),
) -> list[_Expected]:
    """The usable days of `wanted`, each with its baseline: days before the promotion started (the first of all)."""
    if not wanted or not days:
        return []
    first, start = min(days), min(*started, *wanted) if started else min(wanted)
    usable = []
    for day in wanted:
        name = holidays.get(day)
        if name is None:
            base = _same_weekdays(day, first, start, {*shunned, *holidays}, settings)
        else:
            base = _same_holidays(day, name, first, start, shunned, holidays)[: settings.baseline_days]
        if len(base) >= (settings.days_min if name is None else 1):
            usable.append(_Expected(days.get(day, NOTHING), [days.get(each, NOTHING) for each in base]))
    return usable


def _same_weekdays(
    day: date, first: date, start: date, shunned: Collection[date], settings: CoefficientSettings
) -> list[date]:
    earlier = (day - timedelta(weeks=week) for week in range(1, settings.weeks_back + 1 + (day - start).days // 7))
    good = (each for each in earlier if first <= each < start and each not in shunned)
    return [each for each, _ in zip(good, range(settings.baseline_days), strict=False)]


def _same_holidays(
    day: date, name: str, first: date, start: date, shunned: Collection[date], holidays: Mapping[date, str]
) -> list[date]:
    """The same day of the same holiday in earlier years, the latest first."""
    return sorted(
        (
            each
            for each, of in holidays.items()
            if of == name and first <= each < min(day, start) and each not in shunned
        ),
        reverse=True,
    )


def _has_trend(each: _Expected) -> bool:
    """Whether the control says anything about the day: it sold on it, and usually."""
    known = [base.control for base in each.base if base.control is not None]
    return (each.day.control or 0) > 0 and len(known) == len(each.base) and float(np.median(known)) > 0


def _trend(each: _Expected) -> float:
    """How the control stood on the day beside its own baseline; 1 where it cannot say."""
    if not _has_trend(each):
        return 1.0
    return (each.day.control or 0) / float(np.median([base.control or 0 for base in each.base]))


def _expected(each: _Expected, what: str) -> float | None:
    values = [getattr(base, what) for base in each.base]
    return None if None in values else float(np.median(values)) * _trend(each)


def _coefficient(days: Sequence[_Expected]) -> float | None:
    expected = sum(_expected(each, "sales") or 0.0 for each in days)
    return sum(each.day.sales for each in days) / expected if expected > 0 else None


def _profit_gained(days: Sequence[_Expected], cost: int) -> int | None:
    expected = [_expected(each, "profit") for each in days]
    had = [each.day.profit for each in days]
    if None in expected or None in had:
        return None
    return sum(each for each in had if each is not None) - _whole(sum(each for each in expected if each)) - cost


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Days by blocks. A block is one of the weeks that the baselines come from, with all its weekdays together: the
    n-th last of each weekday. `trend` is the day's control beside the block's; `level` the block's control itself,
    NaN if there is none."""

    had: Floats  # days
    week: Integers  # days: which week of the promotion
    base: Floats  # days x blocks
    trend: Floats  # days x blocks
    level: Floats  # days x blocks
    today: Floats  # days: the control on the day itself

    def expected(self, drawn: Integers) -> Floats:
        """Of each day, if these were the weeks before it."""
        known = ~np.isnan(self.level[:, 0])
        middle = np.median(np.where(known[:, None], self.level, 1.0)[:, drawn], axis=1)
        trend = np.where(known & (middle > 0), self.today / np.where(middle > 0, middle, 1.0), 1.0)
        answer: Floats = np.median(self.base[:, drawn], axis=1) * trend
        return answer

    def deviations(self) -> Floats:
        """By how much a week differs from the usual by chance: factors around 1, weeks x blocks."""
        every = np.arange(self.base.shape[1], dtype=np.int64)
        usual = self.expected(every)
        factors = np.ones((int(self.week[-1]) + 1, self.base.shape[1]))
        for week in range(len(factors)):
            mine = self.week == week
            middle = float(usual[mine].sum())
            blocks = (self.base[mine] * self.trend[mine]).sum(axis=0)
            if middle > 0 and blocks.mean() > 0:
                factors[week] = blocks / blocks.mean()
        return factors


def _blocks(days: Sequence[_Expected]) -> _Blocks:
    count = max(len(each.base) for each in days)
    rows = [[each.base[n % len(each.base)] for n in range(count)] for each in days]
    has_trend = np.array([_has_trend(each) for each in days])
    today = np.array([each.day.control or 0 for each in days], dtype=float)
    level = np.array([[base.control or 0 for base in row] for row in rows], dtype=float)
    level = np.where(has_trend[:, None], level, np.nan)
    sound = has_trend[:, None] & (level > 0)
    return _Blocks(
        had=np.array([each.day.sales for each in days], dtype=float),
        week=np.arange(len(days)) // 7,
        base=np.array([[base.sales for base in row] for row in rows], dtype=float),
        trend=np.where(sound, today[:, None] / np.where(sound, level, 1.0), 1.0),
        level=level,
        today=today,
    )


def _interval(days: Sequence[_Expected], settings: CoefficientSettings) -> tuple[float | None, float | None]:
    """Interval of K by a weekly block bootstrap; None where there is but one week to go by, or nothing sold.

    Each replicate draws as many weeks as there are for the baseline, takes the medians again, and gives every week of
    the promotion the deviation from the usual that one of those weeks had: what chance alone does to a week. The spread
    of log K over the replicates, with n weeks too small by (n - 1) / n, is taken times Student's t: eight weeks do not
    show the tails, and their plain percentiles held the truth 83 times in 100 instead of 95.
    """
    chance = np.random.default_rng(settings.seed)
    blocks = _blocks(days)
    count = blocks.base.shape[1]
    weekly = np.bincount(blocks.week, weights=blocks.had)
    if count < 2 or weekly.sum() <= 0:
        return None, None
    deviations = blocks.deviations()
    logs = []
    for _ in range(settings.replicates):
        drawn: Integers = chance.integers(0, count, size=(count,), dtype=np.int64)
        expected = float(blocks.expected(drawn).sum())
        by_chance = deviations[np.arange(len(weekly)), chance.integers(0, count, len(weekly))]
        had = float((weekly * by_chance).sum())
        if expected > 0 and had > 0:
            logs.append(np.log(had / expected))
    spread = float(np.std(logs)) * np.sqrt(count / (count - 1)) * student.ppf((1 + settings.level) / 2, count - 1)
    usual = float(blocks.expected(np.arange(count, dtype=np.int64)).sum())
    middle = float(weekly.sum()) / usual
    return middle * float(np.exp(-spread)), middle * float(np.exp(spread))
