"""What the phone pages leave behind is cleared away: codes that are over, sessions that ended by themselves."""

from foundation.database import database
from foundation.queues import queue
from member_api.phone import codes, sessions, showing

CLEAR_AWAY = "member_api.clear_phones"


@queue.task(name=CLEAR_AWAY)
def clear_phones_task() -> None:
    for clear_away in (codes.clear_away, sessions.clear_away, showing.clear_away):
        with database().transaction() as tx:
            clear_away(tx)


queue.conf.beat_schedule["clear-phones"] = {"task": CLEAR_AWAY, "schedule": 300.0}
