"""What becomes of tickets by itself."""

from foundation.database import database
from foundation.queues import queue
from pos_adapter.tickets.operations import expire_tickets

EXPIRE = "pos.expire_tickets"
queue.conf.beat_schedule["pos-expire-tickets"] = {"task": EXPIRE, "schedule": 600.0}


@queue.task(name=EXPIRE)  # type: ignore[untyped-decorator]
def expire_tickets_task() -> None:
    expire_tickets(database())
