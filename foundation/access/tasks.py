"""Clearing away what has expired."""

from foundation.access.tokens import forget_expired
from foundation.database import database
from foundation.queues import queue


@queue.task(name="foundation.forget_expired_access")
def forget_expired_access_task() -> None:
    forget_expired(database())


queue.conf.beat_schedule["forget-expired-access"] = {"task": "foundation.forget_expired_access", "schedule": 900.0}
