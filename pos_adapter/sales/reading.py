"""Receipts as they were recorded."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import NotFound
from foundation.identifiers import day_of
from organisation.contract import place_of
from pos_adapter.permissions import READ
from pos_adapter.places import store_codes
from pos_adapter.sales.rules import returns_from


class SaleUnknown(NotFound):
    """There is no receipt with this id."""

    code = "sale_unknown"


class RecordedTender(msgspec.Struct, frozen=True):
    n: int
    kind: str
    amount: int
    units: int | None
    face: int | None
    reference: str | None


class RecordedLine(msgspec.Struct, frozen=True):
    """A line as stored; `allocated` is the money of tender 1, 2 ... that paid for it, `returned` what is back of it."""

    line: int
    kind: str
    product: str | None
    counter: str | None
    quantity: str
    unit_price: int | None
    amount: int
    regular_amount: int | None
    tax_rate: str | None
    promotion: str | None
    salesperson: str | None
    original_line: int | None
    discounts: Any
    allocated: list[int]
    allocated_units: list[int] | None
    returned: int


class RecordedSale(msgspec.Struct, frozen=True):
    """A receipt as recorded. `member_part` says whether the accounts have moved: none, done, waiting, discarded."""

    id: str
    store: str
    terminal: str
    business_date: date
    sequence: int
    type: str
    state: str
    occurred_at: datetime
    received_at: datetime
    posting_date: date
    currency: str
    member: str | None
    member_part: str
    amount: int
    original: str | None
    flags: list[str]
    open_flags: list[str]
    lines: list[RecordedLine]
    tenders: list[RecordedTender]
    answer: Any


# `posting_date`: as the books say; what came after its day was closed is in the next one that is closed (ADR 77). What
# its reader of events has not noted yet, and what was sold before the books began, has no row there.
SALE = """
SELECT s.store_id, s.terminal, s.sequence, s.type, s.state, s.occurred_at, s.received_at,
       coalesce(i.posting_date,
                CASE WHEN i.id IS NOT NULL OR s.business_date BETWEEN books.first AND books.last
                     THEN books.last + 1 END,
                s.posting_date),
       s.currency, s.member_id, s.member_part, s.amount, s.original_id, s.flags, s.open_flags, s.answer
FROM pos.sale AS s
LEFT JOIN pos.day_item AS i ON i.what = 'receipt' AND i.id = s.id AND i.effect = 1
CROSS JOIN LATERAL (SELECT min(day) AS first, max(day) AS last FROM pos.store_day WHERE store_id = s.store_id) AS books
WHERE s.business_date = %s AND s.id = %s
"""
LINES = """
SELECT line, kind, product_code, counter_code, quantity, unit_price, amount, regular_amount, tax_rate, promotion_code,
       salesperson, original_line, discounts, allocated, allocated_units,
       (SELECT coalesce(sum(b.amount), 0)::bigint FROM pos.sale AS r
        JOIN pos.sale_line AS b ON b.business_date = r.business_date AND b.sale_id = r.id
        WHERE r.original_id = l.sale_id AND r.business_date >= %s AND r.type = 'return' AND r.state = 'posted'
          AND b.original_line = l.line)
FROM pos.sale_line AS l WHERE business_date = %s AND sale_id = %s ORDER BY line
"""
TENDERS = """
SELECT n, kind, amount, units, face, reference FROM pos.tender WHERE business_date = %s AND sale_id = %s ORDER BY n
"""


def read_sale(tx: Tx, principal: Principal, sale_id: UUID) -> RecordedSale:
    """The receipt with this id. Raises SaleUnknown, PlaceForbidden."""
    sale = _recorded(tx, sale_id)
    principal.require(READ, place_of(sale.store))
    return sale


def read_own_sale(tx: Tx, member_id: int, sale_id: UUID) -> RecordedSale:
    """A member's own receipt. Raises SaleUnknown, also for one that is not theirs."""
    sale = _recorded(tx, sale_id)
    if sale.member != str(member_id):
        raise SaleUnknown("There is no receipt with this id")
    return sale


def _recorded(tx: Tx, sale_id: UUID) -> RecordedSale:
    day = day_of(sale_id)
    row = tx.ask(SALE, (day, sale_id)).fetchone() if day is not None else None
    if row is None:
        raise SaleUnknown("There is no receipt with this id")
    store = store_codes(tx, [row[0]])[row[0]]
    assert day is not None
    lines = [_line(line) for line in tx.ask(LINES, (returns_from(day), day, sale_id))]
    tenders = [RecordedTender(*tender) for tender in tx.ask(TENDERS, (day, sale_id))]
    return RecordedSale(
        str(sale_id), store, row[1], day, row[2], row[3], row[4], row[5], row[6], row[7], row[8],
        str(row[9]) if row[9] is not None else None, row[10], row[11], str(row[12]) if row[12] else None, row[13],
        row[14], lines, tenders, row[15],
    )  # fmt: skip


def _line(row: Any) -> RecordedLine:
    quantity: Decimal = row[4]
    tax: int | None = row[8]
    rate = None if tax is None else f"{Decimal(tax).scaleb(-4).normalize():f}"
    return RecordedLine(*(*row[:4], f"{quantity:f}", *row[5:8], rate, *row[9:]))
