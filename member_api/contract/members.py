"""Who a member is, as the rest of the house may ask: naming members, waiting for unknown ones, tiers.

Every function takes the open transaction first and never commits it. Members are named by id (int) or by
`Identifier(kind, value)` as somebody wrote it; a member who was merged into another is answered by the survivor.

Locks: member rows first, in ascending id, then identifiers, then accounts. `lock="share"` is for postings: it lets
other postings and changes of the profile pass and holds off freezing, merging and erasing.

The posting path looks members up in its own pipelined SQL: join `member.identifier` by `(kind, blind_index)` where
`status = 'active'` to `member.member`; `member.tier_at(member_id, moment)` is the tier in force; follow `merged_into`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from foundation.database import Tx
from foundation.errors import Invalid
from member_api.identifiers import operations as identifiers
from member_api.identifiers.operations import Claim, IdentifierKindUnknown
from member_api.identifiers.rules import (
    Identifier,
    IdentifierNotALookUp,
    IdentifierStatus,
    IdentifierUnreadable,
    LookUpKey,
    mask_name,
)
from member_api.members import lookup
from member_api.members.lookup import Lock, MemberFacts, MemberRef, NotFound
from member_api.members.rules import IdentifierBlocked, MemberStatus, MemberUnknown
from member_api.members.views import shown_names
from member_api.phone.showing import MemberCodeUnknown, who_shows
from member_api.tiers import operations as tiers
from member_api.tiers.operations import TierHeld
from member_api.tiers.rules import Tier, TierSource

__all__ = [
    "Claim",
    "Identifier",
    "IdentifierBlocked",
    "IdentifierKindUnknown",
    "IdentifierNotALookUp",
    "IdentifierStatus",
    "IdentifierUnreadable",
    "Lock",
    "LookUpKey",
    "MemberCodeUnknown",
    "MemberFacts",
    "MemberRef",
    "MemberRefUnreadable",
    "MemberStatus",
    "MemberUnknown",
    "NotFound",
    "Tier",
    "TierHeld",
    "TierSource",
    "all_tiers",
    "claim_identifier",
    "claim_identifiers",
    "claimed",
    "claims",
    "look_up_key",
    "mask_name",
    "masked_names",
    "read_ref",
    "resolve_member",
    "resolve_members",
    "scanned_member",
    "tiers_of",
    "unknown_kinds",
]


class MemberRefUnreadable(Invalid):
    """A member is named by an id (digits) or by {"kind", "value"}."""

    code = "member_reference_unreadable"


def read_ref(named: str | int | Mapping[str, Any]) -> MemberRef:
    """A member as JSON names one: "123", or {"kind": "phone", "value": "138..."}. Raises MemberRefUnreadable."""
    if isinstance(named, Mapping):
        kind, value = named.get("kind"), named.get("value")
        if isinstance(kind, str) and isinstance(value, str) and named.keys() == {"kind", "value"}:
            return Identifier(kind, value)
    elif not isinstance(named, bool) and str(named).isascii() and str(named).isdigit() and len(str(named)) < 19:
        return int(named)
    raise MemberRefUnreadable('A member is named by an id or by {"kind", "value"}')


def look_up_key(tx: Tx, identifier: Identifier) -> LookUpKey:
    """(kind, blind_index) under which to look a member up; pure but for today's date, about 3 microseconds.

    Raises IdentifierUnreadable, and IdentifierNotALookUp for a national ID.
    """
    return identifiers.look_up_key(tx, identifier)


def resolve_member(tx: Tx, ref: MemberRef, lock: Lock | None = None) -> MemberFacts:
    """The member that is named.

    Raises MemberUnknown, IdentifierBlocked (a lost card), IdentifierUnreadable, IdentifierNotALookUp.
    """
    return lookup.resolve_member(tx, ref, lock)


def resolve_members(
    tx: Tx, refs: Collection[MemberRef], lock: Lock | None = None
) -> dict[MemberRef, MemberFacts | NotFound]:
    """Every member that is named, or why there is none; two statements for any number of names."""
    return lookup.resolve_members(tx, refs, lock)


def scanned_member(tx: Tx, text: str, store: str) -> int | None:
    """The member whose phone shows the code that was scanned in a store; None where the text is no such code.

    The code names the member to that store for a minute or so and does nothing else. Raises MemberCodeUnknown.
    """
    return who_shows(tx, text, store)


def claim_identifiers(tx: Tx, met: Collection[Identifier]) -> dict[Identifier, Claim]:
    """Keep identifiers without a member, and say under which `claim_id` each waits; two statements for any number.

    When somebody enrols with one, `member.claimed` {"member_id", "claim_ids"} is announced, and the sale can be given
    to the member. One that belongs to a member by now (`Claim.member_id`, its status active) was enrolled a moment
    ago: post to that member instead. Waits for enrolments of the same values that are under way; call it after member
    rows are locked. Raises IdentifierUnreadable, IdentifierNotALookUp, IdentifierKindUnknown.
    """
    return identifiers.meet(tx, met)


def unknown_kinds(tx: Tx, kinds: Collection[str]) -> set[str]:
    """Those of these kinds of identifiers that are not registered."""
    return identifiers.unknown_kinds(tx, kinds)


def claim_identifier(tx: Tx, kind: str, value: str) -> int:
    """`claim_identifiers` for one; the claim id."""
    identifier = Identifier(kind, value)
    return claim_identifiers(tx, [identifier])[identifier].claim_id


def claimed(tx: Tx, claim_ids: Collection[int]) -> dict[int, int]:
    """The members of those claims that have one by now, by claim id; one statement for any number."""
    return identifiers.claimed(tx, claim_ids)


def claims(tx: Tx, claim_ids: Collection[int]) -> dict[int, Claim]:
    """Claims by id: the member of those that were claimed meanwhile, and a mask for whoever repairs a parked sale."""
    return identifiers.claims(tx, claim_ids)


def masked_names(tx: Tx, member_ids: Collection[int]) -> dict[int, str]:
    """张* for each member that has a name: what a till or a handheld may show."""
    return {member_id: mask_name(name) for member_id, name in shown_names(tx, member_ids).items()}


def all_tiers(tx: Tx) -> list[Tier]:
    """Every tier of the programme, the lowest first, retired ones too."""
    return tiers.tiers(tx)


def tiers_of(tx: Tx, member_ids: Collection[int], at: datetime) -> dict[int, TierHeld]:
    """The tier in force at a moment, of those members that hold one; two statements for any number."""
    return tiers.tiers_of(tx, member_ids, at)
