"""Triggers are looked at once a day, and again when new scores are there; what a paused one left waiting is ended."""

from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue
from marketing.triggers.firing import due_today, end_wishes_of_paused, evaluate_each, triggers_in
from marketing.triggers.kept_results import RESULTS_TASK, work_out
from marketing.triggers.operations import END_WISHES_TASK
from marketing.triggers.rules import TriggerState

EVALUATE_DUE = "marketing.evaluate_due_triggers"
EVALUATE_ALL = "marketing.evaluate_all_triggers"
END_WISHES_OF_ALL = "marketing.end_wishes_of_paused_triggers"


@queue.task(name=EVALUATE_DUE)  # type: ignore[untyped-decorator]
def evaluate_due_triggers_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = due_today(tx)
    evaluate_each(database(), waiting)


@queue.task(name=EVALUATE_ALL)  # type: ignore[untyped-decorator]
def evaluate_all_triggers_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = triggers_in(tx, TriggerState.ACTIVE)
    evaluate_each(database(), waiting)


@queue.task(name=END_WISHES_TASK)  # type: ignore[untyped-decorator]
def end_wishes_task(trigger_id: int) -> None:
    end_wishes_of_paused(database(), [trigger_id])


@queue.task(name=END_WISHES_OF_ALL)  # type: ignore[untyped-decorator]
def end_wishes_of_all_task() -> None:
    with database().transaction(read_only=True) as tx:
        paused = triggers_in(tx, TriggerState.PAUSED)
    end_wishes_of_paused(database(), paused)


@queue.task(name=RESULTS_TASK)  # type: ignore[untyped-decorator]
def work_out_results_task(trigger_id: int) -> None:
    work_out(database(), trigger_id)


QUEUES.update(dict.fromkeys((EVALUATE_DUE, EVALUATE_ALL, RESULTS_TASK), QueueName.ANALYTICS))
queue.conf.beat_schedule["evaluate-triggers"] = {
    "task": EVALUATE_DUE, "schedule": 600.0, "options": {"queue": QueueName.ANALYTICS.value}
}  # fmt: skip
# A pause sends its own task; this takes up what that one left.
queue.conf.beat_schedule["end-wishes-of-paused-triggers"] = {"task": END_WISHES_OF_ALL, "schedule": 600.0}
