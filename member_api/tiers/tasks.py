"""Tiers in the background: for everybody, once a night."""

from celery.schedules import crontab

from foundation.database import database
from foundation.queues import queue
from member_api.tiers.operations import sweep

SWEEP = "member_api.sweep_tiers"
# Ten million members in batches of five thousand are two thousand; a sweep that takes more has gone astray.
BATCHES_MAX = 20_000


@queue.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_tiers_task() -> None:
    after: int | None = 0
    for _ in range(BATCHES_MAX):
        if after is None:
            break
        with database().transaction() as tx:
            after = sweep(tx, after)


# 02:30 in Shanghai: the stores are closed, and well before they open.
queue.conf.beat_schedule["sweep-tiers"] = {"task": SWEEP, "schedule": crontab(hour="18", minute="30")}
