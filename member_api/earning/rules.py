"""What a purchase earns: one pure function over a programme, the purchase and what is known of the member.

Dry runs, back-tests, postings and returns all call `earn`; a return calls it again with what is left of the basket.
Points are counted in millionths, so that rates need no fractions and no float ever touches them.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

MILLION = 1_000_000


class Rounding(StrEnum):
    """How a total of millionths becomes whole points."""

    FLOOR = "floor"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Millionths of a point for one minor unit of money, for whatever matches every field that is set.

    `category` is a prefix of the category's path. Of several rates that match the first one counts.
    """

    micro_points: int
    format: str | None = None
    category: tuple[str, ...] = ()
    brand: str | None = None
    counter: str | None = None
    tier: str | None = None
    currency: str | None = None


class EarnBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which money earns: goods lines, without what was paid by `without` tenders, without tax if so said."""

    without: tuple[str, ...] = ("points", "ecoin", "coupon")
    net_of_tax: bool = False


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long what was earned lasts: so many months, or days, then to the end of that month or year."""

    months: int = 0
    days: int = 0
    to_end_of: str = "day"


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """E-coins for spending (满返): for every `spend` of the base, `get` e-coins; once only unless `repeat`.

    Amounts are minor units. Only lines in the formats, counters and categories that are set take part.
    """

    name: str
    currency: str
    spend: int
    get: int
    repeat: bool = True
    formats: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    life: Life = Life(days=30)
    funder: str = "company"
    conditions: dict[str, Any] | None = None


class Grace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days that an amount lasts which comes back into a lot that has expired meanwhile."""

    points: int = 30
    ecoin: int = 0
    cash: int = 0


class Programme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the earning rules, as published.

    `redeem_points` points are worth `redeem_money` minor units when they pay.
    """

    rates: tuple[Rate, ...] = (Rate(micro_points=10_000),)
    base: EarnBase = EarnBase()
    rounding: Rounding = Rounding.FLOOR
    keep_remainder: bool = True
    split_points_by_format: bool = False
    points_life: Life = Life(months=24, to_end_of="month")
    thresholds: tuple[Threshold, ...] = ()
    grace: Grace = Grace()
    redeem_points: int = 10
    redeem_money: int = 1


class EarnLine(msgspec.Struct, array_like=True):
    """One goods line of a purchase as the ledger keeps it; the last three fields are what it has earned.

    `amount` and `base` are minor units, `left` the part of `amount` not returned. `points` are whole, `remainder`
    millionths, and may be negative: points + remainder is exactly what the rate gives.
    """

    line: int
    amount: int
    base: int
    category: tuple[str, ...]
    brand: str | None
    counter: str | None
    left: int
    points: int = 0
    remainder: int = 0

    @property
    def base_left(self) -> int:
        return self.base if self.left == self.amount else self.base * self.left // self.amount


class Earned(msgspec.Struct, frozen=True):
    """What a basket earns: points and remainder per line, and e-coins per threshold."""

    points: int
    remainder: int
    lines: tuple[tuple[int, int], ...]
    ecoins: tuple[tuple[Threshold, int], ...]


def earn_base(amount: int, tax_rate: int, paid: Sequence[tuple[str, int]], base: EarnBase) -> int:
    """The money of a line that earns. `tax_rate` is hundredths of a percent; `paid` is (tender kind, amount).

    Net of tax is amount / (1 + rate), rounded half up. Benefits never turn a line's sign (change may be given on
    them): giving back a line that was sold could earn points otherwise.
    """
    money = amount - sum(part for kind, part in paid if kind in base.without)
    amount = max(money, 0) if amount > 0 else min(money, 0) if amount < 0 else 0
    if base.net_of_tax and tax_rate:
        whole = 10_000 + tax_rate
        amount = (2 * amount * 10_000 + whole) // (2 * whole)
    return amount


@lru_cache(maxsize=65_536)
def rate_for(
    rates: tuple[Rate, ...], format: str | None, category: tuple[str, ...], brand: str | None, counter: str | None,
    tier: str | None, currency: str,
) -> int:  # fmt: skip
    """The first rate that matches; 0 when none does."""
    for rate in rates:
        if (
            rate.format in (None, format)
            and rate.category == category[: len(rate.category)]
            and rate.brand in (None, brand)
            and rate.counter in (None, counter)
            and rate.tier in (None, tier)
            and rate.currency in (None, currency)
        ):
            return rate.micro_points
    return 0


def round_points(micro: int, rounding: Rounding) -> int:
    """Whole points of a total of millionths; below zero never."""
    if micro <= 0:
        return 0
    if rounding is Rounding.FLOOR:
        return micro // MILLION
    if rounding is Rounding.HALF_UP:
        return (micro + MILLION // 2) // MILLION
    whole, rest = divmod(micro, MILLION)
    return whole + (1 if rest > MILLION // 2 or (rest == MILLION // 2 and whole % 2) else 0)


def earn(
    programme: Programme, lines: Sequence[EarnLine], *, format: str | None, tier: str | None, currency: str,
    day: date, remainder_before: int, percent: int = 100,
) -> Earned:  # fmt: skip
    """What the lines that are left earn under a programme, points times `percent` / 100 (a multiplier of the member's).

    `remainder_before` is what the account had kept from earlier roundings (millionths) when the purchase was posted.
    The result depends on what is left only, so partial returns in any order end the same; nothing left earns nothing.
    """
    rates = programme.rates
    raw = [
        rate_for(rates, format, line.category, line.brand, line.counter, tier, currency) * line.base_left
        for line in lines
    ]
    if percent != 100:
        raw = [micro * percent // 100 for micro in raw]
    total = sum(raw)
    points = (
        round_points(total + (remainder_before if programme.keep_remainder else 0), programme.rounding) if total else 0
    )
    return Earned(
        points,
        total - points * MILLION if programme.keep_remainder else 0,
        _share(raw, points),
        tuple(_reached(programme.thresholds, lines, format, currency, day)) if programme.thresholds else (),
    )


def _share(raw: list[int], points: int) -> tuple[tuple[int, int], ...]:
    """Whole points per line by largest remainder, and what that leaves of each line's millionths."""
    whole = [micro // MILLION for micro in raw]
    over = points - sum(whole)
    if over > 0:
        step, extra = divmod(over, len(raw))
        order = sorted(range(len(raw)), key=lambda n: (-(raw[n] % MILLION), n))
        for rank, n in enumerate(order):
            whole[n] += step + (rank < extra)
    elif over < 0:
        for n in sorted(range(len(raw)), key=lambda n: (raw[n] % MILLION, -n)):
            taken = min(max(whole[n], 0), -over)  # a line below zero has nothing to give
            whole[n] -= taken
            over += taken
    return tuple((w, micro - w * MILLION) for w, micro in zip(whole, raw, strict=True))


def _reached(
    thresholds: tuple[Threshold, ...], lines: Sequence[EarnLine], format: str | None, currency: str, day: date
) -> list[tuple[Threshold, int]]:
    reached = []
    for offer in thresholds:
        if offer.currency != currency or (offer.formats and format not in offer.formats):
            continue
        if (offer.starts_on and day < offer.starts_on) or (offer.ends_on and day > offer.ends_on):
            continue
        base = sum(line.base_left for line in lines if _takes_part(offer, line))
        times = base // offer.spend
        if times > 0:
            reached.append((offer, offer.get * (times if offer.repeat else 1)))
    return reached


def _takes_part(offer: Threshold, line: EarnLine) -> bool:
    if offer.counters and line.counter not in offer.counters:
        return False
    return not offer.categories or any(line.category[: len(path)] == path for path in offer.categories)


def expires_on(day: date, life: Life) -> date | None:
    """The last day on which something earned on `day` can be used; None when it never expires."""
    if not life.months and not life.days:
        return None
    months = day.year * 12 + day.month - 1 + life.months
    year, month = divmod(months, 12)
    last = _last_day(year, month + 1)
    until = date(year, month + 1, min(day.day, last.day)) + timedelta(days=life.days)
    if life.to_end_of == "month":
        return _last_day(until.year, until.month)
    return date(until.year, 12, 31) if life.to_end_of == "year" else until


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
