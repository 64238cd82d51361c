"""What waits for somebody: parked and flagged receipts of the stores that a person acts in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from foundation.database import Tx
from pos_adapter.places import store_codes
from pos_adapter.repairs.reposting import ParkedReceipt, parked_receipt
from pos_adapter.repairs.rules import ParkedState


@dataclass(frozen=True, slots=True)
class FlaggedReceipt:
    """A recorded receipt with open flags. `amount` in minor units of `currency`."""

    id: UUID
    store_id: int
    store: str
    terminal: str
    business_date: date
    sequence: int
    type: str
    occurred_at: datetime
    amount: int
    currency: str
    member_id: int | None
    claim: int | None
    member_part: str
    open_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToRepair:
    """How many things of a store wait for somebody."""

    parked: int
    flagged: int
    gaps: int


def list_parked(
    tx: Tx, store_ids: Sequence[int], *, state: ParkedState, before: int | None, limit: int
) -> list[ParkedReceipt]:
    """Parked receipts of stores, the newest first."""
    rows = tx.execute(
        "SELECT * FROM pos.parked_receipt WHERE store_id = ANY(:stores) AND state = :state"
        " AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        {"stores": list(store_ids), "state": state.value, "before": before, "limit": limit},
    ).all()
    codes = store_codes(tx, {row.store_id for row in rows})
    return [parked_receipt(row, codes[row.store_id]) for row in rows]


FLAGGED = """
SELECT id, store_id, terminal, business_date, sequence, type, occurred_at, amount, currency, member_id, claim_id,
    member_part, open_flags
FROM pos.sale
WHERE open_flags <> '{}' AND state <> 'discarded' AND store_id = ANY(:stores)
    AND (CAST(:flag AS text) IS NULL OR :flag = ANY(open_flags))
    AND (CAST(:day AS date) IS NULL OR (business_date, id) < (CAST(:day AS date), CAST(:id AS uuid)))
ORDER BY business_date DESC, id DESC LIMIT :limit
"""


def list_flagged(
    tx: Tx, store_ids: Sequence[int], *, flag: str | None, before: tuple[date, UUID] | None, limit: int
) -> list[FlaggedReceipt]:
    """Receipts with open flags of stores, the latest business date first."""
    day, last = before or (None, None)
    rows = tx.execute(FLAGGED, {"stores": list(store_ids), "flag": flag, "day": day, "id": last, "limit": limit}).all()
    codes = store_codes(tx, {row.store_id for row in rows})
    return [
        FlaggedReceipt(
            row.id,
            row.store_id,
            codes[row.store_id],
            row.terminal,
            row.business_date,
            row.sequence,
            row.type,
            row.occurred_at,
            row.amount,
            row.currency,
            row.member_id,
            row.claim_id,
            row.member_part,
            tuple(row.open_flags),
        )
        for row in rows
    ]


COUNTS = """
SELECT 'parked' AS what, store_id, count(*) AS waiting FROM pos.parked_receipt
WHERE state = 'open' AND store_id = ANY(:stores) GROUP BY store_id
UNION ALL
SELECT 'flagged', store_id, count(*) FROM pos.sale
WHERE open_flags <> '{}' AND state <> 'discarded' AND store_id = ANY(:stores) GROUP BY store_id
UNION ALL
SELECT 'gaps', g.store_id, count(*) FROM pos.sequence_gap AS g, pos.till_setting AS s
WHERE g.closed_at IS NULL AND g.store_id = ANY(:stores)
    AND (g.announced_at IS NOT NULL OR g.noticed_at <= :now - make_interval(secs => s.gap_grace_s))
GROUP BY g.store_id
"""


def to_repair(tx: Tx, store_ids: Sequence[int]) -> dict[int, ToRepair]:
    """What waits, by store; one statement."""
    counts: dict[int, dict[str, int]] = {store_id: {} for store_id in store_ids}
    for row in tx.execute(COUNTS, {"stores": list(store_ids), "now": tx.now}):
        counts[row.store_id][row.what] = row.waiting
    return {
        store_id: ToRepair(each.get("parked", 0), each.get("flagged", 0), each.get("gaps", 0))
        for store_id, each in counts.items()
    }
