"""The service file of a member: everything ever done, newest first.

Whoever did something for members (tasks here, messages, campaigns) registers a source; the file merges them by time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from foundation.access import Principal
from foundation.database import Tx

TIES_MAX = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a service file. `source` names who knows it and `id` is unique there; `words` say what it was
    (a lazy translation), `detail` more of it in the reader's language, `facts` what a page may need.

    Personal data never stands here: notes are opened by whoever shows them, by `note_id`.
    """

    at: datetime
    source: str
    id: int
    words: Any
    by: str | None = None
    href: str | None = None
    kind: str = ""
    note_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """The entry after which the next page begins."""

    at: datetime
    source: str
    id: int


# read(tx, member_id, until, limit): entries at or before a moment, newest first, at most `limit`.
Source = Callable[[Tx, int, datetime, int], Sequence[Entry]]
_sources: dict[str, tuple[Source, str | None]] = {}


def register_source(name: str, read: Source, permission: str | None = None) -> None:
    """Say what else was done for members, and who may see it (None: whoever sees the file); called at import time."""
    _sources[name] = (read, permission)


def read_file(tx: Tx, viewer: Principal, member_id: int, limit: int, after: Mark | None = None) -> list[Entry]:
    """A page of a member's service file as the viewer may see it, newest first, at most `limit` entries."""
    until = after.at if after is not None else tx.now
    sources = [read for read, permission in _sources.values() if permission is None or viewer.may(permission)]
    found = [entry for read in sources for entry in read(tx, member_id, until, limit + TIES_MAX)]
    found.sort(key=_place, reverse=True)
    if after is not None:
        found = [entry for entry in found if _place(entry) < (after.at, after.source, after.id)]
    return found[:limit]


def _place(entry: Entry) -> tuple[datetime, str, int]:
    return entry.at, entry.source, entry.id
