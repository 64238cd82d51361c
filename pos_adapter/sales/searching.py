"""Lists of receipts: of a store's day, and of a member."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from foundation.database import Tx
from foundation.http import make_cursor, read_cursor
from pos_adapter.sales.rules import returns_from

PAGE = 50


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One receipt in a list. `amount` is what its lines come to, in minor units; returns and voids are positive.

    `series` is who counted its number: the till (0), or the server for what a desk settled.
    """

    id: UUID
    business_date: date
    store_id: int
    terminal: str
    sequence: int
    type: str
    state: str
    occurred_at: datetime
    currency: str
    amount: int
    member_id: int | None
    member_part: str
    open_flags: Sequence[str]
    series: int


COLUMNS = """
SELECT id, business_date, store_id, terminal, sequence, type, state, occurred_at, currency, amount, member_id,
       member_part, open_flags, series
FROM pos.sale
"""


def receipts_of_day(
    tx: Tx, store_id: int, day: date, *, terminal: str | None, sequence: int | None, cursor: str | None
) -> tuple[list[ReceiptRow], str | None]:
    """Receipts of a store's business date by till and number, 50 a page, and the cursor of the next page."""
    after: tuple[Any, ...] = read_cursor(cursor, str, int, int) if cursor else ("", -1, -1)
    rows = tx.execute(
        COLUMNS
        + """
        WHERE business_date = :day AND store_id = :store AND (terminal, series, sequence) > (:t, :n, :s)
          AND (CAST(:terminal AS text) IS NULL OR terminal = :terminal)
          AND (CAST(:sequence AS bigint) IS NULL OR sequence = :sequence)
        ORDER BY terminal, series, sequence LIMIT :limit
        """,
        {
            "day": day, "store": store_id, "t": after[0], "n": after[1], "s": after[2], "terminal": terminal,
            "sequence": sequence, "limit": PAGE + 1,
        },
    )  # fmt: skip
    found = [ReceiptRow(*row) for row in rows]
    return _page(found, lambda row: make_cursor(row.terminal, row.series, row.sequence))


def receipts_of_member(tx: Tx, member_id: int, cursor: str | None) -> tuple[list[ReceiptRow], str | None]:
    """A member's receipts, the newest first, 50 a page, and the cursor of the next page."""
    before = read_cursor(cursor, datetime, UUID) if cursor else None
    rows = tx.execute(
        COLUMNS
        + """
        WHERE member_id = :member
          AND (CAST(:at AS timestamptz) IS NULL OR (occurred_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
        ORDER BY occurred_at DESC, id DESC LIMIT :limit
        """,
        {
            "member": member_id, "at": before[0] if before else None, "id": before[1] if before else None,
            "limit": PAGE + 1,
        },
    )  # fmt: skip
    found = [ReceiptRow(*row) for row in rows]
    return _page(found, lambda row: make_cursor(row.occurred_at, row.id))


def returns_of(tx: Tx, sale_id: UUID, day: date) -> list[ReceiptRow]:
    """Returns and voids of a sale of this business date, in the order in which they came; at most 50."""
    rows = tx.execute(
        COLUMNS + " WHERE original_id = :id AND business_date >= :day ORDER BY received_at, id LIMIT :limit",
        {"id": sale_id, "day": returns_from(day), "limit": PAGE},
    )
    return [ReceiptRow(*row) for row in rows]


def _page(found: list[ReceiptRow], cursor_of: Any) -> tuple[list[ReceiptRow], str | None]:
    if len(found) <= PAGE:
        return found, None
    return found[:PAGE], cursor_of(found[PAGE - 1])


def product_names(tx: Tx, codes: Collection[str]) -> Mapping[str, str]:
    """Names of products by code, at most a receipt's; a code that the catalogue lacks is missing here too."""
    if not codes:
        return {}
    asked = {"codes": sorted(codes)}
    return {
        row.code: row.name for row in tx.execute("SELECT code, name FROM pos.product WHERE code = ANY(:codes)", asked)
    }
