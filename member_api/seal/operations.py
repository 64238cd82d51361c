"""Sealing journals in the order in which they were announced, and signing the chain's end at night.

Sealing follows the events: it is no part of posting, and costs a posting nothing. One sealer works at a time (the
consumer's advisory lock), so the chain has one end.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from foundation.database import Database, Tx
from foundation.events import Event, consume
from foundation.identifiers import day_of
from foundation.settings import Settings, get_settings
from member_api.seal.chain import GENESIS, Root, RootLine, public_key_of, seals, signed

log = structlog.get_logger(__name__)
SUBSCRIBER = "member.seal"
TOPIC = "journals.posted"
# Events a transaction. One announces the journals of one posting, at most some hundreds where receipts come in batches.
BATCH = 200
CATCH_UP_BATCHES_MAX = 100_000
LAG_MAX = timedelta(minutes=15)
ROOTS_FILE = "seal-roots.log"

# A journal and its entries as one JSON array. Dates are ISO 8601 in JSON whatever the session says, the moment is
# microseconds since 1970, so the text is the same everywhere. Changing a character of it breaks every chain there is.
CANONICAL = """
json_build_array(j.day, j.id, j.kind, j.member_id, j.store, j.reference, j.reverses, j.reason, j.actor,
    (extract(epoch FROM j.at) * 1000000)::bigint,
    (SELECT json_agg(json_build_array(e.n, e.unit, e.account_id, e.lot_id, e.system, e.store, e.amount) ORDER BY e.n)
     FROM member.entry AS e WHERE e.day = j.day AND e.journal_id = j.id))::text
"""
TO_SEAL = f"""
SELECT a.announced_at, j.day, j.id, {CANONICAL}
FROM unnest(%s::bigint[], %s::date[], %s::uuid[]) WITH ORDINALITY AS a (announced_at, day, id, n)
JOIN member.journal AS j ON j.day = a.day AND j.id = a.id
ORDER BY a.n
"""  # noqa: S608
SEAL = """
INSERT INTO member.seal (position, announced_at, day, journal_id, hash)
SELECT %s + n, announced_at, day, journal_id, hash
FROM unnest(%s::bigint[], %s::date[], %s::uuid[], %s::bytea[]) WITH ORDINALITY
    AS a (announced_at, day, journal_id, hash, n)
"""
LAST = "SELECT position, hash FROM member.seal ORDER BY position DESC LIMIT 1"


def seal_journals(tx: Tx, events: Sequence[Event]) -> None:
    """Seal the journals that these events announce, in order. A journal that is gone is left to `verify` to name."""
    announced = [(event.position, UUID(journal)) for event in events for journal in event.facts["journals"]]
    rows = tx.ask(
        TO_SEAL,
        ([position for position, _ in announced], [_day(id) for _, id in announced], [id for _, id in announced]),
    ).fetchall()
    if len(rows) < len(announced):
        log.error("journals_missing", missing=len(announced) - len(rows), first=announced[0][0])
    if not rows:
        return
    last = tx.ask(LAST).fetchone()
    place, before = (last[0], bytes(last[1])) if last else (0, GENESIS)
    hashes = list(seals(before, (row[3] for row in rows)))
    tx.ask(SEAL, (place, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], hashes))


def _day(id: UUID) -> date:
    day = day_of(id)
    assert day is not None, f"journal {id} carries no date"
    return day


def seal_everything(database: Database) -> int:
    """Seal until nothing is left that has a position; returns how many journals were sealed."""
    total = 0
    for _ in range(CATCH_UP_BATCHES_MAX):
        done = consume(database, SUBSCRIBER)
        total += done
        if not done:
            break
    return total


# ------------------------------------------------------------------------------------------------ roots
def sign_root(database: Database, settings: Settings | None = None) -> Root | None:
    """Sign the end of the chain, in the database and as a line of the roots file; None when nothing is new.

    The file is written (and flushed to disk) before the commit: a line without a row still is the truth about the
    chain, a row without a line would be a root that nobody outside has seen.
    """
    settings = settings or get_settings()
    with database.transaction() as tx:
        tx.execute("SELECT pg_advisory_xact_lock(hashtext('member.seal_root'))")
        last = tx.ask(LAST).fetchone()
        before = tx.ask("SELECT position, journals FROM member.seal_root ORDER BY position DESC LIMIT 1").fetchone()
        if last is None or (before is not None and before[0] >= last[0]):
            return None
        since, counted = before or (-1, 0)
        count = tx.ask("SELECT count(*) FROM member.seal WHERE position > %s", (since,)).fetchone()
        assert count is not None
        root = signed(Root(last[0], bytes(last[1]), counted + count[0], tx.now), settings.seal_key)
        tx.ask(
            "INSERT INTO member.seal_root (position, hash, journals, signature, signed_at) VALUES (%s, %s, %s, %s, %s)",
            (root.position, root.hash, root.journals, root.signature, root.signed_at),
        )
        append_root(roots_file(settings), root, public_key_of(settings.seal_key))
    return root


def roots_file(settings: Settings) -> Path:
    """Where the roots are kept outside the database. Copy it elsewhere: it is what a rewritten database is held to."""
    return settings.home / ROOTS_FILE


def append_root(file: Path, root: Root, public_key: bytes) -> None:
    """Append a root to the file, on disk when this returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(RootLine.of(root, public_key)) + b"\n")
        lines.flush()
        os.fsync(lines.fileno())


class RootLineUnreadable(ValueError):
    """A line of the roots file is not a root."""


def read_roots(file: Path) -> Iterator[tuple[int, RootLine | RootLineUnreadable]]:
    """The roots of the file with their line numbers; a line that cannot be read is told, not skipped."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield number, msgspec.json.decode(line, type=RootLine)
            except (msgspec.MsgspecError, ValueError) as error:
                yield number, RootLineUnreadable(str(error))


def root_of_row(row: Sequence[Any]) -> Root:
    """A row of member.seal_root: position, hash, journals, signed_at, signature."""
    return Root(row[0], bytes(row[1]), row[2], row[3], bytes(row[4]))
