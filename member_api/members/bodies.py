"""Members in JSON: the shapes that come in and go out, and how bodies become facts and facts bodies."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate
from msgspec import UNSET

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import DomainError, FieldError, Forbidden, Invalid
from foundation.http import PageArguments, Schema
from foundation.http.batches import EachItem
from foundation.http.fields import Code, Words
from member_api.consents.rules import ConsentWord, read_name
from member_api.fields import ConsentValue, IdentifierSchema, IdentifierText, Moment, Reason
from member_api.identifiers.operations import HeldIdentifier, read
from member_api.identifiers.rules import (
    LAST_FOUR,
    Identifier,
    IdentifierStatus,
    IdentifierUnreadable,
    Kind,
    Normalised,
    mask_name,
    phone_warnings,
)
from member_api.members.operations import ENROLMENTS_MAX, MemberChange
from member_api.members.rules import (
    Birthday,
    BirthdayUnreadable,
    Gender,
    Joined,
    MemberStatus,
    NewMember,
    read_birthday,
)
from member_api.members.views import Member
from member_api.tiers.operations import TierHeld
from organisation.contract import place_of

IDENTIFIERS_MAX = 20
NAMED_KINDS = (Kind.PHONE, Kind.CARD, Kind.EMAIL, Kind.NATIONAL_ID)
GENDERS = {"f": "female", "m": "male", "女": "female", "男": "male", "o": "other"}


# ------------------------------------------------------------------------------------------------ what comes in
class JoinedIn(Schema):
    """Where and through whom somebody joined; codes are kept as they come."""

    store = Code(allow_none=True)
    counter = Code(allow_none=True)
    staff = Code(allow_none=True)
    channel = Code(allow_none=True)
    at = Moment(allow_none=True, metadata={"description": "Now, if it is left out"})


class ConsentSaid(Schema):
    """A yes or no with its circumstances."""

    granted = fields.Boolean(required=True)
    wording = Code(allow_none=True, metadata={"description": "Version of the text shown; the newest if left out"})
    at = Moment(allow_none=True)
    place = Code(allow_none=True)
    proof = Words(allow_none=True, metadata={"description": "Where the signature or recording lies; kept sealed"})


class GenderField(fields.String):
    """female, male or other; f, m, 女 and 男 are read too."""

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        text = super()._deserialize(*arguments, **options).strip().lower()
        return GENDERS.get(text, text)


class MemberFields(Schema):
    """What can be said of a member, at enrolment or later."""

    name = Words(allow_none=True)
    phone = IdentifierText(allow_none=True)
    card = IdentifierText(allow_none=True)
    email = IdentifierText(allow_none=True)
    national_id = IdentifierText(
        allow_none=True,
        metadata={"description": "Kept only with the consent national_id; else dropped with a warning"},
    )
    identifiers = fields.List(fields.Nested(IdentifierSchema), validate=validate.Length(0, IDENTIFIERS_MAX))
    birthday = fields.String(
        allow_none=True, validate=validate.Length(1, 10), metadata={"description": "1990-05-17, --05-17 or 1990"}
    )
    gender = GenderField(allow_none=True, validate=validate.OneOf([*Gender]))
    home_store = Code(allow_none=True)
    consents = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 32)),
        values=ConsentValue(ConsentSaid),
        metadata={"description": 'A channel (marketing there), profiling or national_id: {"sms": true}'},
    )


class NewMemberIn(MemberFields):
    """An enrolment; at least one identifier."""

    joined = fields.Nested(JoinedIn, allow_none=True)
    tier = Code(allow_none=True, metadata={"description": "A tier brought along from an older system"})
    tier_valid_to = Moment(allow_none=True)


class MemberBatch(Schema):
    members = EachItem(fields.Nested(NewMemberIn), required=True, validate=validate.Length(1, ENROLMENTS_MAX))


class MemberPatch(MemberFields):
    """What to change; null takes away, what is left out stays. An identifier takes the place of the one before."""


class LostCardIn(Schema):
    """A lost card, and the new one if it is at hand."""

    lost = IdentifierText(allow_none=True, metadata={"description": "Which card; all of the member's if left out"})
    card = IdentifierText(allow_none=True, metadata={"description": "The new card"})


class ReasonIn(Schema):
    reason = Reason(required=True)


class MemberQuery(PageArguments):
    """At most one of identifier, last_four, name and scan; none of them lists all members you may see."""

    identifier = IdentifierText(metadata={"description": "kind:value, for example phone:+8613800138000"})
    last_four = fields.String(validate=validate.Length(equal=LAST_FOUR), metadata={"description": "Of phone or card"})
    name = Words(metadata={"description": "The whole name"})
    scan = IdentifierText(metadata={"description": "The code on the member's phone; good for a minute"})


class SearchIn(Schema):
    """As the query of GET /members, where addresses are written to logs along the way. Exactly one."""

    identifier = fields.Nested(IdentifierSchema)
    last_four = fields.String(validate=validate.Length(equal=LAST_FOUR))
    name = Words()
    scan = IdentifierText()


# ------------------------------------------------------------------------------------------------ what goes out
class EnrolledOut(Schema):
    """A member without anything personal."""

    id = fields.String(required=True)
    status = fields.Enum(MemberStatus, by_value=True, required=True)
    home_store = fields.String(required=True, allow_none=True)
    tier = fields.String(required=True, allow_none=True)
    warnings = fields.List(fields.String(), required=True)


class JoinedOut(Schema):
    store = fields.String(required=True, allow_none=True)
    counter = fields.String(required=True, allow_none=True)
    staff = fields.String(required=True, allow_none=True)
    channel = fields.String(required=True, allow_none=True)
    at = fields.AwareDateTime(required=True)


class TierOut(Schema):
    code = fields.String(required=True)
    name = fields.String(required=True)
    source = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True, allow_none=True)


class HeldOut(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    value = fields.String(required=True)
    status = fields.Enum(IdentifierStatus, by_value=True, required=True)
    attached_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    replaced_by = fields.String(required=True, allow_none=True)


class ConsentOut(Schema):
    channel = fields.String(required=True)
    purpose = fields.String(required=True)
    granted = fields.Boolean(required=True)
    since = fields.AwareDateTime(required=True)


class MemberOut(Schema):
    """A member; masked (张*, 138****8000) for whoever does not hold members.personal."""

    id = fields.String(required=True)
    status = fields.Enum(MemberStatus, by_value=True, required=True)
    masked = fields.Boolean(required=True)
    name = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    card = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    national_id = fields.String(required=True, allow_none=True, metadata={"description": "Always masked"})
    birthday = fields.String(required=True, allow_none=True)
    gender = fields.String(required=True, allow_none=True)
    home_store = fields.String(required=True, allow_none=True)
    joined = fields.Nested(JoinedOut, required=True)
    tier = fields.Nested(TierOut, required=True, allow_none=True)
    identifiers = fields.List(fields.Nested(HeldOut), required=True)
    consents = fields.List(fields.Nested(ConsentOut), required=True)
    version = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)
    warnings = fields.List(fields.String(), metadata={"description": "After a change: what was not kept, and why"})


class LostCardOut(Schema):
    id = fields.String(required=True)
    blocked = fields.List(fields.String(), required=True)
    new = fields.String(required=True, allow_none=True)


class StandingOut(Schema):
    id = fields.String(required=True)
    status = fields.Enum(MemberStatus, by_value=True, required=True)


class StoreNotYours(Forbidden):
    """A device or a person of one store cannot enrol in the name of another."""

    code = "store_not_yours"


# ------------------------------------------------------------------------------------------------ reading bodies
def read_identifiers(tx: Tx, body: Mapping[str, Any]) -> tuple[tuple[Normalised, ...], list[DomainError]]:
    """The identifiers of a body, and the faults of those that cannot be read, each with its place."""
    written = [(f"/{kind}", Identifier(kind, body[kind])) for kind in NAMED_KINDS if body.get(kind)]
    written += [
        (f"/identifiers/{n}/value", Identifier(each["kind"], each["value"]))
        for n, each in enumerate(body.get("identifiers") or ())
    ]
    values: dict[Normalised, None] = {}
    faults: list[DomainError] = []
    for pointer, identifier in written:
        try:
            values[read(tx, identifier)] = None
        except IdentifierUnreadable as fault:
            faults.append(IdentifierUnreadable(fault.detail, errors=[FieldError(pointer, fault.detail)], **fault.facts))
    return tuple(values), faults


def read_consents(tx: Tx, body: Mapping[str, Any], place: str | None) -> tuple[ConsentWord, ...]:
    """The consents of a body; said now and here unless they say otherwise. Raises ConsentUnreadable."""
    words = []
    for name, said in (body.get("consents") or {}).items():
        channel, purpose = read_name(name)
        words.append(
            ConsentWord(
                channel,
                purpose,
                granted=said["granted"],
                at=said.get("at") or tx.now,
                wording=said.get("wording"),
                place=said.get("place") or place,
                proof=said.get("proof"),
            )
        )
    return tuple(words)


def _read_birthday(tx: Tx, text: str | None) -> Birthday:
    if text is None:
        return Birthday(None, None)
    try:
        return read_birthday(text, tx.now.date())
    except BirthdayUnreadable as fault:
        raise BirthdayUnreadable(fault.detail, errors=[FieldError("/birthday", fault.detail)]) from None


def read_enrolment(tx: Tx, principal: Principal, body: Mapping[str, Any]) -> NewMember:
    """The enrolment that a loaded body asks for.

    Joined where the device stands unless it says so. Raises IdentifierUnreadable, BirthdayUnreadable,
    ConsentUnreadable, StoreNotYours.
    """
    identifiers, faults = read_identifiers(tx, body)
    if faults:
        first = faults[0]
        raise IdentifierUnreadable(first.detail, errors=[e for fault in faults for e in fault.errors], **first.facts)
    said = body.get("joined") or {}
    store = said.get("store") or principal.bindings.get("store")
    if said.get("store") and not principal.may("members.write", place_of(said["store"])):
        raise StoreNotYours("Nobody is enrolled in the name of another store")
    joined = Joined(
        store=store,
        counter=said.get("counter") or (principal.bindings.get("counter") if not said.get("store") else None),
        staff=said.get("staff"),
        channel=said.get("channel"),
        at=said.get("at"),
    )
    return NewMember(
        identifiers,
        name=body.get("name"),
        birthday=_read_birthday(tx, body.get("birthday")),
        gender=None if body.get("gender") is None else Gender(body["gender"]),
        home_store=body.get("home_store") or store,
        joined=joined,
        consents=read_consents(tx, body, store),
        tier=body.get("tier"),
        tier_valid_to=body.get("tier_valid_to"),
    )


def read_change(tx: Tx, principal: Principal, body: Mapping[str, Any]) -> MemberChange:
    identifiers, faults = read_identifiers(tx, body)
    if faults:
        raise faults[0]
    wanted: dict[str, Normalised | None] = {kind: None for kind in NAMED_KINDS if kind in body}
    for identifier in identifiers:
        if wanted.get(identifier.kind) is not None:
            raise Invalid("Two identifiers of one kind", errors=[FieldError("/identifiers", "one of a kind at a time")])
        wanted[identifier.kind] = identifier
    gender = body.get("gender", UNSET)
    return MemberChange(
        name=body.get("name", UNSET),
        birthday=_read_birthday(tx, body["birthday"]) if "birthday" in body else UNSET,
        gender=Gender(gender) if isinstance(gender, str) else gender,
        home_store=body.get("home_store", UNSET),
        identifiers=wanted,
        consents=read_consents(tx, body, principal.bindings.get("store")),
    )


def phone_warnings_of(new: NewMember) -> tuple[str, ...]:
    phones = (identifier.value for identifier in new.identifiers if identifier.kind == Kind.PHONE)
    return tuple(warning for phone in phones for warning in phone_warnings(phone))


# ------------------------------------------------------------------------------------------------ writing answers
def member_body(member: Member, *, personal: bool) -> dict[str, Any]:
    """A member as MemberOut shows it: whole with `personal`, masked without."""
    return {
        "id": str(member.id),
        "status": member.status,
        "masked": not personal,
        "name": member.name if personal or member.name is None else mask_name(member.name),
        **{kind: _shown(member.in_force(kind), personal=personal) for kind in NAMED_KINDS},
        "birthday": (member.birthday.text if personal and member.birthday != Birthday(None, None) else None),
        "gender": member.gender if personal else None,
        "home_store": member.home_store,
        "joined": member.joined,
        "tier": None if member.tier is None else tier_body(member.tier),
        "identifiers": [
            {
                "id": str(held.id),
                "kind": held.identifier.kind,
                "value": _shown(held, personal=personal),
                "status": held.status,
                "attached_at": held.attached_at,
                "ended_at": held.ended_at,
                "replaced_by": None if held.replaced_by is None else str(held.replaced_by),
            }
            for held in member.identifiers
        ],
        "consents": member.consents,
        "version": member.version,
        "created_at": member.created_at,
        "updated_at": member.updated_at,
    }


def tier_body(held: TierHeld) -> dict[str, Any]:
    """A tier as TierOut shows it."""
    return {
        "code": held.tier.code,
        "name": held.tier.name,
        "source": held.source,
        "since": held.since,
        "until": held.until,
    }


def _shown(held: HeldIdentifier | None, *, personal: bool) -> str | None:
    if held is None:
        return None
    # A national ID is for the prepaid registry; nobody reads it off a screen.
    whole = personal and held.identifier.kind != Kind.NATIONAL_ID
    return held.identifier.value if whole else held.shown
