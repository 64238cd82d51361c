"""What is done by the clock."""

from foundation.database import database
from foundation.queues import queue
from pos_adapter.tills.operations import announce_due_gaps

queue.conf.beat_schedule["announce-gaps"] = {"task": "pos_adapter.announce_due_gaps", "schedule": 10.0}


@queue.task(name="pos_adapter.announce_due_gaps")
def announce_due_gaps_task() -> None:
    with database().transaction() as tx:
        announce_due_gaps(tx)
