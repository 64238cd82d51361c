"""Launches, reminders and ends of campaigns, in the background."""

from foundation.database import database
from foundation.queues import queue
from marketing.campaigns.launching import campaigns_at_work, work_on, work_on_each
from marketing.campaigns.operations import WORK_TASK

WORK_ON_ALL = "marketing.work_on_campaigns"


@queue.task(name=WORK_TASK)  # type: ignore[untyped-decorator]
def work_on_campaign_task(campaign_id: int) -> None:
    work_on(database(), campaign_id)


@queue.task(name=WORK_ON_ALL)  # type: ignore[untyped-decorator]
def work_on_campaigns_task() -> None:
    with database().transaction(read_only=True) as tx:
        waiting = campaigns_at_work(tx)
    work_on_each(database(), waiting)


queue.conf.beat_schedule["work-on-campaigns"] = {"task": WORK_ON_ALL, "schedule": 30.0, "options": {"expires": 30.0}}
