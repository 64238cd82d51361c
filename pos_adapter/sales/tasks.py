"""Celery entry points of the sales intake; any of them may run twice."""

from uuid import UUID

from foundation.database import database
from foundation.queues import queue
from pos_adapter.sales import attaching

ATTACH_CLAIMS = "pos.attach_claims"
SETTLE_ORIGINALS = "pos.settle_originals"
SWEEP_WAITING = "pos.sweep_waiting"

queue.conf.beat_schedule[SWEEP_WAITING] = {"task": SWEEP_WAITING, "schedule": 300.0}


@queue.task(name=ATTACH_CLAIMS)  # type: ignore[untyped-decorator]
def attach_claims(claim_ids: list[int]) -> None:
    attaching.attach_claims(database(), claim_ids)


@queue.task(name=SETTLE_ORIGINALS)  # type: ignore[untyped-decorator]
def settle_originals(sale_ids: list[str]) -> None:
    attaching.settle_originals(database(), [UUID(sale_id) for sale_id in sale_ids])


@queue.task(name=SWEEP_WAITING)  # type: ignore[untyped-decorator]
def sweep_waiting() -> None:
    attaching.sweep(database())
