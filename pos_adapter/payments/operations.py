"""Taking payments: each step is decided in the database before its message leaves, and judged after the answer came.

A payment's row says what is asked of its rail next (`wants`) and when (`look_at`). Whoever works on it leases it, notes
that the message is on its way, commits, and only then speaks to the rail; a process that dies in between leaves a
payment that was perhaps sent, and such a one is asked about or undone, never sent again.
Locks: settlement, then its payments in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update

from foundation.database import Database, Tx
from foundation.errors import DomainError, NotFound
from foundation.events import announce
from foundation.queues import send_after_commit
from foundation.settings import get_settings
from pos_adapter.payments.rails import Order, Rail, Told, rail
from pos_adapter.payments.rules import ENDED, Action, Next, Outcome, PaymentState, after, undo
from pos_adapter.payments.tables import payment, payment_step
from pos_adapter.settlements.operations import Payment, Settlement, complete, fail, lock_settlement
from pos_adapter.settlements.rules import SettlementState
from pos_adapter.tickets.numbers import next_number

log = structlog.get_logger(__name__)

TAKE = "pos.take_payment"
LEASE = timedelta(seconds=60)
SWEEP_BATCH = 200
GIVE_UP = "give_up"


class PaymentUnknown(NotFound):
    """There is no such payment."""

    code = "payment_unknown"


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
        "tries", "look_at", "started_at", "reference", "account", "why", "created_at",
    )
]  # fmt: skip


def _taken(row: Any) -> Taken:
    facts = dict(row._mapping)
    return Taken(**facts | {"state": PaymentState(facts["state"]), "wants": Action(facts["wants"])})


# ------------------------------------------------------------------------------------------------- the beginning


def start_payments(tx: Tx, settlement: Settlement, payments: Sequence[Payment]) -> None:
    """Note the payments of a settlement; a worker takes each of them once this has committed. Raises RailUnknown."""
    for each in payments:
        rail(each.ask.rail)
        trace = next_number(tx, settlement.store.id, settlement.business_date, f"trace/{settlement.terminal}")
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
                trace=_trace(settlement, trace),
                ask=_sealed(id, each.ask.facts),
                look_at=tx.now,
                created_at=tx.now,
                changed_at=tx.now,
            )
        )
        send_after_commit(tx, TAKE, str(id))


def _trace(settlement: Settlement, number: int) -> int:
    """A trace number that no other payment of the terminal has: its day and the number within it."""
    return settlement.business_date.toordinal() * 1_000_000 + number


def _sealed(id: UUID, ask: Any) -> bytes:
    nonce = token_bytes(12)
    return nonce + AESGCM(get_settings().secret_key).encrypt(nonce, msgspec.json.encode(ask), id.bytes)


def _opened(id: UUID, sealed: bytes | None) -> Any:
    if sealed is None:
        return None
    return msgspec.json.decode(AESGCM(get_settings().secret_key).decrypt(sealed[:12], sealed[12:], id.bytes))


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


def _lease(home: Database, id: UUID) -> tuple[Taken, Any] | None:
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
        facts = dict(row._mapping)
        sealed = facts.pop("ask")
        wants = Action(facts["wants"])
        if wants is Action.PAY and facts["started_at"] is not None:
            # It was on its way when somebody died: perhaps it arrived.
            wants = Action.QUERY if rail(facts["rail"]).patience.can_query else Action.REVERSE
        state = PaymentState(facts["state"])
        if state is PaymentState.CREATED:
            state = PaymentState.PENDING
        started_at = facts["started_at"] or tx.now
        tx.execute(
            update(payment)
            .where(payment.c.id == id)
            .values(
                state=state.value,
                wants=wants.value,
                tries=payment.c.tries + 1,
                leased_until=tx.now + LEASE,
                started_at=started_at,
                ask=None,
                changed_at=tx.now,
            )
        )
        leased = Taken(
            **facts | {"state": state, "wants": wants, "tries": facts["tries"] + 1, "started_at": started_at}
        )
        return leased, _opened(id, sealed)


def _speak(way: Rail, taken: Taken, ask: Any) -> Told:
    order = taken.order(ask)
    if taken.wants is Action.PAY:
        return way.pay(order)
    return way.query(order) if taken.wants is Action.QUERY else way.reverse(order)


def _judge(home: Database, taken: Taken, told: Told) -> Taken:
    with home.transaction() as tx:
        lock_settlement(tx, taken.settlement_id)
        row = tx.execute(select(*COLUMNS).where(payment.c.id == taken.id).with_for_update()).one()
        now_at = _taken(row)
        if now_at.state in ENDED or now_at.tries != taken.tries:
            return now_at  # somebody else learned more meanwhile
        assert now_at.started_at is not None
        # Where the payment was given up while its message was out, the answer decides only how it is undone.
        action = taken.wants if now_at.wants is taken.wants else now_at.wants
        follows = after(
            rail(taken.rail).patience, now_at.state, action, told.outcome, now_at.tries, now_at.started_at, tx.now
        )
        return _becomes(tx, now_at, follows, taken.wants.value, told)


def _becomes(tx: Tx, taken: Taken, follows: Next, action: str, told: Told) -> Taken:
    why = told.words or told.outcome.value if follows.state is not PaymentState.SUCCEEDED else None
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
        announce(
            tx,
            f"payment.{follows.state.value}",
            {
                "payment": str(taken.id),
                "settlement": str(taken.settlement_id),
                "store": taken.store_id,
                "terminal": taken.terminal,
                "state": follows.state.value,
                "amount": taken.amount,
            },
        )
    return read_payment(tx, taken.id)


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
            if all(each.state is PaymentState.SUCCEEDED for each in found):
                complete(tx, settlement_id)
                return SettlementState.PAID
            lost = next((each for each in found if each.state in (PaymentState.FAILED, PaymentState.REVERSED)), None)
            if lost is None:
                return SettlementState.PENDING
            return _give_up(tx, settlement_id, found, lost.why or lost.state.value)
    except DomainError as error:
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
            _becomes(tx, each, follows, GIVE_UP, Told(Outcome.UNDONE, words=why))
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
        due = tx.execute(
            select(payment.c.id)
            .where(
                payment.c.look_at <= tx.now,
                (payment.c.leased_until.is_(None)) | (payment.c.leased_until < tx.now),
            )
            .order_by(payment.c.look_at)
            .limit(SWEEP_BATCH)
        ).scalars()
        ids = list(due)
        idle = tx.execute(
            "SELECT s.id FROM pos.settlement AS s WHERE s.state = 'pending' AND NOT EXISTS"
            " (SELECT FROM pos.payment AS p WHERE p.settlement_id = s.id AND p.look_at IS NOT NULL) LIMIT :limit",
            {"limit": SWEEP_BATCH},
        ).scalars()
        settlements = list(idle)
    done = sum(advance(home, id) is not None for id in ids)
    for settlement_id in settlements:
        conclude(home, settlement_id)
    return done


# ------------------------------------------------------------------------------------------------------- looking


def read_payment(tx: Tx, id: UUID) -> Taken:
    """A payment as it stands. Raises PaymentUnknown."""
    row = tx.execute(select(*COLUMNS).where(payment.c.id == id)).one_or_none()
    if row is None:
        raise PaymentUnknown("There is no such payment")
    return _taken(row)


def payments_of(tx: Tx, settlement_id: UUID, *, lock: bool = False) -> list[Taken]:
    """The payments of a settlement in order of their tender."""
    asked = select(*COLUMNS).where(payment.c.settlement_id == settlement_id).order_by(payment.c.n)
    return [_taken(row) for row in tx.execute(asked.with_for_update() if lock else asked)]
