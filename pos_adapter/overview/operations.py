"""Read a day of one store or of many: one statement each for figures, hours and what needs somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.clock import local_date
from foundation.database import Tx
from organisation.contract import StoreFacts
from pos_adapter.overview.rules import DayFigures, summed
from pos_adapter.repairs.boards import ToRepair, to_repair

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TillFigures:
    """What one till sold on a day."""

    terminal: str
    figures: DayFigures


@dataclass(frozen=True, slots=True)
class StoreDay:
    """One store's day. `waiting` is what needs somebody now, whatever its date."""

    store: StoreFacts
    figures: DayFigures
    tills: tuple[TillFigures, ...]
    waiting: ToRepair


@dataclass(frozen=True, slots=True)
class HourSales:
    """Sales of one hour of the store's clock (0 to 23), in minor units."""

    hour: int
    sales: int
    amount: int


DAY = """
SELECT store_id, terminal, currency,
    count(*) FILTER (WHERE sold) AS sales,
    coalesce(sum(amount) FILTER (WHERE sold), 0)::bigint AS sales_amount,
    count(*) FILTER (WHERE back) AS returns,
    coalesce(sum(amount) FILTER (WHERE back), 0)::bigint AS returns_amount,
    count(*) FILTER (WHERE type = 'void') AS voids,
    count(*) FILTER (WHERE sold AND member_id IS NOT NULL) AS member_sales,
    coalesce(sum(amount) FILTER (WHERE sold AND member_id IS NOT NULL), 0)::bigint AS member_amount,
    min(occurred_at) FILTER (WHERE sold) AS first_at, max(occurred_at) FILTER (WHERE sold) AS last_at
FROM (SELECT *, type = 'sale' AND state = 'posted' AS sold, type = 'return' AND state = 'posted' AS back
      FROM pos.sale WHERE business_date = :day AND store_id = ANY(:stores) AND state <> 'discarded') AS s
GROUP BY store_id, terminal, currency ORDER BY store_id, terminal
"""

HOURS = """
SELECT extract(hour FROM s.occurred_at AT TIME ZONE x.zone)::integer AS hour, count(*) AS sales,
    sum(s.amount)::bigint AS amount
FROM unnest(CAST(:stores AS integer[]), CAST(:zones AS text[])) AS x(id, zone)
JOIN pos.sale AS s ON s.store_id = x.id
WHERE s.business_date = :day AND s.type = 'sale' AND s.state = 'posted' AND s.currency = :currency
GROUP BY 1 ORDER BY 1
"""

# Tills keep count of their days; what desks and handhelds settled is in none of them.
LATEST = """
SELECT greatest(
    (SELECT max(business_date) FROM pos.till_day WHERE store_id = ANY(:stores) AND business_date <= :today),
    (SELECT max(st.business_date) FROM unnest(CAST(:stores AS integer[])) AS x (id) CROSS JOIN LATERAL (
        SELECT business_date FROM pos.settlement
        WHERE store_id = x.id AND business_date <= :today AND state = 'paid'
        ORDER BY business_date DESC LIMIT 1) AS st))
"""


def read_day(tx: Tx, stores: Sequence[StoreFacts], day: date) -> list[StoreDay]:
    """The day of each store, also of those that sold nothing; by code."""
    by_store: dict[int, list[TillFigures]] = {store.id: [] for store in stores}
    for row in tx.execute(DAY, {"day": day, "stores": list(by_store)}).mappings():
        figures = DayFigures(**{name: row[name] for name in row if name not in ("store_id", "terminal")})
        by_store[row["store_id"]].append(TillFigures(row["terminal"], figures))
    waiting = to_repair(tx, list(by_store))
    return [
        StoreDay(store, _total(store, by_store[store.id]), tuple(by_store[store.id]), waiting[store.id])
        for store in stores
    ]


def _total(store: StoreFacts, tills: Sequence[TillFigures]) -> DayFigures:
    # A store sells in one currency, fixed by its first posting.
    return summed((till.figures for till in tills), lambda each: each.currency).get(
        store.currency, DayFigures(store.currency)
    )


def totals(days: Sequence[StoreDay]) -> list[DayFigures]:
    """The sums of all stores, one for each currency, the largest turnover first."""
    sums = summed((day.figures for day in days), lambda each: each.currency)
    return sorted(sums.values(), key=lambda each: (-each.sales, each.currency))


def read_hours(tx: Tx, stores: Sequence[StoreFacts], day: date, currency: str) -> list[HourSales]:
    """Sales by hour of the stores' own clocks, in one currency."""
    asked = {
        "stores": [store.id for store in stores],
        "zones": [store.timezone for store in stores],
        "day": day,
        "currency": currency,
    }
    return [HourSales(row.hour, row.sales, row.amount) for row in tx.execute(HOURS, asked)]


def latest_day(tx: Tx, stores: Sequence[StoreFacts]) -> date | None:
    """The latest business date with receipts of these stores, not after today; None before the first receipt."""
    today = max((local_date(tx.now, store.timezone) for store in stores), default=None)
    if today is None:
        return None
    day: date | None = tx.execute(LATEST, {"stores": [store.id for store in stores], "today": today}).scalar_one()
    return day
