"""What the worker does for follow-up tasks."""

from celery.schedules import crontab

from foundation.database import database
from foundation.queues import queue
from marketing.tasks.daily import remind_and_escalate

ROUNDS_MAX = 500
queue.conf.beat_schedule["remind-of-tasks"] = {"task": "marketing.remind_of_tasks", "schedule": crontab(minute="*/10")}


@queue.task(name="marketing.remind_of_tasks")  # type: ignore[untyped-decorator]
def remind_of_tasks_task() -> None:
    for _ in range(ROUNDS_MAX):
        with database().transaction() as tx:
            if remind_and_escalate(tx) == 0:
                break
