"""Celery entry points of messages; any of them may run twice, or die at any moment."""

import time

from foundation.database import database
from foundation.queues import queue, send
from marketing.messages.codes import SEND_CODES_TASK, send_waiting_codes
from marketing.messages.gateway import the_gateway
from marketing.messages.operations import SEND_TASK, end_stopped
from marketing.messages.sending import expire_overdue, only_sender, send_all

EXPIRE_TASK = "marketing.expire_messages"
# A worker has other work as well: after so long the task goes to the end of the queue.
TURN_S = 20.0


@queue.task(name=SEND_TASK)
def send_messages_task() -> None:
    with only_sender(database()) as ours:
        left = ours and send_all(database(), the_gateway(), time.monotonic() + TURN_S)
    if left:
        send(SEND_TASK)


@queue.task(name=EXPIRE_TASK)
def expire_messages_task() -> None:
    expire_overdue(database())
    with database().transaction() as tx:
        end_stopped(tx)


@queue.task(name=SEND_CODES_TASK)
def send_codes_task() -> None:
    send_waiting_codes(database(), the_gateway())


# Codes are sent when they are asked for; this round takes up what a sender left lying.
queue.conf.beat_schedule["send-codes"] = {"task": SEND_CODES_TASK, "schedule": 5.0}
queue.conf.beat_schedule["send-messages"] = {"task": SEND_TASK, "schedule": 5.0}
queue.conf.beat_schedule["expire-messages"] = {"task": EXPIRE_TASK, "schedule": 60.0}
