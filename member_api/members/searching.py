"""What a clerk types into the one search box, tried as everything it can be."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from foundation.access import Principal
from foundation.database import Tx
from member_api.identifiers.rules import LAST_FOUR, Identifier, Kind
from member_api.members.lookup import MemberFacts, members_by_last_four, members_by_name, resolve_members
from member_api.members.rules import SeveralMembers, one_choice
from member_api.permissions import MEMBERS_PERSONAL

SOUGHT_MAX = 254
_NUMBER = re.compile(r"\+?[0-9][0-9 \-()./]*")


class Way(StrEnum):
    """How somebody was found."""

    IDENTIFIER = "identifier"
    LAST_FOUR = "last_four"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Found:
    """Members that fit, by the first way that led to any; `way` None when none did."""

    way: Way | None
    member_ids: tuple[int, ...]


def as_identifiers(text: str) -> list[Identifier]:
    """The whole identifiers that a text can be, the likeliest first."""
    half_width = unicodedata.normalize("NFKC", text).strip()
    if "@" in half_width:
        return [Identifier(Kind.EMAIL, half_width)]
    if _NUMBER.fullmatch(half_width):
        return [Identifier(Kind.PHONE, half_width), Identifier(Kind.CARD, half_width)]
    return [Identifier(Kind.CARD, half_width)]


def is_last_four(text: str) -> bool:
    """Whether a text can be the last four digits or letters of a phone or card."""
    half_width = unicodedata.normalize("NFKC", text).strip()
    return len(half_width) == LAST_FOUR and half_width.isascii() and half_width.isalnum()


def stores_of(principal: Principal) -> frozenset[str] | None:
    """The home stores whose members somebody may look through; None: all."""
    if principal.places is None:
        return None
    return frozenset(place.removeprefix("store/") for place in principal.places if place.startswith("store/"))


def by_last_four(tx: Tx, principal: Principal, last_four: str) -> list[int]:
    """The one member whose phone or card ends so, or none. Raises SeveralMembers: a list of people is never shown."""
    return _one(members_by_last_four(tx, last_four, stores_of(principal)))


def by_name(tx: Tx, principal: Principal, name: str) -> list[int]:
    """Members with this whole name; for whoever sees members masked one at most, else SeveralMembers."""
    found = members_by_name(tx, name, stores_of(principal))
    return found if principal.may(MEMBERS_PERSONAL) else _one(found)


def _one(found: list[int]) -> list[int]:
    choice = one_choice(found)
    if choice.found > 1:
        raise SeveralMembers("Several members fit; ask for the whole phone or card number", found=choice.found)
    return found


def find(tx: Tx, principal: Principal, text: str) -> Found:
    """Whoever a text leads to: by whole identifier, then by last four, then by whole name. Raises SeveralMembers."""
    identifiers = as_identifiers(text)
    known = resolve_members(tx, identifiers)
    for identifier in identifiers:
        facts = known[identifier]
        if isinstance(facts, MemberFacts):
            return Found(Way.IDENTIFIER, (facts.id,))
    if is_last_four(text):
        found = by_last_four(tx, principal, text)
        if found:
            return Found(Way.LAST_FOUR, tuple(found))
    found = by_name(tx, principal, text)
    return Found(Way.NAME if found else None, tuple(found))
