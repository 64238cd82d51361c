"""What campaigns, triggers and services ask of messages: queue them, see how far they are, stop them.

Nothing leaves from here. What is queued waits for the gate (gate.py), which alone decides whether it may.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.queues import send_after_commit
from marketing.messages.rules import Channel, MessageClass, MessageState, Reason

WISHES_AT_ONCE = 5_000
STEP_MAX = 200
FACTS_MAX = 20
STOPPED_AT_ONCE = 50_000
FACT_TEXT_MAX = 200
# What nobody said an end for is old news after a week.
LIFE_DEFAULT = timedelta(days=7)
SEND_TASK = "marketing.send_messages"


class WishUnreadable(Invalid):
    """A message was wished for that cannot be: no such template, another channel or class than the template's, ..."""

    code = "message_wish_unreadable"


@dataclass(frozen=True, slots=True)
class MessageWish:
    """One message for one member.

    `step` names the send within its campaign ("invitation", "reminder/1"); outside of a campaign it names the cause
    ("sale/2026.../receipt"). One (campaign, member, step) is one message, for ever. `facts` fill the template's places
    (contents.VARIABLES) with ids and figures, never with personal data. `not_before` and `expires_at` are aware;
    without an end it expires after LIFE_DEFAULT.
    """

    member_id: int
    campaign_id: int | None
    step: str
    message_class: MessageClass
    channel: Channel
    template_id: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueuedCounts:
    """`queued` are new; `already` were wished for before, and stay what they are."""

    queued: int
    already: int


@dataclass(frozen=True, slots=True)
class StateCount:
    """So many messages in this state for this reason; `cost_milli` thousandths of a minor unit of `cost_currency`."""

    state: MessageState
    reason: Reason | None
    count: int
    cost_milli: int
    cost_currency: str | None


# ------------------------------------------------------------------------------------------------ queueing
QUEUE = """
INSERT INTO marketing.message (member_id, campaign_id, step, message_class, channel, template_id, facts, queued_at,
    due_at, expires_at)
SELECT member_id, campaign_id, step, message_class, channel, template_id, facts, %(now)s, due_at, expires_at
FROM json_to_recordset(%(wishes)s::json) AS x(member_id bigint, campaign_id bigint, step text, message_class text,
    channel text, template_id bigint, facts json, due_at timestamptz, expires_at timestamptz)
ORDER BY campaign_id, member_id, step
ON CONFLICT ON CONSTRAINT message_wish_key DO NOTHING
"""


def queue_messages(tx: Tx, wishes: Sequence[MessageWish]) -> QueuedCounts:
    """Queue messages, set-based, any number; the same wish again changes nothing, also from another process.

    Waits for others who queue the same wishes at this moment. Wakes a sender after the commit. Raises WishUnreadable,
    and then nothing is queued.
    """
    _check(tx, wishes)
    queued = 0
    for start in range(0, len(wishes), WISHES_AT_ONCE):
        rows = [_row(tx.now, wish) for wish in wishes[start : start + WISHES_AT_ONCE]]
        queued += tx.ask(QUEUE, {"now": tx.now, "wishes": msgspec.json.encode(rows).decode()}).rowcount
    if queued:
        send_after_commit(tx, SEND_TASK)
    return QueuedCounts(queued, len(wishes) - queued)


def _row(now: datetime, wish: MessageWish) -> dict[str, Any]:
    due = max(now, wish.not_before or now)
    return {
        "member_id": wish.member_id,
        "campaign_id": wish.campaign_id,
        "step": wish.step,
        "message_class": wish.message_class,
        "channel": wish.channel,
        "template_id": wish.template_id,
        "facts": dict(wish.facts),
        "due_at": due,
        "expires_at": wish.expires_at or due + LIFE_DEFAULT,
    }


def _check(tx: Tx, wishes: Sequence[MessageWish]) -> None:
    """Raises WishUnreadable, naming the first wish that cannot be."""
    rows = tx.ask(
        "SELECT id, channel, message_class FROM marketing.message_template WHERE id = ANY(%s)",
        (list({wish.template_id for wish in wishes}),),
    )
    templates = {id_: (channel, message_class) for id_, channel, message_class in rows}
    for place, wish in enumerate(wishes):
        fault = _fault(wish, templates.get(wish.template_id))
        if fault is not None:
            pointer, words = fault
            raise WishUnreadable("A message cannot be queued", errors=[FieldError(f"/{place}/{pointer}", words)])


def _fault(wish: MessageWish, template: tuple[str, str] | None) -> tuple[str, str] | None:
    if template is None:
        return "template_id", "is no template"
    if template != (wish.channel, wish.message_class):
        return "template_id", "the template is for another channel or class of message"
    if not 0 < len(wish.step) <= STEP_MAX:
        return "step", f"must have 1 to {STEP_MAX} characters"
    if len(wish.facts) > FACTS_MAX or not all(_is_plain(value) for value in wish.facts.values()):
        return "facts", "must be a few plain values"
    if wish.expires_at is not None and wish.not_before is not None and wish.expires_at <= wish.not_before:
        return "expires_at", "lies before it may leave"
    return None


def _is_plain(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= FACT_TEXT_MAX)


# ------------------------------------------------------------------------------------------------ looking, stopping
def sending_state(tx: Tx, campaign_id: int) -> list[StateCount]:
    """How far a campaign's messages are, by state and reason, with what they cost; empty if it has none."""
    rows = tx.ask(
        "SELECT state, reason, cost_currency, count(*), coalesce(sum(cost_milli), 0)::bigint FROM marketing.message "
        "WHERE campaign_id = %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (campaign_id,),
    )
    return [
        StateCount(MessageState(state), None if reason is None else Reason(reason), count, cost, currency)
        for state, reason, currency, count, cost in rows
    ]


STOP = """
UPDATE marketing.message SET state = %(state)s, reason = %(reason)s, ended_at = %(now)s
WHERE id = ANY(ARRAY(
    SELECT q.id FROM marketing.message_stop s JOIN marketing.message q ON q.campaign_id = s.campaign_id
    WHERE q.state = 'queued' AND NOT q.handed_over AND (%(campaign)s::bigint IS NULL OR s.campaign_id = %(campaign)s)
    LIMIT %(limit)s FOR UPDATE OF q SKIP LOCKED))
"""


def stop_wishes(tx: Tx, prefix: str) -> int:
    """End what waits outside of campaigns and whose step begins so, at most STOPPED_AT_ONCE; returns how many.

    For triggers, whose wishes have a step of their own each: whoever calls goes on, in another transaction, while it
    was any. What is queued later is not stopped.
    """
    stopped = tx.ask(
        "UPDATE marketing.message SET state = %s, reason = %s, ended_at = %s WHERE id = ANY(ARRAY(SELECT id"
        " FROM marketing.message WHERE campaign_id IS NULL AND starts_with(step, %s) AND state = %s AND NOT handed_over"
        " LIMIT %s FOR UPDATE SKIP LOCKED))",
        (MessageState.REFUSED, Reason.CAMPAIGN_STOPPED, tx.now, prefix, MessageState.QUEUED, STOPPED_AT_ONCE),
    )
    return stopped.rowcount


def stop_messages(tx: Tx, campaign_id: int) -> int:
    """Nothing of this campaign leaves from now on, also what is queued later; returns how many were ended at once.

    What a gate has in hand at this moment it decides; what a gateway has cannot be called back. The rest of a very
    large campaign (over STOPPED_AT_ONCE) is ended within minutes, and by the gate where it comes due before. Harmless
    twice.
    """
    tx.ask(
        "INSERT INTO marketing.message_stop (campaign_id, stopped_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (campaign_id, tx.now),
    )
    return end_stopped(tx, campaign_id)


def end_stopped(tx: Tx, campaign_id: int | None = None) -> int:
    """End what waits of a stopped campaign (None: of all of them), at most STOPPED_AT_ONCE; returns how many."""
    parameters = {
        "state": MessageState.REFUSED,
        "reason": Reason.CAMPAIGN_STOPPED,
        "now": tx.now,
        "campaign": campaign_id,
        "limit": STOPPED_AT_ONCE,
    }
    return tx.ask(STOP, parameters).rowcount
