"""Celery entry points of the sales intake; any of them may run twice."""

from datetime import date, timedelta
from uuid import UUID

from celery.schedules import crontab

from foundation.database import database
from foundation.queues import queue
from pos_adapter.sales import attaching

ATTACH_CLAIMS = "pos.attach_claims"
SETTLE_ORIGINALS = "pos.settle_originals"
SWEEP_WAITING = "pos.sweep_waiting"

RECENT_DAYS = 3

# Lately sold every five minutes, everything once a night (03:40 in Shanghai).
queue.conf.beat_schedule["sweep-waiting"] = {"task": SWEEP_WAITING, "schedule": 300.0, "args": (RECENT_DAYS,)}
queue.conf.beat_schedule["sweep-all-waiting"] = {"task": SWEEP_WAITING, "schedule": crontab(hour="19", minute="40")}


@queue.task(name=ATTACH_CLAIMS)  # type: ignore[untyped-decorator]
def attach_claims(claim_ids: list[int]) -> None:
    attaching.attach_claims(database(), claim_ids)


@queue.task(name=SETTLE_ORIGINALS)  # type: ignore[untyped-decorator]
def settle_originals(sale_ids: list[str]) -> None:
    attaching.settle_originals(database(), [UUID(sale_id) for sale_id in sale_ids])


@queue.task(name=SWEEP_WAITING)  # type: ignore[untyped-decorator]
def sweep_waiting(days: int | None = None) -> None:
    home = database()
    attaching.sweep(home, date.min if days is None else home.clock.now().date() - timedelta(days))
