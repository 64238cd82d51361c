"""The root, signed once a night."""

from celery.schedules import crontab

from foundation.database import database
from foundation.queues import queue
from member_api.seal.operations import sign_root

SIGN = "member_api.sign_root"


@queue.task(name=SIGN)  # type: ignore[untyped-decorator]
def sign_root_task() -> None:
    sign_root(database())


# 03:10 in Shanghai, after the last store has closed.
queue.conf.beat_schedule["sign-root"] = {"task": SIGN, "schedule": crontab(hour="19", minute="10")}
