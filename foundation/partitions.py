"""Months: large tables are partitioned by the month of their day, and a month comes into being on first use."""

import threading
from collections.abc import Iterable
from datetime import date
from weakref import WeakKeyDictionary

from foundation.database import Database

_tables: set[str] = set()
_known: WeakKeyDictionary[Database, set[tuple[int, int]]] = WeakKeyDictionary()
_lock = threading.Lock()


def partitioned_by_month(*tables: str) -> None:
    """Declare tables (schema.name) whose partitions `ensure_months` makes."""
    _tables.update(tables)


def ensure_months(database: Database, days: Iterable[date]) -> None:
    """Make sure that every declared table has a partition for the month of each day.

    Runs in a transaction of its own (attaching takes SHARE UPDATE EXCLUSIVE, posting goes on meanwhile) and only
    for months that this process has not seen.
    """
    known = _known.setdefault(database, set())
    missing = {(day.year, day.month) for day in days} - known
    if not missing:
        return
    with _lock, database.transaction() as tx:
        for year, month in sorted(missing):
            for table in sorted(_tables):
                tx.execute(
                    "SELECT foundation.ensure_month(CAST(:parent AS regclass), :month)",
                    {"parent": table, "month": date(year, month, 1)},
                )
        tx.after_commit(lambda: known.update(missing))
