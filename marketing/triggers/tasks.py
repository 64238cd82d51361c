"""Triggers are looked at once a day, and again when new scores are there."""

from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue
from marketing.triggers.firing import active_triggers, due_today, evaluate_each

EVALUATE_DUE = "marketing.evaluate_due_triggers"
EVALUATE_ALL = "marketing.evaluate_all_triggers"


@queue.task(name=EVALUATE_DUE)  # type: ignore[untyped-decorator]
def evaluate_due_triggers_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = due_today(tx)
    evaluate_each(database(), waiting)


@queue.task(name=EVALUATE_ALL)  # type: ignore[untyped-decorator]
def evaluate_all_triggers_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = active_triggers(tx)
    evaluate_each(database(), waiting)


QUEUES.update({EVALUATE_DUE: QueueName.ANALYTICS, EVALUATE_ALL: QueueName.ANALYTICS})
queue.conf.beat_schedule["evaluate-triggers"] = {
    "task": EVALUATE_DUE, "schedule": 600.0, "options": {"queue": QueueName.ANALYTICS.value}
}  # fmt: skip
