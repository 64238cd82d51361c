"""What a batch changes in the files: old versions leave, new ones come, roll-ups follow.

Works on two tables of the engine: `fresh`, what the touched receipts say now, and `touched`, which they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from analytics.lake.engine import path_list
from analytics.lake.manifest import LiveFile, NewFile
from analytics.lake.rollups import ROLLUPS, from_lines
from analytics.lake.schema import LINES, FileKind
from analytics.lake.writing import FILE_ROWS_MAX, Writer, months_of

# Small files of a month are merged once there are so many; so a month has at most so many more than it needs.
SMALL_FILES_MAX = 8
SMALL_ROWS = FILE_ROWS_MAX // 2

NAMES = ", ".join(LINES.names)
SAYING = ", ".join(name for name in LINES.names if name != "position")
# Whether a receipt says something else than the lake does: any row that only one of them has.
CHANGED = f"""
CREATE OR REPLACE TEMP TABLE changed AS SELECT DISTINCT receipt, business_date FROM (
    (SELECT {SAYING} FROM fresh EXCEPT ALL SELECT {SAYING} FROM old)
    UNION ALL (SELECT {SAYING} FROM old EXCEPT ALL SELECT {SAYING} FROM fresh))
"""  # noqa: S608 - names of this package
OF_CHANGED = "(FROM changed AS c WHERE c.receipt = t.receipt AND c.business_date = t.business_date)"


@dataclass(frozen=True, slots=True)
class Change:
    """Files that shall be in the manifest, and ids of those that shall be there no longer."""

    added: Sequence[NewFile]
    retired: Sequence[int]


def write_changes(
    engine: duckdb.DuckDBPyConnection, root: Path, files: Sequence[LiveFile], first: int, last: int
) -> Change:
    """Write what the batch of positions `first` to `last` changes, month by month.

    `files` are those that the lake holds of the touched months. What says the same as before is left alone.
    """
    lines = {str(root / file.path): file for file in files if file.kind is FileKind.LINES}
    _load_old(engine, list(lines))
    engine.execute(CHANGED)
    for table in ("fresh", "old"):
        engine.execute(f"DELETE FROM {table} AS t WHERE NOT EXISTS {OF_CHANGED}")  # noqa: S608
    stale = {lines[path].id for (path,) in engine.execute("SELECT DISTINCT filename FROM old").fetchall()}
    added: list[NewFile] = []
    retired: list[int] = []
    for month in sorted({*months_of(engine, "fresh"), *months_of(engine, "old")}):
        of_month = [file for file in files if file.month == month]
        change = MonthChange(engine, root, month, of_month, first, last).write(stale)
        added += change.added
        retired += change.retired
    return Change(added, retired)


def _load_old(engine: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """The rows that the lake holds of the touched receipts, each with its file, as the table `old`."""
    if not paths:
        engine.execute("CREATE OR REPLACE TEMP TABLE old AS SELECT *, '' AS filename FROM fresh WHERE false")
        return
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE old AS "  # noqa: S608
        f"SELECT l.* FROM read_parquet({path_list(list(paths))}, filename = true) AS l"
        " SEMI JOIN touched AS t ON t.receipt = l.receipt AND t.business_date = l.business_date"
    )


class MonthChange:
    """What a batch changes in one month: the tables `fresh` and `old` hold what differs."""

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, root: Path, month: date, files: Sequence[LiveFile], first: int,
        last: int,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._root = root
        self._month = month
        self._files = files
        self._positions = (first, last)
        self._fresh = f"(SELECT * FROM fresh WHERE date_trunc('month', business_date) = DATE '{month}')"  # noqa: S608

    def write(self, stale: set[int]) -> Change:
        """Write the month's new files. `stale` are ids of files that hold old versions: they are replaced.

        Where nothing old is replaced the roll-ups grow by what is new; else they are made again of all lines.
        """
        lines = [file for file in self._files if file.kind is FileKind.LINES]
        corrected = [file for file in lines if file.id in stale]
        small = [file for file in lines if file.rows < SMALL_ROWS]
        merged = small if len(small) >= SMALL_FILES_MAX else []
        replaced = list({file.id: file for file in [*corrected, *merged]}.values())
        rows = self._without_old(replaced)
        added = list(self._writer(replaced).lines(rows))
        kept = [file for file in lines if file not in replaced]
        rollups = self._remade(rows, kept) if corrected else self._grown()
        return Change([*added, *rollups.added], [*(file.id for file in replaced), *rollups.retired])

    def _remade(self, rows: str, kept: Sequence[LiveFile]) -> Change:
        """Roll-ups of all lines of the month in place of those there are."""
        rollups = [file for file in self._files if file.kind in ROLLUPS]
        writer = self._writer(rollups)
        if kept:
            rows = f"(SELECT {NAMES} FROM {rows} UNION ALL SELECT {NAMES} FROM {writer.source(kept)})"  # noqa: S608
        return Change(list(writer.rollups(rows)), [file.id for file in rollups])

    def _grown(self) -> Change:
        """Roll-ups of the new lines beside those there are, or merged with them once they are many."""
        added: list[NewFile] = []
        retired: list[int] = []
        for kind in ROLLUPS:
            parts = [file for file in self._files if file.kind is kind]
            if len(parts) < SMALL_FILES_MAX:
                added += self._writer([]).rollup(kind, self._fresh)
            else:
                grown = f"({from_lines(kind, self._fresh)})"
                added += self._writer(parts).merged_rollup(kind, parts, grown)
                retired += [file.id for file in parts]
        return Change(added, retired)

    def _without_old(self, replaced: Sequence[LiveFile]) -> str:
        """The rows of the replaced files that still hold, and the new ones."""
        if not replaced:
            return self._fresh
        return (
            f"(SELECT {NAMES} FROM {self._writer(replaced).source(replaced)} AS t"  # noqa: S608
            f" WHERE NOT EXISTS {OF_CHANGED} UNION ALL SELECT {NAMES} FROM {self._fresh})"
        )

    def _writer(self, replaced: Sequence[LiveFile]) -> Writer:
        first, last = self._positions
        return Writer(
            self._engine, self._root, self._month, min([first, *(file.first_position for file in replaced)]), last
        )
