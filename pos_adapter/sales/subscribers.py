"""What the sales intake reads of what happened. The work itself is sent as tasks, one transaction a sale."""

from collections.abc import Sequence
from uuid import UUID

from foundation.database import Tx
from foundation.events import Event, subscribe
from foundation.identifiers import day_of
from foundation.queues import send_after_commit
from pos_adapter.sales.rules import returns_from
from pos_adapter.sales.tasks import ATTACH_CLAIMS, SETTLE_ORIGINALS


def remind(tx: Tx, events: Sequence[Event]) -> None:
    """Members who have come, and sales whose returns were here first."""
    claims = [claim for event in events if event.topic == "member.claimed" for claim in event.facts["claim_ids"]]
    if claims:
        send_after_commit(tx, ATTACH_CLAIMS, claims)
    sales = [
        UUID(event.facts["sale"])
        for event in events
        if event.topic == "sale.recorded" and event.facts["type"] == "sale"
    ]
    if sales:
        rows = tx.ask(
            "SELECT DISTINCT original_id FROM pos.sale WHERE original_id = ANY(%s) AND business_date >= %s"
            " AND member_part = 'waiting'",
            (sales, returns_from(min(day for sale in sales if (day := day_of(sale)) is not None))),
        ).fetchall()
        if rows:
            send_after_commit(tx, SETTLE_ORIGINALS, [str(row[0]) for row in rows])


subscribe("pos.waiting", ("member.claimed", "sale.recorded"), remind, batch=2_000, prompt=("member.claimed",))
