"""What ends by itself, by the clock."""

from foundation.database import database
from foundation.queues import queue
from member_api.ledger.endings import end_holds, expire_lots

EXPIRE, END_HOLDS = "member_api.expire_lots", "member_api.end_holds"


@queue.task(name=EXPIRE)  # type: ignore[untyped-decorator]
def expire_lots_task() -> None:
    expire_lots(database())


@queue.task(name=END_HOLDS)  # type: ignore[untyped-decorator]
def end_holds_task() -> None:
    end_holds(database())


queue.conf.beat_schedule["expire-lots"] = {"task": EXPIRE, "schedule": 3600.0}
queue.conf.beat_schedule["end-holds"] = {"task": END_HOLDS, "schedule": 60.0}
