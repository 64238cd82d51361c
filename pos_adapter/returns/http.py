"""Red tickets over HTTP: shown before anything is confirmed, issued, approved, refunded or refused."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import flask
import msgspec
from marshmallow import fields
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx, database
from foundation.http import (
    Blueprint,
    Keyed,
    PageArguments,
    idempotent,
    keyed,
    msgspec_answer,
    msgspec_body,
    paged,
    transactional,
    uuid_of,
)
from foundation.http.fields import Code as CodeField
from foundation.http.json_writing import encode
from foundation.idempotency import Answer
from organisation.contract import stores_by_id
from pos_adapter.permissions import RETURNS_APPROVE, RETURNS_ISSUE, RETURNS_REFUND, TICKETS_READ
from pos_adapter.places import store_codes, stores_to_show, where_a_rule_holds
from pos_adapter.returns.naming import Named
from pos_adapter.returns.operations import (
    MoneyBack,
    RedStep,
    RedTicket,
    RedWish,
    RefundWish,
    ReturnAnswer,
    answer_of,
    approve_return,
    issue_return,
    limits,
    list_returns,
    money_back,
    preview_return,
    read_return,
    refund_return,
    refuse_return,
    set_limit,
    steps_of,
)
from pos_adapter.returns.refunding import ReturnPreview
from pos_adapter.returns.rules import RedKind, RedLine, RedState, ReturnLimit, ReturnUnknown, Wanted
from pos_adapter.sales.receipts import END, LINES_MAX, TENDERS_MAX, Amount, Code, Line, LineNumber, Original, Quantity

returns_blueprint = Blueprint("returns", __name__, description="Red tickets: goods come back, money goes back")

Words = Annotated[str, Meta(min_length=1, max_length=200)]
TenderKind = Annotated[str, Meta(min_length=1, max_length=32, pattern=rf"^[a-z][a-z0-9_]*{END}")]


class ReturnLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes back of a line of the sale. Without `amount`: the quantity's share of what the line came to."""

    original_line: LineNumber
    quantity: Quantity
    amount: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class ReturnOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which sale (its id, its number, or its e-ticket: one of them), and which lines; none: all that is left."""

    sale: UUID | None = None
    original: Original | None = None
    ticket: UUID | None = None
    lines: Annotated[tuple[ReturnLine, ...], Meta(max_length=LINES_MAX)] = ()


class ReturnIn(ReturnOf, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A red ticket. `given` is what goes out in an even exchange, `clerk` the staff number of who checked the goods."""

    kind: RedKind = RedKind.RETURN
    given: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)] = ()
    reason: Words | None = None
    clerk: Code | None = None


class ApproveIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Words | None = None


class RefuseIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is not taken back."""

    reason: Words


class ConfirmedTender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: TenderKind
    amount: Amount


class RefundIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tenders` is the split that was shown, by kind: where it is another by now, 422 says which.

    `instead`: the tender in which the desk hands over what a rail has refused for good.
    """

    terminal: Code
    tenders: Annotated[tuple[ConfirmedTender, ...], Meta(max_length=TENDERS_MAX * 2)] | None = None
    instead: TenderKind | None = None


class ReturnStepOut(msgspec.Struct, frozen=True):
    state: str
    at: datetime
    by: str
    why: str | None


class MoneyBackOut(msgspec.Struct, frozen=True):
    """What a rail is asked for. `state`: created, pending, succeeded, failed, unknown; `instead` how the desk paid."""

    tender: int
    refund_no: str
    amount: int
    state: str
    why: str | None
    instead: str | None


class ReturnOut(msgspec.Struct, frozen=True):
    """A red ticket as recorded. `refund` is what the desk confirmed; `return_sale` the posted return."""

    id: str
    number: int
    kind: str
    state: str
    store: str
    counter: str | None
    business_date: date
    sale: str
    ticket: str | None
    member: str | None
    currency: str
    amount: int
    lines: list[RedLine]
    given: list[Line] | None
    reason: str | None
    clerk: str | None
    over_limit: bool
    issued_by: str
    issued_at: datetime
    approved_by: str | None
    terminal: str | None
    refunded_by: str | None
    return_sale: str | None
    version: int
    changed_at: datetime
    refund: ReturnPreview | None
    rails: list[MoneyBackOut] | None = None
    history: list[ReturnStepOut] | None = None


class ReturnPage(msgspec.Struct, frozen=True):
    items: list[ReturnOut]
    next_cursor: str | None


class LimitIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to `amount` (null: any) a red ticket needs no floor manager, from a day on (today, if not said)."""

    amount: Annotated[int, Meta(ge=0, le=2**53)] | None
    store: Code | None = None
    currency: Annotated[str, Meta(pattern=rf"^[A-Z]{{3}}{END}")] | None = None
    valid_from: date | None = None


class LimitOut(msgspec.Struct, frozen=True):
    amount: int | None
    store: str | None
    currency: str | None
    valid_from: date


class LimitPage(msgspec.Struct, frozen=True):
    items: list[LimitOut]
    next_cursor: str | None = None


class ReturnQuery(PageArguments):
    """Red tickets, the newest first: of one store, or of all that you see."""

    store = CodeField(load_default=None)
    state = fields.Enum(RedState, by_value=True, load_default=None)
    counter = CodeField(load_default=None)
    sale = fields.UUID(load_default=None)


def return_body(
    red: RedTicket, store: str, rails: list[MoneyBack] | None = None, history: list[RedStep] | None = None
) -> ReturnOut:
    """A red ticket as recorded."""
    return ReturnOut(
        str(red.id),
        red.number,
        red.kind.value,
        red.state.value,
        store,
        red.counter,
        red.business_date,
        str(red.sale_id),
        _text(red.ticket_id),
        _text(red.member_id),
        red.currency,
        red.amount,
        list(red.lines),
        list(red.given) if red.given is not None else None,
        red.reason,
        red.clerk,
        red.over_limit,
        red.issued_by,
        red.issued_at,
        red.approved_by,
        red.terminal,
        red.refunded_by,
        _text(red.return_sale_id),
        red.version,
        red.changed_at,
        red.refund,
        [MoneyBackOut(m.tender, m.refund_no, m.amount, m.state, m.why, m.instead) for m in rails]
        if rails is not None
        else None,
        [ReturnStepOut(step.state.value, step.at, step.actor, step.why) for step in history]
        if history is not None
        else None,
    )


def _text(value: object) -> str | None:
    return str(value) if value is not None else None


def return_id(text: str) -> UUID:
    """The id in an address. Raises ReturnUnknown."""
    return uuid_of(text, ReturnUnknown("There is no such red ticket"))


def _named(body: ReturnOf) -> Named:
    return Named(body.sale, body.original, body.ticket)


def _wanted(body: ReturnOf) -> tuple[Wanted, ...]:
    return tuple([Wanted(line.original_line, line.quantity, line.amount) for line in body.lines])


@returns_blueprint.route("/returns/preview", methods=["POST"])
@allow(TICKETS_READ)
@transactional
@msgspec_body(ReturnOf)
@msgspec_answer(200, ReturnPreview)
def post_preview(tx: Tx, body: ReturnOf) -> ReturnPreview:
    """What giving these lines back will do: money, stored value, points, e-coins and coupons. Nothing is recorded."""
    return preview_return(tx, current_principal(), _named(body), _wanted(body))


@returns_blueprint.route("/returns", methods=["POST"])
@allow(RETURNS_ISSUE)
@idempotent
@msgspec_body(ReturnIn)
@msgspec_answer(201, ReturnAnswer, "Issued; approved with that where it is within the limit")
def post_return(tx: Tx, body: ReturnIn) -> Any:
    """Issue a red ticket: the selling counter has checked the goods. More than is left: 422."""
    wish = RedWish(_named(body), _wanted(body), body.kind, body.given, body.reason, body.clerk)
    return answer_of(issue_return(tx, current_principal(), wish))


@returns_blueprint.route("/returns", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@returns_blueprint.arguments(ReturnQuery, location="query")
@msgspec_answer(200, ReturnPage)
def get_returns(tx: Tx, arguments: dict[str, Any]) -> Any:
    """Red tickets, the newest first."""
    stores = stores_to_show(tx, current_principal(), TICKETS_READ, arguments["store"])
    found, following = list_returns(
        tx,
        stores,
        states=[arguments["state"]] if arguments["state"] else (),
        counter=arguments["counter"],
        sale=arguments["sale"],
        limit=arguments["limit"],
        cursor=arguments["cursor"],
    )
    codes = {store.id: store.code for store in stores}
    page, headers = paged([return_body(red, codes[red.store_id]) for red in found], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@returns_blueprint.route("/returns/<red>", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@msgspec_answer(200, ReturnOut)
def get_return(tx: Tx, red: str) -> ReturnOut:
    """One red ticket with its history, and how the money stands that rails give back."""
    found = read_return(tx, current_principal(), return_id(red))
    store = stores_by_id(tx, [found.store_id])[found.store_id].code
    return return_body(found, store, money_back(tx, found.id), steps_of(tx, found.id))


@returns_blueprint.route("/returns/<red>/approve", methods=["POST"])
@allow(RETURNS_APPROVE)
@idempotent
@msgspec_body(ApproveIn)
@msgspec_answer(200, ReturnAnswer)
def post_approve(tx: Tx, body: ApproveIn, red: str) -> ReturnAnswer:
    """Let it be refunded: another person than the one who issued it."""
    return answer_of(approve_return(tx, current_principal(), return_id(red), body.reason))


@returns_blueprint.route("/returns/<red>/refuse", methods=["POST"])
@allow(RETURNS_ISSUE)
@idempotent
@msgspec_body(RefuseIn)
@msgspec_answer(200, ReturnAnswer)
def post_refuse(tx: Tx, body: RefuseIn, red: str) -> ReturnAnswer:
    """Say no, and why, before anything has gone back."""
    return answer_of(refuse_return(tx, current_principal(), return_id(red), body.reason))


@returns_blueprint.route("/returns/<red>/refund", methods=["POST"])
@allow(RETURNS_REFUND)
@keyed
@msgspec_body(RefundIn)
@msgspec_answer(200, ReturnAnswer, "Refunded, or refunding where a rail is still to say that the money is back")
def post_refund(key: Keyed, body: RefundIn, red: str) -> Answer:
    """Give it back by the original's tenders. A red ticket that another desk refunds: 409."""
    confirmed = tuple([(each.kind, each.amount) for each in body.tenders]) if body.tenders is not None else None
    wish = RefundWish(body.terminal, confirmed, body.instead)
    return refund_return(database(), current_principal(), return_id(red), wish, key)


@returns_blueprint.route("/return-limits", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@msgspec_answer(200, LimitPage)
def get_limits(tx: Tx) -> LimitPage:
    """Up to which amount red tickets need no floor manager, in the order in which it was said."""
    found = limits(tx)
    codes = store_codes(tx, {limit.store for limit in found if limit.store is not None})
    return LimitPage(
        [
            LimitOut(each.amount, codes[each.store] if each.store else None, each.currency, each.valid_from)
            for each in found
        ]
    )


@returns_blueprint.route("/return-limits", methods=["POST"])
@allow("rules.write")
@idempotent
@msgspec_body(LimitIn)
@msgspec_answer(201, LimitOut)
def post_limit(tx: Tx, body: LimitIn) -> LimitOut:
    """Set a limit from a day on; for the company, or for one store."""
    principal = current_principal()
    store, since = where_a_rule_holds(tx, principal, "rules.write", body.store, body.valid_from)
    set_limit(tx, principal, ReturnLimit(store, body.currency, body.amount, since))
    return LimitOut(body.amount, body.store, body.currency, since)
