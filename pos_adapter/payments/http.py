"""Payments over HTTP: what became of them, step by step, and what the acquirer's daily file said."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import flask
import msgspec
from marshmallow import fields, validate
from msgspec import Meta

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    id_of,
    idempotent,
    make_cursor,
    msgspec_answer,
    msgspec_body,
    paged,
    read_cursor,
    transactional,
    uuid_of,
)
from foundation.http.fields import Code as CodeField
from foundation.http.json_writing import encode
from organisation.contract import place_of
from pos_adapter.payments.boards import OPEN, Step, list_payments, steps_of
from pos_adapter.payments.operations import PaymentUnknown, Taken, ask_again, read_payment
from pos_adapter.payments.reconciling import NotReconciled, compared_days, differences_of
from pos_adapter.payments.refunds import Refund, ask_refunds_again, refunds_of
from pos_adapter.payments.rules import PaymentState
from pos_adapter.payments.verdicts import Finding, Verdict, VerdictUnknown, confirm, decline, propose, verdicts_of
from pos_adapter.permissions import PAYMENTS_APPROVE, PAYMENTS_READ, PAYMENTS_RESOLVE
from pos_adapter.places import store_codes, stores_to_show

# Something that is seen when it is shown.
VISIBLE = r"\S"
EVIDENCE_MAX = 160
payments_blueprint = Blueprint("payments", __name__, description="Payments taken by us, their refunds, and the banks")


class RefundOut(msgspec.Struct, frozen=True):
    """A refund; `number` is the same on every retry, `voided` says that the payment was undone on its day."""

    id: str
    number: str
    state: str
    amount: int
    voided: bool
    reason: str | None
    why: str | None
    created_at: datetime


class PaymentStepOut(msgspec.Struct, frozen=True):
    at: datetime
    action: str
    outcome: str
    state: str
    detail: str | None
    refund: str | None


class VerdictIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody found out otherwise: `moved`, the payer was charged (has the refund), or `not_moved`.

    `refund` names a refund of the payment by its id; without it the payment itself is meant. `evidence` says where it
    stands: the line of a bank's statement, the number of a call. It is kept in the payment's trail: no names and no
    numbers of people.
    """

    finding: Finding
    evidence: Annotated[str, Meta(min_length=3, max_length=EVIDENCE_MAX, pattern=VISIBLE)]
    refund: UUID | None = None


class VerdictOut(msgspec.Struct, frozen=True):
    """A verdict; `proposed_by` and `decided_by` are `person:<id>` or `machine:<id>`."""

    id: str
    refund: str | None
    finding: str
    evidence: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class PaymentOut(msgspec.Struct, frozen=True):
    """A payment. `account` is masked, `reference` the rail's own number, `next_at` when it is looked at again."""

    id: str
    settlement: str
    store: str
    terminal: str
    rail: str
    state: str
    amount: int
    currency: str
    reference: str | None
    account: str | None
    why: str | None
    created_at: datetime
    next_at: datetime | None
    refunds: list[RefundOut] | None = None
    steps: list[PaymentStepOut] | None = None
    verdicts: list[VerdictOut] | None = None


class PaymentPage(msgspec.Struct, frozen=True):
    items: list[PaymentOut]
    next_cursor: str | None


class DifferenceOut(msgspec.Struct, frozen=True):
    """`kind`: missing_here, missing_there or amount_differs; `there` is the file's amount, `here` ours."""

    kind: str
    type: str
    number: str
    payment: str | None
    reference: str | None
    currency: str
    there: int | None
    here: int | None
    detail: str


class DayOut(msgspec.Struct, frozen=True):
    """A rail's day as compared: lines of the file, those that agree, what it comes to there and here."""

    rail: str
    day: date
    lines: int
    agreed: int
    amount_there: int
    amount_here: int
    differences: int
    by: str
    at: datetime


class DayPage(msgspec.Struct, frozen=True):
    items: list[DayOut]
    next_cursor: str | None


class DifferencePage(msgspec.Struct, frozen=True):
    items: list[DifferenceOut]
    next_cursor: str | None


class PaymentQuery(PageArguments):
    """Payments of the caller's stores, the latest first; `open` those that are not decided yet."""

    settlement = fields.UUID(load_default=None)
    store = CodeField(load_default=None)
    state = fields.String(
        load_default=None, validate=validate.OneOf([*(state.value for state in PaymentState), "open"])
    )


class DayQuery(PageArguments):
    """Compared days, the latest first."""

    rail = fields.String(load_default=None, validate=validate.OneOf(["card", "wechat", "alipay"]))


@payments_blueprint.route("/payments", methods=["GET"])
@allow(PAYMENTS_READ)
@transactional
@payments_blueprint.arguments(PaymentQuery, location="query")
@msgspec_answer(200, PaymentPage)
def get_payments(tx: Tx, arguments: dict[str, Any]) -> Any:
    """Payments taken by us; `settlement` names one, `state` may be `open`."""
    stores = {
        store.id: store.code for store in stores_to_show(tx, current_principal(), PAYMENTS_READ, arguments["store"])
    }
    state, limit = arguments["state"], arguments["limit"]
    states = OPEN if state == "open" else (state,) if state else ()
    before = read_cursor(arguments["cursor"], datetime, UUID) if arguments["cursor"] else None
    found = list_payments(
        tx, list(stores), settlement=arguments["settlement"], states=states,
        before=(before[0], before[1]) if before else None, limit=limit + 1,
    )  # fmt: skip
    shown = found[:limit]
    following = make_cursor(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
    page, headers = paged([_body(each, stores[each.store_id]) for each in shown], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@payments_blueprint.route("/payments/<payment>", methods=["GET"])
@allow(PAYMENTS_READ)
@transactional
@msgspec_answer(200, PaymentOut)
def get_payment(tx: Tx, payment: str) -> PaymentOut:
    """One payment with its refunds, every message about it, and what people found out about it otherwise."""
    found, store = payment_to_show(tx, current_principal(), PAYMENTS_READ, payment)
    return _body(found, store, refunds_of(tx, [found.id]), steps_of(tx, found.id), verdicts_of(tx, found.id))


@payments_blueprint.route("/payments/<payment>/ask", methods=["POST"])
@allow(PAYMENTS_RESOLVE)
@idempotent
@msgspec_answer(200, PaymentOut)
def post_ask(tx: Tx, payment: str) -> PaymentOut:
    """Ask the rail now, instead of when it is due, about a payment and its refunds. What has ended stays as it is."""
    found, store = payment_to_show(tx, current_principal(), PAYMENTS_RESOLVE, payment)
    ask_refunds_again(tx, found.id)
    return _body(ask_again(tx, found.id), store)


@payments_blueprint.route("/payments/<payment>/verdicts", methods=["POST"])
@allow(PAYMENTS_RESOLVE)
@idempotent
@msgspec_body(VerdictIn)
@msgspec_answer(201, VerdictOut)
def post_verdict(tx: Tx, body: VerdictIn, payment: str) -> VerdictOut:
    """Say by other evidence what became of a payment or refund that is `unknown`; another person has to confirm."""
    found, _ = payment_to_show(tx, current_principal(), PAYMENTS_RESOLVE, payment)
    return _verdict(propose(tx, current_principal(), found.id, body.refund, body.finding, body.evidence.strip()))


@payments_blueprint.route("/payments/<payment>/verdicts/<verdict>/confirm", methods=["POST"])
@allow(PAYMENTS_APPROVE)
@idempotent
@msgspec_answer(200, VerdictOut)
def post_verdict_confirm(tx: Tx, payment: str, verdict: str) -> VerdictOut:
    """End the payment or refund by what another person found out."""
    found, _ = payment_to_show(tx, current_principal(), PAYMENTS_APPROVE, payment)
    return _verdict(confirm(tx, current_principal(), found.id, _verdict_id(verdict)))


@payments_blueprint.route("/payments/<payment>/verdicts/<verdict>/refuse", methods=["POST"])
@allow(PAYMENTS_RESOLVE)
@idempotent
@msgspec_answer(200, VerdictOut)
def post_verdict_refuse(tx: Tx, payment: str, verdict: str) -> VerdictOut:
    """Refuse a verdict, or withdraw your own."""
    found, _ = payment_to_show(tx, current_principal(), PAYMENTS_RESOLVE, payment)
    return _verdict(decline(tx, current_principal(), found.id, _verdict_id(verdict)))


@payments_blueprint.route("/reconciliations", methods=["GET"])
@allow(PAYMENTS_READ)
@transactional
@payments_blueprint.arguments(DayQuery, location="query")
@msgspec_answer(200, DayPage)
def get_reconciliations(tx: Tx, arguments: dict[str, Any]) -> Any:
    """Days whose daily files were compared with our payments; for who sees every store."""
    current_principal().require_everywhere()
    before = read_cursor(arguments["cursor"], date, str) if arguments["cursor"] else None
    limit = arguments["limit"]
    found = compared_days(tx, arguments["rail"], before=(before[0], before[1]) if before else None, limit=limit + 1)
    shown = found[:limit]
    following = make_cursor(shown[-1].day, shown[-1].rail) if len(found) > limit else None
    page, headers = paged(
        [DayOut(**{name: getattr(each, name) for name in DayOut.__struct_fields__}) for each in shown], following
    )
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@payments_blueprint.route("/reconciliations/<rail>/<day>", methods=["GET"])
@allow(PAYMENTS_READ)
@transactional
@payments_blueprint.arguments(PageArguments, location="query")
@msgspec_answer(200, DifferencePage)
def get_differences(tx: Tx, arguments: dict[str, Any], rail: str, day: str) -> Any:
    """What differed on a day."""
    current_principal().require_everywhere()
    after = read_cursor(arguments["cursor"], int)[0] if arguments["cursor"] else 0
    limit = arguments["limit"]
    found = differences_of(tx, rail[:16], read_day(day), after, limit + 1)
    shown = found[:limit]
    page, headers = paged(
        [
            DifferenceOut(
                each.kind.value, each.entry.type, each.entry.key, _text(each.entry.payment_id), each.entry.reference,
                each.entry.currency, each.there, each.here, each.detail,
            )
            for _, each in shown
        ],
        make_cursor(shown[-1][0]) if len(found) > limit else None,
    )  # fmt: skip
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


def read_day(text: str) -> date:
    """A day in an address. Raises NotReconciled."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotReconciled("That day has not been compared") from None


def payment_to_show(tx: Tx, principal: Principal, permission: str, text: str) -> tuple[Taken, str]:
    """A payment and its store's code. Raises PaymentUnknown, also for one that the caller may not see."""
    found = read_payment(tx, uuid_of(text, PaymentUnknown("There is no such payment")))
    store = store_codes(tx, [found.store_id])[found.store_id]
    if not principal.may(permission, place_of(store)):
        raise PaymentUnknown("There is no such payment")
    return found, store


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _verdict_id(text: str) -> int:
    return id_of(text, VerdictUnknown("There is no such verdict about this payment"))


def _verdict(found: Verdict) -> VerdictOut:
    return VerdictOut(
        str(found.id), _text(found.refund_id), found.finding.value, found.evidence, found.state.value,
        found.proposed_by, found.proposed_at, found.decided_by, found.decided_at,
    )  # fmt: skip


def _body(
    taken: Taken, store: str, refunds: list[Refund] | None = None, steps: list[Step] | None = None,
    verdicts: list[Verdict] | None = None,
) -> PaymentOut:  # fmt: skip
    return PaymentOut(
        str(taken.id), str(taken.settlement_id), store, taken.terminal, taken.rail, taken.state.value, taken.amount,
        taken.currency, taken.reference, taken.account, taken.why, taken.created_at, taken.look_at,
        None if refunds is None else [
            RefundOut(
                str(each.id), each.refund_no, each.state.value, each.amount, each.voided, each.reason, each.why,
                each.created_at,
            )
            for each in refunds
        ],
        None if steps is None else [
            PaymentStepOut(each.at, each.action, each.outcome, each.state, each.detail, _text(each.refund_id))
            for each in steps
        ],
        None if verdicts is None else [_verdict(each) for each in verdicts],
    )  # fmt: skip
