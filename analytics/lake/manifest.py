"""The manifest: which files the lake consists of, and up to which event position they are complete.

Files are written first; one transaction then adds them, retires those they replace and moves the cursor. Whoever
dies before leaves files that nobody knows, which are swept later; whoever dies after has done it all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, select, update

from analytics.lake.schema import FileKind
from analytics.lake.tables import LIVE, lake_file, lake_state
from foundation.database import Tx
from foundation.errors import Unavailable

FILES_MAX = 100_000


class LakeMoved(Unavailable):
    """Another exporter has changed the lake meanwhile; look again."""

    code = "lake_moved"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was written and is not in the manifest yet. `path` is relative to the lake's directory."""

    kind: FileKind
    month: date
    path: str
    rows: int
    bytes: int
    first_position: int
    last_position: int


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A file that the lake consists of."""

    id: int
    kind: FileKind
    month: date
    path: str
    rows: int
    bytes: int
    first_position: int
    last_position: int


@dataclass(frozen=True, slots=True)
class LakeState:
    """`position`: everything up to this event is in the lake. `complete_until`: the moment of that event."""

    position: int
    complete_until: datetime | None
    moved_at: datetime | None
    backfilled_at: datetime | None


def read_state(tx: Tx, *, lock: bool = False) -> LakeState:
    """Where the lake stands; locked, nobody else publishes until the transaction ends."""
    query = select(
        lake_state.c.position, lake_state.c.complete_until, lake_state.c.moved_at, lake_state.c.backfilled_at
    )
    return LakeState(*tx.execute(query.with_for_update() if lock else query).one())


def live_files(tx: Tx, months: Collection[date] | None = None) -> list[LiveFile]:
    """The files of the lake, oldest month first; of these months, if said. At most 100,000."""
    columns = [lake_file.c[name] for name in LiveFile.__slots__]
    query = select(*columns).where(LIVE).order_by(lake_file.c.month, lake_file.c.id).limit(FILES_MAX)
    if months is not None:
        query = query.where(lake_file.c.month.in_(sorted(months)))
    return [LiveFile(row.id, FileKind(row.kind), *row[2:]) for row in tx.execute(query)]


def publish(
    tx: Tx,
    added: Sequence[NewFile],
    retired: Collection[int] = (),
    *,
    expected: int,
    position: int,
    complete_until: datetime | None = None,
) -> None:
    """Make these files part of the lake in place of the retired ones, and move the cursor from `expected`.

    Raises LakeMoved if the cursor stands elsewhere or a file was retired by somebody else: nothing may be committed.
    """
    state = read_state(tx, lock=True)
    if state.position != expected:
        raise LakeMoved(f"The lake stands at {state.position}, not at {expected}")
    if retired:
        gone = tx.execute(update(lake_file).where(lake_file.c.id.in_(sorted(retired)), LIVE).values(retired_at=tx.now))
        if gone.rowcount != len(set(retired)):
            raise LakeMoved("Files of the lake were replaced by somebody else")
    if added:
        tx.execute(
            insert(lake_file),
            [
                {
                    "kind": file.kind.value, "month": file.month, "path": file.path, "rows": file.rows,
                    "bytes": file.bytes, "first_position": file.first_position, "last_position": file.last_position,
                    "written_at": tx.now,
                }
                for file in added
            ],
        )  # fmt: skip
    moved = {"position": position, "moved_at": tx.now}
    if complete_until is not None:
        moved["complete_until"] = complete_until
    tx.execute(update(lake_state).values(moved))
