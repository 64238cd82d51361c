"""Files that are no part of the lake any more are deleted, late enough for every reader to be through with them.

A reader may go on with the files it began with: no task runs longer than an hour, no request longer than a minute.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select

from analytics.lake.exporting import exporter_alone
from analytics.lake.schema import FileKind
from analytics.lake.tables import lake_file
from foundation.database import Database

GRACE = timedelta(minutes=70)
# What no manifest names was left by somebody killed; somebody alive publishes within the day.
RUBBISH_AGE = timedelta(hours=24)
AT_ONCE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Swept:
    """Files deleted: replaced ones, and those that nobody ever published."""

    retired: int
    rubbish: int


def sweep(home: Database, grace: timedelta = GRACE, rubbish_age: timedelta = RUBBISH_AGE) -> Swept:
    """Delete files that were replaced longer ago than `grace`, and rubbish older than `rubbish_age`.

    At most 10,000 of each; nothing while an exporter is at work.
    """
    with exporter_alone(home) as alone:
        return Swept(_retired(home, grace), _rubbish(home, rubbish_age)) if alone else Swept(0, 0)


def _retired(home: Database, grace: timedelta) -> int:
    """Files first, then their rows: killed in between, it is done again."""
    with home.transaction() as tx:
        rows = tx.execute(
            select(lake_file.c.id, lake_file.c.path)
            .where(lake_file.c.retired_at < tx.now - grace)
            .order_by(lake_file.c.retired_at)
            .limit(AT_ONCE_MAX)
        ).all()
        for row in rows:
            (home.settings.lake / row.path).unlink(missing_ok=True)
        tx.execute(delete(lake_file).where(lake_file.c.id.in_([row.id for row in rows])))
    return len(rows)


def _rubbish(home: Database, age: timedelta) -> int:
    root = home.settings.lake
    with home.transaction(read_only=True) as tx:
        known = set(tx.execute(select(lake_file.c.path)).scalars())
    before = time.time() - age.total_seconds()
    deleted = 0
    for path in _files(root):
        if deleted == AT_ONCE_MAX:
            break
        if str(path.relative_to(root)) not in known and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def _files(root: Path) -> Iterator[Path]:
    for kind in FileKind:
        yield from (path for path in (root / kind.value).glob("*/*") if path.is_file())
    yield from (path for path in (root / "tmp").glob("*") if path.is_file())
