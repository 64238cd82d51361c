"""Launches, reminders, ends and results of campaigns, in the background."""

from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue
from marketing.campaigns.kept_results import RESULTS_TASK, work_out
from marketing.campaigns.launching import campaigns_at_work, work_on, work_on_each
from marketing.campaigns.operations import WORK_TASK

WORK_ON_ALL = "marketing.work_on_campaigns"


@queue.task(name=WORK_TASK)  # type: ignore[untyped-decorator]
def work_on_campaign_task(campaign_id: int) -> None:
    work_on(database(), campaign_id)


@queue.task(name=RESULTS_TASK)  # type: ignore[untyped-decorator]
def work_out_results_task(campaign_id: int) -> None:
    work_out(database(), campaign_id)


@queue.task(name=WORK_ON_ALL)  # type: ignore[untyped-decorator]
def work_on_campaigns_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = campaigns_at_work(tx)
    work_on_each(database(), waiting)


QUEUES[RESULTS_TASK] = QueueName.ANALYTICS
queue.conf.beat_schedule["work-on-campaigns"] = {"task": WORK_ON_ALL, "schedule": 30.0, "options": {"expires": 30.0}}
