"""The one writer of the lake's files: lines and their roll-ups, month by month.

A file is written aside, synced to disk and moved into place under a name that nobody else uses; it is no part of the
lake before the manifest says so.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from analytics.lake.engine import path_list
from analytics.lake.manifest import LiveFile, NewFile
from analytics.lake.rollups import ORDER, ROLLUPS, from_lines, from_parts
from analytics.lake.schema import LINES, SCHEMAS, FileKind

# A correction rewrites the files that hold the old version of its receipt: none is larger than this.
FILE_ROWS_MAX = 500_000
ROW_GROUP = 65_536
# Version 2 of the format writes numbers that hardly repeat as differences: of the day roll-up the files are a tenth
# smaller, and its sums are read in less than half the time that unpacking plain ones takes.


def write_lines(
    engine: duckdb.DuckDBPyConnection, root: Path, lines: pa.Table, first_position: int, last_position: int
) -> list[NewFile]:
    """Write lines (schema.LINES, whole receipts that are nowhere else in the lake) and what they add to the roll-ups.

    The files are named by the range of positions they came from, and have to be published.
    """
    if not lines.num_rows:
        return []
    engine.register("new_lines", lines.cast(LINES))
    try:
        return [
            file
            for month in months_of(engine, "new_lines")
            for file in write_month(engine, root, month, "new_lines", first_position, last_position)
        ]
    finally:
        engine.unregister("new_lines")


def months_of(engine: duckdb.DuckDBPyConnection, source: str) -> list[date]:
    """The first days of the months in which there are lines."""
    rows = engine.execute(
        f"SELECT DISTINCT date_trunc('month', business_date)::DATE FROM {source} ORDER BY 1"  # noqa: S608
    )
    return [month for (month,) in rows.fetchall()]


def write_month(
    engine: duckdb.DuckDBPyConnection, root: Path, month: date, source: str, first_position: int, last_position: int
) -> list[NewFile]:
    """Write the lines of one month of `source`, and their roll-ups."""
    of_month = f"(SELECT * FROM {source} WHERE date_trunc('month', business_date) = DATE '{month}')"  # noqa: S608
    writer = Writer(engine, root, month, first_position, last_position)
    return [*writer.lines(of_month), *writer.rollups(of_month)]


class Writer:
    """Writes files of one month that come from one range of positions."""

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, root: Path, month: date, first_position: int, last_position: int
    ) -> None:
        self._engine = engine
        self._root = root
        self._month = month
        self._positions = (first_position, last_position)

    def lines(self, source: str) -> Iterator[NewFile]:
        """Write lines, in files of at most FILE_ROWS_MAX rows, whole members together as far as possible."""
        count = self._count(source)
        if count <= FILE_ROWS_MAX:
            if count:
                yield self._write(FileKind.LINES, f"SELECT * FROM {source}")  # noqa: S608
            return
        parts = -(-count // FILE_ROWS_MAX)
        # Anonymous receipts are spread by themselves; a member's lines of a month stay together.
        for part in range(parts):
            share = f"SELECT * FROM {source} WHERE hash(coalesce(member_id, receipt)) % {parts} = {part}"  # noqa: S608
            yield self._write(FileKind.LINES, share)

    def rollups(self, source: str) -> Iterator[NewFile]:
        """Write what whole receipts of this month add to the roll-ups."""
        for kind in ROLLUPS:
            yield from self.rollup(kind, source)

    def rollup(self, kind: FileKind, source: str) -> Iterator[NewFile]:
        """Write what whole receipts of this month add to one roll-up, if they add anything."""
        yield from self._unless_empty(self._write(kind, from_lines(kind, source)))

    def merged_rollup(self, kind: FileKind, parts: Sequence[LiveFile], more: str) -> Iterator[NewFile]:
        """Write one roll-up in place of several files and of `more`, a table in SQL."""
        names = ", ".join(SCHEMAS[kind].names)
        both = f"(SELECT {names} FROM {self.source(parts)} UNION ALL SELECT {names} FROM {more})"  # noqa: S608
        yield from self._unless_empty(self._write(kind, from_parts(kind, both)))

    def _unless_empty(self, file: NewFile) -> Iterator[NewFile]:
        if file.rows:
            yield file
        else:
            (self._root / file.path).unlink()

    def source(self, files: Sequence[LiveFile]) -> str:
        """Files of the lake as a table in SQL."""
        return f"read_parquet({path_list([self._root / file.path for file in files])})"

    def _count(self, source: str) -> int:
        row = self._engine.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])

    def _write(self, kind: FileKind, query: str) -> NewFile:
        first, last = self._positions
        name = f"{first:012d}-{last:012d}-{secrets.token_hex(4)}.parquet"
        path = f"{kind.value}/{self._month:%Y-%m}/{name}"
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".unfinished")
        written = self._engine.execute(
            f"COPY ({query} ORDER BY {ORDER[kind]}) TO '{str(unfinished).replace(chr(39), chr(39) * 2)}'"
            f" (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        ).fetchone()
        assert written is not None
        _sync(unfinished)
        unfinished.rename(target)
        _sync(target.parent)
        return NewFile(kind, self._month, path, int(written[0]), target.stat().st_size, first, last)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
