"""`regulars lake` for the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from analytics.lake.backfilling import backfill
from analytics.lake.checking import check
from analytics.lake.exporting import bring_up_to
from analytics.lake.healing import missing_files
from analytics.lake.manifest import live_files, read_state
from analytics.lake.schema import FileKind
from foundation.database import database
from foundation.errors import Unavailable
from foundation.events import last_position
from regulars.running.problems import CannotRun

Say = Callable[[str], None]


@contextmanager
def _sentences() -> Iterator[None]:
    """What the operator can do something about is said in a sentence."""
    try:
        yield
    except Unavailable as problem:
        raise CannotRun(problem.detail) from problem


def tell_state(say: Say) -> int:
    """How far the lake is, and what it consists of; how many files are missing."""
    home = database()
    with home.transaction(read_only=True) as tx:
        state, newest, files = read_state(tx), last_position(tx), live_files(tx)
    behind = newest - state.position
    until = f", the moment {_moment(state.complete_until)}" if state.complete_until is not None else ""
    say(f"Complete up to event {state.position:,}{until}; {behind:,} of {newest:,} events to come")
    for kind in FileKind:
        mine = [file for file in files if file.kind is kind]
        rows, megabytes = sum(file.rows for file in mine), sum(file.bytes for file in mine) / 1_000_000
        say(f"{kind.value}: {rows:,} rows in {len(mine)} files, {megabytes:,.1f} MB")
    if state.backfilled_at is not None:
        say(f"Made from the database on {_moment(state.backfilled_at)}")
    missing = missing_files(home)
    if missing:
        say(f"{len(missing)} files are missing in {home.settings.lake}: the worker makes the lake again, or do")
        say("  regulars lake backfill")
    return len(missing)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def export_now(say: Say) -> None:
    """Bring the lake up to the newest event."""
    began = time.monotonic()
    with _sentences():
        reached = bring_up_to(database(), timeout_s=24 * 3600, told=lambda position: say(f"event {position:,}"))
    say(f"Complete up to event {reached:,}, {time.monotonic() - began:.1f} s")


def make_again(say: Say, first: date | None, last: date | None) -> None:
    """Make the lake again from the database: all of it, or the months from `first` to `last`."""
    began = time.monotonic()
    with _sentences():
        made = backfill(
            database(), first=first, last=last, timeout_s=3600,
            told=lambda month, receipts: say(f"{month:%Y-%m}: {receipts:,} receipts"),
        )  # fmt: skip
    say(
        f"{made.months} months, {made.receipts:,} receipts, {made.lines:,} lines; complete up to event"
        f" {made.position:,}, {time.monotonic() - began:.1f} s"
    )


def compare(say: Say) -> int:
    """Compare the lake with the database and say what differs, one line each; how many differences there are."""
    began = time.monotonic()
    with _sentences():
        checked = check(database())
    for difference in checked.differences:
        say(str(difference))
    found = len(checked.differences)
    say(
        f"{checked.lines:,} lines of {checked.days:,} stores' days at event {checked.position:,}: "
        f"{found or 'no'} difference{'' if found == 1 else 's'}, {time.monotonic() - began:.1f} s"
    )
    return found
