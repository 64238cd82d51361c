"""What becomes of tickets, told at once: desks see what was issued, handhelds that it is paid.

`GET /v1/stores/<store>/events`, text/event-stream. `id` is the event's position: a page that comes back names the last
one in Last-Event-ID and hears what it missed; where that is too much it is told `reset`, and lists anew.
"""

from collections.abc import Sequence
from typing import Any

import flask

from foundation.access import allow, current_principal
from foundation.database import database
from foundation.events import Event, live
from foundation.http import Blueprint
from foundation.live import MISSED_MAX, Message, frame, stream
from pos_adapter.permissions import TICKETS_READ
from pos_adapter.places import stores_to_show

live_blueprint = Blueprint("live", __name__, description="What happens in a store, as it happens")

TOPICS = (
    "ticket.issued",
    "ticket.settling",
    "ticket.paid",
    "ticket.released",
    "ticket.cancelled",
    "ticket.expired",
    "settlement.paid",
    "settlement.failed",
    "return.issued",
    "return.approved",
    "return.refunding",
    "return.refunded",
    "return.exchanged",
    "return.refused",
    "payment.pending",
    "payment.succeeded",
    "payment.failed",
    "payment.reversing",
    "payment.reversed",
    "payment.unknown",
    "refund.succeeded",
    "refund.failed",
    "refund.unknown",
    "parcel.lying",
    "parcel.collected",
    "parcel.sent_back",
)


def channel_of(facts: Any) -> str:
    """The channel of a store."""
    return f"store/{facts['store']}"


live(TOPICS, channel_of)

MISSED = """
SELECT position, topic, facts, at FROM foundation.event
WHERE position > :after AND topic = ANY(:topics) AND facts ->> 'store' = :store ORDER BY position LIMIT :limit
"""


@live_blueprint.route("/stores/<store>/events", methods=["GET"])
@allow(TICKETS_READ)
@live_blueprint.response(200, description="A stream that does not end", content_type="text/event-stream")
def get_events(store: str) -> Any:
    """Tickets and settlements of a store as they happen: `{"ticket": {"id", "number", "state", "counter", ...}}`."""
    with database().transaction(read_only=True) as tx:
        [shown] = stores_to_show(tx, current_principal(), TICKETS_READ, store)

    def missed(after: int) -> Sequence[Event]:
        with database().transaction(read_only=True) as tx:
            rows = tx.execute(
                MISSED, {"after": after, "topics": list(TOPICS), "store": str(shown.id), "limit": MISSED_MAX}
            )
            return [Event(row.position, row.topic, row.facts, row.at) for row in rows]

    response: flask.Response = stream(channel_of({"store": shown.id}), told, missed)
    return response


def told(message: Message) -> bytes:
    """One event as a page hears it."""
    facts = message.facts
    kind = message.topic.partition(".")[0]
    names = ("number", "state", "counter", "terminal", "amount", "currency", "member", "settlement", "payment")
    data = {"id": facts[kind]} | {name: facts[name] for name in names if name in facts and name != kind}
    return frame(message.position, message.topic, {kind: data})
