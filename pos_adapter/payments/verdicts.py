"""What people found out where a rail does not tell: proposed with evidence, confirmed by another person.

    proposed -> confirmed | refused (by another) | withdrawn (by who proposed it) | overtaken (the rail told after all)

Only a payment or refund that is `unknown` is decided so. A confirmed verdict ends it as an answer of its rail would:
the settlement is paid or fails, a refund's return goes on, and the step stays in its trail.
Locks: settlement, payment, then its refunds, then the verdict.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Conflict, NotFound
from foundation.events import announce
from pos_adapter.payments.operations import COLUMNS, Taken, becomes, read_payment, taken_from
from pos_adapter.payments.rails import Told
from pos_adapter.payments.refunds import REFUND_COLUMNS, Refund, becomes_refund, refund_from
from pos_adapter.payments.rules import Action, Next, Outcome, PaymentState, RefundNext, RefundState
from pos_adapter.payments.tables import payment, payment_verdict
from pos_adapter.payments.tables import refund as refund_table
from pos_adapter.permissions import PAYMENTS_APPROVE, PAYMENTS_RESOLVE
from pos_adapter.places import place_of_store
from pos_adapter.second_person import check_second_person
from pos_adapter.settlements.operations import lock_settlement

VERDICT = "verdict"
VERDICTS_MAX = 100


class Finding(StrEnum):
    """`MOVED`: the payer was charged, or has the refund; `NOT_MOVED`: was not, or has not."""

    MOVED = "moved"
    NOT_MOVED = "not_moved"


class VerdictState(StrEnum):
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"


class VerdictUnknown(NotFound):
    """There is no such verdict about this payment."""

    code = "payment_verdict_unknown"


class VerdictNotNeeded(Conflict):
    """The rail tells by itself: only what is `unknown` is decided by people."""

    code = "payment_verdict_not_needed"


class VerdictOpen(Conflict):
    """Somebody has proposed one before, and it is not decided."""

    code = "payment_verdict_open"


class VerdictDecided(Conflict):
    """It was decided before, or the rail told meanwhile."""

    code = "payment_verdict_decided"


class BeingAsked(Conflict):
    """A message about it is out this very moment; its answer may tell. Try again in a minute."""

    code = "payment_being_asked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody found out, and who decided about it; `refund_id` None: about the payment itself."""

    id: int
    payment_id: UUID
    refund_id: UUID | None
    store_id: int
    finding: Finding
    evidence: str
    state: VerdictState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def propose(
    tx: Tx, actor: Principal, payment_id: UUID, refund_id: UUID | None, finding: Finding, evidence: str
) -> Verdict:
    """Write down what somebody found out, and wait for a second person; needs payments.resolve.

    Raises PaymentUnknown, VerdictUnknown (no such refund of it), VerdictNotNeeded, VerdictOpen, PermissionMissing.
    """
    paid = read_payment(tx, payment_id)
    actor.require(PAYMENTS_RESOLVE, place_of_store(tx, paid.store_id))
    _lock(tx, paid, refund_id)
    row = tx.execute(
        insert_or_leave(payment_verdict)
        .values(
            payment_id=payment_id, refund_id=refund_id, store_id=paid.store_id, finding=finding.value,
            evidence=evidence, state=VerdictState.PROPOSED.value, proposed_by=actor.actor, proposed_at=tx.now,
        )
        .on_conflict_do_nothing()
        .returning(payment_verdict)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise VerdictOpen("Somebody has proposed one before: confirm or refuse that")
    _announce(tx, made := _verdict(row))
    return made


def confirm(tx: Tx, actor: Principal, payment_id: UUID, verdict_id: int) -> Verdict:
    """End the payment or refund by what another person found out; needs payments.approve.

    Raises VerdictUnknown, VerdictDecided, SecondPersonNeeded, BeingAsked, PermissionMissing.
    """
    found = _read(tx, payment_id, verdict_id)
    actor.require(PAYMENTS_APPROVE, place_of_store(tx, found.store_id))
    check_second_person(actor, found.proposed_by)
    paid, back = _lock(tx, read_payment(tx, payment_id), found.refund_id)
    decided = _decide(tx, found, actor, VerdictState.CONFIRMED)
    if back is None:
        _end_payment(tx, paid, found)
    else:
        _end_refund(tx, back, found)
    return decided


def decline(tx: Tx, actor: Principal, payment_id: UUID, verdict_id: int) -> Verdict:
    """Refuse a verdict (payments.approve), or withdraw one's own (payments.resolve).

    Raises VerdictUnknown, VerdictDecided, PermissionMissing.
    """
    found = _read(tx, payment_id, verdict_id)
    own = found.proposed_by == actor.actor
    actor.require(PAYMENTS_RESOLVE if own else PAYMENTS_APPROVE, place_of_store(tx, found.store_id))
    return _decide(tx, found, actor, VerdictState.WITHDRAWN if own else VerdictState.REFUSED)


def verdicts_of(tx: Tx, payment_id: UUID) -> list[Verdict]:
    """What was ever proposed about a payment and its refunds, the latest first."""
    c = payment_verdict.c
    asked = select(payment_verdict).where(c.payment_id == payment_id).order_by(c.id.desc()).limit(VERDICTS_MAX)
    return [_verdict(row) for row in tx.execute(asked)]


def _verdict(row: Any) -> Verdict:
    facts = {name: row._mapping[name] for name in Verdict.__slots__}
    return Verdict(**facts | {"finding": Finding(row.finding), "state": VerdictState(row.state)})


def _read(tx: Tx, payment_id: UUID, verdict_id: int) -> Verdict:
    c = payment_verdict.c
    row = tx.execute(select(payment_verdict).where(c.id == verdict_id, c.payment_id == payment_id)).one_or_none()
    if row is None:
        raise VerdictUnknown("There is no such verdict about this payment")
    return _verdict(row)


def _lock(tx: Tx, paid: Taken, refund_id: UUID | None) -> tuple[Taken, Refund | None]:
    """The payment and the refund in question, locked. Raises VerdictUnknown, VerdictNotNeeded, BeingAsked."""
    lock_settlement(tx, paid.settlement_id)
    row = tx.execute(select(*COLUMNS, payment.c.leased_until).where(payment.c.id == paid.id).with_for_update()).one()
    paid = taken_from(row)
    if refund_id is None:
        _check_asks_nobody(tx, row.leased_until, is_unknown=paid.state is PaymentState.UNKNOWN)
        return paid, None
    c = refund_table.c
    asked = select(*REFUND_COLUMNS, c.leased_until).where(c.id == refund_id, c.payment_id == paid.id)
    found = tx.execute(asked.with_for_update()).one_or_none()
    if found is None:
        raise VerdictUnknown("There is no such refund of this payment")
    back = refund_from(found)
    _check_asks_nobody(tx, found.leased_until, is_unknown=back.state is RefundState.UNKNOWN)
    return paid, back


def _check_asks_nobody(tx: Tx, leased_until: datetime | None, *, is_unknown: bool) -> None:
    if not is_unknown:
        raise VerdictNotNeeded("Only what the bank does not tell is decided by people; this is decided, or still asked")
    if leased_until is not None and leased_until > tx.now:
        raise BeingAsked("The bank is being asked this moment; try again in a minute")


def _decide(tx: Tx, found: Verdict, actor: Principal, state: VerdictState) -> Verdict:
    c = payment_verdict.c
    row = tx.execute(
        update(payment_verdict)
        .where(c.id == found.id, c.state == VerdictState.PROPOSED.value)
        .values(state=state.value, decided_by=actor.actor, decided_at=tx.now)
        .returning(payment_verdict)
    ).one_or_none()
    if row is None:
        raise VerdictDecided("It was decided before, or the bank has told meanwhile")
    _announce(tx, decided := _verdict(row))
    return decided


def _end_payment(tx: Tx, paid: Taken, found: Verdict) -> None:
    moved = found.finding is Finding.MOVED
    state = PaymentState.SUCCEEDED if moved else PaymentState.REVERSED
    told = Told(Outcome.SUCCEEDED if moved else Outcome.UNDONE, words=found.evidence)
    becomes(tx, paid, Next(state, Action.NOTHING, None), VERDICT, told)


def _end_refund(tx: Tx, back: Refund, found: Verdict) -> None:
    moved = found.finding is Finding.MOVED
    state = RefundState.SUCCEEDED if moved else RefundState.FAILED
    told = Told(Outcome.SUCCEEDED if moved else Outcome.DECLINED, words=found.evidence)
    becomes_refund(tx, back, RefundNext(state, Action.NOTHING, None), VERDICT, told)


def _announce(tx: Tx, what: Verdict) -> None:
    announce(
        tx,
        f"payment_verdict.{what.state.value}",
        {"verdict": what.id, "payment": str(what.payment_id), "store": what.store_id, "state": what.state.value},
    )
