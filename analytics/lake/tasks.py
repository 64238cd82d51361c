"""The lake is brought up to date and swept by the clock."""

from analytics.lake.exporting import refresh
from analytics.lake.healing import heal
from analytics.lake.sweeping import sweep
from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue

EXPORT, SWEEP = "analytics.export", "analytics.sweep_lake"
EVERY_S = 20.0


@queue.task(name=EXPORT)  # type: ignore[untyped-decorator]
def export_task() -> None:
    heal(database())
    refresh(database())


@queue.task(name=SWEEP)  # type: ignore[untyped-decorator]
def sweep_task() -> None:
    sweep(database())


QUEUES[EXPORT] = QUEUES[SWEEP] = QueueName.ANALYTICS
ANALYTICS = {"queue": QueueName.ANALYTICS.value}
# A reminder that waits longer than the next one has nothing to say.
queue.conf.beat_schedule["export-lake"] = {
    "task": EXPORT,
    "schedule": EVERY_S,
    "options": ANALYTICS | {"expires": EVERY_S},
}
queue.conf.beat_schedule["sweep-lake"] = {"task": SWEEP, "schedule": 600.0, "options": ANALYTICS}
