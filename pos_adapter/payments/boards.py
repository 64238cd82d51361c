"""Payments as people look for them: those of a settlement, those that are open or stuck, what was said about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_

from foundation.database import Tx
from pos_adapter.payments.operations import COLUMNS, Taken, taken_from
from pos_adapter.payments.refunds import REFUND_COLUMNS, Refund, refund_from
from pos_adapter.payments.rules import ENDED, REFUND_ENDED, PaymentState, RefundState
from pos_adapter.payments.tables import payment, payment_step, refund

STEPS_MAX = 500
OPEN = tuple(state.value for state in PaymentState if state not in ENDED)
OPEN_REFUNDS = tuple(state.value for state in RefundState if state not in REFUND_ENDED)


@dataclass(frozen=True, slots=True)
class Step:
    """A message to a rail and what came back; `refund_id` where it was about a refund."""

    at: datetime
    action: str
    outcome: str
    state: str
    detail: str | None
    refund_id: UUID | None


def list_payments(
    tx: Tx,
    store_ids: Sequence[int],
    *,
    settlement: UUID | None = None,
    states: Sequence[str] = (),
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Taken]:
    """Payments of these stores, the latest first."""
    c = payment.c
    asked = select(*COLUMNS).where(c.store_id.in_(store_ids))
    if settlement is not None:
        asked = asked.where(c.settlement_id == settlement)
    if states:
        asked = asked.where(c.state.in_(states))
    if before is not None:
        asked = asked.where(tuple_(c.created_at, c.id) < before)
    rows = tx.execute(asked.order_by(c.created_at.desc(), c.id.desc()).limit(limit))
    return [taken_from(row) for row in rows]


def open_refunds(tx: Tx, store_ids: Sequence[int], limit: int) -> list[Refund]:
    """Refunds that have not ended, or were refused and not asked for again; the oldest first."""
    c = refund.c
    asked = select(*REFUND_COLUMNS).where(
        c.store_id.in_(store_ids), c.state.in_((*OPEN_REFUNDS, RefundState.FAILED.value))
    )
    return [refund_from(row) for row in tx.execute(asked.order_by(c.created_at, c.id).limit(limit))]


def steps_of(tx: Tx, payment_id: UUID) -> list[Step]:
    """Everything that was asked of the rail about a payment and its refunds, in order."""
    c = payment_step.c
    asked = (
        select(c.at, c.action, c.outcome, c.state, c.detail, c.refund_id)
        .where(c.payment_id == payment_id)
        .order_by(c.id)
        .limit(STEPS_MAX)
    )
    return [Step(*row) for row in tx.execute(asked)]
