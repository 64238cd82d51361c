"""The statement of a counter (专柜对账单): what it sold by rate band, what the store keeps, what the supplier is owed.

It is read from closed days only, by posting date: a statement of a period that is over says the same for ever. Where a
guaranteed minimum (保底) is agreed, a whole calendar month in which the store kept less of the base says how much is
missing; terms that change within the month count by their days.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid, NotFound
from foundation.money import half_up
from organisation.contract import CounterFacts, CounterMode, StoreFacts, counters_by_code
from pos_adapter.day.rules import LATEST_DAY, SalesFigure, whole_months
from pos_adapter.sales.rules import EARLIEST_DAY

PERIOD_DAYS_MAX = 366
BANDS_MAX = 10_000
ONE_DAY = timedelta(days=1)


class CounterUnknown(NotFound):
    """The store has no counter with this code."""

    code = "counter_unknown"


class PeriodInvalid(Invalid):
    """The period ends before it begins, or is longer than a year."""

    code = "period_invalid"


@dataclass(frozen=True, slots=True)
class Minimum:
    """A calendar month's guaranteed minimum beside what the store kept in it; both in minor units."""

    month: date
    guaranteed: int
    kept: int

    @property
    def missing(self) -> int:
        return max(self.guaranteed - self.kept, 0)


@dataclass(frozen=True, slots=True)
class Statement:
    """A counter in a period; `bands` are what was sold under the same terms.

    `days_open` are days of the period that are not closed yet: those are not in the figures.
    """

    store: StoreFacts
    counter: CounterFacts
    since: date
    until: date
    closed_days: int
    days_open: int
    bands: tuple[SalesFigure, ...]
    minimums: tuple[Minimum, ...]

    @property
    def amount(self) -> int:
        return sum(band.amount for band in self.bands)

    @property
    def commission(self) -> int:
        return sum(band.commission for band in self.bands)

    @property
    def payable(self) -> int:
        """What the supplier is owed: of every band, less what is missing of guaranteed minimums."""
        return sum(band.owed for band in self.bands) - sum(minimum.missing for minimum in self.minimums)


BANDS = """
SELECT legal_unit, counter_id, counter, mode, supplier, kind, promotion, rate, tax_rate, sum(lines)::integer,
       sum(amount)::bigint, sum(tax)::bigint, sum(benefits)::bigint, sum(borne)::bigint, sum(base)::bigint,
       sum(commission)::bigint
FROM pos.day_sales WHERE store_id = :store AND counter = :counter AND day BETWEEN :since AND :until
GROUP BY legal_unit, counter_id, counter, mode, supplier, kind, promotion, rate, tax_rate
ORDER BY mode, supplier, kind, promotion NULLS FIRST, rate, tax_rate LIMIT :most
"""
KEPT = """
SELECT date_trunc('month', day)::date AS month, sum(commission)::bigint AS kept FROM pos.day_sales
WHERE store_id = :store AND counter = :counter AND day BETWEEN :since AND :until GROUP BY 1
"""


def check_period(since: date, until: date) -> None:
    """Raises PeriodInvalid for one that is longer than a year, runs backwards, or lies outside the calendar."""
    in_the_calendar = since >= EARLIEST_DAY and until <= LATEST_DAY
    if not in_the_calendar or until < since or (until - since).days >= PERIOD_DAYS_MAX:
        wrong = FieldError("/to", "at most a year after from")
        raise PeriodInvalid("At most a year, and not backwards", errors=[wrong])


def statement_of(tx: Tx, store: StoreFacts, code: str, since: date, until: date) -> Statement:
    """The statement of a counter over [since, until], both included. Raises CounterUnknown, PeriodInvalid."""
    check_period(since, until)
    counter = counters_by_code(tx, store.id, [code]).get(code)
    if counter is None:
        raise CounterUnknown("The store has no such counter")
    asked = {"store": store.id, "counter": code, "since": since, "until": until, "most": BANDS_MAX}
    bands = tuple(SalesFigure(*row) for row in tx.execute(BANDS, asked))
    closed = tx.execute(
        "SELECT count(*) FROM pos.store_day WHERE store_id = :store AND day BETWEEN :since AND :until", asked
    ).scalar_one()
    latest = tx.execute("SELECT max(day) FROM pos.store_day WHERE store_id = :store", asked).scalar_one()
    begun = min(until, local_date(tx.now, store.timezone))
    not_closed = max((begun - max(since - ONE_DAY, latest or since - ONE_DAY)).days, 0)
    kept = {row.month: row.kept for row in tx.execute(KEPT, asked)}
    return Statement(
        store, counter, since, until, closed, not_closed, bands, tuple(_minimums(counter, since, until, latest, kept))
    )


def _minimums(
    counter: CounterFacts, since: date, until: date, latest: date | None, kept: dict[date, int]
) -> Iterator[Minimum]:
    """The whole months of the period that are closed to the end, and for which something is guaranteed."""
    for first, last in whole_months(since, until):
        guaranteed = guaranteed_in(counter, first, last)
        if guaranteed and latest is not None and latest >= last:
            yield Minimum(first, guaranteed, kept.get(first, 0))


def guaranteed_in(counter: CounterFacts, first: date, last: date) -> int:
    """The guaranteed minimum of a month: of each day's terms its day's part, rounded once, halves up."""
    days = (last - first).days + 1
    whole = 0
    for n in range(days):
        terms = counter.terms_on(first + n * ONE_DAY)
        if terms.mode in (CounterMode.CONCESSION, CounterMode.CONSIGNMENT):
            whole += terms.guaranteed_minimum or 0
    return half_up(whole, days)
