"""The lake made again from the database: after a restore, a lost directory, or facts changed backwards in time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import duckdb
from sqlalchemy import update

from analytics.lake.engine import open_engine
from analytics.lake.exporting import append, begin, moment_of, wait_until_alone
from analytics.lake.manifest import NewFile, live_files, publish, read_state
from analytics.lake.tables import lake_state
from analytics.lake.writing import write_month
from foundation.database import Database, Tx
from foundation.events import last_position
from pos_adapter.contract.sales import RECEIPTS_AT_ONCE_MAX, business_days, receipts_between

MONTHS_MAX = 12 * 500
PAGES_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What was read and written. `position`: where the lake stands now."""

    position: int
    months: int
    receipts: int
    lines: int


def backfill(
    home: Database,
    *,
    first: date | None = None,
    last: date | None = None,
    timeout_s: float = 600,
    told: Callable[[date, int], None] | None = None,
) -> Backfilled:
    """Make the lake again from the receipts in the database: everything, or the months from `first` to `last`.

    Readers see the old lake until the new one is complete, and then that. Posting goes on: what comes meanwhile is in
    the lake or exported afterwards, once. `told` hears of each month and its receipts. Memory is bounded by a page of
    receipts and ANALYTICS_MEMORY_MB. Waits for another exporter; raises LakeBehind when it does not end in time.
    """
    with wait_until_alone(home, timeout_s), open_engine(home.settings) as engine:
        with home.transaction(read_only=True) as tx:
            start = _start(tx)
            months = list(_months(tx, first, last))
        files: list[NewFile] = []
        receipts = lines = 0
        for month in months:
            count = _collect_month(home, engine, month, start.position)
            written = write_month(engine, home.settings.lake, month, "fresh", 1, max(start.position, 1))
            files += written
            receipts += count
            lines += sum(file.rows for file in written if file.kind == "lines")
            if told is not None:
                told(month, count)
        whole = first is None and last is None
        _replace(home, files, None if whole else months, start if whole else None)
    with home.transaction(read_only=True) as tx:
        return Backfilled(read_state(tx).position, len(months), receipts, lines)


@dataclass(frozen=True, slots=True)
class Start:
    """The newest event before anything was read: what comes later is exported later, again where need be."""

    position: int
    at: datetime | None


def _start(tx: Tx) -> Start:
    position = last_position(tx)
    return Start(position, moment_of(tx, position))


def _months(tx: Tx, first: date | None, last: date | None) -> Iterator[date]:
    days = business_days(tx)
    if days is None:
        return
    month = max(days[0], first or days[0]).replace(day=1)
    for _ in range(MONTHS_MAX):
        if month > min(days[1], last or days[1]):
            return
        yield month
        month = next_month(month)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _collect_month(home: Database, engine: duckdb.DuckDBPyConnection, month: date, position: int) -> int:
    """The rows of a month's receipts in the table `fresh`; how many receipts."""
    begin(engine)
    count = 0
    after: UUID | None = None
    for _ in range(PAGES_MAX):
        with home.transaction(read_only=True) as tx:
            page = receipts_between(tx, month, next_month(month), after, RECEIPTS_AT_ONCE_MAX)
            append(tx, engine, page, position)
        count += len(page)
        if len(page) < RECEIPTS_AT_ONCE_MAX:
            break
        after = page[-1]
    return count


def _replace(home: Database, files: list[NewFile], months: list[date] | None, start: Start | None) -> None:
    with home.transaction() as tx:
        state = read_state(tx, lock=True)
        retired = [file.id for file in live_files(tx, months)]
        publish(
            tx, files, retired, expected=state.position, position=start.position if start else state.position,
            complete_until=start.at if start else None,
        )  # fmt: skip
        tx.execute(update(lake_state).values(backfilled_at=tx.now))
