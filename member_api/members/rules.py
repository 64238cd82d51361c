"""What an enrolment is, and what becomes of it beside the members there are. Values in, decisions out."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from foundation.errors import Conflict, DomainError, FieldError, Invalid, NotFound, PreconditionFailed
from member_api.consents.rules import ConsentWord, Purpose
from member_api.identifiers.rules import IdentifierStatus, Kind, LookUpKey, Normalised

BIRTH_YEAR_MIN = 1850


class MemberStatus(StrEnum):
    """What a membership is worth: frozen earns and cannot spend; the last three do neither."""

    ACTIVE = "active"
    FROZEN = "frozen"
    CLOSED = "closed"
    MERGED = "merged"
    ERASED = "erased"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class MemberUnknown(NotFound):
    """No member has this id or identifier."""

    code = "member_unknown"


class IdentifierBlocked(Conflict):
    """The card was reported lost; it names nobody any more."""

    code = "identifier_blocked"


class MemberExists(Conflict):
    """An identifier of the enrolment belongs to a member already; `member` is that member's id."""

    code = "member_exists"


class IdentifiersOfSeveralMembers(Conflict):
    """The identifiers of one enrolment belong to different members; `members` are their ids."""

    code = "identifiers_of_several_members"


class SeveralMembers(Conflict):
    """Several people fit a search that may show one only; `found` says how many (up to CHOICE_COUNT_MAX)."""

    code = "several_members"


class IdentifierTaken(Conflict):
    """The identifier belongs to another member; `member` is that member's id."""

    code = "identifier_taken"


class IdentifierMissing(Invalid):
    """A member is recognised by something: at least one identifier is needed."""

    code = "identifier_missing"


class BirthdayUnreadable(Invalid):
    """The birthday is not a date, or nobody alive has it."""

    code = "birthday_unreadable"


class MemberChanged(PreconditionFailed):
    """Somebody else changed the member since it was read (If-Match)."""

    code = "member_changed"


class StatusForbids(Conflict):
    """The member's status does not allow this: only what is active can be frozen, and the like."""

    code = "status_forbids"


# ------------------------------------------------------------------------------------------------ values
@dataclass(frozen=True, slots=True)
class Birthday:
    """A day of birth, of which the year or the month and day may be unknown. `month_day` is month x 100 + day."""

    year: int | None
    month_day: int | None

    @property
    def text(self) -> str:
        """As it was given: 1990-05-17, --05-17 or 1990."""
        year = "-" if self.year is None else f"{self.year:04d}"
        if self.month_day is None:
            return year
        return f"{year}-{self.month_day // 100:02d}-{self.month_day % 100:02d}"


_BIRTHDAY = re.compile(r"(?:([0-9]{4})|-)-([0-9]{2})-([0-9]{2})|([0-9]{4})")
_ANY_LEAP_YEAR = 2000


def read_birthday(text: str, today: date) -> Birthday:
    """Read 1990-05-17, --05-17 (no year) or 1990 (no day). Raises BirthdayUnreadable."""
    match = _BIRTHDAY.fullmatch(text)
    if match is None:
        raise BirthdayUnreadable("A birthday is written 1990-05-17, --05-17 or 1990")
    year_text, month, day, only_year = match.groups()
    year = int(year_text or only_year) if year_text or only_year else None
    if year is not None and not BIRTH_YEAR_MIN <= year <= today.year:
        raise BirthdayUnreadable(f"The year of birth lies between {BIRTH_YEAR_MIN} and this year")
    if month is None:
        return Birthday(year, None)
    try:
        born = date(_ANY_LEAP_YEAR if year is None else year, int(month), int(day))
    except ValueError:
        raise BirthdayUnreadable("There is no such day") from None
    if year is not None and born > today:
        raise BirthdayUnreadable("The birthday lies in the future")
    return Birthday(year, born.month * 100 + born.day)


@dataclass(frozen=True, slots=True)
class Joined:
    """Where, through whom and when somebody became a member. Codes of organisation, kept as they were given."""

    store: str | None = None
    counter: str | None = None
    staff: str | None = None
    channel: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewMember:
    """An enrolment, read and normalised. `name` is as the member writes it; `tier` an imported tier."""

    identifiers: tuple[Normalised, ...]
    name: str | None = None
    birthday: Birthday = Birthday(None, None)
    gender: Gender | None = None
    home_store: str | None = None
    joined: Joined = Joined()
    consents: tuple[ConsentWord, ...] = ()
    tier: str | None = None
    tier_valid_to: datetime | None = None


def without_unconsented(new: NewMember) -> tuple[NewMember, tuple[str, ...]]:
    """The enrolment without a national ID that nobody consented to keeping, and the warnings that say so."""
    if all(identifier.kind != Kind.NATIONAL_ID for identifier in new.identifiers):
        return new, ()
    if any(word.purpose == Purpose.NATIONAL_ID and word.granted for word in new.consents):
        return new, ()
    kept = tuple(identifier for identifier in new.identifiers if identifier.kind != Kind.NATIONAL_ID)
    return replace(new, identifiers=kept), ("national_id_not_kept",)


def creation_digest(key: bytes, new: NewMember) -> bytes:
    """HMAC-SHA256 over what an enrolment says: two enrolments that say the same have the same. 32 bytes.

    The moment a consent or an enrolment was heard is not part of it, for a retry is heard later.
    """
    said = [
        sorted([identifier.kind, identifier.value] for identifier in new.identifiers),
        [new.name, new.birthday.text, new.gender, new.home_store],
        [new.joined.store, new.joined.counter, new.joined.staff, new.joined.channel],
        sorted([word.channel, word.purpose, word.granted] for word in new.consents),
        [new.tier],
    ]
    return hmac.digest(key, b"regulars/enrolment|" + json.dumps(said, ensure_ascii=False).encode(), hashlib.sha256)


def pointer_of(kind: str) -> str:
    """Where an identifier of this kind stands in an enrolment's body."""
    return f"/{kind}" if kind in Kind.__members__.values() else "/identifiers"


# ------------------------------------------------------------------------------------------------ the decision
@dataclass(frozen=True, slots=True)
class Wish:
    """One enrolment as the decision sees it: where its identifiers are found, what it says in a digest."""

    keys: tuple[LookUpKey, ...]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an identifier: `member_id` after redirects, None for one that nobody claimed yet."""

    member_id: int | None
    status: IdentifierStatus
    creation_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Enrol:
    """Make a new member."""


@dataclass(frozen=True, slots=True)
class AlreadyEnrolled:
    """The same enrolment was made before: answer with that member."""

    member_id: int


@dataclass(frozen=True, slots=True)
class SameAs:
    """The enrolment at this earlier place of the batch says the same: one member, two equal answers."""

    place: int


@dataclass(frozen=True, slots=True)
class TakenBy:
    """The enrolment at this earlier place of the batch takes identifiers of these kinds."""

    place: int
    kinds: tuple[str, ...]


Decision = Enrol | AlreadyEnrolled | SameAs | TakenBy | DomainError


def decide(wishes: Sequence[Wish], holders: Mapping[LookUpKey, Holder]) -> list[Decision]:
    """What becomes of each enrolment of a batch, in order; `holders` are the identifiers in force that they name."""
    decisions: list[Decision] = []
    taken: dict[LookUpKey, int] = {}
    for place, wish in enumerate(wishes):
        decision = _beside_members(wish, holders) or _within_batch(wish, wishes, taken) or Enrol()
        if isinstance(decision, Enrol):
            taken.update(dict.fromkeys(wish.keys, place))
        decisions.append(decision)
    return decisions


def _beside_members(wish: Wish, holders: Mapping[LookUpKey, Holder]) -> Decision | None:
    held = [(n, holder) for n, key in enumerate(wish.keys) if (holder := holders.get(key)) and holder.member_id]
    if not held:
        return None
    members = sorted({holder.member_id for _, holder in held if holder.member_id is not None})
    if len(members) > 1:
        return IdentifiersOfSeveralMembers(
            "The identifiers belong to different members", members=[str(member) for member in members]
        )
    if all(holder.creation_digest == wish.digest for _, holder in held) and len(held) == len(wish.keys):
        return AlreadyEnrolled(members[0])
    blocked = [n for n, holder in held if holder.status == IdentifierStatus.LOST]
    return MemberExists(
        "A member with one of these identifiers exists already",
        errors=[
            FieldError(pointer_of(wish.keys[n].kind), "is blocked" if n in blocked else "belongs to a member already")
            for n, _ in held
        ],
        member=str(members[0]),
    )


def _within_batch(wish: Wish, wishes: Sequence[Wish], taken: Mapping[LookUpKey, int]) -> Decision | None:
    clashes = [key for key in wish.keys if key in taken]
    if not clashes:
        return None
    place = taken[clashes[0]]
    if wishes[place].digest == wish.digest:
        return SameAs(place)
    return TakenBy(place, tuple(key.kind for key in clashes))


# ------------------------------------------------------------------------------------------------ looking up people
@dataclass(frozen=True, slots=True)
class Choice:
    """The answer to a search by last four digits or whole name at a counter: one masked person, or how many there are.

    `found` counts up to CHOICE_COUNT_MAX. One person: `member_id` is set. None or several: it is not, and the clerk
    asks for more; a list of people is never shown.
    """

    found: int
    member_id: int | None


CHOICE_COUNT_MAX = 100


def one_choice(member_ids: Sequence[int]) -> Choice:
    """The one person found, or only how many were."""
    return Choice(len(member_ids), member_ids[0] if len(member_ids) == 1 else None)
