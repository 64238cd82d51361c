"""Expectations are worked out again when a scoring run is done: it is night then, or somebody wants to know."""

from analytics.expectations.operations import work_out
from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue

EXPECT = "analytics.expect_categories"


@queue.task(name=EXPECT)  # type: ignore[untyped-decorator]
def expect_categories_task() -> None:
    work_out(database())


QUEUES[EXPECT] = QueueName.ANALYTICS
