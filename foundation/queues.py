"""Celery: what is done later, by idempotent tasks that are sent only after the commit that caused them."""

from enum import StrEnum
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from foundation.database import Tx, database
from foundation.events import consume, subscriptions
from foundation.idempotency import forget_old_keys
from foundation.settings import get_settings

log = structlog.get_logger(__name__)


class QueueName(StrEnum):
    """Every queue there is; a test checks that a worker listens to each."""

    DEFAULT = "default"
    EVENTS = "events"
    ANALYTICS = "analytics"
    PAYMENTS = "payments"


queue = Celery("regulars")
queue.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue=QueueName.DEFAULT.value,
    task_ignore_result=True,
    task_time_limit=3600,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 7200, "socket_connect_timeout": 2, "socket_timeout": 5},
    task_publish_retry=False,
    timezone="UTC",
    beat_schedule={
        "consume-everything": {"task": "foundation.consume_everything", "schedule": 10.0},
        "forget-old-keys": {"task": "foundation.forget_old_keys", "schedule": 3600.0},
    },
)


def configure_queue() -> Celery:
    """Point the queue at the broker of this process; called by whoever starts (web, worker, beat, relay)."""
    queue.conf.update(broker_url=get_settings().redis_url)
    return queue


def send(task: str, *arguments: Any) -> None:
    """Send a task by name now. Tasks are reminders, truth is in the database: a lost broker costs a log line."""
    try:
        queue.send_task(task, args=arguments, queue=QUEUES.get(task, QueueName.DEFAULT).value)
    except (OperationalError, OSError) as error:
        log.warning("task_not_sent", task=task, cause=str(error))


def send_after_commit(tx: Tx, task: str, *arguments: Any) -> None:
    """Send a task by name once this transaction has committed; arguments are ids."""
    tx.after_commit(lambda: send(task, *arguments))


def wake_subscribers(names: set[str]) -> None:
    """Tell the workers which subscribers have events to read."""
    for name in names:
        send("foundation.consume", name)


QUEUES: dict[str, QueueName] = {"foundation.consume": QueueName.EVENTS}
CONSUME_BATCHES_MAX = 200
# 10 million keys an hour: more than are made at two thousand postings a second.
FORGET_BATCH = 5_000
FORGET_BATCHES_MAX = 2_000


@queue.task(name="foundation.consume")  # type: ignore[untyped-decorator]
def consume_task(name: str) -> None:
    if name in subscriptions():
        for _ in range(CONSUME_BATCHES_MAX):
            if consume(database(), name) == 0:
                break


@queue.task(name="foundation.consume_everything")  # type: ignore[untyped-decorator]
def consume_everything_task() -> None:
    for name in subscriptions():
        consume_task(name)


@queue.task(name="foundation.forget_old_keys")  # type: ignore[untyped-decorator]
def forget_old_keys_task() -> None:
    for _ in range(FORGET_BATCHES_MAX):
        if forget_old_keys(database(), FORGET_BATCH) < FORGET_BATCH:
            break
