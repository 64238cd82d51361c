"""The periodic sign of life of the workers, which /readyz looks for."""

from celery.signals import worker_ready

from foundation.database import database
from foundation.http.health import beat_worker
from foundation.queues import queue

BEAT_EVERY_S = 20.0


@queue.task(name="regulars.beat_worker", expires=BEAT_EVERY_S)
def beat_worker_task() -> None:
    beat_worker(database())


# The first sign as soon as the worker listens, the others through the queue: so they prove that work gets done.
worker_ready.connect(lambda **_: beat_worker(database()), weak=False)
queue.conf.beat_schedule["beat-worker"] = {"task": "regulars.beat_worker", "schedule": BEAT_EVERY_S}
