"""Payments are taken by workers of their own, so that no till waits in a web thread for a bank, nor behind a report."""

import threading
from uuid import UUID

from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue
from pos_adapter.payments.operations import TAKE, advance, sweep
from pos_adapter.payments.refunds import GIVE_BACK, advance_refund, sweep_refunds

SWEEP = "pos.sweep_payments"
SWEEP_EVERY_S = 2.0
QUEUES.update({TAKE: QueueName.PAYMENTS, GIVE_BACK: QueueName.PAYMENTS, SWEEP: QueueName.PAYMENTS})
# One at a time in a process: a sweep that waits for a silent bank is not joined by more of them.
_sweeping = threading.Lock()


@queue.task(name=TAKE)  # type: ignore[untyped-decorator]
def take_payment_task(payment: str) -> None:
    advance(database(), UUID(payment))


@queue.task(name=GIVE_BACK)  # type: ignore[untyped-decorator]
def give_back_task(refund: str) -> None:
    advance_refund(database(), UUID(refund))


@queue.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_payments_task() -> None:
    if _sweeping.acquire(blocking=False):
        try:
            sweep(database())
            sweep_refunds(database())
        finally:
            _sweeping.release()


queue.conf.beat_schedule["pos-sweep-payments"] = {
    "task": SWEEP,
    "schedule": SWEEP_EVERY_S,
    "options": {"queue": QueueName.PAYMENTS.value, "expires": 10 * SWEEP_EVERY_S},
}
