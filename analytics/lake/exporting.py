"""The exporter: what happened becomes rows of the lake, exactly once, however much is posted meanwhile.

    read     a batch of events by position, and what the receipts they name say now (or later: it is said again then)
    compare  with the versions that the lake holds: what says the same is left alone
    write    files named by the range of positions; a file that holds an old version is written again without it
    publish  one transaction: new files in, replaced files out, the cursor moves

Whoever is killed before the last step leaves files that nobody knows. One exporter at a time (advisory lock); should
two run after all, the second to publish is refused, for the cursor is not where it began.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import duckdb
import pyarrow as pa
import structlog

from analytics.lake.changing import write_changes
from analytics.lake.collecting import lake_lines
from analytics.lake.engine import open_engine
from analytics.lake.manifest import LakeMoved, live_files, publish, read_state
from analytics.lake.schema import LINES
from foundation.database import Database, Tx
from foundation.errors import Unavailable
from foundation.events import Event, last_position, read_events
from foundation.identifiers import day_of
from pos_adapter.contract.sales import RECEIPTS_AT_ONCE_MAX, SAY_SOMETHING_NEW, families, receipts_named

log = structlog.get_logger(__name__)

LOCK = 7_205_012  # the advisory lock of the one exporter
LOCK_POLL_S = 0.2
EVENTS_MAX = 5_000
RECEIPTS_MAX = 20_000  # of a batch: what it reads and holds is bounded by it
WINDOW = 100_000  # positions looked at for events of ours in one statement
BATCHES_MAX = 100_000


class LakeBehind(Unavailable):
    """The lake could not be brought up to the position in time; try again."""

    code = "lake_behind"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events above `after` up to `position`, and the receipts that may say something new because of them."""

    after: int
    position: int
    at: datetime | None
    receipts: Sequence[UUID]


# ---------------------------------------------------------------------------------------------- the ways in


def bring_up_to(
    home: Database, position: int | None = None, *, timeout_s: float = 600, told: Callable[[int], None] | None = None
) -> int:
    """Export until the lake is complete up to `position` (the newest event, if not said); returns where it stands.

    Waits for another exporter, and does the work itself when that is gone. `told` hears of each position reached.
    Raises LakeBehind when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    target = _newest(home) if position is None else position
    while (reached := _reached(home)) < target:
        if time.monotonic() > deadline:
            raise LakeBehind(f"The lake is complete up to {reached}, wanted is {target}")
        with exporter_alone(home) as alone:
            for reached in export_batches(home, target) if alone else ():
                if told is not None:
                    told(reached)
                if time.monotonic() > deadline:
                    break
        if reached < target:
            time.sleep(LOCK_POLL_S)  # another exporter is at it, or the relay has not given that position yet
    return reached


def refresh(home: Database) -> int:
    """Export what there is, unless another exporter is at it; returns the position reached. For the periodic task."""
    with exporter_alone(home) as alone:
        if alone:
            for _ in export_batches(home):
                pass
    return _reached(home)


@contextmanager
def exporter_alone(home: Database) -> Iterator[bool]:
    """Be the one exporter; says False at once if somebody else is. The lock goes with the session if we die."""
    with home.engine.connect() as guard:
        guard = guard.execution_options(isolation_level="AUTOCOMMIT")
        alone = bool(guard.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar())
        try:
            yield alone
        finally:
            if alone and not guard.invalidated and not guard.closed:
                guard.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")


@contextmanager
def wait_until_alone(home: Database, timeout_s: float) -> Iterator[None]:
    """Be the one exporter, once the other has ended. Raises LakeBehind when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        with exporter_alone(home) as alone:
            if alone:
                yield
                return
        if time.monotonic() > deadline:
            raise LakeBehind("Another exporter is at work and does not end")
        time.sleep(LOCK_POLL_S)


def export_batches(home: Database, target: int | None = None) -> Iterator[int]:
    """Batch after batch until the newest event (or `target`) is in; yields each position reached.

    Only for the one exporter. A batch that somebody else has overtaken is begun again.
    """
    for _ in range(BATCHES_MAX):
        try:
            reached = export_batch(home)
        except LakeMoved as moved:
            log.warning("lake_moved", cause=moved.detail)
            continue
        if reached is None:
            return
        yield reached
        if target is not None and reached >= target:
            return


def export_batch(home: Database) -> int | None:
    """Take the next batch of events into the lake; returns the position it then stands at, None if there were none."""
    if _reached(home) >= _newest(home):
        return None  # the usual case at night: not worth a DuckDB
    with open_engine(home.settings) as engine:
        with home.transaction(read_only=True) as tx:
            batch = _next_batch(tx)
            if batch is None:
                return None
            collect(tx, engine, batch.receipts, batch.position)
            files = live_files(
                tx, {month for (month,) in engine.execute("SELECT DISTINCT month FROM touched").fetchall()}
            )
        change = write_changes(engine, home.settings.lake, files, batch.after + 1, batch.position)
        with home.transaction() as tx:
            publish(
                tx, change.added, change.retired, expected=batch.after, position=batch.position,
                complete_until=batch.at,
            )  # fmt: skip
    return batch.position


def _newest(home: Database) -> int:
    with home.transaction(read_only=True) as tx:
        return last_position(tx)


def _reached(home: Database) -> int:
    with home.transaction(read_only=True) as tx:
        return read_state(tx).position


# ---------------------------------------------------------------------------------------------- read


def _next_batch(tx: Tx) -> Batch | None:
    """Events of ours until there are RECEIPTS_MAX receipts, or EVENTS_MAX events, or no more."""
    after = read_state(tx).position
    newest = last_position(tx)
    if after >= newest:
        return None
    events, reached = _next_events(tx, after, newest)
    receipts: set[UUID] = set()
    for n, event in enumerate(events):
        named = receipts_named(event.topic, event.facts)
        if n and len(receipts) + len(named) > RECEIPTS_MAX:
            reached = events[n - 1].position
            break
        receipts.update(named)
    return Batch(after, reached, moment_of(tx, reached), families(tx, receipts) if receipts else [])


def _next_events(tx: Tx, after: int, newest: int) -> tuple[list[Event], int]:
    until = min(after + WINDOW, newest)
    events = read_events(tx, after, EVENTS_MAX, SAY_SOMETHING_NEW, until)
    return events, events[-1].position if len(events) == EVENTS_MAX else until


def moment_of(tx: Tx, position: int) -> datetime | None:
    """When the event at this position happened; None before the first."""
    found = read_events(tx, position - 1, 1) if position else []
    return found[0].at if found else None


def collect(tx: Tx, engine: duckdb.DuckDBPyConnection, receipts: Sequence[UUID], position: int) -> None:
    """What these receipts say now, as the table `fresh`, and which they are, as the table `touched`.

    Some at a time: what does not fit into memory DuckDB spills.
    """
    begin(engine)
    for begins in range(0, len(receipts), RECEIPTS_AT_ONCE_MAX):
        some = receipts[begins : begins + RECEIPTS_AT_ONCE_MAX]
        _insert(engine, "touched", _touched(some))
        append(tx, engine, some, position)


def append(tx: Tx, engine: duckdb.DuckDBPyConnection, receipts: Sequence[UUID], position: int) -> None:
    """Add what these receipts (at most 2,000) say now to the table `fresh`."""
    _insert(engine, "fresh", lake_lines(tx, receipts, position))


def begin(engine: duckdb.DuckDBPyConnection) -> None:
    """Make the tables `touched` and `fresh`, empty."""
    engine.register("none", LINES.empty_table())
    engine.execute("CREATE OR REPLACE TEMP TABLE fresh AS SELECT * FROM none")
    engine.execute("CREATE OR REPLACE TEMP TABLE touched (receipt BIGINT, business_date DATE, month DATE)")
    engine.unregister("none")


def _insert(engine: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    if rows.num_rows:
        engine.register("arrived", rows)
        engine.execute(f"INSERT INTO {table} SELECT * FROM arrived")  # noqa: S608
        engine.unregister("arrived")


def _touched(receipts: Sequence[UUID]) -> pa.Table:
    days = [day for receipt in receipts if (day := day_of(receipt)) is not None]
    low = [int.from_bytes(receipt.bytes[8:], signed=True) for receipt in receipts]
    return pa.table(
        {
            "receipt": pa.array(low, pa.int64()),
            "business_date": pa.array(days, pa.date32()),
            "month": pa.array([day.replace(day=1) for day in days], pa.date32()),
        }
    )
