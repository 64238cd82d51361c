"""How everybody reads the lake: one DuckDB a reader, over the files that the manifest names at that moment.

    with open_lake(tx, upto=as_of) as lake:
        lake.sql("SELECT member_id, sum(spend) AS spend FROM member_day WHERE format = $format GROUP BY 1", format="x")
        lake.member_day.group_by("member_id").aggregate(spend=lake.member_day.spend.sum()).to_pyarrow()

A reader sees one state of the lake from beginning to end. The files it reads may be replaced meanwhile; they stay on
disk for the grace period (sweeping.GRACE), which no reader outlives.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from analytics.lake.dimensions import DIMENSIONS
from analytics.lake.engine import open_engine, path_list
from analytics.lake.manifest import LiveFile, live_files, read_state
from analytics.lake.rollups import ROLLUPS, from_lines, from_parts
from analytics.lake.schema import SCHEMAS, FileKind
from foundation.database import Tx
from foundation.errors import Unavailable
from foundation.settings import get_settings


class LakeDamaged(Unavailable):
    """Files of the lake are missing: `regulars lake backfill` makes them again from the database."""

    code = "lake_damaged"


@dataclass
class Lake:
    """One state of the lake. Not shared between threads or processes; gone when the block that opened it ends.

    `position`: everything up to this event is in it; `complete_until`: the moment of that event; None before the
    first. With `upto` there is nothing of that business date or later, in the tables and roll-ups alike.
    """

    position: int
    complete_until: datetime | None
    upto: date | None
    files: Sequence[LiveFile]
    duck: duckdb.DuckDBPyConnection = field(repr=False)
    _tx: Tx = field(repr=False)

    @cached_property
    def connection(self) -> Any:
        """The same DuckDB as an Ibis backend."""
        return ibis.duckdb.from_connection(self.duck)

    def sql(self, text: str, /, **parameters: Any) -> pa.Table:
        """Answer hand-written DuckDB SQL over the views lines, member_day, member_category_month and the dimensions
        that were asked for before; `$name` stands for a parameter."""
        return self.duck.execute(text, parameters or None).to_arrow_table()

    @cached_property
    def lines(self) -> Any:
        return self.connection.table("lines")

    @cached_property
    def member_day(self) -> Any:
        return self.connection.table("member_day")

    @cached_property
    def member_category_month(self) -> Any:
        return self.connection.table("member_category_month")

    @cached_property
    def stores(self) -> Any:
        """id, code, name, format, region, legal_unit, currency, timezone, status."""
        return self.dimension("stores")

    @cached_property
    def counters(self) -> Any:
        """id, store_id, code, name, format, category (path), brand, supplier, floor, status."""
        return self.dimension("counters")

    @cached_property
    def categories(self) -> Any:
        """id, path (codes from the top), name, parent_id."""
        return self.dimension("categories")

    @cached_property
    def brands(self) -> Any:
        """id, code, name."""
        return self.dimension("brands")

    @cached_property
    def promotions(self) -> Any:
        """id, code, name, method, starts_on, ends_on."""
        return self.dimension("promotions")

    @cached_property
    def formats(self) -> Any:
        """code, name."""
        return self.dimension("formats")

    def dimension(self, name: str) -> Any:
        """One of the small tables, as it is now, as an Ibis table and as a view for SQL."""
        if name not in self.connection.list_tables():
            self.duck.register(name, DIMENSIONS[name](self._tx))
        return self.connection.table(name)


@contextmanager
def open_lake(tx: Tx, upto: date | None = None) -> Iterator[Lake]:
    """Open the lake as it stands in this transaction; `upto` is exclusive: business_date < upto.

    DuckDB is opened here and closed at the end: nothing crosses a fork. Raises LakeDamaged.
    """
    settings = get_settings()
    state = read_state(tx)
    files = [file for file in live_files(tx) if upto is None or file.month < upto]
    missing = [file.path for file in files if not (settings.lake / file.path).exists()]
    if missing:
        raise LakeDamaged(f"{len(missing)} files of the lake are missing, the first is {missing[0]}")
    with open_engine(settings) as engine:
        lake = Lake(state.position, state.complete_until, upto, files, engine, tx)
        for kind in FileKind:
            engine.execute(f"CREATE VIEW {kind} AS {_view(kind, settings.lake, files, upto)}")
        yield lake


def _view(kind: FileKind, root: Path, files: Sequence[LiveFile], upto: date | None) -> str:
    mine = [file for file in files if file.kind is kind]
    if kind is FileKind.LINES:
        rows = _rows(kind, root, mine)
        return rows if upto is None else f"SELECT * FROM ({rows}) WHERE business_date < DATE '{upto}'"  # noqa: S608
    cut = upto if upto is not None and upto.day > 1 else None
    whole = [file for file in mine if cut is None or file.month != cut.replace(day=1)]
    parts = [_rollup(kind, root, whole)]
    if cut is not None:
        lines = [file for file in files if file.kind is FileKind.LINES and file.month == cut.replace(day=1)]
        begun = f"(SELECT * FROM ({_rows(FileKind.LINES, root, lines)}) WHERE business_date < DATE '{cut}')"  # noqa: S608
        parts.append(f"({from_lines(kind, begun)})")
    # By name: parts made of lines need not have the columns in the order of the files.
    return " UNION ALL BY NAME ".join(parts)


def _rollup(kind: FileKind, root: Path, files: Sequence[LiveFile]) -> str:
    """Months that lie in one file are read as they are; only those in several parts are summed up."""
    assert kind in ROLLUPS
    months: dict[date, list[LiveFile]] = {}
    for file in files:
        months.setdefault(file.month, []).append(file)
    single = [parts[0] for parts in months.values() if len(parts) == 1]
    several = [file for parts in months.values() if len(parts) > 1 for file in parts]
    union = [_rows(kind, root, single)] if single or not several else []
    if several:
        union.append(f"({from_parts(kind, f'({_rows(kind, root, several)})')})")
    return " UNION ALL BY NAME ".join(union)


def _rows(kind: FileKind, root: Path, files: Sequence[LiveFile]) -> str:
    columns = ", ".join(SCHEMAS[kind].names)
    if not files:
        return _nothing(kind)
    return f"SELECT {columns} FROM read_parquet({path_list([root / file.path for file in files])})"  # noqa: S608


_TYPES = {
    "date32[day]": "DATE", "int8": "TINYINT", "int32": "INTEGER", "int64": "BIGINT", "bool": "BOOLEAN",
    "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
}  # fmt: skip


def _nothing(kind: FileKind) -> str:
    columns = [f"NULL::{_TYPES.get(str(each.type), 'VARCHAR')} AS {each.name}" for each in SCHEMAS[kind]]
    return f"SELECT * FROM (SELECT {', '.join(columns)}) WHERE false"  # noqa: S608
