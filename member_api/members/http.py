"""Members over HTTP: enrolling, reading, changing, finding; lost cards, freezing."""

from collections.abc import Mapping, Sequence
from typing import Any

import flask
import structlog

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.errors import BadRequest, DomainError, FieldError, Invalid
from foundation.http import Blueprint, idempotent, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.batches import BatchResult, batch_answer, done, refused
from member_api.fields import member_id_of
from member_api.identifiers.operations import look_up_key, read
from member_api.identifiers.rules import Identifier, Kind
from member_api.members.bodies import (
    EnrolledOut,
    LostCardIn,
    LostCardOut,
    MemberBatch,
    MemberOut,
    MemberPatch,
    MemberQuery,
    NewMemberIn,
    ReasonIn,
    SearchIn,
    StandingOut,
    member_body,
    phone_warnings_of,
    read_change,
    read_enrolment,
)
from member_api.members.lookup import MemberFacts, resolve_member, resolve_members
from member_api.members.operations import Enrolled, change, enrol, freeze, replace_lost_card, unfreeze
from member_api.members.rules import (
    MemberExists,
    MemberStatus,
    NewMember,
    without_unconsented,
)
from member_api.members.searching import by_last_four, by_name, stores_of
from member_api.members.views import member_ids_after, read_members
from member_api.permissions import MEMBERS_PERSONAL
from member_api.phone.showing import who_shows

log = structlog.get_logger(__name__)
members_blueprint = Blueprint("members", __name__, description="Who the member is, and how a member is recognised")


class SearchContradictory(BadRequest):
    """More than one thing to search by, or none."""

    code = "search_contradictory"


def may_see_personal(principal: Principal, members: Sequence[int]) -> bool:
    """Whether somebody sees members unmasked; who saw whom is written to the log, by ids."""
    personal = principal.may(MEMBERS_PERSONAL)
    if personal and members:
        log.info("personal_data_shown", member_ids=list(members), to=principal.actor)
    return personal


def _show(tx: Tx, member_ids: Sequence[int]) -> list[dict[str, Any]]:
    personal = may_see_personal(current_principal(), member_ids)
    found = read_members(tx, member_ids)
    return [member_body(found[member_id], personal=personal) for member_id in member_ids if member_id in found]


# ------------------------------------------------------------------------------------------------ enrolling
@members_blueprint.route("/members", methods=["POST"])
@allow("members.write")
@idempotent
@members_blueprint.arguments(NewMemberIn)
@members_blueprint.response(201, EnrolledOut)
@members_blueprint.alt_response(200, schema=EnrolledOut, description="The same enrolment was made before")
def enrol_member(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Enrol a member. The same person again is the same member (200) or, said otherwise, 409 with its id."""
    answer = enrol_bodies(tx, current_principal(), [body])[0]
    if isinstance(answer, DomainError):
        raise answer
    status, shown = answer
    return shown, status, {"Location": f"/v1/members/{shown['id']}"}


@members_blueprint.route("/members/batch", methods=["POST"])
@allow("members.write")
@idempotent
@members_blueprint.arguments(MemberBatch)
@members_blueprint.response(200, BatchResult)
def enrol_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Enrol up to 500 people, each on its own: one that is refused never blocks the rest."""
    answers = enrol_bodies(tx, current_principal(), body["members"])
    return batch_answer(
        [
            refused(answer, f"/members/{n}") if isinstance(answer, DomainError) else done(*answer)
            for n, answer in enumerate(answers)
        ]
    )


def enrol_bodies(
    tx: Tx, principal: Principal, bodies: Sequence[Mapping[str, Any] | DomainError]
) -> list[tuple[int, dict[str, Any]] | DomainError]:
    """Enrol loaded bodies in one go; status and EnrolledOut, or why not, of each in order."""
    read_: list[NewMember | DomainError] = [_try_to_read(tx, principal, body) for body in bodies]
    wanted: dict[int, tuple[NewMember, tuple[str, ...]]] = {}
    for place, new in enumerate(read_):
        if isinstance(new, NewMember):
            kept, dropped = without_unconsented(new)
            wanted[place] = kept, dropped + phone_warnings_of(kept)
    outcomes = enrol(tx, [new for new, _ in wanted.values()], by=principal.actor, source="api")
    answers: dict[int, Enrolled | DomainError] = dict(zip(wanted, outcomes, strict=True))
    before = [answer.member_id for answer in answers.values() if isinstance(answer, Enrolled) and not answer.created]
    facts = resolve_members(tx, before) if before else {}
    results: list[tuple[int, dict[str, Any]] | DomainError] = []
    for place, refusal in enumerate(read_):
        answer = answers.get(place, refusal)
        if isinstance(answer, Enrolled):
            new, warnings = wanted[place]
            results.append(_enrolled(answer, new, warnings, facts.get(answer.member_id)))
        else:
            assert isinstance(answer, DomainError)
            results.append(_for_these_eyes(principal, answer))
    return results


def _try_to_read(tx: Tx, principal: Principal, body: Mapping[str, Any] | DomainError) -> NewMember | DomainError:
    if isinstance(body, DomainError):
        return body
    try:
        return read_enrolment(tx, principal, body)
    except DomainError as fault:
        return fault


def _enrolled(answer: Enrolled, new: NewMember, warnings: Sequence[str], facts: object) -> tuple[int, dict[str, Any]]:
    now = (
        facts
        if isinstance(facts, MemberFacts)
        else MemberFacts(answer.member_id, MemberStatus.ACTIVE, new.tier, new.home_store)
    )
    body = {
        "id": str(now.id),
        "status": now.status,
        "home_store": now.home_store,
        "tier": now.tier,
        "warnings": list(warnings),
    }
    return (201 if answer.created else 200), body


def _for_these_eyes(principal: Principal, refusal: DomainError) -> DomainError:
    """Who may not read members does not learn whose the identifier is."""
    if isinstance(refusal, MemberExists) and not principal.may("members.read"):
        return MemberExists(refusal.detail, errors=refusal.errors)
    return refusal


# ------------------------------------------------------------------------------------------------ reading and changing
@members_blueprint.route("/members/<member>", methods=["GET"])
@allow("members.read")
@transactional
@members_blueprint.response(200, MemberOut)
def get_member(tx: Tx, member: str) -> Any:
    """One member; who was merged into another is answered by the survivor."""
    facts = resolve_member(tx, member_id_of(member))
    shown = _show(tx, [facts.id])[0]
    return shown, 200, {"ETag": f'"{shown["version"]}"'}


@members_blueprint.route("/members/<member>", methods=["PATCH"])
@allow("members.write")
@transactional
@members_blueprint.arguments(MemberPatch)
@members_blueprint.response(200, MemberOut)
def patch_member(tx: Tx, body: Mapping[str, Any], member: str) -> Any:
    """Change what is known of a member. With If-Match only if nobody else has changed it meanwhile (412)."""
    principal = current_principal()
    changed = change(
        tx,
        member_id_of(member),
        read_change(tx, principal, body),
        by=principal.actor,
        source="api",
        expected_versions=_expected_versions(),
    )
    tx.flush()
    shown = _show(tx, [changed.member_id])[0] | {"warnings": list(changed.warnings)}
    return shown, 200, {"ETag": f'"{changed.version}"'}


def _expected_versions() -> frozenset[int] | None:
    tags = flask.request.if_match
    if not tags or tags.star_tag:
        return None
    return frozenset(int(tag) for tag in tags.as_set() if tag.isascii() and tag.isdigit())


# ------------------------------------------------------------------------------------------------ finding
@members_blueprint.route("/members", methods=["GET"])
@allow("members.read")
@transactional
@members_blueprint.arguments(MemberQuery, location="query")
@members_blueprint.response(200, page_of(MemberOut))
def list_members(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Find by a whole identifier, last four digits, whole name or the code on a phone; or list all you may see, by id.

    Last four digits answer one member or, if several have them, 409: never a list of people. So does a name, for
    whoever sees members masked.
    """
    sought = [name for name in ("identifier", "last_four", "name", "scan") if query.get(name)]
    if len(sought) > 1:
        raise SearchContradictory("Search by one thing at a time")
    if query.get("identifier"):
        return paged(_show(tx, find_by_identifier(tx, _split(query["identifier"]))), None)
    if query.get("scan"):
        return paged(_show(tx, find_by_scan(tx, current_principal(), query["scan"], keeps=False)), None)
    if sought:
        return paged(_show(tx, find_people(tx, current_principal(), query)[: query["limit"]]), None)
    after = read_cursor(query["cursor"], int)[0] if query["cursor"] else 0
    ids = member_ids_after(tx, after, query["limit"] + 1, stores_of(current_principal()))
    shown = ids[: query["limit"]]
    return paged(_show(tx, shown), make_cursor(shown[-1]) if len(ids) > len(shown) else None)


@members_blueprint.route("/members/search", methods=["POST"])
@allow("members.read")
@transactional
@members_blueprint.arguments(SearchIn)
@members_blueprint.response(200, page_of(MemberOut))
def search_members(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Find as GET /members does, with what is sought in the body instead of the address."""
    if len(body) != 1:
        raise SearchContradictory("Search by one thing at a time")
    if "identifier" in body:
        return paged(_show(tx, find_by_identifier(tx, Identifier(**body["identifier"]))), None)
    if "scan" in body:
        return paged(_show(tx, find_by_scan(tx, current_principal(), body["scan"])), None)
    return paged(_show(tx, find_people(tx, current_principal(), body)), None)


def _split(written: str) -> Identifier:
    kind, colon, value = written.partition(":")
    if not colon or not value.strip():
        raise Invalid("An identifier is kind:value", errors=[FieldError("/identifier", "is written kind:value")])
    # A + that nobody escaped arrives as a blank.
    if kind == Kind.PHONE and value.startswith(" "):
        value = f"+{value[1:]}"
    return Identifier(kind, value)


def find_by_identifier(tx: Tx, identifier: Identifier) -> list[int]:
    """The one member with a whole identifier, or none; a lost card leads to nobody. Raises IdentifierUnreadable."""
    found = resolve_members(tx, [identifier])[identifier]
    if isinstance(found, MemberFacts):
        return [found.id]
    look_up_key(tx, identifier)  # says what is wrong with it, if anything is
    return []


def find_by_scan(tx: Tx, principal: Principal, text: str, *, keeps: bool = True) -> list[int]:
    """The member whose phone shows this code, where the caller stands. Raises MemberCodeUnknown."""
    place = principal.bindings.get("store", principal.actor)
    member_id = who_shows(tx, text, place, keeps=keeps)
    return [] if member_id is None else [resolve_member(tx, member_id).id]


def find_people(tx: Tx, principal: Principal, sought: Mapping[str, Any]) -> list[int]:
    """Members by last four digits or whole name. Raises SeveralMembers where a list of people may not be shown."""
    if sought.get("name"):
        return by_name(tx, principal, sought["name"])
    return by_last_four(tx, principal, sought["last_four"])


# ------------------------------------------------------------------------------------------------ the service desk
@members_blueprint.route("/members/<member>/lost-card", methods=["POST"])
@allow("desk.use")
@idempotent
@members_blueprint.arguments(LostCardIn)
@members_blueprint.response(200, LostCardOut)
def lose_card(tx: Tx, body: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Block a lost card at once, and attach the new one if it is at hand. PATCH a card that was found back."""
    cards = {name: read(tx, Identifier(Kind.CARD, body[name])) for name in ("lost", "card") if body.get(name)}
    outcome = replace_lost_card(
        tx, member_id_of(member), lost=cards.get("lost"), new=cards.get("card"), by=current_principal().actor
    )
    return {
        "id": str(outcome.member_id),
        "blocked": [str(id_) for id_ in outcome.blocked],
        "new": None if outcome.new is None else str(outcome.new),
    }


@members_blueprint.route("/members/<member>/freeze", methods=["POST"])
@allow("desk.use")
@idempotent
@members_blueprint.arguments(ReasonIn)
@members_blueprint.response(200, StandingOut)
def freeze_member(tx: Tx, body: Mapping[str, Any], member: str) -> dict[str, Any]:
    """From now on the member earns and cannot spend."""
    facts = freeze(tx, member_id_of(member), reason=body["reason"], by=current_principal().actor)
    return {"id": str(facts.id), "status": facts.status}


@members_blueprint.route("/members/<member>/unfreeze", methods=["POST"])
@allow("desk.use")
@idempotent
@members_blueprint.arguments(ReasonIn)
@members_blueprint.response(200, StandingOut)
def unfreeze_member(tx: Tx, body: Mapping[str, Any], member: str) -> dict[str, Any]:
    """The member may spend again."""
    facts = unfreeze(tx, member_id_of(member), reason=body["reason"], by=current_principal().actor)
    return {"id": str(facts.id), "status": facts.status}
