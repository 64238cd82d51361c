"""Who bought: members named on receipts, found and share-locked for posting.

Locking: member rows are locked FOR KEY SHARE in order of id; merging takes them FOR UPDATE. Whoever waited for a
merge sees its redirect, because the row is read again under the lock; the member whom it leads to is locked then, out
of that order: whoever deadlocks is done again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import msgspec
import psycopg

from foundation.clock import local_date
from foundation.database import Tx
from foundation.round_trips import Reply, RoundTrip, Statement
from foundation.settings import get_settings
from member_api.identifiers.rules import IdentifierUnreadable, Kind, Normalised, blind_index, normalise
from member_api.ledger.rules import Wallet
from member_api.ledger.wallets import ask_wallets, make_wallets

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
    """What posting knows of a member. A frozen member earns and cannot spend; a closed or erased one does neither.

    `was_merged`: the receipt named somebody who is this member now.
    """

    id: int
    status: str
    tier: str | None
    was_merged: bool = False

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
    asked: psycopg.Cursor[Any] | None
    look: LiteralString

    def buyers(self) -> list[Buyer | None]:
        """In the order asked; None where nobody is known by that name."""
        return _buyers(self.tx, self.named, self.asked or (), self.look)

    def spelling(self, n: int) -> Normalised | None:
        """The normalised identifier of one that was asked; None where it was an id or cannot be read."""
        return self.spellings.get(n)


@dataclass(slots=True)
class AskedShoppers:
    """Buyers with their wallets, on their way."""

    tx: Tx
    named: Sequence[Named | None]
    spellings: dict[int, Normalised]
    today: date
    reply: Reply | None
    _accounts: bytes | None = None
    _soonest: bytes | None = None

    def buyers(self) -> list[Buyer | None]:
        """In the order asked; None where nobody is known by that name. Call it before `wallets`."""
        if self.reply is None:
            return [None] * len(self.named)
        found, self._accounts, self._soonest = self.reply.row()
        return _buyers(self.tx, self.named, _found(found) if found is not None else (), LOCKING_LOOK)

    def spelling(self, n: int) -> Normalised | None:
        """The normalised identifier of one that was asked; None where it was an id or cannot be read."""
        return self.spellings.get(n)

    def wallets(self, buyers: Sequence[Buyer]) -> dict[int, Wallet]:
        """The wallets of those of them who earn, by member id, under lock."""
        members = sorted({buyer.id for buyer in buyers if buyer.earns})
        if not members:
            return {}
        if any(buyer.was_merged for buyer in buyers):
            # Their accounts are those of the member they were merged into, whom the database was not asked for.
            with self.tx.round_trip() as trip:
                asked = ask_wallets(self.tx, trip, members, self.today)
            return asked.wallets()
        return make_wallets(self.tx, members, self.today, self._accounts, self._soonest)


_found = msgspec.json.Decoder(list[tuple[int, int, str, int | None, str | None]]).decode
_encode = msgspec.json.Encoder().encode
LOCK_BUYERS = Statement("SELECT buyers, accounts, soonest FROM member.lock_buyers($1::json, $2::date)")
LOOK: LiteralString = """
SELECT x.n, m.id, m.status, m.merged_into, member.tier_at(m.id, x.at)
FROM json_to_recordset(%s::json) AS x (n integer, kind text, blind bytea, id bigint, at timestamptz)
LEFT JOIN member.identifier AS i
    ON x.id IS NULL AND i.kind = x.kind AND i.blind_index = x.blind AND i.status = 'active'
JOIN member.member AS m ON m.id = coalesce(x.id, i.member_id)
ORDER BY m.id
"""
LOCKING_LOOK: LiteralString = LOOK + "FOR KEY SHARE OF m"


def ask_buyers(tx: Tx, named: Sequence[Named | None], *, lock: bool = True) -> AskedBuyers:
    """Ask for the members that receipts name, inside a pipeline; without `lock` only to look."""
    spellings, names = _names(tx, named)
    look = LOCKING_LOOK if lock else LOOK
    asked = tx.ask(look, (_encode(names).decode(),)) if names else None
    return AskedBuyers(tx, named, spellings, asked, look)


def ask_shoppers(tx: Tx, trip: RoundTrip, named: Sequence[Named | None], day: date) -> AskedShoppers:
    """Lock the members that receipts name, then the accounts of those who earn (each in order of id), in one question.

    `day` is the programme's date.
    """
    spellings, names = _names(tx, named)
    reply = trip.ask(LOCK_BUYERS, _encode(names), day.isoformat().encode()) if names else None
    return AskedShoppers(tx, named, spellings, day, reply)


class _Name(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name as the database is asked for it: an id, or kind and blind index."""

    n: int
    at: datetime
    id: int | None = None
    kind: str | None = None
    blind: str | None = None


def _names(tx: Tx, named: Sequence[Named | None]) -> tuple[dict[int, Normalised], list[_Name]]:
    today = local_date(tx.now, get_settings().company_timezone)
    key = get_settings().blind_index_key
    spellings: dict[int, Normalised] = {}
    names: list[_Name] = []
    for n, name in enumerate(named):
        if name is None:
            continue
        if name.id is not None:
            names.append(_Name(n, name.at, id=name.id))
        elif name.kind is not None and name.value is not None and name.kind != Kind.NATIONAL_ID:
            # Nobody is looked up by a national ID.
            try:
                spelling = spellings[n] = normalise(name.kind, name.value, today)
            except IdentifierUnreadable:
                continue
            digest = blind_index(key, spelling.kind, spelling.value)
            names.append(_Name(n, name.at, kind=spelling.kind, blind="\\x" + digest.hex()))
    return spellings, names


def _buyers(
    tx: Tx,
    named: Sequence[Named | None],
    found: Iterable[tuple[int, int, str, int | None, str | None]],
    look: LiteralString,
) -> list[Buyer | None]:
    buyers: list[Buyer | None] = [None] * len(named)
    for n, member, status, merged_into, tier in found:
        moment = named[n]
        if merged_into is not None and moment is not None:
            buyers[n] = _follow(tx, merged_into, moment.at, look)
        else:
            buyers[n] = Buyer(member, status, tier)
    return buyers


def _follow(tx: Tx, member: int, at: datetime, look: LiteralString) -> Buyer | None:
    """The member that a merged one now is."""
    for _ in range(REDIRECTS_MAX):
        row = tx.ask(look, (_encode([_Name(0, at, id=member)]).decode(),)).fetchone()
        if row is None:
            return None
        if row[3] is None:
            return Buyer(row[1], row[2], row[4], was_merged=True)
        member = row[3]
    return None
