"""Receipts that were refused are parked with their reason: kept, shown, and out of the way of the next one."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import structlog
from msgspec import json

from foundation.database import Tx
from foundation.events import Event, announce
from pos_adapter.repairs.rules import scrubbed
from pos_adapter.sales.rules import ReceiptNumberTaken, looks_like_card_number

log = structlog.get_logger(__name__)

CONTENT_BYTES_MAX = 2 * 1024 * 1024
OPEN_PER_TILL_MAX = 10_000

PARK = """
INSERT INTO pos.parked_receipt AS p
    (store_id, terminal, business_date, sequence, content, problem, client, state, parked_at, refused_at)
SELECT :store_id, :terminal, :business_date, :sequence, CAST(:content AS json), CAST(:problem AS json), :client,
    'open', :now, :now
WHERE (SELECT count(*) FROM (
    SELECT FROM pos.parked_receipt WHERE store_id = :store_id AND terminal = :terminal AND state = 'open'
    AND (business_date, sequence) <> (:business_date, :sequence) LIMIT :open_max) AS others) < :open_max
ON CONFLICT (store_id, terminal, business_date, sequence) DO UPDATE SET
    content = excluded.content, problem = excluded.problem, client = excluded.client,
    attempts = p.attempts + 1, refused_at = excluded.refused_at,
    -- A till that goes on sending what was corrected and accepted here has nothing new to say.
    state = CASE WHEN p.state = 'accepted' AND p.content::text = excluded.content::text THEN p.state ELSE 'open' END,
    ended_at = CASE WHEN p.state = 'accepted' AND p.content::text = excluded.content::text THEN p.ended_at END,
    sale_id = CASE WHEN p.state = 'accepted' AND p.content::text = excluded.content::text THEN p.sale_id END
RETURNING id, attempts
"""


def park(
    tx: Tx,
    *,
    store_id: int,
    terminal: str,
    business_date: date,
    sequence: int,
    content: Mapping[str, Any],
    problem: Mapping[str, Any],
    client: str,
) -> int | None:
    """Keep a refused receipt with the problem document that refused it; returns its id.

    `content` is the receipt as it was sent, without personal data: its member is null, an id, or `{"claim": id}`; full
    card numbers are masked here. The same receipt refused again updates what is kept (and opens it again, unless it
    is word for word what was corrected and accepted meanwhile); one that is accepted later ends by itself. Announces
    `receipt.parked` for a receipt that was not parked before.

    Bounds: of a content over 2 MiB only its size is kept; a till with 10,000 open ones gets no more (None, a line in
    the log says so; its number is then simply missing).
    """
    kept = json.encode(scrubbed(content, looks_like_card_number))
    if len(kept) > CONTENT_BYTES_MAX:
        kept = json.encode({"too_large_bytes": len(kept)})
    row = tx.execute(
        PARK,
        {
            "store_id": store_id,
            "terminal": terminal,
            "business_date": business_date,
            "sequence": sequence,
            "content": kept.decode(),
            "problem": json.encode(problem).decode(),
            "client": client,
            "now": tx.now,
            "open_max": OPEN_PER_TILL_MAX,
        },
    ).one_or_none()
    if row is None:
        log.warning("receipt_not_parked", store=store_id, terminal=terminal, open_max=OPEN_PER_TILL_MAX)
        return None
    if row.attempts == 1:
        announce(
            tx,
            "receipt.parked",
            {
                "parked": row.id,
                "store": store_id,
                "terminal": terminal,
                "series": 0,
                "business_date": business_date.isoformat(),
                "sequence": sequence,
            },
        )
    return int(row.id)


ACCEPTED = """
UPDATE pos.parked_receipt AS p SET state = 'accepted', ended_at = %s, sale_id = x.sale
FROM json_to_recordset(%s::json)
    AS x(store integer, terminal text, business_date date, sequence bigint, sale uuid)
WHERE p.store_id = x.store AND p.terminal = x.terminal AND p.business_date = x.business_date
    AND p.sequence = x.sequence AND p.state = 'open' AND p.problem->>'code' IS DISTINCT FROM %s
"""


def end_parked(tx: Tx, events: Sequence[Event]) -> None:
    """Receipts that have been accepted (sale.recorded) are no longer parked, however they came in.

    One that was refused because its number was taken is another receipt than the accepted one: it stays.
    """
    names = ("store", "terminal", "business_date", "sequence", "sale")
    accepted = [{name: event.facts[name] for name in names} for event in events if event.facts["series"] == 0]
    if accepted:
        tx.ask(ACCEPTED, (tx.now, json.encode(accepted).decode(), ReceiptNumberTaken.code))
