"""One open lake a process, kept from question to question as long as the manifest stays the same.

Opening a DuckDB, planning views over every month and reading the files' footers takes longer than most questions.
What is kept belongs to the process that opened it (a forked child opens its own) and is bounded by
ANALYTICS_MEMORY_MB. Each question has a cursor of its own; a lake that was replaced closes when its last one ends.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from analytics.lake.exporting import LakeBehind, bring_up_to
from analytics.lake.manifest import LakeMoved, read_state
from analytics.lake.reading import Lake, open_lake
from foundation.conditions import Selection
from foundation.database import Database, Tx
from foundation.events import last_position

# A bitmap of 200,000 members out of a million takes about 130 kB; of ten million, at most 1.2 MB.
ANSWERS_KEPT = 128
# A table of 200,000 members with one figure takes about 5 MB.
TABLES_KEPT = 4

Version = tuple[Any, ...]


@dataclass
class _Open:
    """A lake that is open, and who uses it."""

    version: Version
    lake: Lake
    stack: ExitStack
    users: int = 0
    answers: "OrderedDict[Any, Selection]" = field(default_factory=OrderedDict)
    tables: dict[Any, pa.Table] = field(default_factory=dict)


class LakeSession:
    """One question's way into the lake. `position` and `complete_until` say how far it is complete."""

    def __init__(self, opened: _Open) -> None:
        self._opened = opened
        self._cursor: duckdb.DuckDBPyConnection = opened.lake.duck.cursor()

    @property
    def position(self) -> int:
        return self._opened.lake.position

    @property
    def complete_until(self) -> datetime | None:
        return self._opened.lake.complete_until

    def sql(self, text: str) -> pa.Table:
        """Answer a query over the views lines, member_day and member_category_month."""
        return self._cursor.execute(text).to_arrow_table()

    def register(self, name: str, table: pa.Table) -> None:
        """Let this question's queries read a table of its own."""
        self._cursor.register(name, table)

    def unregister(self, name: str) -> None:
        self._cursor.unregister(name)

    def kept(self, question: Any) -> Selection | None:
        """The answer to a question that was asked of this very lake before."""
        with _lock:
            answer = self._opened.answers.get(question)
            if answer is not None:
                self._opened.answers.move_to_end(question)
            return answer

    def keep(self, question: Any, answer: Selection) -> None:
        with _lock:
            self._opened.answers[question] = answer
            while len(self._opened.answers) > ANSWERS_KEPT:
                self._opened.answers.popitem(last=False)

    def table(self, name: Any, make: Callable[[Lake], pa.Table]) -> pa.Table:
        """What takes long to work out and is small, worked out once for this very lake; the last few are kept."""
        with _lock:
            found = self._opened.tables.get(name)
        if found is None:
            found = make(replace(self._opened.lake, duck=self._cursor))
            with _lock:
                while len(self._opened.tables) >= TABLES_KEPT:
                    self._opened.tables.pop(next(iter(self._opened.tables)))
                self._opened.tables[name] = found
        return found

    def close(self) -> None:
        self._cursor.close()


_lock = threading.Lock()
_current: tuple[int, _Open] | None = None


@contextmanager
def lake_session(tx: Tx) -> Iterator[LakeSession]:
    """The lake as the manifest of this transaction has it. Raises LakeDamaged."""
    opened = _take(tx)
    session = LakeSession(opened)
    try:
        yield session
    finally:
        session.close()
        _give_back(opened)


def catch_up(home: Database, within_s: float, lag_max: int | None = None) -> bool:
    """Let the lake take in what was sold until now, for so long at most; whether it has.

    With `lag_max` it is left to the exporter when it lies further behind than so many events. Uses connections of its
    own. Whoever has not caught up answers as of the position the lake stands at.
    """
    with home.transaction(read_only=True) as tx:
        lag = last_position(tx) - read_state(tx).position
    if lag <= 0 or (lag_max is not None and lag > lag_max):
        return lag <= 0
    try:
        bring_up_to(home, timeout_s=within_s)
    except (LakeBehind, LakeMoved):
        return False
    return True


def close_lake_session() -> None:
    """Close what this process keeps open, once nobody uses it; for tests and for the end of a process."""
    global _current
    with _lock:
        before, _current = _current, None
        _close_if_idle(before)


def _take(tx: Tx) -> _Open:
    global _current
    version = _version(tx)
    with _lock:
        if _current is not None and _current[0] == os.getpid() and _current[1].version == version:
            _current[1].users += 1
            return _current[1]
    with ExitStack() as stack:
        lake = stack.enter_context(open_lake(tx))
        # For all its cursors: a plain SET would be for this connection alone.
        lake.duck.execute("SET GLOBAL parquet_metadata_cache = true")
        opened = _Open(version, lake, stack.pop_all(), users=1)
    with _lock:
        before, _current = _current, (os.getpid(), opened)
        _close_if_idle(before)
    return opened


def _give_back(opened: _Open) -> None:
    with _lock:
        opened.users -= 1
        if _current is None or _current[1] is not opened:
            _close_if_idle((os.getpid(), opened))


def _close_if_idle(held: tuple[int, _Open] | None) -> None:
    """Close a lake that nobody uses. One that came over a fork is only forgotten: its threads stayed behind."""
    if held is not None and held[0] == os.getpid() and held[1].users == 0:
        held[1].stack.close()


def _version(tx: Tx) -> Version:
    """What the lake consists of: files are named at random and never change."""
    row = tx.ask(
        "SELECT (SELECT position FROM analytics.lake_state), md5(string_agg(path, ' ' ORDER BY id)) "
        "FROM analytics.lake_file WHERE retired_at IS NULL"
    ).fetchone()
    assert row is not None
    return tuple(row)
