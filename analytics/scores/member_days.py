"""What each member bought on each day, as arrays: one reading of the lake's day roll-up for all of potential."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.lake.reading import Lake
from analytics.prediction.history import Floats, History, Ints
from analytics.scores.direction import PERIOD_DAYS, PERIODS, season_index

EPOCH = date(1970, 1, 1)
"""Days are counted from here."""

_CURRENCIES = "SELECT DISTINCT currency::VARCHAR AS currency FROM member_day WHERE business_date < $as_of ORDER BY 1"
_FORMATS = """
SELECT DISTINCT format::VARCHAR AS format FROM member_day
WHERE currency = $currency AND business_date < $as_of ORDER BY 1
"""
_DAYS = """
SELECT member_id, (business_date - DATE '1970-01-01')::INTEGER AS day,
    (list_position($formats, format::VARCHAR) - 1)::SMALLINT AS format,
    (receipts > 0)::TINYINT AS visit, spend, promoted_spend
FROM member_day
WHERE currency = $currency AND business_date < $as_of
ORDER BY member_id, business_date, format::VARCHAR
"""
_PROFITS = """
SELECT member_id, sum(profit)::BIGINT AS profit, sum(known_profit_spend)::BIGINT AS known,
    sum(receipts)::BIGINT AS receipts
FROM member_day
WHERE currency = $currency AND business_date < $as_of AND business_date >= $since
GROUP BY 1 ORDER BY 1
"""


def day_number(day: date) -> int:
    """Days since the epoch."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The day of a number."""
    return EPOCH + timedelta(days=number)


def currencies(lake: Lake, as_of: date) -> list[str]:
    """The currencies in which members bought before a day, in order."""
    found: list[str] = lake.sql(_CURRENCIES, as_of=as_of)["currency"].to_pylist()
    return found


@dataclass(frozen=True, slots=True)
class MemberDays:
    """Rows sorted by member, day and format, at most one of each; `format` is a place in `formats`.

    `visit` is 1 where there was a receipt; amounts in minor units, net of what came back.
    """

    formats: tuple[str, ...]
    member: Ints
    day: Ints
    format: Ints
    visit: Ints
    spend: Ints
    promoted: Ints

    def history(self) -> History:
        """All formats together: a row a member and day."""
        first = np.ones(len(self.member), dtype=np.bool_)
        first[1:] = (self.member[1:] != self.member[:-1]) | (self.day[1:] != self.day[:-1])
        if first.all():
            return History.of_rows(self.member, self.day, self.visit, self.spend, self.promoted)
        start = np.flatnonzero(first)
        return History.of_rows(
            self.member[start],
            self.day[start],
            np.maximum.reduceat(self.visit, start),
            np.add.reduceat(self.spend, start),
            np.add.reduceat(self.promoted, start),
        )

    def history_of(self, format: int) -> History:
        """One format alone."""
        rows = self.format == format
        return History.of_rows(
            self.member[rows], self.day[rows], self.visit[rows], self.spend[rows], self.promoted[rows]
        )


def read_days(lake: Lake, currency: str, as_of: date) -> MemberDays:
    """All rows of a currency before a day."""
    formats = lake.sql(_FORMATS, currency=currency, as_of=as_of)["format"].to_pylist()
    table = lake.sql(_DAYS, currency=currency, as_of=as_of, formats=formats)
    return MemberDays(
        tuple(formats),
        *(_numbers(table[name]) for name in ("member_id", "day", "format", "visit", "spend", "promoted_spend")),
    )


@dataclass(frozen=True, slots=True)
class Periods:
    """The six sub-periods before a day, a row a member of the history: without season, oldest first.

    `visit_count`: visits as they were, all together. `known_for_all`: the member was there when the first sub-period
    began, so that all six are known.
    """

    spend: Floats
    visits: Floats
    visit_count: Ints
    known_for_all: NDArray[np.bool_]

    @property
    def ticket(self) -> Floats:
        """Spend a visit; nan where there was no visit."""
        return np.where(self.visits > 0, self.spend / np.where(self.visits > 0, self.visits, 1.0), np.nan)


def periods(days: MemberDays, history: History, as_of: int) -> Periods:
    """Spend and visits by sub-period, each format's divided by the index of its steady members, added over formats."""
    count = len(history)
    start = as_of - PERIODS * PERIOD_DAYS
    recent = np.flatnonzero(days.day >= start)
    owner = np.searchsorted(history.members, days.member[recent])
    cell = owner * PERIODS + (days.day[recent] - start) // PERIOD_DAYS
    spend, visits = np.zeros((count, PERIODS)), np.zeros((count, PERIODS))
    visit_count = np.zeros(count, dtype=np.int64)
    for number in range(len(days.formats)):
        mine = days.format[recent] == number
        money = _table(cell[mine], days.spend[recent][mine], count)
        came = _table(cell[mine], days.visit[recent][mine], count)
        steady = np.all(came > 0, axis=1)
        spend += money / season_index(money, steady)
        visits += came / season_index(came, steady)
        visit_count += came.sum(axis=1).astype(np.int64)
    first_day = history.day[history.first_row[:-1]]
    return Periods(spend, visits, visit_count, first_day <= start)


def _table(cell: Ints, values: Ints, members: int) -> Floats:
    """Sums of whole numbers by cell, a row a member and a column a sub-period."""
    sums: Floats = np.bincount(cell, weights=values, minlength=members * PERIODS).astype(np.float64)
    return sums.reshape(members, PERIODS)


def profit_rates(lake: Lake, currency: str, as_of: date, members: Ints, days: int) -> Floats | None:
    """Gross profit by spend of each member over the last days, drawn towards that of all by three mean tickets.

    None where no profit is known at all.
    """
    since = as_of - timedelta(days=days)
    table = lake.sql(_PROFITS, currency=currency, as_of=as_of, since=since)
    who, profit, known, receipts = (_numbers(table[name]) for name in ("member_id", "profit", "known", "receipts"))
    everybody = int(known.sum())
    if everybody <= 0:
        return None
    rate_of_all = float(profit.sum()) / everybody
    drawn = _DRAWN_TICKETS * everybody / max(int(receipts.sum()), 1)
    rates = np.full(len(members), rate_of_all)
    own = (profit + drawn * rate_of_all) / (np.maximum(known, 0) + drawn)
    rates[np.searchsorted(members, who)] = np.clip(own, -1.0, 1.0)
    return rates


_DRAWN_TICKETS = 3.0


def _numbers(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.to_numpy(), dtype=np.int64)
