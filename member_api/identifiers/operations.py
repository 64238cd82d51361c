"""Finding who holds an identifier, attaching it to a member, and meeting one that nobody holds yet.

Identifiers are always inserted in the order of `LookUpKey`: whoever comes second to the same value waits in the unique
index for the first, and two transactions never wait for each other in a ring. They are locked after member rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import Invalid
from foundation.events import announce
from foundation.settings import get_settings
from member_api.identifiers.rules import (
    Identifier,
    IdentifierNotALookUp,
    IdentifierStatus,
    Kind,
    LookUpKey,
    Normalised,
    blind_index,
    last_four_index,
    mask,
    normalise,
)
from member_api.vault.operations import key_of_nobody, open_keys
from member_api.vault.rules import MemberKey
from member_api.vault.tables import hex_bytes

KINDS_MAX = 1000


class IdentifierKindUnknown(Invalid):
    """The kind is not in the registry."""

    code = "identifier_kind_unknown"


@dataclass(frozen=True, slots=True)
class IdentifierKind:
    """A kind of identifier in the registry."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class HeldIdentifier:
    """An identifier of a member, opened. `shown` is its mask."""

    id: int
    member_id: int
    identifier: Normalised
    status: IdentifierStatus
    attached_at: datetime
    ended_at: datetime | None
    replaced_by: int | None

    @property
    def shown(self) -> str:
        return mask(self.identifier)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An identifier on its way to a member."""

    key: MemberKey
    identifier: Normalised

    @property
    def look_up(self) -> LookUpKey:
        return key_of(self.identifier)


@dataclass(frozen=True, slots=True)
class Attached:
    """What became of an attachment: the row, and whether a sale was waiting under it."""

    id: int
    look_up: LookUpKey
    member_id: int
    was_waiting: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """An identifier as a sale met it: the id to wait under, and the member if it has one by now (a lost card has none).

    `shown` is the mask, for whoever repairs a parked sale; None where the caller did not ask to open it.
    """

    claim_id: int
    kind: str
    member_id: int | None
    status: IdentifierStatus
    shown: str | None = None


# ------------------------------------------------------------------------------------------------ reading
def read(tx: Tx, identifier: Identifier) -> Normalised:
    """Normalise an identifier that somebody sent. Raises IdentifierUnreadable."""
    today = local_date(tx.now, get_settings().company_timezone)
    return normalise(identifier.kind, identifier.value, today)


def key_of(identifier: Normalised) -> LookUpKey:
    """Where a normalised identifier is found."""
    index = blind_index(get_settings().blind_index_key, identifier.kind, identifier.value)
    return LookUpKey(str(identifier.kind), index)


def look_up_key(tx: Tx, identifier: Identifier) -> LookUpKey:
    """Where to look somebody up. Raises IdentifierUnreadable, and IdentifierNotALookUp for a national ID."""
    if identifier.kind == Kind.NATIONAL_ID:
        raise IdentifierNotALookUp("Nobody is looked up by a national ID")
    return key_of(read(tx, identifier))


def _keys_json(keys: Iterable[LookUpKey]) -> str:
    rows = [{"kind": key.kind, "blind_index": hex_bytes(key.blind_index)} for key in sorted(set(keys))]
    return msgspec.json.encode(rows).decode()


@dataclass(frozen=True, slots=True)
class InForce:
    """The row in force of a value; `member_id` None while nobody claimed it."""

    id: int
    member_id: int | None
    status: IdentifierStatus


def in_force(tx: Tx, keys: Collection[LookUpKey]) -> dict[LookUpKey, InForce]:
    """Who holds these values, in one statement; values that nobody ever met are left out."""
    if not keys:
        return {}
    rows = tx.ask(
        """
        SELECT i.kind, i.blind_index, i.id, i.member_id, i.status
        FROM json_to_recordset(%s::json) AS x(kind text, blind_index bytea)
        JOIN member.identifier i ON i.kind = x.kind AND i.blind_index = x.blind_index AND i.status <> 'replaced'
        """,
        (_keys_json(keys),),
    )
    return {
        LookUpKey(kind, bytes(index)): InForce(id_, member_id, IdentifierStatus(status))
        for kind, index, id_, member_id, status in rows
    }


def identifiers_of(tx: Tx, keys: Mapping[int, MemberKey]) -> dict[int, tuple[HeldIdentifier, ...]]:
    """Every identifier that these members have or had, opened; newest first within a kind."""
    rows = tx.ask(
        "SELECT id, member_id, kind, blind_index, status, sealed, attached_at, ended_at, replaced_by "
        "FROM member.identifier WHERE member_id = ANY(%s) AND sealed IS NOT NULL ORDER BY member_id, kind, id DESC",
        (list(keys),),
    )
    found: dict[int, list[HeldIdentifier]] = {}
    for id_, member_id, kind, index, status, sealed, attached_at, ended_at, replaced_by in rows:
        value = keys[member_id].open(_field(LookUpKey(kind, bytes(index))), bytes(sealed))
        held = HeldIdentifier(
            id_, member_id, Normalised(kind, value), IdentifierStatus(status), attached_at, ended_at, replaced_by
        )
        found.setdefault(member_id, []).append(held)
    return {member_id: tuple(held) for member_id, held in found.items()}


def newest_active(tx: Tx, keys: Mapping[int, MemberKey], kind: Kind) -> dict[int, Normalised]:
    """The identifier of a kind under which each member is reached today, opened: of several the newest."""
    rows = tx.ask(
        "SELECT DISTINCT ON (member_id) member_id, blind_index, sealed FROM member.identifier "
        "WHERE member_id = ANY(%s) AND kind = %s AND status = 'active' AND sealed IS NOT NULL "
        "ORDER BY member_id, id DESC",
        (list(keys), kind),
    )
    return {
        member_id: Normalised(kind, keys[member_id].open(_field(LookUpKey(kind, bytes(index))), bytes(sealed)))
        for member_id, index, sealed in rows
    }


# ------------------------------------------------------------------------------------------------ attaching
ATTACH = """
INSERT INTO member.identifier AS i (kind, blind_index, member_id, status, sealed, last_four_index, met_at, attached_at)
SELECT kind, blind_index, member_id, 'active', sealed, last_four_index, %(now)s, %(now)s
FROM json_to_recordset(%(rows)s::json)
    AS x(n int, kind text, blind_index bytea, member_id bigint, sealed bytea, last_four_index bytea)
ORDER BY n
ON CONFLICT (kind, blind_index) WHERE status <> 'replaced' DO UPDATE
    SET member_id = excluded.member_id, status = 'active', sealed = excluded.sealed, attached_at = excluded.attached_at,
        last_four_index = excluded.last_four_index
    WHERE i.status = 'unclaimed'
RETURNING i.id, i.kind, i.blind_index, i.member_id, old.id IS NOT NULL
"""


def attach(tx: Tx, attachments: Sequence[Attachment]) -> dict[LookUpKey, Attached]:
    """Give identifiers to members, in one statement, now. What belongs to somebody already is left out of the answer.

    Waits for other transactions that touch the same values. The members may be new and not yet written; the kinds are
    registered (`unknown_kinds`).
    """
    ordered = sorted(attachments, key=lambda attachment: attachment.look_up)
    rows = [_attach_row(n, attachment) for n, attachment in enumerate(ordered)]
    answer = tx.ask(ATTACH, {"rows": msgspec.json.encode(rows).decode(), "now": tx.now}).fetchall()
    attached = [Attached(id_, LookUpKey(kind, bytes(index)), m, waited) for id_, kind, index, m, waited in answer]
    return {found.look_up: found for found in attached}


def announce_claimed(tx: Tx, attached: Iterable[Attached]) -> None:
    """Tell whoever let a sale wait that its member has come: `member.claimed` {member_id, claim_ids}."""
    waiting: dict[int, list[int]] = {}
    for found in attached:
        if found.was_waiting:
            waiting.setdefault(found.member_id, []).append(found.id)
    for member_id, claim_ids in waiting.items():
        announce(tx, "member.claimed", {"member": str(member_id), "member_id": member_id, "claim_ids": claim_ids})


def _attach_row(n: int, attachment: Attachment) -> dict[str, Any]:
    key, identifier = attachment.look_up, attachment.identifier
    return {
        "n": n,
        "kind": key.kind,
        "blind_index": hex_bytes(key.blind_index),
        "member_id": attachment.key.member_id,
        "sealed": hex_bytes(attachment.key.seal(_field(key), identifier.value)),
        "last_four_index": _last_four(identifier),
    }


def _last_four(identifier: Normalised) -> str | None:
    if identifier.last_four is None:
        return None
    return hex_bytes(last_four_index(get_settings().blind_index_key, identifier.kind, identifier.last_four))


def _field(key: LookUpKey) -> str:
    # The index is part of the name, so that two sealed identifiers of one member cannot be swapped either.
    return f"identifier/{key.kind}/{key.blind_index.hex()}"


def end(tx: Tx, identifier_id: int, status: IdentifierStatus, replaced_by: int | None = None) -> None:
    """End an active identifier: `lost` keeps the number taken and blocked, `replaced` sets it free. Harmless twice."""
    tx.ask(
        "UPDATE member.identifier SET status = %s, ended_at = %s, replaced_by = %s "
        "WHERE id = %s AND status IN ('active', 'lost') AND status <> %s",
        (status, tx.now, replaced_by, identifier_id, status),
    )


def revive(tx: Tx, identifier_id: int) -> bool:
    """A lost card was found again; whether it was lost and has not been replaced."""
    answer = tx.ask(
        "UPDATE member.identifier SET status = 'active', ended_at = NULL "
        "WHERE id = %s AND status = 'lost' AND replaced_by IS NULL",
        (identifier_id,),
    )
    return answer.rowcount == 1


# ------------------------------------------------------------------------------------------------ meeting the unknown
MEET = """
INSERT INTO member.identifier (kind, blind_index, status, sealed, last_four_index, met_at)
SELECT kind, blind_index, 'unclaimed', sealed, last_four_index, %(now)s
FROM json_to_recordset(%(rows)s::json)
    AS x(n int, kind text, blind_index bytea, sealed bytea, last_four_index bytea)
ORDER BY n
ON CONFLICT (kind, blind_index) WHERE status <> 'replaced' DO NOTHING
RETURNING kind, blind_index, id
"""


def meet(tx: Tx, identifiers: Collection[Identifier]) -> dict[Identifier, Claim]:
    """Keep identifiers that nobody may hold yet, in two statements, and say under which id each waits.

    An identifier that belongs to a member by now comes back with that member: the caller posts to it instead of
    waiting. Waits for enrolments with the same values that are under way. Raises IdentifierUnreadable,
    IdentifierNotALookUp, IdentifierKindUnknown.
    """
    if unknown_kinds(tx, {identifier.kind for identifier in identifiers}):
        raise IdentifierKindUnknown("There is no such kind of identifier; register it first")
    keys = {identifier: look_up_key(tx, identifier) for identifier in identifiers}
    distinct = {keys[identifier]: read(tx, identifier) for identifier in identifiers}
    nobody = key_of_nobody()
    rows = [
        {
            "n": n,
            "kind": key.kind,
            "blind_index": hex_bytes(key.blind_index),
            "sealed": hex_bytes(nobody.seal(_field(key), distinct[key].value)),
            "last_four_index": _last_four(distinct[key]),
        }
        for n, key in enumerate(sorted(distinct))
    ]
    tx.ask(MEET, {"rows": msgspec.json.encode(rows).decode(), "now": tx.now})
    found = in_force(tx, distinct)
    return {
        identifier: Claim(
            found[key].id, key.kind, _claimed_by(found[key].member_id, found[key].status), found[key].status
        )
        for identifier, key in keys.items()
    }


def _claimed_by(member_id: int | None, status: IdentifierStatus) -> int | None:
    # What a lost card bought is not its owner's; the service desk settles it.
    return None if status == IdentifierStatus.LOST else member_id


def claimed(tx: Tx, claim_ids: Collection[int]) -> dict[int, int]:
    """The members of those claims that have one by now; nothing of the others."""
    rows = tx.ask(
        "SELECT id, member_id, status FROM member.identifier WHERE id = ANY(%s) AND member_id IS NOT NULL",
        (list(claim_ids),),
    )
    found = ((id_, _claimed_by(member_id, IdentifierStatus(status))) for id_, member_id, status in rows)
    return {id_: member_id for id_, member_id in found if member_id is not None}


def claims(tx: Tx, claim_ids: Collection[int]) -> dict[int, Claim]:
    """Claims by id, with masks for people to see and the member of those that were claimed meanwhile."""
    rows = tx.ask(
        "SELECT id, kind, blind_index, member_id, status, sealed FROM member.identifier WHERE id = ANY(%s)",
        (list(claim_ids),),
    ).fetchall()
    keys = open_keys(tx, {row[3] for row in rows if row[3] is not None})
    nobody = key_of_nobody()
    found: dict[int, Claim] = {}
    for id_, kind, index, member_id, status, sealed in rows:
        key = nobody if member_id is None else keys.get(member_id)
        shown = None
        if key is not None and sealed is not None:
            shown = mask(Normalised(kind, key.open(_field(LookUpKey(kind, bytes(index))), bytes(sealed))))
        state = IdentifierStatus(status)
        found[id_] = Claim(id_, kind, _claimed_by(member_id, state), state, shown)
    return found


# ------------------------------------------------------------------------------------------------ the registry of kinds
def kinds(tx: Tx) -> list[IdentifierKind]:
    """Every registered kind, by code."""
    rows = tx.ask("SELECT code, name FROM member.identifier_kind ORDER BY code LIMIT %s", (KINDS_MAX,))
    return [IdentifierKind(code, name) for code, name in rows]


def unknown_kinds(tx: Tx, codes: Collection[str]) -> set[str]:
    """Those of the codes that nobody registered. The four with a spelling of their own are always there."""
    asked = set(codes) - set(Kind)
    if not asked:
        return set()
    return asked - {kind.code for kind in kinds(tx)}


def register_kind(tx: Tx, code: str, name: str) -> IdentifierKind:
    """Register a kind, or rename one. `code` is lower-case letters, digits and underscores (the door checks it)."""
    tx.ask(
        "INSERT INTO member.identifier_kind (code, name, created_at) VALUES (%s, %s, %s) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name",
        (code, name, tx.now),
    )
    return IdentifierKind(code, name)
