"""Enrolling members, changing what is known of them, freezing, cards lost and found, forgetting."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from psycopg import Rollback

from foundation.database import Tx
from foundation.errors import Busy, DomainError, FieldError, Invalid
from foundation.events import announce
from foundation.settings import get_settings
from member_api.consents.operations import record_words, say
from member_api.consents.rules import ConsentWord, Purpose
from member_api.identifiers.operations import (
    Attached,
    Attachment,
    HeldIdentifier,
    IdentifierKindUnknown,
    announce_claimed,
    attach,
    end,
    identifiers_of,
    in_force,
    key_of,
    revive,
    unknown_kinds,
)
from member_api.identifiers.rules import IdentifierStatus, Kind, LookUpKey, Normalised
from member_api.members.lookup import MemberFacts, name_index, resolve_member
from member_api.members.rules import (
    AlreadyEnrolled,
    Birthday,
    Decision,
    Enrol,
    Gender,
    Holder,
    IdentifierBlocked,
    IdentifierMissing,
    IdentifierTaken,
    MemberChanged,
    MemberExists,
    MemberStatus,
    NewMember,
    SameAs,
    StatusForbids,
    TakenBy,
    Wish,
    creation_digest,
    decide,
    pointer_of,
)
from member_api.members.tables import ENROL, STATUS_CHANGED, MemberRow, StatusChangeRow
from member_api.phone.forgetting import forget_phones
from member_api.tiers.operations import NewTier, check_tiers, give
from member_api.tiers.rules import TierSource
from member_api.vault.operations import (
    Fact,
    ProfileField,
    change_fact,
    destroy,
    drop_fact,
    keep_facts,
    keep_key,
    open_keys,
)
from member_api.vault.rules import MemberKey, new_key
from member_api.vault.tables import hex_bytes
from organisation.contract import stores_by_code

ENROLMENTS_MAX = 500
# Each round loses only to an enrolment that committed since the round before; a fifth means something else is wrong.
ROUNDS_MAX = 5
STATUS_REASON = "status/reason"


class StoreUnknown(Invalid):
    """There is no such store."""

    code = "store_unknown"


class EnrolmentContended(Busy):
    """Others keep enrolling the same people at this very moment; the same call may succeed later."""

    code = "enrolment_contended"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member made now (`created`), or made before by the very same enrolment."""

    member_id: int
    created: bool


# ------------------------------------------------------------------------------------------------ enrolling
def enrol(tx: Tx, new: Sequence[NewMember], *, by: str, source: str) -> list[Enrolled | DomainError]:
    """Enrol up to ENROLMENTS_MAX people, set-based; one answer each, in order, and one refusal never blocks the rest.

    Two enrolments with one identifier, in one call or in many at the same moment, make one member: the same content
    again is answered with that member, other content is refused with MemberExists. Waits for enrolments of the same
    identifiers that are under way. Announces `member.enrolled` and `member.claimed`. `by` is who enrols, `source` how.

    Answers may be MemberExists, IdentifiersOfSeveralMembers, IdentifierMissing, IdentifierKindUnknown, TierUnknown,
    StoreUnknown. Raises EnrolmentContended, WordingUnknown.
    """
    faults = _faults(tx, new)
    places = [place for place in range(len(new)) if place not in faults]
    key = get_settings().blind_index_key
    wishes = [
        Wish(tuple(key_of(identifier) for identifier in new[p].identifiers), creation_digest(key, new[p]))
        for p in places
    ]
    for _ in range(ROUNDS_MAX):
        decisions = decide(wishes, _holders(tx, wishes))
        enrolments = {
            n: (new[places[n]], wishes[n].digest) for n, made in enumerate(decisions) if isinstance(made, Enrol)
        }
        keys = _attach_all(tx, {n: member for n, (member, _) in enrolments.items()})
        if keys is None:
            continue
        _write(tx, {keys[n]: enrolment for n, enrolment in enrolments.items()}, by=by, source=source)
        answers = _answers(decisions, keys)
        return [faults[p] if p in faults else answers[places.index(p)] for p in range(len(new))]
    raise EnrolmentContended("Others are enrolling the same people at this moment")


def enrol_one(tx: Tx, new: NewMember, *, by: str, source: str) -> Enrolled:
    """Enrol one person; raises what `enrol` would answer."""
    answer = enrol(tx, [new], by=by, source=source)[0]
    if isinstance(answer, DomainError):
        raise answer
    return answer


def _faults(tx: Tx, new: Sequence[NewMember]) -> dict[int, DomainError]:
    strangers = unknown_kinds(tx, {identifier.kind for member in new for identifier in member.identifiers})
    missing_tiers = check_tiers(tx, {member.tier for member in new if member.tier})
    codes = {member.home_store for member in new if member.home_store}
    missing_stores = codes - stores_by_code(tx, codes).keys() if codes else set()
    faults: dict[int, DomainError] = {}
    for place, member in enumerate(new):
        if not member.identifiers:
            words = "a phone, a card, an e-mail or another identifier is needed"
            faults[place] = IdentifierMissing("Nothing to recognise the member by", errors=[FieldError("", words)])
        elif any(identifier.kind in strangers for identifier in member.identifiers):
            fault = FieldError("/identifiers", "is not in the registry of kinds")
            faults[place] = IdentifierKindUnknown("There is no such kind of identifier", errors=[fault])
        elif member.tier in missing_tiers:
            fault = FieldError("/tier", "is not a tier of the programme")
            faults[place] = Invalid("There is no such tier", errors=[fault])
        elif member.home_store in missing_stores:
            fault = FieldError("/home_store", "is not a store")
            faults[place] = StoreUnknown("There is no such store", errors=[fault])
    return faults


def _holders(tx: Tx, wishes: Sequence[Wish]) -> dict[LookUpKey, Holder]:
    """Who holds the identifiers that are wished for, redirects followed."""
    found = in_force(tx, {key for wish in wishes for key in wish.keys})
    members = {row.member_id for row in found.values() if row.member_id is not None}
    if not members:
        return {}
    rows = tx.ask(
        "SELECT id, COALESCE(merged_into, id), creation_digest FROM member.member WHERE id = ANY(%s)", (list(members),)
    )
    survivors = {id_: (survivor, digest and bytes(digest)) for id_, survivor, digest in rows}
    return {
        key: Holder(survivors[row.member_id][0], row.status, survivors[row.member_id][1])
        for key, row in found.items()
        if row.member_id is not None
    }


def _attach_all(tx: Tx, enrolments: Mapping[int, NewMember]) -> dict[int, MemberKey] | None:
    """New ids and keys for these enrolments with all their identifiers attached, or None, and nothing done."""
    if not enrolments:
        return {}
    ids = tx.ask("SELECT nextval('member.member_id_seq') FROM generate_series(1, %s)", (len(enrolments),)).fetchall()
    keys = {n: new_key(member_id) for n, (member_id,) in zip(enrolments, ids, strict=True)}
    wanted = [Attachment(keys[n], identifier) for n, new in enrolments.items() for identifier in new.identifiers]
    attached: dict[LookUpKey, Attached] = {}
    with tx.raw.transaction():
        attached = attach(tx, wanted)
        if len(attached) < len(wanted):
            # Somebody else committed one of these values since we looked: undo, look again, decide again.
            raise Rollback
    if len(attached) < len(wanted):
        return None
    announce_claimed(tx, attached.values())
    return keys


def _write(tx: Tx, enrolments: Mapping[MemberKey, tuple[NewMember, bytes]], *, by: str, source: str) -> None:
    for key, (new, digest) in enrolments.items():
        keep_key(tx, key)
        tx.rows.add(ENROL, _member_row(tx, key, new, digest))
        if new.name:
            keep_facts(tx, key, [_name(new.name)])
        announce(tx, "member.enrolled", {"member": str(key.member_id), "home_store": new.home_store})
    tiers = [
        NewTier(key, new.tier, TierSource.IMPORTED, new.tier_valid_to)
        for key, (new, _) in enrolments.items()
        if new.tier is not None
    ]
    give(tx, tiers, by=by)
    # What follows in this transaction may read the member, and consents refer to it.
    tx.flush()
    record_words(tx, [(key, new.consents) for key, (new, _) in enrolments.items()], taken_by=by, source=source)


def _member_row(tx: Tx, key: MemberKey, new: NewMember, digest: bytes) -> MemberRow:
    return MemberRow(
        id=key.member_id,
        status=MemberStatus.ACTIVE,
        home_store=new.home_store,
        joined_store=new.joined.store,
        joined_counter=new.joined.counter,
        joined_staff=new.joined.staff,
        joined_channel=new.joined.channel,
        joined_at=new.joined.at or tx.now,
        birth_year=new.birthday.year,
        birth_month_day=new.birthday.month_day,
        gender=new.gender,
        creation_digest=hex_bytes(digest),
        version=1,
        created_at=tx.now,
        updated_at=tx.now,
    )


def _name(name: str) -> Fact:
    return Fact(ProfileField.NAME, name, name_index(name))


def _answers(decisions: Sequence[Decision], keys: Mapping[int, MemberKey]) -> list[Enrolled | DomainError]:
    answers: list[Enrolled | DomainError] = []
    for n, decision in enumerate(decisions):
        match decision:
            case Enrol():
                answers.append(Enrolled(keys[n].member_id, created=True))
            case AlreadyEnrolled(member_id):
                answers.append(Enrolled(member_id, created=False))
            case SameAs(place):
                answers.append(Enrolled(keys[place].member_id, created=False))
            case TakenBy(place, kinds):
                taken = str(keys[place].member_id)
                errors = [FieldError(pointer_of(kind), "belongs to a member of this batch") for kind in kinds]
                words = "Another enrolment of this batch has one of these identifiers"
                answers.append(MemberExists(words, errors=errors, member=taken))
            case refused:
                answers.append(refused)
    return answers


# ------------------------------------------------------------------------------------------------ changing
@dataclass(frozen=True, slots=True)
class MemberChange:
    """What to change; UNSET leaves a thing as it is, None takes it away. `identifiers` by kind, one each."""

    name: str | UnsetType | None = UNSET
    birthday: Birthday | UnsetType | None = UNSET
    gender: Gender | UnsetType | None = UNSET
    home_store: str | UnsetType | None = UNSET
    identifiers: Mapping[str, Normalised | None] = field(default_factory=dict)
    consents: tuple[ConsentWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """The member after a change; `fields` are the names of what is different now."""

    member_id: int
    version: int
    fields: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def change(
    tx: Tx,
    member_id: int,
    wanted: MemberChange,
    *,
    by: str,
    source: str,
    expected_versions: Collection[int] | None = None,
) -> Changed:
    """Change what is known of a member; the same change twice changes nothing the second time.

    An identifier of a kind takes the place of the one before, which is free for others from then on. Holds the
    member's row against other changes, not against postings. Announces `member.changed` with the names of the fields.
    Raises MemberUnknown, MemberChanged (If-Match), StatusForbids, IdentifierTaken, IdentifierBlocked,
    IdentifierMissing, StoreUnknown.
    """
    facts = resolve_member(tx, member_id)
    row = _held_row(tx, facts.id)
    if expected_versions is not None and row.version not in expected_versions:
        raise MemberChanged("The member was changed meanwhile", version=row.version)
    if row.status not in (MemberStatus.ACTIVE, MemberStatus.FROZEN):
        raise StatusForbids("A member of this status cannot be changed", status=row.status)
    key = open_keys(tx, [facts.id])[facts.id]
    fields = _change_columns(tx, row, wanted) + _change_name(tx, key, wanted.name)
    if wanted.consents:
        say(tx, facts.id, wanted.consents, taken_by=by, source=source)
        fields.append("consents")
    identifiers, warnings = _consented(tx, facts.id, wanted)
    fields += _change_identifiers(tx, key, identifiers)
    if not fields:
        return Changed(facts.id, row.version, (), warnings)
    tx.ask("UPDATE member.member SET version = version + 1, updated_at = %s WHERE id = %s", (tx.now, facts.id))
    announce(tx, "member.changed", {"member": str(facts.id), "fields": fields})
    return Changed(facts.id, row.version + 1, tuple(fields), warnings)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    status: MemberStatus
    version: int
    home_store: str | None
    birthday: Birthday
    gender: str | None


def _held_row(tx: Tx, member_id: int) -> _Row:
    row = tx.ask(
        "SELECT id, status, version, home_store, birth_year, birth_month_day, gender FROM member.member "
        "WHERE id = %s FOR NO KEY UPDATE",
        (member_id,),
    ).fetchone()
    assert row is not None
    return _Row(row[0], MemberStatus(row[1]), row[2], row[3], Birthday(row[4], row[5]), row[6])


def _change_columns(tx: Tx, row: _Row, wanted: MemberChange) -> list[str]:
    values: dict[str, Any] = {}
    fields: list[str] = []
    birthday = Birthday(None, None) if wanted.birthday is None else wanted.birthday
    if not isinstance(birthday, UnsetType) and birthday != row.birthday:
        values |= {"birth_year": birthday.year, "birth_month_day": birthday.month_day}
        fields.append("birthday")
    if not isinstance(wanted.gender, UnsetType) and wanted.gender != row.gender:
        values["gender"] = wanted.gender
        fields.append("gender")
    if not isinstance(wanted.home_store, UnsetType) and wanted.home_store != row.home_store:
        if wanted.home_store is not None and not stores_by_code(tx, [wanted.home_store]):
            raise StoreUnknown("There is no such store", errors=[FieldError("/home_store", "is not a store")])
        values["home_store"] = wanted.home_store
        fields.append("home_store")
    if values:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        tx.execute(f"UPDATE member.member SET {columns} WHERE id = :id", values | {"id": row.id})  # noqa: S608 (fixed names)
    return fields


def _change_name(tx: Tx, key: MemberKey, name: str | UnsetType | None) -> list[str]:
    if isinstance(name, UnsetType):
        return []
    kept = tx.ask(
        "SELECT sealed FROM member.profile_field WHERE member_id = %s AND field = %s",
        (key.member_id, ProfileField.NAME),
    ).fetchone()
    before = None if kept is None else key.open(ProfileField.NAME, bytes(kept[0]))
    if (name or None) == before:
        return []
    if name:
        change_fact(tx, key, _name(name))
    else:
        drop_fact(tx, key.member_id, ProfileField.NAME)
    return ["name"]


def _consented(tx: Tx, member_id: int, wanted: MemberChange) -> tuple[Mapping[str, Normalised | None], tuple[str, ...]]:
    """The identifiers to change, without a national ID that the member did not consent to keeping."""
    if wanted.identifiers.get(Kind.NATIONAL_ID) is None:
        return wanted.identifiers, ()
    granted = tx.ask(
        "SELECT granted FROM member.consent WHERE member_id = %s AND purpose = %s", (member_id, Purpose.NATIONAL_ID)
    ).fetchone()
    if granted is not None and granted[0]:
        return wanted.identifiers, ()
    rest = {kind: value for kind, value in wanted.identifiers.items() if kind != Kind.NATIONAL_ID}
    return rest, ("national_id_not_kept",)


def _change_identifiers(tx: Tx, key: MemberKey, wanted: Mapping[str, Normalised | None]) -> list[str]:
    if not wanted:
        return []
    strangers = unknown_kinds(tx, wanted.keys())
    if strangers:
        fault = FieldError("/identifiers", "is not in the registry of kinds")
        raise IdentifierKindUnknown("There is no such kind of identifier", errors=[fault])
    held = identifiers_of(tx, {key.member_id: key}).get(key.member_id, ())
    before = {h.identifier.kind: h for h in reversed(held) if h.status == IdentifierStatus.ACTIVE}
    taken_away = {kind for kind, identifier in wanted.items() if identifier is None}
    if not (before.keys() | wanted.keys()) - taken_away:
        raise IdentifierMissing("A member keeps at least one identifier")
    changes = [
        (kind, identifier)
        for kind, identifier in wanted.items()
        if identifier != (before[kind].identifier if kind in before else None)
    ]
    for kind, identifier in sorted(changes, key=_locking_order):
        after = None if identifier is None else give_identifier(tx, key, identifier)
        if kind in before:
            end(tx, before[kind].id, IdentifierStatus.REPLACED, after)
    return sorted(kind for kind, _ in changes)


def _locking_order(change: tuple[str, Normalised | None]) -> LookUpKey:
    kind, identifier = change
    return LookUpKey(kind, b"") if identifier is None else key_of(identifier)


def give_identifier(tx: Tx, key: MemberKey, identifier: Normalised) -> int:
    """Attach one identifier to a member whose row the caller holds; its row id.

    The member's own lost card comes back to life. Raises IdentifierTaken, IdentifierBlocked.
    """
    attachment = Attachment(key, identifier)
    attached = attach(tx, [attachment])
    if attached:
        announce_claimed(tx, attached.values())
        return attached[attachment.look_up].id
    holder = in_force(tx, [attachment.look_up])[attachment.look_up]
    pointer = pointer_of(identifier.kind)
    if holder.member_id != key.member_id:
        raise IdentifierTaken(
            "The identifier belongs to another member",
            errors=[FieldError(pointer, "belongs to another member")],
            member=str(holder.member_id),
        )
    if holder.status == IdentifierStatus.LOST and not revive(tx, holder.id):
        raise IdentifierBlocked(
            "This card was lost and has been replaced", errors=[FieldError(pointer, "was lost and has been replaced")]
        )
    return holder.id


# ------------------------------------------------------------------------------------------------ cards
@dataclass(frozen=True, slots=True)
class CardReplaced:
    """What became of a lost card: the rows that are blocked now, and the row of the new card if there is one."""

    member_id: int
    blocked: tuple[int, ...]
    new: int | None


class CardUnknown(Invalid):
    """The member has no such card in force."""

    code = "card_unknown"


def replace_lost_card(
    tx: Tx, member_id: int, *, lost: Normalised | None, new: Normalised | None, by: str
) -> CardReplaced:
    """Block a member's lost card at once (all of them when `lost` is None) and attach the new one if it is at hand.

    A blocked number stays taken: nobody is found by it, nobody can be given it. Holds the member's row.
    Announces `member.card_lost`. Raises MemberUnknown, CardUnknown, IdentifierTaken, IdentifierBlocked.
    """
    facts = resolve_member(tx, member_id, lock="exclusive")
    key = _key_of(tx, facts)
    held = identifiers_of(tx, {facts.id: key}).get(facts.id, ())
    cards = [
        card
        for card in held
        if card.identifier.kind == Kind.CARD and card.status in (IdentifierStatus.ACTIVE, IdentifierStatus.LOST)
    ]
    blocked = [card for card in cards if (card.identifier == lost if lost else card.status == IdentifierStatus.ACTIVE)]
    if not blocked:
        raise CardUnknown("The member has no such card", errors=[FieldError("/lost", "is not a card of this member")])
    if new is not None and any(card.replaced_by is not None for card in blocked):
        raise IdentifierBlocked(
            "This card has been replaced already", errors=[FieldError("/lost", "has been replaced")]
        )
    if new is not None and any(card.identifier == new for card in blocked):
        raise CardUnknown("The new card is the lost one", errors=[FieldError("/card", "is the card that was lost")])
    attached = None if new is None else give_identifier(tx, key, new)
    for card in blocked:
        _block(tx, card, attached)
    _touch(tx, facts.id)
    ids = tuple(card.id for card in blocked)
    announce(tx, "member.card_lost", {"member": str(facts.id), "identifiers": [str(id_) for id_ in ids], "by": by})
    return CardReplaced(facts.id, ids, attached)


def _block(tx: Tx, card: HeldIdentifier, replaced_by: int | None) -> None:
    end(tx, card.id, IdentifierStatus.LOST)
    if replaced_by is not None:
        tx.ask("UPDATE member.identifier SET replaced_by = %s WHERE id = %s", (replaced_by, card.id))


def _key_of(tx: Tx, facts: MemberFacts) -> MemberKey:
    keys = open_keys(tx, [facts.id])
    if facts.id not in keys:
        raise StatusForbids("This member was erased")
    return keys[facts.id]


def _touch(tx: Tx, member_id: int) -> None:
    tx.ask("UPDATE member.member SET version = version + 1, updated_at = %s WHERE id = %s", (tx.now, member_id))


# ------------------------------------------------------------------------------------------------ standing
def freeze(tx: Tx, member_id: int, *, reason: str, by: str) -> MemberFacts:
    """From the commit on the member earns and cannot spend. Waits for postings under way; freezing twice is harmless.

    Announces `member.frozen`. Raises MemberUnknown, StatusForbids.
    """
    return _set_status(tx, member_id, MemberStatus.ACTIVE, MemberStatus.FROZEN, reason=reason, by=by)


def unfreeze(tx: Tx, member_id: int, *, reason: str, by: str) -> MemberFacts:
    """The member may spend again. Announces `member.unfrozen`. Raises MemberUnknown, StatusForbids."""
    return _set_status(tx, member_id, MemberStatus.FROZEN, MemberStatus.ACTIVE, reason=reason, by=by)


def _set_status(
    tx: Tx, member_id: int, before: MemberStatus, after: MemberStatus, *, reason: str, by: str
) -> MemberFacts:
    facts = resolve_member(tx, member_id, lock="exclusive")
    if facts.status == after:
        return facts
    if facts.status != before:
        raise StatusForbids("A member of this status can neither be frozen nor unfrozen", status=facts.status)
    key = _key_of(tx, facts)
    tx.ask("UPDATE member.member SET status = %s WHERE id = %s", (after, facts.id))
    _touch(tx, facts.id)
    sealed = hex_bytes(key.seal(STATUS_REASON, reason))
    tx.rows.add(STATUS_CHANGED, StatusChangeRow(facts.id, before, after, sealed, by, tx.now))
    topic = "member.frozen" if after == MemberStatus.FROZEN else "member.unfrozen"
    announce(tx, topic, {"member": str(facts.id), "by": by})
    return MemberFacts(facts.id, after, facts.tier, facts.home_store)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change of standing, with its reason where the reader may see it."""

    before: MemberStatus
    after: MemberStatus
    at: datetime
    by: str
    reason: str | None


def status_history(tx: Tx, key: MemberKey, limit: int = 100) -> list[StatusChange]:
    """Changes of standing, newest first, at most `limit`, with their reasons opened."""
    rows = tx.ask(
        "SELECT from_status, to_status, at, changed_by, reason FROM member.status_change WHERE member_id = %s "
        "ORDER BY id DESC LIMIT %s",
        (key.member_id, limit),
    )
    return [
        StatusChange(
            MemberStatus(before),
            MemberStatus(after),
            at,
            by,
            None if reason is None else key.open(STATUS_REASON, bytes(reason)),
        )
        for before, after, at, by, reason in rows
    ]


def forget(tx: Tx, member_id: int, *, by: str) -> None:
    """Destroy what is personal of a member: key, sealed fields, look-up indexes, plain facts. The books stay whole.

    Whether it may happen (stored cash, open cases, legal retention) is for the caller to settle first. Waits for
    postings under way. Announces `member.erased`. Raises MemberUnknown.
    """
    facts = resolve_member(tx, member_id, lock="exclusive")
    if facts.status == MemberStatus.ERASED:
        return
    destroy(tx, facts.id)
    forget_phones(tx, facts.id)
    # A random index in the place of the old one: the number is free again and leads to nobody.
    tx.ask(
        "UPDATE member.identifier SET status = 'replaced', sealed = NULL, last_four_index = NULL, "
        "blind_index = sha256(uuid_send(gen_random_uuid())), ended_at = COALESCE(ended_at, %s) WHERE member_id = %s",
        (tx.now, facts.id),
    )
    tx.ask(
        "UPDATE member.member SET status = 'erased', birth_year = NULL, birth_month_day = NULL, gender = NULL, "
        "creation_digest = NULL WHERE id = %s",
        (facts.id,),
    )
    _touch(tx, facts.id)
    announce(tx, "member.erased", {"member": str(facts.id), "by": by})
