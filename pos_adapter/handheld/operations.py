"""What a handheld needs to know before it is cut off: its counter, the promotions of the day, goods and prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import make_cursor, read_cursor
from organisation.contract import (
    Colleague,
    CounterFacts,
    CounterStatus,
    StoreFacts,
    counters_by_code,
    counters_of,
    staff_on_duty,
)
from pos_adapter.catalogue.operations import list_promotions
from pos_adapter.catalogue.rules import ProductStatus, Promotion
from pos_adapter.handheld.rules import terminal_of
from pos_adapter.tickets.rules import CounterUnknown

PROMOTIONS_MAX = 500
SALESPEOPLE_MAX = 500
# What a transaction writes is seen when it commits, later than its rows say: a cache asks again for so much.
OVERLAP = timedelta(minutes=10)
THE_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a handheld of a counter knows: its place, its terminal, who sells here, what runs today."""

    store: StoreFacts
    counter: CounterFacts
    terminal: str
    business_date: date
    promotions: tuple[Promotion, ...]
    salespeople: tuple[Colleague, ...]


@dataclass(frozen=True, slots=True)
class CachedProduct:
    """A product as a handheld keeps it. `price` in minor units of the store's currency; None: to be typed."""

    code: str
    name: str
    price: int | None
    is_sold: bool


@dataclass(frozen=True, slots=True)
class ProductsSince:
    """Products that changed, oldest change first; `following` goes on, `since` is for the next time."""

    items: tuple[CachedProduct, ...]
    following: str | None
    since: str


PRODUCTS = """
SELECT p.id, p.code, p.name, p.regular_price, p.currency, p.status, p.changed_at
FROM pos.product AS p
WHERE (p.changed_at, p.id) > (CAST(:at AS timestamptz), CAST(:id AS bigint)) {own}
ORDER BY p.changed_at, p.id LIMIT :limit
"""
OF_BRAND = "AND p.brand_id = (SELECT id FROM pos.brand WHERE code = :brand)"
OF_CATEGORY = "AND p.category_id IN (SELECT id FROM pos.category WHERE path[1:cardinality(:path)] = :path)"


def open_counter(tx: Tx, store: StoreFacts, code: str) -> CounterFacts:
    """An open counter of a store. Raises CounterUnknown."""
    counter = counters_by_code(tx, store.id, [code]).get(code)
    if counter is None or counter.status is not CounterStatus.OPEN:
        raise CounterUnknown(f"{store.code} has no open counter {code}")
    return counter


def open_counters(tx: Tx, store: StoreFacts) -> list[CounterFacts]:
    """The open counters of a store by code, at most 5,000."""
    return [counter for counter in counters_of(tx, store.id) if counter.status is CounterStatus.OPEN]


def read_sheet(tx: Tx, store: StoreFacts, code: str) -> Sheet:
    """What a handheld of this counter knows today. Raises CounterUnknown."""
    day = local_date(tx.now, store.timezone)
    counter = open_counter(tx, store, code)
    running = [
        promotion
        for promotion in list_promotions(tx, after=None, limit=PROMOTIONS_MAX, on=day)
        if _takes_part(promotion, store)
    ]
    people = sorted(staff_on_duty(tx, [store.code]), key=lambda each: each.number)[:SALESPEOPLE_MAX]
    return Sheet(store, counter, terminal_of(counter.code), day, tuple(running), tuple(people))


def _takes_part(promotion: Promotion, store: StoreFacts) -> bool:
    return (not promotion.stores or store.code in promotion.stores) and (
        not promotion.formats or store.format in promotion.formats
    )


def products_since(tx: Tx, store: StoreFacts, counter: CounterFacts, since: str | None, limit: int) -> ProductsSince:
    """What a counter may sell and changed after `since` (None: all): its brand's goods, else its category's, else all.

    A product may come twice, never not at all: what committed late is asked for again. Raises CursorUnreadable.
    """
    at, id = read_cursor(since, datetime, int) if since else (THE_BEGINNING, 0)
    own, facts = _own_goods(counter)
    rows = tx.execute(PRODUCTS.format(own=own), {"at": at, "id": id, "limit": limit + 1, **facts}).all()
    shown = rows[:limit]
    following = _cursor(shown[-1].changed_at, shown[-1].id) if len(rows) > limit else None
    return ProductsSince(tuple(_cached(row, store) for row in shown), following, _later(tx, shown, since))


def _own_goods(counter: CounterFacts) -> tuple[str, dict[str, Any]]:
    if counter.brand is not None:
        return OF_BRAND, {"brand": counter.brand}
    if counter.category:
        return OF_CATEGORY, {"path": list(counter.category)}
    return "", {}


def _cached(row: Any, store: StoreFacts) -> CachedProduct:
    price = row.regular_price if row.currency in (None, store.currency) else None
    return CachedProduct(row.code, row.name, price, row.status == ProductStatus.ACTIVE)


def _later(tx: Tx, rows: Sequence[Any], since: str | None) -> str:
    settled = tx.now - OVERLAP
    if rows and rows[-1].changed_at < settled:
        return _cursor(rows[-1].changed_at, rows[-1].id)
    return _cursor(settled, 0) if rows or since is None else since


def _cursor(at: datetime, id: int) -> str:
    return make_cursor(at, id)
