"""`regulars score`: start a run from a terminal and watch it, or see how runs went."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from analytics.runs.operations import ScoringRun, list_runs, read_run, request_run
from analytics.runs.rules import Origin, RunState
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.database import Database
from foundation.events import run_relay
from foundation.queues import configure_queue

OPERATOR = "operator"
LOOK_S = 0.5
WAIT_MAX_S = 4 * 3600.0


def run_here(database: Database, as_of: date | None, horizon_days: int | None, console: Console) -> bool:
    """Ask for a run and work on it in this process, unless a worker is at it already; True when it came to its end."""
    configure_queue()
    with database.transaction() as tx:
        run, new = request_run(tx, as_of, horizon_days, Origin.COMMAND, OPERATOR)
    console.print(
        f"Run {run.id}: scores as of {run.as_of} (exclusive), {run.horizon_days} days ahead"
        + ("" if new else "; it was asked for already")
    )
    with _bar(console) as show, _relaying(database):
        ended = _work_or_watch(database, run.id, show)
    console.print(_ending(ended))
    return ended.state is RunState.DONE


@contextmanager
def _relaying(database: Database) -> Iterator[None]:
    """Be the relay meanwhile, if the house does not run: a run waits for what was committed before it was asked for."""
    stop = threading.Event()
    relay = threading.Thread(target=run_relay, args=(database, stop), daemon=True)
    relay.start()
    try:
        yield
    finally:
        stop.set()
        relay.join()


def show_status(database: Database, limit: int, console: Console) -> None:
    """The latest runs, with the step and progress of the one under way."""
    with database.transaction(read_only=True) as tx:
        runs = list_runs(tx, limit)
    if not runs:
        console.print("Nothing has been scored yet: regulars score run")
        return
    table = Table("run", "as of", "days", "asked by", "state", "step", "%", "seconds", "position")
    for column in table.columns:
        column.no_wrap = True
    for run in runs:
        table.add_row(
            str(run.id),
            run.as_of.isoformat(),
            str(run.horizon_days),
            run.origin.value,
            run.failure_code or run.state.value,
            run.step.value,
            str(run.progress),
            f"{run.seconds:,.1f}" if run.seconds is not None else "",
            f"{run.position:,}" if run.position is not None else "",
        )
    console.print(table)


Show = Callable[[ScoringRun], None]


def _work_or_watch(database: Database, run_id: int, show: Show) -> ScoringRun:
    """Do the work if nobody else has the turn; show how far it is either way."""
    worker = threading.Thread(target=work_on_runs, args=(database, score, run_id), daemon=True)
    worker.start()
    deadline = time.monotonic() + WAIT_MAX_S
    while True:
        with database.transaction(read_only=True) as tx:
            run = read_run(tx, run_id)
        show(run)
        if run.finished_at is not None or time.monotonic() > deadline:
            worker.join(LOOK_S)
            return run
        if not worker.is_alive():
            # Somebody else scores: when that is over, it is either done or our turn.
            time.sleep(LOOK_S)
            worker = threading.Thread(target=work_on_runs, args=(database, score, run_id), daemon=True)
            worker.start()
        time.sleep(LOOK_S)


@contextmanager
def _bar(console: Console) -> Iterator[Show]:
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, refresh_per_second=4) as progress:
        task: TaskID = progress.add_task("waiting", total=100)
        said = ""

        def show(run: ScoringRun) -> None:
            nonlocal said
            progress.update(task, description=run.step.value, completed=run.progress)
            if not console.is_terminal and run.step.value != said:
                said = run.step.value
                console.print(f"{said} ({run.progress} %)")

        yield show


def _ending(run: ScoringRun) -> str:
    if run.state is RunState.FAILED:
        return f"Failed: {run.failure_code}: {run.failure_detail}"
    if run.state is not RunState.DONE:
        return f"Still {run.state}: regulars score status tells how it goes on"
    members = sum(each["facts"]["members"] for each in (run.findings or {}).get("currencies", ()))
    return f"Done in {run.seconds or 0:,.1f} s: {members:,} members, lake complete up to event {run.position:,}"
