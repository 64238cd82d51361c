"""Naming members: by id or by identifier, following redirects, with or without a lock. Set-based throughout."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, LiteralString

from foundation.database import Tx
from foundation.settings import get_settings
from member_api.identifiers.operations import in_force, look_up_key
from member_api.identifiers.rules import (
    Identifier,
    IdentifierNotALookUp,
    IdentifierStatus,
    IdentifierUnreadable,
    Kind,
    LookUpKey,
    blind_index,
    last_four_index,
    normalise_name,
)
from member_api.members.rules import CHOICE_COUNT_MAX, IdentifierBlocked, MemberStatus, MemberUnknown

# A merge points everybody who was merged before at the last survivor, so one step is the rule.
REDIRECTS_MAX = 8

Lock = Literal["share", "exclusive"]


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What a posting needs to know of a member. `tier` is the one in force at the transaction's moment.

    `id` is the survivor's when the member that was named has been merged into another.
    """

    id: int
    status: MemberStatus
    tier: str | None
    home_store: str | None

    @property
    def may_earn(self) -> bool:
        return self.status in (MemberStatus.ACTIVE, MemberStatus.FROZEN)

    @property
    def may_spend(self) -> bool:
        return self.status == MemberStatus.ACTIVE


class NotFound(StrEnum):
    """Why a name leads to no member."""

    UNKNOWN = "unknown"
    BLOCKED = "blocked"  # a lost card
    UNREADABLE = "unreadable"  # not an identifier of its kind
    NOT_A_LOOK_UP = "not_a_look_up"  # a national ID


MemberRef = int | Identifier

_FACTS: LiteralString = """
    SELECT id, status, member.tier_at(id, %s), home_store, merged_into
    FROM member.member WHERE id = ANY(%s) ORDER BY id"""
_LOCKED: dict[Lock | None, LiteralString] = {
    None: _FACTS,
    "share": _FACTS + " FOR KEY SHARE",
    "exclusive": _FACTS + " FOR UPDATE",
}


def resolve_members(
    tx: Tx, refs: Collection[MemberRef], lock: Lock | None = None
) -> dict[MemberRef, MemberFacts | NotFound]:
    """Every member that is named, or why there is none; two statements for any number, one more per redirect.

    `lock="share"` (postings) lets other postings and profile changes pass and holds off freezing, merging and
    erasing; `"exclusive"` holds off everybody. Rows are locked in ascending id; redirects are read after the lock.
    """
    keys: dict[MemberRef, LookUpKey] = {}
    answer: dict[MemberRef, MemberFacts | NotFound] = {}
    for ref in refs:
        if isinstance(ref, Identifier):
            found = _key_or_reason(tx, ref)
            if isinstance(found, NotFound):
                answer[ref] = found
            else:
                keys[ref] = found
    holders = in_force(tx, set(keys.values()))
    named: dict[MemberRef, int] = {ref: ref for ref in refs if isinstance(ref, int)}
    for ref, key in keys.items():
        holder = holders.get(key)
        if holder is None or holder.member_id is None:
            answer[ref] = NotFound.UNKNOWN
        elif holder.status == IdentifierStatus.LOST:
            answer[ref] = NotFound.BLOCKED
        else:
            named[ref] = holder.member_id
    survivors = _survivors(tx, set(named.values()), lock)
    answer.update({ref: survivors.get(member_id, NotFound.UNKNOWN) for ref, member_id in named.items()})
    return answer


def resolve_member(tx: Tx, ref: MemberRef, lock: Lock | None = None) -> MemberFacts:
    """The one member that is named. Locks as `resolve_members`.

    Raises MemberUnknown, IdentifierBlocked (a lost card), IdentifierUnreadable, IdentifierNotALookUp (a national ID).
    """
    found = resolve_members(tx, [ref], lock)[ref]
    if isinstance(found, MemberFacts):
        return found
    if found == NotFound.BLOCKED:
        raise IdentifierBlocked("This card was reported lost")
    if isinstance(ref, Identifier):
        look_up_key(tx, ref)  # says what is wrong with it, if anything is
    raise MemberUnknown("There is no such member")


def _key_or_reason(tx: Tx, identifier: Identifier) -> LookUpKey | NotFound:
    try:
        return look_up_key(tx, identifier)
    except IdentifierNotALookUp:
        return NotFound.NOT_A_LOOK_UP
    except IdentifierUnreadable:
        return NotFound.UNREADABLE


def _survivors(tx: Tx, member_ids: set[int], lock: Lock | None) -> dict[int, MemberFacts]:
    """Members by the id that was asked for; those merged are answered by their survivor."""
    stands_for: dict[int, set[int]] = {member_id: {member_id} for member_id in member_ids}
    answer: dict[int, MemberFacts] = {}
    for _ in range(REDIRECTS_MAX):
        if not stands_for:
            break
        next_: dict[int, set[int]] = {}
        for facts, merged_into in _rows(tx, stands_for, lock):
            asked = stands_for[facts.id]
            if merged_into is None:
                answer.update(dict.fromkeys(asked, facts))
            else:
                next_.setdefault(merged_into, set()).update(asked)
        stands_for = next_
    return answer


def _rows(tx: Tx, member_ids: Iterable[int], lock: Lock | None) -> list[tuple[MemberFacts, int | None]]:
    rows = tx.ask(_LOCKED[lock], (tx.now, list(member_ids)))
    return [
        (MemberFacts(id_, MemberStatus(status), tier, home_store), merged_into)
        for id_, status, tier, home_store, merged_into in rows
    ]


# ------------------------------------------------------------------------------------------------ looking people up
def members_by_last_four(tx: Tx, last_four: str, stores: Collection[str] | None) -> list[int]:
    """Members in good standing whose phone or card ends so, at most CHOICE_COUNT_MAX.

    `stores` narrows to members of these home stores; None means everywhere.
    """
    key = get_settings().blind_index_key
    indexes = [last_four_index(key, kind, last_four) for kind in (Kind.PHONE, Kind.CARD)]
    places = None if stores is None else sorted(stores)
    rows = tx.ask(
        "SELECT DISTINCT m.id FROM member.identifier i JOIN member.member m ON m.id = i.member_id "
        "WHERE i.last_four_index = ANY(%s) AND i.status = 'active' AND m.status IN ('active', 'frozen') "
        "AND (%s::text[] IS NULL OR m.home_store = ANY(%s::text[])) ORDER BY m.id LIMIT %s",
        (indexes, places, places, CHOICE_COUNT_MAX),
    )
    return [member_id for (member_id,) in rows]


def name_index(name: str) -> bytes:
    """The blind index of a whole name."""
    return blind_index(get_settings().blind_index_key, "name", normalise_name(name))


def members_by_name(tx: Tx, name: str, stores: Collection[str] | None) -> list[int]:
    """Members in good standing with this whole name, at most CHOICE_COUNT_MAX; `stores` as above."""
    places = None if stores is None else sorted(stores)
    rows = tx.ask(
        "SELECT m.id FROM member.profile_field f JOIN member.member m ON m.id = f.member_id "
        "WHERE f.blind_index = %s AND m.status IN ('active', 'frozen') "
        "AND (%s::text[] IS NULL OR m.home_store = ANY(%s::text[])) ORDER BY m.id LIMIT %s",
        (name_index(name), places, places, CHOICE_COUNT_MAX),
    )
    return [member_id for (member_id,) in rows]
