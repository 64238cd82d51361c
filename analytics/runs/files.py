"""The files of runs: written aside, synced, moved into place; part of the scores once the manifest names them."""

import hashlib
import os
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select, update

from analytics.runs.operations import ScoringRun
from analytics.runs.rules import forgotten
from analytics.runs.tables import KEPT, scoring_file, scoring_run
from foundation.database import Tx

DIRECTORY = "scores"
# A page of a thousand members reads one or two groups, a bitmap reads one column of all.
ROW_GROUP = 16_384
RUBBISH_AGE_S = 24 * 3600
FORGET_MAX = 500
DIGEST_BLOCK = 1 << 20


class ScoreFile(StrEnum):
    """What a file of a run holds: a row a member and currency; or a row a member, currency and format, of what was
    (contribution) and of what is to come (potential)."""

    MEMBERS = "members"
    FORMATS = "formats"
    FORMAT_POTENTIAL = "format_potential"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file in place, not yet in the manifest. `path` is relative to the lake's directory."""

    kind: ScoreFile
    path: str
    rows: int
    size: int
    sha256: bytes


def write_file(root: Path, run_id: int, kind: ScoreFile, table: pa.Table) -> WrittenFile:
    """Write a table in its order. The same table gives the same bytes; the name is new each time."""
    path = f"{DIRECTORY}/{run_id:08d}/{kind.value}-{secrets.token_hex(4)}.parquet"
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    pq.write_table(table, unfinished, compression="zstd", row_group_size=ROW_GROUP, write_page_index=True)
    _sync(unfinished)
    unfinished.rename(target)
    _sync(target.parent)
    return WrittenFile(kind, path, table.num_rows, target.stat().st_size, _digest(target))


def record_files(tx: Tx, run: ScoringRun, files: Collection[WrittenFile]) -> None:
    """Name the files in the manifest, in the transaction that makes the run done."""
    tx.execute(
        insert(scoring_file),
        [
            {
                "run_id": run.id,
                "kind": file.kind.value,
                "path": file.path,
                "rows": file.rows,
                "bytes": file.size,
                "sha256": file.sha256,
            }
            for file in files
        ],
    )


def files_of(tx: Tx, run_ids: Collection[int]) -> Mapping[int, Mapping[ScoreFile, str]]:
    """The paths of each run's files."""
    rows = tx.execute(
        select(scoring_file.c.run_id, scoring_file.c.kind, scoring_file.c.path).where(
            scoring_file.c.run_id.in_(sorted(run_ids))
        )
    )
    found: dict[int, dict[ScoreFile, str]] = {}
    for row in rows:
        found.setdefault(row.run_id, {})[ScoreFile(row.kind)] = row.path
    return found


def forget_old_files(tx: Tx, root: Path, today: date, keep_days: int) -> int:
    """Take the files of runs that are older than is kept out of the manifest, and then off the disk.

    What the runs found stays on record. Returns how many runs lost their files; at most FORGET_MAX at a time.
    """
    kept = tx.execute(select(scoring_run.c.id, scoring_run.c.as_of).where(KEPT).limit(10_000))
    old = forgotten({row.id: row.as_of for row in kept}, today, keep_days)[:FORGET_MAX]
    if not old:
        return 0
    paths = [path for files in files_of(tx, old).values() for path in files.values()]
    tx.execute(update(scoring_run).where(scoring_run.c.id.in_(old)).values(files_removed_at=tx.now))
    tx.execute(scoring_file.delete().where(scoring_file.c.run_id.in_(old)))
    tx.after_commit(lambda: _unlink([root / path for path in paths]))
    return len(old)


def sweep_rubbish(tx: Tx, root: Path) -> int:
    """Delete what killed workers left: files older than a day that no manifest names. Returns how many."""
    found = [path for path in (root / DIRECTORY).glob("*/*") if _age_s(path) > RUBBISH_AGE_S]
    named = set(tx.execute(select(scoring_file.c.path)).scalars())
    rubbish = [path for path in found if str(path.relative_to(root)) not in named]
    _unlink(rubbish)
    return len(rubbish)


def _unlink(paths: Collection[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(DIGEST_BLOCK):
            digest.update(block)
    return digest.digest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
