"""Who just bought gets the tier they reached now, so that it holds at the next purchase and not after the night."""

from collections.abc import Sequence

from foundation.database import Tx
from foundation.events import Event, subscribe
from member_api.tiers.operations import count_earned

# What the sales intake announces; its facts name the member as text, or null for an anonymous sale.
PURCHASES = frozenset({"sale.recorded"})


def count_after_purchases(tx: Tx, events: Sequence[Event]) -> None:
    """Count for the members of these events. A member counted twice gets nothing twice."""
    count_earned(tx, sorted({int(event.facts["member"]) for event in events if event.facts.get("member")}))


subscribe("tiers", PURCHASES, count_after_purchases, prompt=())
