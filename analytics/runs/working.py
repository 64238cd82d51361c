"""Who works on runs, one at a time in the whole house, and what happens when a worker dies.

Whoever works holds an advisory lock of a session of its own: it goes when the process or its connection dies. So a
run that says `running` while the lock is free has lost its worker, and is taken up again from its first step; nothing
of it was visible, for files count only once the last transaction has named them. Each taking-up has a number
(`attempt`); whoever writes with an older one is refused.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy import select, text, update

from analytics.runs.operations import ScoringRun, read_run
from analytics.runs.rules import ATTEMPTS_MAX, BEGINS_AT, Failure, RunState, Step, failure_of
from analytics.runs.tables import OPEN, scoring_run
from foundation.database import Database, Tx
from foundation.errors import Conflict

log = structlog.get_logger(__name__)

LOCK = 7_205_016
HEARTBEAT_S = 5.0
RUNS_A_TURN_MAX = 100
PASSING = (sqlalchemy_errors.OperationalError, sqlalchemy_errors.InterfaceError, sqlalchemy_errors.TimeoutError)


class RunTaken(Conflict):
    """Somebody else has taken this run up; what this worker did is worth nothing."""

    code = "scoring_run_taken"


@dataclass(slots=True)
class Turn:
    """The right to work on runs. `lost` is set when the session that holds it is gone."""

    lost: threading.Event


Score = Callable[[Database, ScoringRun, "Teller"], None]


class Teller:
    """Says how far a run is, in transactions of its own, as long as the run is still this worker's."""

    def __init__(self, database: Database, run: ScoringRun, turn: Turn) -> None:
        self._database = database
        self._run = run
        self._turn = turn

    def begin(self, step: Step) -> None:
        """A step begins. Raises RunTaken."""
        self.reach(step, BEGINS_AT[step])

    def reach(self, step: Step, percent: int) -> None:
        """So much is done. Raises RunTaken."""
        if self._turn.lost.is_set():
            raise RunTaken(f"run {self._run.id}: the session that held the right to score is gone")
        with self._database.transaction() as tx:
            change(tx, self._run, step=step.value, progress=percent, heartbeat_at=tx.now)


def work_on_runs(database: Database, score: Score, only: int | None = None) -> int:
    """Work on what waits, the oldest first, until nothing waits (or on one run); returns how many were worked on.

    Returns 0 at once while somebody else is at it.
    """
    worked = 0
    with turn_to_score(database) as turn:
        while turn is not None and worked < RUNS_A_TURN_MAX:
            with database.transaction() as tx:
                run = take_up(tx, only)
            if run is None:
                break
            worked += 1
            if not _perform(database, run, turn, score):
                break
    return worked


@contextmanager
def turn_to_score(database: Database) -> Iterator[Turn | None]:
    """The right to score, None if somebody has it."""
    with database.engine.connect() as guard:
        guard = guard.execution_options(isolation_level="AUTOCOMMIT")
        if not guard.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
            yield None
            return
        turn, ended = Turn(threading.Event()), threading.Event()
        beats = threading.Thread(target=_beat, args=(guard, turn, ended), daemon=True, name="scoring-heartbeat")
        beats.start()
        try:
            yield turn
        finally:
            ended.set()
            beats.join()
            if not turn.lost.is_set():
                guard.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")


def _beat(guard: Any, turn: Turn, ended: threading.Event) -> None:
    """Show that we live, and notice when our session does not."""
    while not ended.wait(HEARTBEAT_S):
        try:
            guard.execute(text("UPDATE analytics.scoring_run SET heartbeat_at = now() WHERE state = 'running'"))
        except sqlalchemy_errors.DBAPIError:
            turn.lost.set()
            return


def take_up(tx: Tx, only: int | None = None) -> ScoringRun | None:
    """The next run to work on: one that lost its worker before one that waits; None if there is none.

    Only for whoever has the turn. A run that has lost its worker ATTEMPTS_MAX times is given up here.
    """
    _give_up(tx)
    query = (
        select(scoring_run.c.id)
        .where(OPEN)
        .order_by(scoring_run.c.state.desc(), scoring_run.c.id)
        .limit(1)
        .with_for_update()
    )
    if only is not None:
        query = query.where(scoring_run.c.id == only)
    found = tx.execute(query).scalar()
    if found is None:
        return None
    tx.execute(
        update(scoring_run)
        .where(scoring_run.c.id == found)
        .values(
            state=RunState.RUNNING.value,
            step=Step.WAITING.value,
            progress=0,
            attempt=scoring_run.c.attempt + 1,
            started_at=text("coalesce(started_at, :now)").bindparams(now=tx.now),
            heartbeat_at=tx.now,
        )
    )
    return read_run(tx, found)


def _give_up(tx: Tx) -> None:
    tx.execute(
        update(scoring_run)
        .where(OPEN, scoring_run.c.attempt >= ATTEMPTS_MAX)
        .values(
            state=RunState.FAILED.value,
            finished_at=tx.now,
            failure_code="given_up",
            failure_detail=f"It was begun {ATTEMPTS_MAX} times and never came to its end",
        )
    )


def change(tx: Tx, run: ScoringRun, **values: Any) -> None:
    """Record something about a run that is this worker's. Raises RunTaken if it no longer is."""
    changed = tx.execute(
        update(scoring_run)
        .where(
            scoring_run.c.id == run.id,
            scoring_run.c.attempt == run.attempt,
            scoring_run.c.state == RunState.RUNNING.value,
        )
        .values(**values)
    )
    if changed.rowcount != 1:
        raise RunTaken(f"run {run.id} is no longer worked on as attempt {run.attempt}")


def _perform(database: Database, run: ScoringRun, turn: Turn, score: Score) -> bool:
    """Work on one run to its end; returns whether the next one may follow at once."""
    log.info("scoring_started", run=run.id, as_of=run.as_of.isoformat(), attempt=run.attempt)
    try:
        score(database, run, Teller(database, run, turn))
    except RunTaken as taken:
        log.warning("scoring_run_taken", run=run.id, cause=taken.detail)
        return False
    except Exception as fault:
        failure = failure_of(fault, isinstance(fault, PASSING))
        log.exception("scoring_failed", run=run.id, code=failure.code, passing=failure.passing)
        _record_failure(database, run, failure)
        return not failure.passing
    log.info("scoring_done", run=run.id)
    return True


def _record_failure(database: Database, run: ScoringRun, failure: Failure) -> None:
    """A passing fault puts the run back, to be taken up in a later turn; another ends it."""
    ended = {"state": RunState.FAILED.value, "failure_code": failure.code, "failure_detail": failure.detail}
    back = {"state": RunState.QUEUED.value, "step": Step.WAITING.value, "progress": 0}
    with database.transaction() as tx:
        try:
            change(tx, run, **(back if failure.passing else {**ended, "finished_at": tx.now}))
        except RunTaken:
            log.warning("scoring_run_taken", run=run.id)
