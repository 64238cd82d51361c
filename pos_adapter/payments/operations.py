"""Taking payments: each step is decided in the database before its message leaves, and judged after the answer came.

A payment's row says what is asked of its rail next (`wants`) and when (`look_at`). Whoever works on it leases it, notes
that the message is on its way, commits, and only then speaks to the rail; a process that dies in between leaves a
payment that was perhaps sent, and such a one is asked about or undone, never sent again.
Locks: settlement, then its payments in order, then their refunds.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, Table, insert, select, update

from foundation.database import Database, Tx
from foundation.errors import DomainError, FieldError, Invalid, NotFound
from foundation.events import announce
from foundation.queues import send_after_commit
from foundation.settings import get_settings
from pos_adapter.payments import alipay, card, wechat  # noqa: F401 - each registers its rail
from pos_adapter.payments.rails import Order, Rail, Told, rail
from pos_adapter.payments.rules import ENDED, UNDOING, Action, Next, Outcome, PaymentState, after, undo
from pos_adapter.payments.tables import payment, payment_step, payment_verdict
from pos_adapter.settlements.operations import Payment, Settlement, complete, fail, lock_settlement
from pos_adapter.settlements.rules import SettlementState
from pos_adapter.tickets.numbers import next_number

log = structlog.get_logger(__name__)

TAKE = "pos.take_payment"
LEASE_S = 60.0
SWEEP_BATCH = 200
SWEEP_THREADS = 8
FAILED_PAUSE = timedelta(seconds=60)
GIVE_UP = "give_up"
# Trace numbers go on from day to day, so that no message of a store is like another of the same day, whatever day it is
# where the acquirer is.
TRACE_SERIES = date(2000, 1, 1)


class PaymentUnknown(NotFound):
    """There is no such payment."""

    code = "payment_unknown"


class PaymentContradicts(Invalid):
    """The payment, or what is to go back of it, does not fit what is recorded."""

    code = "payment_contradicts"


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment as recorded. `wants` is what its rail is asked next, `look_at` when."""

    id: UUID
    settlement_id: UUID
    n: int
    store_id: int
    terminal: str
    rail: str
    state: PaymentState
    amount: int
    currency: str
    trace: int
    wants: Action
    tries: int
    reversals: int
    look_at: datetime | None
    started_at: datetime | None
    reference: str | None
    account: str | None
    why: str | None
    created_at: datetime

    def order(self, ask: Any = None) -> Order:
        """As its rail is told of it."""
        return Order(
            self.id, str(self.store_id), self.terminal, self.trace, self.amount, self.currency,
            self.started_at or self.created_at, self.reference, ask,
        )  # fmt: skip


COLUMNS = [
    payment.c[name]
    for name in (
        "id", "settlement_id", "n", "store_id", "terminal", "rail", "state", "amount", "currency", "trace", "wants",
        "tries", "reversals", "look_at", "started_at", "reference", "account", "why", "created_at",
    )
]  # fmt: skip


def taken_from(row: Any) -> Taken:
    """A payment from a row that has COLUMNS."""
    facts = {column.name: row._mapping[column.name] for column in COLUMNS}
    return Taken(**facts | {"state": PaymentState(facts["state"]), "wants": Action(facts["wants"])})


# ------------------------------------------------------------------------------------------------- the beginning


def start_payments(tx: Tx, settlement: Settlement, payments: Sequence[Payment]) -> None:
    """Note the payments of a settlement; a worker takes each of them once this has committed. Raises RailUnknown."""
    for each in payments:
        rail(each.ask.rail)
        if each.tender.amount <= 0:
            raise PaymentContradicts("A payment is more than nothing", errors=[FieldError("/tenders", "at least 1")])
        trace = next_trace(tx, settlement.store.id)
        id = uuid4()
        tx.execute(
            insert(payment).values(
                id=id,
                settlement_id=settlement.id,
                n=each.n,
                store_id=settlement.store.id,
                terminal=settlement.terminal,
                rail=each.ask.rail,
                state=PaymentState.CREATED.value,
                amount=each.tender.amount,
                currency=settlement.store.currency,
                trace=trace,
                ask=sealed(id, each.ask.facts),
                look_at=tx.now,
                created_at=tx.now,
                changed_at=tx.now,
            )
        )
        send_after_commit(tx, TAKE, str(id))


def next_trace(tx: Tx, store_id: int) -> int:
    """A trace number that no other message of the store has. Locks the store's series until the commit."""
    return next_number(tx, store_id, TRACE_SERIES, "trace")


def sealed(id: UUID, ask: Any) -> bytes:
    """What a rail needs once, unreadable at rest."""
    nonce = token_bytes(12)
    return nonce + AESGCM(get_settings().secret_key).encrypt(nonce, msgspec.json.encode(ask), id.bytes)


def opened(id: UUID, kept: bytes | None) -> Any:
    """What was sealed for this payment."""
    if kept is None:
        return None
    return msgspec.json.decode(AESGCM(get_settings().secret_key).decrypt(kept[:12], kept[12:], id.bytes))


# ------------------------------------------------------------------------------------------------- one step


def advance(home: Database, id: UUID) -> Taken | None:
    """Do the next step of a payment, if it is due and nobody else is doing it; None where there was nothing to do."""
    leased = _lease(home, id)
    if leased is None:
        return None
    taken, ask = leased
    told = _speak(rail(taken.rail), taken, ask)
    judged = _judge(home, taken, told)
    conclude(home, taken.settlement_id)
    return judged


def lease_until(now: datetime) -> datetime:
    """How long a step is nobody else's: longer than any rail takes to answer or give up."""
    return now + timedelta(seconds=LEASE_S / get_settings().payments_hurry)


def _lease(home: Database, id: UUID) -> tuple[Taken, Any] | None:
    """Note that the next message is on its way: from here on it was perhaps sent."""
    with home.transaction() as tx:
        row = tx.execute(
            select(*COLUMNS, payment.c.ask)
            .where(
                payment.c.id == id,
                payment.c.look_at <= tx.now,
                (payment.c.leased_until.is_(None)) | (payment.c.leased_until < tx.now),
            )
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        found = taken_from(row)
        wants = found.wants
        if wants is Action.PAY and found.started_at is not None:
            # It was on its way when somebody died: perhaps it arrived.
            wants = Action.QUERY if rail(found.rail).patience.can_query else Action.REVERSE
        state = _while_asking(found.state, wants)
        leased = replace(
            found, state=state, wants=wants, tries=found.tries + 1, started_at=found.started_at or tx.now,
            reversals=found.reversals + (wants is Action.REVERSE),
        )  # fmt: skip
        tx.execute(
            update(payment)
            .where(payment.c.id == id)
            .values(
                state=state.value,
                wants=wants.value,
                tries=leased.tries,
                reversals=leased.reversals,
                leased_until=lease_until(tx.now),
                started_at=leased.started_at,
                ask=None,
                changed_at=tx.now,
            )
        )
        if state is not found.state:
            _announce(tx, leased, state)
        return leased, opened(id, row.ask)


def _while_asking(state: PaymentState, wants: Action) -> PaymentState:
    if wants is Action.REVERSE and state not in UNDOING:
        return PaymentState.REVERSING
    return PaymentState.PENDING if state is PaymentState.CREATED else state


def _speak(way: Rail, taken: Taken, ask: Any) -> Told:
    order = taken.order(ask)
    if taken.wants is Action.PAY:
        return way.pay(order)
    return way.query(order) if taken.wants is Action.QUERY else way.reverse(order)


def _judge(home: Database, taken: Taken, told: Told) -> Taken:
    with home.transaction() as tx:
        lock_settlement(tx, taken.settlement_id)
        row = tx.execute(select(*COLUMNS).where(payment.c.id == taken.id).with_for_update()).one()
        now_at = taken_from(row)
        if now_at.state in ENDED or now_at.tries != taken.tries:
            return now_at  # somebody else learned more meanwhile
        assert now_at.started_at is not None
        follows = after(
            rail(taken.rail).patience, now_at.state, taken.wants, told.outcome, now_at.reversals, now_at.started_at,
            tx.now,
        )  # fmt: skip
        return becomes(tx, now_at, follows, taken.wants.value, told)


def becomes(tx: Tx, taken: Taken, follows: Next, action: str, told: Told) -> Taken:
    """Let a locked payment become what follows, with a step in its trail, announced."""
    why = None
    if follows.state is not PaymentState.SUCCEEDED:
        # Why it is being undone stays the reason, whatever is said about the undoing.
        why = taken.why if taken.state in UNDOING and taken.why else told.words or told.outcome.value
    tx.execute(
        update(payment)
        .where(payment.c.id == taken.id)
        .values(
            state=follows.state.value,
            wants=follows.action.value,
            look_at=follows.at,
            # Given up while its message is out: nothing is undone before that has been answered.
            leased_until=payment.c.leased_until if action == GIVE_UP else None,
            reference=told.reference or taken.reference,
            account=told.account or taken.account,
            why=why,
            ask=None,
            changed_at=tx.now,
        )
    )
    tx.execute(
        insert(payment_step).values(
            payment_id=taken.id, action=action, outcome=told.outcome.value, state=follows.state.value,
            detail=told.words[:500] or None, at=tx.now,
        )
    )  # fmt: skip
    if follows.state is not taken.state:
        _announce(tx, taken, follows.state)
        if taken.state is PaymentState.UNKNOWN:
            overtake_verdicts(tx, payment_verdict.c.payment_id == taken.id, payment_verdict.c.refund_id.is_(None))
    return read_payment(tx, taken.id)


def overtake_verdicts(tx: Tx, *about: ColumnElement[bool]) -> None:
    """The rail has told after all: what people proposed meanwhile is not needed any more."""
    tx.execute(
        update(payment_verdict)
        .where(payment_verdict.c.state == "proposed", *about)
        .values(state="overtaken", decided_at=tx.now)
    )


def _announce(tx: Tx, taken: Taken, state: PaymentState) -> None:
    announce(
        tx,
        f"payment.{state.value}",
        {
            "payment": str(taken.id),
            "settlement": str(taken.settlement_id),
            "store": taken.store_id,
            "terminal": taken.terminal,
            "state": state.value,
            "amount": taken.amount,
            "currency": taken.currency,
        },
    )


# ------------------------------------------------------------------------------------------------- the end of it


def conclude(home: Database, settlement_id: UUID) -> SettlementState:
    """End a settlement whose payments have ended: all succeeded, paid; else the others are undone, and it has failed.

    Safe to call at any time and twice.
    """
    try:
        with home.transaction() as tx:
            settlement = lock_settlement(tx, settlement_id)
            if settlement.state is not SettlementState.PENDING:
                return settlement.state
            found = payments_of(tx, settlement_id, lock=True)
            if found and all(each.state is PaymentState.SUCCEEDED for each in found):
                complete(tx, settlement_id)
                return SettlementState.PAID
            lost = next((each for each in found if each.state in (PaymentState.FAILED, PaymentState.REVERSED)), None)
            if lost is None:
                return SettlementState.PENDING
            return _give_up(tx, settlement_id, found, lost.why or lost.state.value)
    except DomainError as error:
        if error.treatment.retryable:
            raise
        # The sales cannot be posted as they stand: the money goes back.
        log.warning("settlement_not_posted", settlement=str(settlement_id), code=error.code, cause=error.detail)
        with home.transaction() as tx:
            lock_settlement(tx, settlement_id)
            return _give_up(tx, settlement_id, payments_of(tx, settlement_id, lock=True), error.code)


def _give_up(tx: Tx, settlement_id: UUID, found: Sequence[Taken], why: str) -> SettlementState:
    """Undo what is not undone yet; once nothing is left, the settlement has failed."""
    for each in found:
        if each.state in (PaymentState.CREATED, PaymentState.PENDING, PaymentState.SUCCEEDED):
            follows = undo(rail(each.rail).patience, each.started_at, tx.now)
            becomes(tx, each, follows, GIVE_UP, Told(Outcome.UNDONE, words=why))
            if follows.at is not None:
                send_after_commit(tx, TAKE, str(each.id))
    left = [each for each in payments_of(tx, settlement_id, lock=True) if each.state not in ENDED]
    if left:
        return SettlementState.PENDING
    fail(tx, settlement_id, why)
    return SettlementState.FAILED


def sweep(home: Database) -> int:
    """Do every step that is due, whoever was to do it; returns how many. Then end what only waits to be ended."""
    with home.transaction(read_only=True) as tx:
        due = list(
            tx.execute(
                select(payment.c.id)
                .where(
                    payment.c.look_at <= tx.now,
                    (payment.c.leased_until.is_(None)) | (payment.c.leased_until < tx.now),
                )
                .order_by(payment.c.look_at)
                .limit(SWEEP_BATCH)
            ).scalars()
        )
    done = each_safely(home, payment, advance, due)
    with home.transaction(read_only=True) as tx:
        idle = list(tx.execute(IDLE, {"limit": SWEEP_BATCH}).scalars())
    for settlement_id in idle:
        try:
            conclude(home, settlement_id)
        except Exception:
            log.exception("settlement_not_concluded", settlement=str(settlement_id))
    return done


IDLE = (
    "SELECT s.id FROM pos.settlement AS s WHERE s.state = 'pending' AND EXISTS"
    " (SELECT FROM pos.payment AS p WHERE p.settlement_id = s.id) AND NOT EXISTS"
    " (SELECT FROM pos.payment AS p WHERE p.settlement_id = s.id AND p.look_at IS NOT NULL)"
    " ORDER BY s.created_at LIMIT :limit"
)


def each_safely(home: Database, table: Table, step: Callable[[Database, UUID], Any], ids: Sequence[UUID]) -> int:
    """Do a step for each, several at once: a rail that is silent for one does not keep the others.

    What fails for a reason of our own is put off a minute, and does not stop the rest.
    """

    def one(id: UUID) -> bool:
        try:
            return step(home, id) is not None
        except Exception:
            log.exception("payment_step_failed", payment=str(id))
            with home.transaction() as tx:
                later = tx.now + FAILED_PAUSE / get_settings().payments_hurry
                tx.execute(update(table).where(table.c.id == id, table.c.look_at < later).values(look_at=later))
            return False

    if len(ids) <= 1:
        return sum(map(one, ids))
    with ThreadPoolExecutor(min(SWEEP_THREADS, len(ids)), thread_name_prefix="payments") as threads:
        return sum(threads.map(one, ids))


def ask_again(tx: Tx, id: UUID) -> Taken:
    """Look at a payment now instead of when it is due; one that has ended stays as it is. Raises PaymentUnknown."""
    found = read_payment(tx, id)
    if found.state not in ENDED:
        tx.execute(update(payment).where(payment.c.id == id, payment.c.look_at > tx.now).values(look_at=tx.now))
        send_after_commit(tx, TAKE, str(id))
    return read_payment(tx, id)


# ------------------------------------------------------------------------------------------------------- looking


def read_payment(tx: Tx, id: UUID) -> Taken:
    """A payment as it stands. Raises PaymentUnknown."""
    row = tx.execute(select(*COLUMNS).where(payment.c.id == id)).one_or_none()
    if row is None:
        raise PaymentUnknown("There is no such payment")
    return taken_from(row)


def payments_of(tx: Tx, settlement_id: UUID, *, lock: bool = False) -> list[Taken]:
    """The payments of a settlement in order of their tender."""
    asked = select(*COLUMNS).where(payment.c.settlement_id == settlement_id).order_by(payment.c.n)
    return [taken_from(row) for row in tx.execute(asked.with_for_update() if lock else asked)]
