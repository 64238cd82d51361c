"""Who bought: members named on receipts, found and share-locked for posting.

Locking: member rows are locked FOR KEY SHARE in order of id; merging takes them FOR UPDATE. Whoever waited for a
merge sees its redirect, because the row is read again under the lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.identifiers.rules import IdentifierNotALookUp, IdentifierUnreadable, Normalised, blind_index, normalise

REDIRECTS_MAX = 8


@dataclass(frozen=True, slots=True)
class Named:
    """A member as a receipt names one: by id, or by kind and value of an identifier; and when the sale was."""

    at: datetime
    id: int | None = None
    kind: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """What posting knows of a member. A frozen member earns and cannot spend; a closed or erased one does neither."""

    id: int
    status: str
    tier: str | None

    @property
    def earns(self) -> bool:
        return self.status in ("active", "frozen")

    @property
    def spends(self) -> bool:
        return self.status == "active"


@dataclass(slots=True)
class AskedBuyers:
    """Buyers on their way; `buyers()` waits for the database."""

    tx: Tx
    named: Sequence[Named | None]
    spellings: dict[int, Normalised]
    by_identifier: psycopg.Cursor[Any] | None
    by_id: psycopg.Cursor[Any] | None

    def buyers(self) -> list[Buyer | None]:
        """In the order asked; None where nobody is known by that name."""
        found: list[Buyer | None] = [None] * len(self.named)
        for cursor in (self.by_identifier, self.by_id):
            for n, member, status, merged_into, tier in cursor or ():
                moment = self.named[n]
                if merged_into is not None and moment is not None:
                    found[n] = _follow(self.tx, merged_into, moment.at)
                else:
                    found[n] = Buyer(member, status, tier)
        return found

    def spelling(self, n: int) -> Normalised | None:
        """The normalised identifier of one that was asked; None where it was an id or cannot be read."""
        return self.spellings.get(n)


BY_IDENTIFIER = """
SELECT a.n, m.id, m.status, m.merged_into, member.tier_at(m.id, a.at)
FROM unnest(%s::int[], %s::text[], %s::bytea[], %s::timestamptz[]) AS a (n, kind, blind, at)
JOIN member.identifier AS i ON i.kind = a.kind AND i.blind_index = a.blind AND i.status = 'active'
JOIN member.member AS m ON m.id = i.member_id
ORDER BY m.id
"""
BY_ID = """
SELECT a.n, m.id, m.status, m.merged_into, member.tier_at(m.id, a.at)
FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[]) AS a (n, id, at)
JOIN member.member AS m ON m.id = a.id
ORDER BY m.id
"""
LOCKED = "FOR KEY SHARE OF m"


def ask_buyers(tx: Tx, named: Sequence[Named | None], *, lock: bool = True) -> AskedBuyers:
    """Ask for the members that receipts name, inside a pipeline; without `lock` only to look."""
    today = local_date(tx.now, get_settings().company_timezone)
    key = get_settings().blind_index_key
    spellings: dict[int, Normalised] = {}
    ids: list[int] = []
    for n, name in enumerate(named):
        if name is None:
            continue
        if name.id is not None:
            ids.append(n)
        elif name.kind is not None and name.value is not None:
            try:
                spellings[n] = normalise(name.kind, name.value, today)
            except (IdentifierUnreadable, IdentifierNotALookUp):
                continue
    by_identifier = by_id = None
    if spellings:
        by_identifier = tx.ask(
            BY_IDENTIFIER + LOCKED if lock else BY_IDENTIFIER,
            (
                list(spellings),
                [spelling.kind for spelling in spellings.values()],
                [blind_index(key, spelling.kind, spelling.value) for spelling in spellings.values()],
                [_at(named, n) for n in spellings],
            ),
        )
    if ids:
        by_id = tx.ask(
            BY_ID + LOCKED if lock else BY_ID, (ids, [_id(named, n) for n in ids], [_at(named, n) for n in ids])
        )
    return AskedBuyers(tx, named, spellings, by_identifier, by_id)


def _at(named: Sequence[Named | None], n: int) -> datetime:
    name = named[n]
    assert name is not None
    return name.at


def _id(named: Sequence[Named | None], n: int) -> int:
    name = named[n]
    assert name is not None
    assert name.id is not None
    return name.id


def _follow(tx: Tx, member: int, at: datetime) -> Buyer | None:
    """The member that a merged one now is."""
    for _ in range(REDIRECTS_MAX):
        row = tx.ask(BY_ID, ([0], [member], [at])).fetchone()
        if row is None:
            return None
        if row[3] is None:
            return Buyer(row[1], row[2], row[4])
        member = row[3]
    return None
