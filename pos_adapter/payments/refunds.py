"""Giving payments back: at most what was paid, each refund once, under one number over all retries.

As with payments (operations.py): a step is noted and committed before its message leaves, and judged after the answer
came; who dies in between leaves a refund that was perhaps asked for. Locks: payment, then its refunds in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from foundation.database import Database, Tx
from foundation.errors import Conflict, FieldError
from foundation.events import announce
from foundation.queues import send_after_commit
from pos_adapter.payments.operations import (
    COLUMNS,
    SWEEP_BATCH,
    PaymentContradicts,
    PaymentUnknown,
    Taken,
    each_safely,
    lease_until,
    next_trace,
    overtake_verdicts,
    taken_from,
)
from pos_adapter.payments.rails import Rail, RefundOrder, Told, rail
from pos_adapter.payments.rules import (
    REFUND_ENDED,
    Action,
    PaymentState,
    RefundNext,
    RefundState,
    after_refund,
    first_of_refund,
)
from pos_adapter.payments.tables import payment, payment_step, payment_verdict
from pos_adapter.payments.tables import refund as refund_table

GIVE_BACK = "pos.give_back"
NUMBER_MAX = 64


class RefundNumberReused(Conflict):
    """The refund number was used before for something else."""

    code = "refund_number_reused"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as recorded. `wants` is what its rail is asked next, `look_at` when; `voided`: the sale was undone."""

    id: UUID
    payment_id: UUID
    refund_no: str
    store_id: int
    state: RefundState
    amount: int
    trace: int
    reason: str | None
    wants: Action
    tries: int
    anew: int
    look_at: datetime | None
    started_at: datetime | None
    voided: bool
    reference: str | None
    why: str | None
    created_at: datetime

    def order(self, of: Taken) -> RefundOrder:
        """As its rail is told of it."""
        return RefundOrder(self.refund_no, self.trace, self.amount, self.started_at or self.created_at, of.order())


REFUND_COLUMNS = [refund_table.c[name] for name in Refund.__slots__]
WhenEnded = Callable[[Tx, Refund], None]
_when_ended: list[WhenEnded] = []


def when_refund_ends(action: WhenEnded) -> None:
    """Have this called when a refund has succeeded or failed, in the transaction that learns it. It must not raise."""
    _when_ended.append(action)


def refund_from(row: Any) -> Refund:
    """A refund from a row that has REFUND_COLUMNS."""
    facts = {column.name: row._mapping[column.name] for column in REFUND_COLUMNS}
    return Refund(**facts | {"state": RefundState(facts["state"]), "wants": Action(facts["wants"])})


# ------------------------------------------------------------------------------------------------- the beginning


def refund(tx: Tx, payment_id: UUID, amount: int, refund_no: str, reason: str) -> Refund:
    """Give back a part of a payment; a worker asks the rail once this has committed.

    The same number again is the same refund: what has become of it is returned, and one that failed is asked for again.
    Raises PaymentUnknown; RefundNumberReused for another payment or amount; PaymentContradicts for what was not paid,
    or more than is left of it.
    """
    row = tx.execute(select(*COLUMNS).where(payment.c.id == payment_id).with_for_update()).one_or_none()
    if row is None:
        raise PaymentUnknown("There is no such payment")
    paid = taken_from(row)
    known = _by_number(tx, refund_no)
    if known is not None:
        if (known.payment_id, known.amount) != (payment_id, amount):
            raise RefundNumberReused("This refund number stands for another refund", refund_no=refund_no)
        if known.state is not RefundState.FAILED:
            return known
    _check(tx, paid, amount, refund_no)
    whole = amount == paid.amount and not _others(tx, payment_id, refund_no)
    same_day = paid.started_at is not None and paid.started_at.astimezone(UTC).date() == tx.now.astimezone(UTC).date()
    begins: dict[str, Any] = {
        "state": RefundState.CREATED.value,
        "trace": next_trace(tx, paid.store_id),
        "reason": reason[:200] or None,
        "wants": first_of_refund(rail(paid.rail).patience, whole=whole, same_day=same_day).value,
        "tries": 0,
        "anew": 0,
        "look_at": tx.now,
        "leased_until": None,
        "started_at": None,
        "voided": False,
        "changed_at": tx.now,
    }
    if known is not None:
        tx.execute(update(refund_table).where(refund_table.c.id == known.id).values(begins))
        id = known.id
    else:
        id = uuid4()
        tx.execute(
            insert(refund_table).values(
                id=id, payment_id=payment_id, refund_no=refund_no, store_id=paid.store_id, amount=amount,
                created_at=tx.now, **begins,
            )
        )  # fmt: skip
    send_after_commit(tx, GIVE_BACK, str(id))
    return _read(tx, id)


def _check(tx: Tx, paid: Taken, amount: int, refund_no: str) -> None:
    if paid.state is not PaymentState.SUCCEEDED:
        raise PaymentContradicts("Only what was paid can be given back", state=paid.state.value)
    if not 0 < len(refund_no) <= NUMBER_MAX or not refund_no.isascii():
        raise PaymentContradicts("A refund number has 1 to 64 plain characters")
    left = paid.amount - _given_back(tx, paid.id, besides=refund_no)
    if not 0 < amount <= left:
        raise PaymentContradicts(
            f"At most {left} of this payment can be given back", errors=[FieldError("/amount", f"at most {left}")],
            left=left,
        )  # fmt: skip


def _given_back(tx: Tx, payment_id: UUID, besides: str = "") -> int:
    """What went back of a payment or is on its way; call with the payment locked to decide by it."""
    c = refund_table.c
    asked = select(func.coalesce(func.sum(c.amount), 0)).where(
        c.payment_id == payment_id, c.state != RefundState.FAILED.value, c.refund_no != besides
    )
    return int(tx.execute(asked).scalar_one())


def _others(tx: Tx, payment_id: UUID, refund_no: str) -> bool:
    c = refund_table.c
    asked = select(c.id).where(c.payment_id == payment_id, c.refund_no != refund_no).limit(1)
    return tx.execute(asked).first() is not None


# ------------------------------------------------------------------------------------------------- one step


def advance_refund(home: Database, id: UUID) -> Refund | None:
    """Do the next step of a refund, if it is due and nobody else is doing it; None where there was nothing to do."""
    leased = _lease(home, id)
    if leased is None:
        return None
    of, wanted = leased
    told = _speak(rail(of.rail), of, wanted)
    return _judge(home, of, wanted, told)


def _lease(home: Database, id: UUID) -> tuple[Taken, Refund] | None:
    """Note that the next message is on its way: from here on it was perhaps sent."""
    c = refund_table.c
    with home.transaction() as tx:
        row = tx.execute(
            select(*REFUND_COLUMNS)
            .where(c.id == id, c.look_at <= tx.now, (c.leased_until.is_(None)) | (c.leased_until < tx.now))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        found = refund_from(row)
        of = taken_from(tx.execute(select(*COLUMNS).where(payment.c.id == found.payment_id)).one())
        wants = found.wants
        if wants is Action.PAY and found.started_at is not None:
            # It was on its way when somebody died: perhaps it arrived.
            wants = Action.QUERY if rail(of.rail).patience.can_query else Action.REVERSE
        begun = found.started_at if wants is not Action.PAY else None
        state = RefundState.PENDING if found.state is RefundState.CREATED else found.state
        leased = replace(found, state=state, wants=wants, tries=found.tries + 1, started_at=begun or tx.now)
        tx.execute(
            update(refund_table)
            .where(c.id == id)
            .values(
                state=state.value, wants=wants.value, tries=leased.tries, started_at=leased.started_at,
                leased_until=lease_until(tx.now), changed_at=tx.now,
            )
        )  # fmt: skip
        if state is not found.state:
            _announce(tx, leased, state)
        return of, leased


def _speak(way: Rail, of: Taken, wanted: Refund) -> Told:
    order = wanted.order(of)
    if wanted.wants is Action.VOID:
        return way.reverse(order.of)
    if wanted.wants is Action.PAY:
        return way.refund(order)
    return way.query_refund(order) if wanted.wants is Action.QUERY else way.reverse_refund(order)


def _judge(home: Database, of: Taken, wanted: Refund, told: Told) -> Refund:
    with home.transaction() as tx:
        tx.execute(select(payment.c.id).where(payment.c.id == of.id).with_for_update())
        row = tx.execute(select(*REFUND_COLUMNS).where(refund_table.c.id == wanted.id).with_for_update()).one()
        now_at = refund_from(row)
        if now_at.state in REFUND_ENDED or now_at.tries != wanted.tries:
            return now_at  # somebody else learned more meanwhile
        assert now_at.started_at is not None
        follows = after_refund(
            rail(of.rail).patience, wanted.wants, told.outcome, now_at.tries, now_at.anew, now_at.started_at, tx.now
        )
        return becomes_refund(tx, now_at, follows, wanted.wants.value, told)


def becomes_refund(tx: Tx, was: Refund, follows: RefundNext, action: str, told: Told) -> Refund:
    """Let a locked refund become what follows, with a step in the payment's trail, announced."""
    changes: dict[str, Any] = {
        "state": follows.state.value,
        "wants": follows.action.value,
        "look_at": follows.at,
        "leased_until": None,
        "reference": told.reference or was.reference,
        "why": None if follows.state is RefundState.SUCCEEDED else told.words or told.outcome.value,
        "voided": was.wants is Action.VOID and follows.state is RefundState.SUCCEEDED,
        "changed_at": tx.now,
    }
    if follows.anew:
        changes |= {"trace": next_trace(tx, was.store_id), "anew": was.anew + 1}
    if follows.action is Action.PAY:
        changes["started_at"] = None  # not asked for yet, or known not to have arrived
    tx.execute(update(refund_table).where(refund_table.c.id == was.id).values(changes))
    tx.execute(
        insert(payment_step).values(
            payment_id=was.payment_id, refund_id=was.id, action=f"refund_{action}",
            outcome=told.outcome.value, state=follows.state.value, detail=told.words[:500] or None, at=tx.now,
        )
    )  # fmt: skip
    now_at = _read(tx, was.id)
    if follows.state is not was.state:
        _announce(tx, now_at, follows.state)
        if was.state is RefundState.UNKNOWN:
            overtake_verdicts(tx, payment_verdict.c.refund_id == was.id)
    if follows.state in REFUND_ENDED:
        for tell in _when_ended:
            tell(tx, now_at)
    elif follows.at is not None and follows.at <= tx.now:
        send_after_commit(tx, GIVE_BACK, str(was.id))
    return now_at


def _announce(tx: Tx, what: Refund, state: RefundState) -> None:
    announce(
        tx,
        f"refund.{state.value}",
        {
            "refund": str(what.id),
            "number": what.refund_no,
            "payment": str(what.payment_id),
            "store": what.store_id,
            "state": state.value,
            "amount": what.amount,
        },
    )


def sweep_refunds(home: Database) -> int:
    """Do every step of refunds that is due, whoever was to do it; returns how many."""
    c = refund_table.c
    with home.transaction(read_only=True) as tx:
        due = list(
            tx.execute(
                select(c.id)
                .where(c.look_at <= tx.now, (c.leased_until.is_(None)) | (c.leased_until < tx.now))
                .order_by(c.look_at)
                .limit(SWEEP_BATCH)
            ).scalars()
        )
    return each_safely(home, refund_table, advance_refund, due)


# ------------------------------------------------------------------------------------------------- looking


def _by_number(tx: Tx, refund_no: str) -> Refund | None:
    row = tx.execute(select(*REFUND_COLUMNS).where(refund_table.c.refund_no == refund_no)).one_or_none()
    return None if row is None else refund_from(row)


def _read(tx: Tx, id: UUID) -> Refund:
    return refund_from(tx.execute(select(*REFUND_COLUMNS).where(refund_table.c.id == id)).one())


def refunds_of(tx: Tx, payment_ids: Sequence[UUID]) -> list[Refund]:
    """The refunds of payments, oldest first."""
    c = refund_table.c
    asked = select(*REFUND_COLUMNS).where(c.payment_id.in_(payment_ids)).order_by(c.created_at, c.id)
    return [refund_from(row) for row in tx.execute(asked)]


def ask_refunds_again(tx: Tx, payment_id: UUID) -> None:
    """Look at the refunds of a payment now instead of when they are due."""
    c = refund_table.c
    waiting = tx.execute(
        update(refund_table)
        .where(c.payment_id == payment_id, c.look_at > tx.now)
        .values(look_at=tx.now)
        .returning(c.id)
    ).scalars()
    for id in list(waiting):
        send_after_commit(tx, GIVE_BACK, str(id))


@dataclass(frozen=True, slots=True)
class Refundable:
    """A payment of ours that paid a part of a sale, and what of it is left to give back."""

    payment_id: UUID
    n: int
    kind: str
    rail: str
    amount: int
    left: int
    currency: str


SETTLEMENT_OF_SALE = """
SELECT id, content FROM pos.settlement
WHERE store_id = :store AND terminal = :terminal AND business_date = :day AND sequence <= :sequence AND state = 'paid'
ORDER BY sequence DESC LIMIT 1
"""


def refundable_of_sale(tx: Tx, store_id: int, terminal: str, day: Any, sequence: int) -> list[Refundable]:
    """The payments taken by us that paid a sale of the server's series; empty where we took none.

    A settlement of several legal units has one payment for all of them: `left` is what is left of all.
    """
    asked = {"store": store_id, "terminal": terminal, "day": day, "sequence": sequence}
    row = tx.execute(SETTLEMENT_OF_SALE, asked).one_or_none()
    if row is None:
        return []
    kinds = [tender["kind"] for tender in row.content["tenders"]]
    found = tx.execute(
        select(*COLUMNS)
        .where(payment.c.settlement_id == row.id, payment.c.state == PaymentState.SUCCEEDED.value)
        .order_by(payment.c.n)
    )
    return [
        Refundable(
            each.id, each.n, kinds[each.n - 1], each.rail, each.amount, each.amount - _given_back(tx, each.id),
            each.currency,
        )
        for each in map(taken_from, found.all())
    ]  # fmt: skip
