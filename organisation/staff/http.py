"""Staff over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Blueprint, PageArguments, Schema, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.batches import BatchResult, EachItem
from foundation.http.puts import BATCH_MAX, answer_each
from organisation.facts import StaffStatus
from organisation.fields import Code, SearchWords, Words
from organisation.permissions import READ, STAFF
from organisation.staff.listing import Employment, find_staff, list_staff, people_today
from organisation.staff.operations import put_staff
from organisation.staff.roles import Role, Scope
from organisation.staff.rules import Person, StaffWish

USERNAME_MAX = 100
COUNTERS_MAX = 100

staff_blueprint = Blueprint("staff", __name__, description="Staff: who works where, in which role")


class StaffIn(Schema):
    """What a member of staff shall be; what is left out stays as it is, null takes it away."""

    number = Code(required=True)
    name = Words()
    username = fields.String(
        allow_none=True,
        validate=validate.Length(1, USERNAME_MAX),
        metadata={"description": "To log in with, once a password was issued on the staff page"},
    )
    home_store = Code(allow_none=True)
    counters = fields.List(Code(), validate=validate.Length(0, COUNTERS_MAX))
    status = fields.Enum(
        StaffStatus, by_value=True, metadata={"description": "`left`: sessions, role and devices end at once"}
    )
    role = fields.Enum(Role, by_value=True, allow_none=True)
    scope = fields.Enum(
        Scope, by_value=True, metadata={"description": "Where the role counts; its usual one by default"}
    )
    region = Code(allow_none=True, metadata={"description": "For the scope `region`"})
    joined_on = fields.Date(allow_none=True)
    effective_from = fields.Date(metadata={"description": "From when home store and role hold; today by default"})


class StaffBatch(Schema):
    staff = EachItem(fields.Nested(StaffIn), required=True, validate=validate.Length(1, BATCH_MAX))


class StaffOut(Schema):
    """A member of staff as they are today."""

    number = fields.String(required=True)
    name = fields.String(required=True)
    username = fields.String(required=True, allow_none=True)
    home_store = fields.String(required=True, allow_none=True)
    counters = fields.List(fields.String(), required=True)
    status = fields.Enum(StaffStatus, by_value=True, required=True)
    role = fields.Enum(Role, by_value=True, required=True, allow_none=True)
    scope = fields.Enum(Scope, by_value=True, required=True, allow_none=True)
    region = fields.String(required=True, allow_none=True)
    joined_on = fields.Date(required=True, allow_none=True)
    left_at = fields.AwareDateTime(required=True, allow_none=True)


class StaffQuery(PageArguments):
    search = SearchWords(metadata={"description": "Part of a number, name or user name"})
    store = Code()
    status = fields.Enum(StaffStatus, by_value=True)


def wish_of(item: Mapping[str, Any]) -> StaffWish:
    """What a loaded StaffIn asks for."""
    return StaffWish(**(item if "counters" not in item else {**item, "counters": tuple(item["counters"])}))


def staff_body(person: Person, today: date) -> dict[str, Any]:
    """A person as StaffOut shows them on a day."""
    role = person.role_on(today)
    return {
        "number": person.number,
        "name": person.name,
        "username": person.username,
        "home_store": person.home_on(today),
        "counters": list(person.counters_on(today)),
        "status": person.status,
        "role": role.role if role else None,
        "scope": role.scope if role else None,
        "region": role.region if role else None,
        "joined_on": person.joined_on,
        "left_at": person.left_at,
    }


@staff_blueprint.route("/staff/batch", methods=["PUT"])
@allow(STAFF)
@transactional
@staff_blueprint.arguments(StaffBatch)
@staff_blueprint.response(200, BatchResult)
def put_staff_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 1,000 members of staff, each on their own; unchanged content changes nothing."""
    out, today = StaffOut(), people_today(tx)

    def show(person: Person) -> Mapping[str, Any]:
        shown: Mapping[str, Any] = out.dump(staff_body(person, today))
        return shown

    return answer_each(
        "staff",
        [item if isinstance(item, DomainError) else wish_of(item) for item in body["staff"]],
        lambda wishes: put_staff(tx, current_principal(), wishes),
        lambda kept: show(kept.person),
    )


@staff_blueprint.route("/staff", methods=["GET"])
@allow(READ)
@transactional
@staff_blueprint.arguments(StaffQuery, location="query")
@staff_blueprint.response(200, page_of(StaffOut))
def get_staff(tx: Tx, query: Mapping[str, Any]) -> Any:
    """The staff of the stores you may see, by number."""
    after = read_cursor(query["cursor"], str)[0] if query["cursor"] else None
    found = list_staff(
        tx,
        current_principal(),
        after=after,
        limit=query["limit"] + 1,
        search=query.get("search"),
        store_code=query.get("store"),
        status=query.get("status"),
    )
    shown = found[: query["limit"]]
    today = people_today(tx)
    return paged([staff_body(employment.person, today) for employment in shown], _next(shown, len(found)))


@staff_blueprint.route("/staff/<number>", methods=["GET"])
@allow(READ)
@transactional
@staff_blueprint.response(200, StaffOut)
def get_staff_member(tx: Tx, number: str) -> dict[str, Any]:
    """One member of staff."""
    return staff_body(find_staff(tx, current_principal(), number).person, people_today(tx))


def _next(shown: Sequence[Employment], found: int) -> str | None:
    return make_cursor(shown[-1].person.number) if found > len(shown) else None
