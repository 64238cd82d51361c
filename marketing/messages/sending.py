"""Handing messages over, exactly once as far as a gateway allows, and never twice.

A round: get leave (the agreed rate, the circuit), let a batch through the gate, hand it over, write down what was said.
Three short transactions around one call, none open while the gateway is waited for. Whoever is killed between them
leaves messages in `sending` with a lease; when that is over somebody else takes them up and *asks* the gateway by id:

- it has the message: sent;
- it does not: queued again, and the gate decides anew under the same id, which the gateway takes once;
- it cannot be asked (`gateway_idempotent` is false): `unknown`, and never handed over again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from foundation.database import Database, Tx
from marketing.messages.contact_costs import tell_costs
from marketing.messages.gate import BATCH_MAX, LEASE, gateway_id, pass_gate
from marketing.messages.gateway import (
    Answer,
    Arrived,
    NotTaken,
    Rejected,
    SmsGateway,
    Taken,
    Uncertain,
    nobody_called,
)
from marketing.messages.policy import policy_in_force
from marketing.messages.rules import Channel, MessageState, Reason

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 8
BACKOFF = timedelta(seconds=5)
BACKOFF_MAX = timedelta(minutes=10)
# How long after a call without an answer the gateway is asked: what was under way has arrived by then.
ASK_AFTER = timedelta(seconds=5)
# A question that nobody answers for so long after the message's end has no answer.
ASK_UNTIL = timedelta(hours=1)
# The circuit opens after so many calls in a row that failed as a whole, for longer and longer.
FAILURES_MAX = 5
OPEN_FOR = timedelta(seconds=5)
OPEN_FOR_MAX = timedelta(minutes=5)
PROBE = 5
WAIT_MAX = timedelta(seconds=2)
EXPIRE_BATCH = 5_000
SENDER_LOCK = 7_205_020


# ------------------------------------------------------------------------------------------------ leave
@dataclass(frozen=True, slots=True)
class Leave:
    """So many messages may be handed over, from `at` on. None at all until then, if `count` is 0.

    `probe`: the gateway was away, and whoever got this leave is the one who tries it again.
    """

    count: int
    at: datetime
    probe: bool = False


def ask_leave(tx: Tx, channel: Channel, wanted: int) -> Leave:
    """Room within the agreed rate. With the circuit half open one asker gets a few to try; everybody else waits.

    Locks the channel's row: keep the transaction short.
    """
    rate = policy_in_force(tx).says.rate_per_second
    row = tx.ask(
        "SELECT next_free_at, failures, open_until FROM marketing.message_gateway WHERE channel = %s FOR UPDATE",
        (channel,),
    ).fetchone()
    assert row is not None
    next_free_at, failures, open_until = row
    if open_until is not None and open_until > tx.now:
        return Leave(0, open_until)
    begins = max(tx.now, next_free_at or tx.now)
    if begins - tx.now > WAIT_MAX:
        return Leave(0, begins)
    probe = failures >= FAILURES_MAX
    count = min(wanted, rate, PROBE if probe else wanted)
    tx.ask(
        "UPDATE marketing.message_gateway SET next_free_at = %s, open_until = %s WHERE channel = %s",
        (begins + count * _each(rate), tx.now + LEASE if probe else None, channel),
    )
    return Leave(count, begins, probe)


def _each(rate: int) -> timedelta:
    return timedelta(seconds=1) / rate


def give_back(tx: Tx, channel: Channel, leave: Leave, used: int) -> None:
    """Leave that was not needed is there for others; so is the turn to try a gateway that was away."""
    unused = leave.count - used
    if leave.probe and used == 0:
        tx.ask("UPDATE marketing.message_gateway SET open_until = NULL WHERE channel = %s", (channel,))
    if unused > 0:
        tx.ask(
            "UPDATE marketing.message_gateway SET next_free_at = next_free_at - %s WHERE channel = %s",
            (unused * _each(policy_in_force(tx).says.rate_per_second), channel),
        )


def note_call(tx: Tx, channel: Channel, failure: str | None) -> None:
    """Remember how a call went: a good one closes the circuit, too many failures in a row open it."""
    if failure is None:
        tx.ask(
            "UPDATE marketing.message_gateway SET failures = 0, open_until = NULL, last_good_at = %s "
            "WHERE channel = %s",
            (tx.now, channel),
        )
        return
    row = tx.ask(
        "UPDATE marketing.message_gateway SET failures = failures + 1, last_failed_at = %s, last_failure = %s "
        "WHERE channel = %s RETURNING failures",
        (tx.now, failure, channel),
    ).fetchone()
    assert row is not None
    if row[0] >= FAILURES_MAX:
        length = min(OPEN_FOR * 2 ** min(row[0] - FAILURES_MAX, 10), OPEN_FOR_MAX)
        tx.ask("UPDATE marketing.message_gateway SET open_until = %s WHERE channel = %s", (tx.now + length, channel))
        log.warning("message_circuit_open", channel=channel, failures=row[0], seconds=length.total_seconds())


# ------------------------------------------------------------------------------------------------ a round
@dataclass(frozen=True, slots=True)
class Round:
    """What a round did. `again_at`: when the next one makes sense, None for at once."""

    looked_at: int
    again_at: datetime | None = None


def wait_for_leave(
    database: Database,
    channel: Channel,
    wanted: int,
    anything_waits: Callable[[Tx], bool],
    sleep: Callable[[float], None],
) -> Leave | Round:
    """Leave whose time has come; or the round that is over already, as nothing waits or nothing may go for now."""
    with database.transaction() as tx:
        if not anything_waits(tx):
            return Round(0)
        leave = ask_leave(tx, channel, wanted)
    if leave.count == 0:
        return Round(0, leave.at)
    wait = (leave.at - database.clock.now()).total_seconds()
    if wait > 0:
        sleep(wait)
    return leave


def send_texts(database: Database, gateway: SmsGateway, sleep: Callable[[float], None] = time.sleep) -> Round:
    """One batch of text messages through the gate and over to the gateway."""
    leave = wait_for_leave(database, Channel.SMS, BATCH_MAX, _any_text_due, sleep)
    if isinstance(leave, Round):
        return leave
    with database.transaction() as tx:
        passed = pass_gate(tx, Channel.SMS, leave.count)
        give_back(tx, Channel.SMS, leave, len(passed.outgoing))
    if passed.outgoing:
        # Who was held up until the lease is nearly over must not call any more: somebody else may be asking already.
        in_time = database.clock.now() - passed.at < LEASE / 2
        answers = gateway.hand_over(passed.outgoing) if in_time else nobody_called(passed.outgoing)
        tried = [
            Tried(m.id, m.attempts, answers.by_id[m.gateway_id], maybe_before=m.maybe_before) for m in passed.outgoing
        ]
        with database.transaction() as tx:
            settle(tx, tried, can_ask=policy_in_force(tx).says.gateway_idempotent)
            note_call(tx, Channel.SMS, answers.failure)
    return Round(passed.looked_at)


def fill_inboxes(database: Database) -> Round:
    """One batch for the members' inboxes: through the gate is there."""
    with database.transaction() as tx:
        return Round(pass_gate(tx, Channel.INBOX).looked_at)


def _any_text_due(tx: Tx) -> bool:
    row = tx.ask(
        "SELECT FROM marketing.message WHERE channel = %s AND state = 'queued' AND due_at <= %s LIMIT 1",
        (Channel.SMS, tx.now),
    ).fetchone()
    return row is not None


# ------------------------------------------------------------------------------------------------ what was said
@dataclass(frozen=True, slots=True)
class Tried:
    """A message that was tried, or asked about, and the answer. `maybe_before`: an earlier try may have succeeded."""

    id: int
    attempts: int
    answer: Answer
    maybe_before: bool = False


class _Settled(msgspec.Struct, frozen=True):
    id: int
    attempts: int
    state: MessageState
    said: bool = False  # the gateway has spoken of this very message
    reason: Reason | None = None
    reference: str | None = None
    due_at: datetime | None = None
    handed_over: bool = True
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    free: bool = False  # nobody has it: it costs nothing


# A report may have been faster, and is believed: only what is still under way changes. Whoever was too slow meets his
# message queued again, or tried again by somebody else: then what the gateway said of it holds, and what he makes of a
# call that failed is about a try that counts no more.
SETTLE = """
UPDATE marketing.message AS m SET state = x.state, reason = x.reason, due_at = coalesce(x.due_at, m.due_at),
    handed_over = x.handed_over, gateway_reference = coalesce(x.reference, m.gateway_reference),
    recipient_id = CASE WHEN x.state = 'queued' AND NOT x.handed_over THEN NULL ELSE m.recipient_id END,
    let_through_at = CASE WHEN x.state = 'queued' AND NOT x.handed_over THEN NULL ELSE m.let_through_at END,
    cost_milli = CASE WHEN x.free THEN NULL ELSE m.cost_milli END,
    segments = CASE WHEN x.free THEN NULL ELSE m.segments END,
    sent_at = coalesce(x.sent_at, m.sent_at), ended_at = x.ended_at
FROM json_to_recordset(%s::json) AS x(id bigint, attempts int, state text, said boolean, reason text, reference text,
    due_at timestamptz, handed_over boolean, sent_at timestamptz, ended_at timestamptz, free boolean)
WHERE m.id = x.id AND CASE WHEN x.said THEN m.state = 'sending' OR m.state = 'queued' AND m.handed_over
    ELSE m.state = 'sending' AND m.attempts = x.attempts END
"""


def settle(tx: Tx, tried: Sequence[Tried], *, can_ask: bool) -> None:
    """Write down what a gateway said of messages that are under way. Locks them in order of id, as reports do."""
    rows = [_settled(tx.now, one, can_ask=can_ask) for one in tried]
    tx.ask("SELECT FROM marketing.message WHERE id = ANY(%s) ORDER BY id FOR UPDATE", ([row.id for row in rows],))
    tx.ask(SETTLE, (msgspec.json.encode(rows).decode(),))
    tell_costs(tx, [row.id for row in rows if row.sent_at is not None])


def _settled(now: datetime, tried: Tried, *, can_ask: bool) -> _Settled:
    id_, attempts = tried.id, tried.attempts
    match tried.answer:
        case Taken(reference):
            return _Settled(id_, attempts, MessageState.SENT, said=True, reference=reference, sent_at=now)
        case Arrived(reference):
            state = MessageState.DELIVERED
            return _Settled(id_, attempts, state, said=True, reference=reference, sent_at=now, ended_at=now)
        case Rejected(reason, tried_to_reach):
            # What was tried and did not arrive counts and costs as sent; what was refused at once does neither.
            sent_at = now if tried_to_reach else None
            free = not tried_to_reach
            state = MessageState.FAILED
            return _Settled(id_, attempts, state, True, reason, sent_at=sent_at, ended_at=now, free=free)
        case NotTaken():
            return _not_taken(now, tried)
        case Uncertain() if can_ask:
            return _Settled(id_, attempts, MessageState.SENDING, due_at=now + ASK_AFTER)
        case Uncertain():
            return _Settled(id_, attempts, MessageState.UNKNOWN, reason=Reason.NO_ANSWER, ended_at=now)


def _not_taken(now: datetime, tried: Tried) -> _Settled:
    id_, attempts, maybe = tried.id, tried.attempts, tried.maybe_before
    away = Reason.GATEWAY_AWAY
    if attempts < ATTEMPTS_MAX:
        again = now + min(BACKOFF * 2 ** (attempts - 1), BACKOFF_MAX)
        state = MessageState.QUEUED
        return _Settled(id_, attempts, state, reason=away, due_at=again, handed_over=maybe, free=True)
    if maybe:
        return _Settled(id_, attempts, MessageState.UNKNOWN, reason=Reason.NO_ANSWER, ended_at=now)
    return _Settled(id_, attempts, MessageState.FAILED, reason=away, handed_over=False, ended_at=now, free=True)


# ------------------------------------------------------------------------------------------------ left lying
TAKE_OVER = """
UPDATE marketing.message SET due_at = %(lease)s
WHERE id = ANY(ARRAY(
    SELECT id FROM marketing.message WHERE channel = %(channel)s AND state = 'sending' AND due_at <= %(now)s
    ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
RETURNING id, gateway_key, attempts, expires_at
"""


def ask_about_left(database: Database, gateway: SmsGateway) -> Round:
    """Take up messages whose sender fell silent, and ask the gateway what it has of them."""
    with database.transaction() as tx:
        can_ask = policy_in_force(tx).says.gateway_idempotent
        left = tx.ask(
            TAKE_OVER, {"lease": tx.now + LEASE, "channel": Channel.SMS, "now": tx.now, "limit": BATCH_MAX}
        ).fetchall()
        if left and not can_ask:
            settle(tx, [Tried(id_, attempts, Uncertain()) for id_, _, attempts, _ in left], can_ask=False)
    if not left or not can_ask:
        return Round(len(left))
    names = {id_: gateway_id(id_, key) for id_, key, _, _ in left}
    answers = gateway.ask(list(names.values()))
    with database.transaction() as tx:
        if answers.failure is None:
            # What the gateway does not have now it may still get, if our first call is under way somewhere.
            settle(tx, [Tried(i, n, answers.by_id[names[i]], maybe_before=True) for i, _, n, _ in left], can_ask=True)
        else:
            _ask_later(tx, left)
        note_call(tx, Channel.SMS, answers.failure)
    return Round(len(left))


def _ask_later(tx: Tx, left: Sequence[Sequence[Any]]) -> None:
    """Nobody answered the question either: again after a while, and one day no more."""
    given_up = {id_: attempts for id_, _, attempts, expires_at in left if expires_at + ASK_UNTIL <= tx.now}
    settle(tx, [Tried(id_, attempts, Uncertain()) for id_, attempts in given_up.items()], can_ask=False)
    tx.ask(
        "UPDATE marketing.message SET due_at = %s WHERE id = ANY(%s) AND state = 'sending'",
        (tx.now + BACKOFF * 6, [id_ for id_, *_ in left if id_ not in given_up]),
    )


EXPIRE = """
UPDATE marketing.message SET state = CASE WHEN handed_over THEN 'unknown' ELSE 'expired' END, reason = %(reason)s,
    ended_at = %(now)s
WHERE id = ANY(ARRAY(
    SELECT id FROM marketing.message WHERE state = 'queued' AND expires_at <= %(now)s LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED))
"""


def expire_overdue(database: Database) -> int:
    """End what waited too long, also while the gate stands still because the gateway is away."""
    with database.transaction() as tx:
        return tx.ask(EXPIRE, {"reason": Reason.TOO_LATE, "now": tx.now, "limit": EXPIRE_BATCH}).rowcount


# ------------------------------------------------------------------------------------------------ all of it
def send_all(database: Database, gateway: SmsGateway | None, until: float) -> bool:
    """Rounds of every channel until nothing is due, or until `until` (monotonic seconds). Whether something is left."""
    while time.monotonic() < until:
        moved = fill_inboxes(database).looked_at
        if gateway is not None:
            moved += ask_about_left(database, gateway).looked_at
            sent = send_texts(database, gateway)
            moved += sent.looked_at
        if moved == 0:
            return False
    return True


@contextmanager
def only_sender(database: Database) -> Iterator[bool]:
    """Whether we are the one sender of the house's workers. The lock goes with its connection, so it is never stale.

    Several senders at once are safe, everything above says so; one is enough for what gateways allow, and leaves the
    other workers to other work.
    """
    with database.engine.connect() as guard:
        guard = guard.execution_options(isolation_level="AUTOCOMMIT")
        ours = bool(guard.exec_driver_sql(f"SELECT pg_try_advisory_lock({SENDER_LOCK})").scalar())
        try:
            yield ours
        finally:
            if ours and not guard.invalidated and not guard.closed:
                guard.exec_driver_sql(f"SELECT pg_advisory_unlock({SENDER_LOCK})")
