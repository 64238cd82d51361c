"""A worker killed in any step leaves nothing behind, and the next one finishes with the same scores to the byte."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from analytics.runs.operations import ScoringRun, read_run, request_run
from analytics.runs.rules import Origin, RunState, Step
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from analytics.scores.reading import score_sets
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import move_batch
from tests.analytics.lake_factory import write_lake
from tests.analytics.runs.shop import AS_OF, purchases
from tests.conftest import ROOT

WAIT_S = 120.0


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


def test_a_worker_killed_in_each_step_changes_nothing(database: Database, redis_url: str) -> None:
    write_lake(database, purchases(110))
    undisturbed = asked(database)
    work_on_runs(database, score)
    disturbed = asked(database)
    for step in (Step.CONTRIBUTION, Step.POTENTIAL, Step.WRITING):
        kill_in(database, disturbed, step)
        assert state_of(database, disturbed) is RunState.RUNNING
        assert seen(database) == [undisturbed.id]
    wait_for_the_turn(database)
    after = run_of(database, disturbed)
    assert (after.state, after.attempt) == (RunState.DONE, 4)
    assert digests(database, disturbed) == digests(database, undisturbed)


def asked(database: Database) -> ScoringRun:
    with database.transaction() as tx:
        run, new = request_run(tx, AS_OF, 28, Origin.REQUEST, "person:1")
    assert new
    with database.transaction() as tx:
        move_batch(tx)
    return run


def kill_in(database: Database, run: ScoringRun, step: Step) -> None:
    """Start a worker, and kill it -9 once it has come to the step in an attempt of its own."""
    before = run_of(database, run).attempt
    worker = subprocess.Popen([sys.executable, "-m", "tests.analytics.runs.slow_worker"], cwd=ROOT, env=os.environ)
    deadline = time.monotonic() + WAIT_S
    while (now := run_of(database, run)).attempt == before or now.step is not step:
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)


def wait_for_the_turn(database: Database) -> None:
    """PostgreSQL takes a moment to notice that a killed worker's session is gone."""
    deadline = time.monotonic() + WAIT_S
    while work_on_runs(database, score) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def run_of(database: Database, run: ScoringRun) -> ScoringRun:
    with database.transaction(read_only=True) as tx:
        return read_run(tx, run.id)


def state_of(database: Database, run: ScoringRun) -> RunState:
    return run_of(database, run).state


def seen(database: Database) -> list[int]:
    with database.transaction(read_only=True) as tx:
        return [each.run_id for each in score_sets(tx, 10)]


def digests(database: Database, run: ScoringRun) -> list[bytes]:
    with database.transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT sha256 FROM analytics.scoring_file WHERE run_id = :run ORDER BY kind", {"run": run.id}
        )
        return [bytes(row.sha256) for row in rows]
