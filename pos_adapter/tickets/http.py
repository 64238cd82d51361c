"""E-tickets over HTTP: a handheld issues them, a desk looks them up."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import flask
import msgspec
from marshmallow import fields, validate
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    convert,
    idempotent,
    msgspec_answer,
    msgspec_body,
    paged,
    transactional,
    uuid_of,
)
from foundation.http.fields import Code as CodeField
from foundation.http.json_writing import encode
from foundation.http.requests import current_request
from member_api.contract.members import MemberRef as NamedMember
from member_api.contract.members import read_ref, resolve_member
from pos_adapter.discounts.rules import Approval
from pos_adapter.permissions import TICKETS_READ, TICKETS_WRITE
from pos_adapter.places import store_codes, stores_to_show
from pos_adapter.sales.receipts import END, LINES_MAX, Code, Line, MemberId, MemberRef
from pos_adapter.tickets.operations import (
    Ticket,
    TicketStep,
    TicketWish,
    cancel,
    edit,
    issue,
    list_tickets,
    lying_at_desk,
    read_ticket,
    release,
    steps_of,
)
from pos_adapter.tickets.rules import TicketState, TicketUnknown

tickets_blueprint = Blueprint("tickets", __name__, description="E-tickets: issued at the counter, settled at the desk")

NUMBER_MAX = 2**31 - 1


class ApprovalIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A manager's staff number and the code on their page, for a discount over the clerk's limit."""

    staff: Code
    code: Annotated[str, Meta(pattern=rf"^[0-9]{{6}}{END}")]


class TicketIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A ticket. `id` is a UUID that the device makes and keeps before it sends: sent again, it is no second ticket.

    Lines as in a sale; their counter is the ticket's. `member` as in a sale, or `scan`, the code on the member's phone.
    """

    id: UUID | None = None
    store: Code
    counter: Code
    member: MemberRef | MemberId | None = None
    scan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")] | None = None
    issued_at: Annotated[datetime, Meta(tz=True)] | None = None
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]
    approval: ApprovalIn | None = None


class TicketEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New lines for the version that was looked at."""

    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    approval: ApprovalIn | None = None


class TicketEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a ticket is cancelled."""

    why: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class TicketIssued(msgspec.Struct, frozen=True):
    """What the device is told; `number` is what the desk can call."""

    id: str
    number: int
    state: str
    amount: int
    currency: str
    version: int


class TicketStepOut(msgspec.Struct, frozen=True):
    state: str
    at: datetime
    by: str
    why: str | None


class TicketOut(msgspec.Struct, frozen=True):
    """A ticket as recorded. `member` is an id; `settlement` the payment that holds it or paid it.

    `at_desk` is the label under which its goods lie at the desk, if they do.
    """

    id: str
    number: int
    state: str
    store: str
    counter: str
    business_date: str
    member: str | None
    currency: str
    amount: int
    version: int
    issued_at: datetime
    changed_at: datetime
    settlement: str | None
    approved_by: str | None
    lines: Any
    history: list[TicketStepOut] | None = None
    at_desk: str | None = None


class TicketPage(msgspec.Struct, frozen=True):
    items: list[TicketOut]
    next_cursor: str | None


class TicketQuery(PageArguments):
    """Tickets of one store's day: today's, in any state, unless said otherwise."""

    store = CodeField(required=True)
    state = fields.Enum(TicketState, by_value=True, load_default=None)
    member = fields.String(
        load_default=None,
        validate=validate.Length(1, 254),
        metadata={"description": "A member's id, or an identifier written kind:value"},
    )
    counter = CodeField(load_default=None)
    number = fields.Integer(load_default=None, validate=validate.Range(1, NUMBER_MAX))
    business_date = fields.Date(load_default=None)


def issued_body(ticket: Ticket) -> TicketIssued:
    """What the issuing device is told."""
    return TicketIssued(
        str(ticket.id), ticket.number, ticket.state.value, ticket.amount, ticket.currency, ticket.version
    )


def ticket_body(
    ticket: Ticket, store: str, history: list[TicketStep] | None = None, at_desk: str | None = None
) -> TicketOut:
    """A ticket as recorded."""
    return TicketOut(
        str(ticket.id),
        ticket.number,
        ticket.state.value,
        store,
        ticket.counter,
        ticket.business_date.isoformat(),
        str(ticket.member_id) if ticket.member_id is not None else None,
        ticket.currency,
        ticket.amount,
        ticket.version,
        ticket.issued_at,
        ticket.changed_at,
        str(ticket.settlement_id) if ticket.settlement_id is not None else None,
        ticket.approved_by,
        ticket.lines,
        [TicketStepOut(step.state.value, step.at, step.actor, step.why) for step in history] if history else None,
        at_desk,
    )


def ticket_id(text: str) -> UUID:
    """The id in an address. Raises TicketUnknown."""
    return uuid_of(text, TicketUnknown("There is no such ticket"))


def _approval(body: ApprovalIn | None) -> Approval | None:
    return Approval(body.staff, body.code) if body is not None else None


@tickets_blueprint.route("/tickets", methods=["POST"])
@allow(TICKETS_WRITE)
@idempotent
@msgspec_body(TicketIn)
@msgspec_answer(201, TicketIssued, "Issued; 200 when the same ticket was issued before")
def post_ticket(tx: Tx, body: TicketIn) -> Any:
    """Issue a ticket. The same id with the same content again answers 200, with other content 409."""
    wish = TicketWish(
        body.id, body.store, body.counter, body.member, body.lines, body.currency, body.issued_at,
        _approval(body.approval), body.scan,
    )  # fmt: skip
    ticket, is_new = issue(tx, current_principal(), wish)
    return issued_body(ticket), 201 if is_new else 200


def _named(written: str) -> NamedMember:
    """A member as an address names one: an id, or kind:value as in GET /v1/members. Raises MemberRefUnreadable."""
    kind, colon, value = written.partition(":")
    return read_ref({"kind": kind, "value": value} if colon else written)


@tickets_blueprint.route("/tickets", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@tickets_blueprint.arguments(TicketQuery, location="query")
@msgspec_answer(200, TicketPage)
def get_tickets(tx: Tx, arguments: dict[str, Any]) -> Any:
    """Tickets of a store's day, by number."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_READ, arguments["store"])
    member = resolve_member(tx, _named(arguments["member"])).id if arguments["member"] else None
    found, following = list_tickets(
        tx,
        store,
        states=[arguments["state"]] if arguments["state"] else (),
        member=member,
        counter=arguments["counter"],
        number=arguments["number"],
        day=arguments["business_date"],
        limit=arguments["limit"],
        cursor=arguments["cursor"],
    )
    labels = lying_at_desk(tx, [ticket.id for ticket in found])
    page, headers = paged(
        [ticket_body(ticket, store.code, at_desk=labels.get(ticket.id)) for ticket in found], following
    )
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@tickets_blueprint.route("/tickets/<ticket>", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@msgspec_answer(200, TicketOut)
def get_ticket(tx: Tx, ticket: str) -> TicketOut:
    """One ticket with its history."""
    found = read_ticket(tx, current_principal(), ticket_id(ticket))
    label = lying_at_desk(tx, [found.id]).get(found.id)
    return ticket_body(found, _store_code(tx, found), steps_of(tx, [found.id])[found.id], label)


@tickets_blueprint.route("/tickets/<ticket>", methods=["PUT"])
@allow(TICKETS_WRITE)
@transactional
@msgspec_body(TicketEdit)
@msgspec_answer(200, TicketIssued)
def put_ticket(tx: Tx, body: TicketEdit, ticket: str) -> TicketIssued:
    """Replace the lines of a ticket that nobody is paying."""
    approval = _approval(body.approval)
    return issued_body(edit(tx, current_principal(), ticket_id(ticket), body.lines, body.version, approval))


@tickets_blueprint.route("/tickets/<ticket>/cancel", methods=["POST"])
@allow(TICKETS_WRITE)
@idempotent
@msgspec_answer(200, TicketIssued)
def cancel_ticket(tx: Tx, ticket: str) -> TicketIssued:
    """Cancel a ticket that nobody is paying. A body `{"why"}` may say why."""
    request = current_request()
    said = convert(request.read_json(), TicketEnd) if request.read_body() else TicketEnd()
    return issued_body(cancel(tx, current_principal(), ticket_id(ticket), said.why))


@tickets_blueprint.route("/tickets/<ticket>/release", methods=["POST"])
@allow(TICKETS_WRITE)
@idempotent
@msgspec_answer(200, TicketIssued)
def release_ticket(tx: Tx, ticket: str) -> TicketIssued:
    """Say that the goods of a paid ticket were handed over."""
    return issued_body(release(tx, current_principal(), ticket_id(ticket)))


def _store_code(tx: Tx, ticket: Ticket) -> str:
    return store_codes(tx, [ticket.store_id])[ticket.store_id]
