"""Tills and missing numbers of the stores that a person acts in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from foundation.database import Tx
from pos_adapter.places import store_codes
from pos_adapter.tills.rules import GapPlace, Span


@dataclass(frozen=True, slots=True)
class TillSeen:
    """A till, known from its receipts."""

    store: str
    terminal: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ShownGap:
    """Missing numbers. `noticed_at` is when the first number behind them arrived; an explanation closes them."""

    id: int
    store: str
    terminal: str
    business_date: date
    place: GapPlace
    span: Span
    noticed_at: datetime
    closed_at: datetime | None
    explained_by: str | None
    explanation: str | None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


OPEN = """
SELECT g.* FROM pos.sequence_gap AS g, pos.till_setting AS s
WHERE g.store_id = ANY(:stores) AND g.closed_at IS NULL
    AND (g.announced_at IS NOT NULL OR g.noticed_at <= :now - make_interval(secs => s.gap_grace_s))
    AND (CAST(:before AS bigint) IS NULL OR g.id < :before)
ORDER BY g.id DESC LIMIT :limit
"""
CLOSED = """
SELECT g.* FROM pos.sequence_gap AS g
WHERE g.store_id = ANY(:stores) AND g.closed_at IS NOT NULL
    AND (CAST(:before AS bigint) IS NULL OR g.id < :before)
ORDER BY g.id DESC LIMIT :limit
"""


def list_gaps(tx: Tx, store_ids: Sequence[int], *, closed: bool, before: int | None, limit: int) -> list[ShownGap]:
    """Gaps of stores, the newest first: those open longer than the time of grace, or those that were closed."""
    wanted = {"stores": list(store_ids), "before": before, "limit": limit}
    rows = tx.execute(CLOSED if closed else OPEN, wanted if closed else {**wanted, "now": tx.now}).all()
    codes = store_codes(tx, {row.store_id for row in rows})
    return [
        ShownGap(
            row.id,
            codes[row.store_id],
            row.terminal,
            row.business_date,
            GapPlace(row.place),
            Span(row.first, row.last),
            row.noticed_at,
            row.closed_at,
            row.explained_by,
            row.explanation,
        )
        for row in rows
    ]


def list_tills(tx: Tx, store_ids: Sequence[int], *, after: tuple[int, str] | None, limit: int) -> list[TillSeen]:
    """Tills of stores, by store id and code."""
    store_id, terminal = after or (None, None)
    rows = tx.execute(
        "SELECT store_id, code, first_seen_at, last_seen_at FROM pos.terminal WHERE store_id = ANY(:stores)"
        " AND (CAST(:store AS integer) IS NULL OR (store_id, code) > (:store, :terminal))"
        " ORDER BY store_id, code LIMIT :limit",
        {"stores": list(store_ids), "store": store_id, "terminal": terminal, "limit": limit},
    ).all()
    codes = store_codes(tx, {row.store_id for row in rows})
    return [TillSeen(codes[row.store_id], row.code, row.first_seen_at, row.last_seen_at) for row in rows]
