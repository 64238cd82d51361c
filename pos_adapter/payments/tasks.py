"""Payments are taken by workers, so that no till waits in a web thread for a bank."""

from uuid import UUID

from foundation.database import database
from foundation.queues import queue
from pos_adapter.payments.operations import TAKE, advance, sweep

SWEEP = "pos.sweep_payments"


@queue.task(name=TAKE)  # type: ignore[untyped-decorator]
def take_payment_task(payment: str) -> None:
    advance(database(), UUID(payment))


@queue.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_payments_task() -> None:
    sweep(database())


queue.conf.beat_schedule["pos-sweep-payments"] = {"task": SWEEP, "schedule": 2.0}
