"""Scoring in the background: what waits, what the night brings, what is too old."""

from analytics.runs.nightly import request_nightly_run, tidy_up
from analytics.runs.operations import WORK
from analytics.runs.working import work_on_runs
from foundation.database import database
from foundation.queues import QUEUES, QueueName, queue

NIGHTLY, TIDY = "analytics.nightly_scores", "analytics.tidy_scores"
QUEUES[WORK] = QueueName.ANALYTICS


@queue.task(name=WORK)  # type: ignore[untyped-decorator]
def score_task() -> None:
    # Brings scikit-learn in: two seconds and a hundred megabytes, for the process that scores only.
    from analytics.runs.scoring import score

    work_on_runs(database(), score)


@queue.task(name=NIGHTLY)  # type: ignore[untyped-decorator]
def nightly_task() -> None:
    request_nightly_run(database())


@queue.task(name=TIDY)  # type: ignore[untyped-decorator]
def tidy_task() -> None:
    tidy_up(database())


# A run that lost its worker, or its task, is found within half a minute.
queue.conf.beat_schedule["score"] = {"task": WORK, "schedule": 30.0, "options": {"queue": QueueName.ANALYTICS.value}}
queue.conf.beat_schedule["nightly-scores"] = {"task": NIGHTLY, "schedule": 600.0}
queue.conf.beat_schedule["tidy-scores"] = {"task": TIDY, "schedule": 24 * 3600.0}
