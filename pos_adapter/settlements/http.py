"""Settlements over HTTP: a cash desk settles several counters at once."""

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
from foundation.settings import get_settings
from pos_adapter.handheld.rules import check_checkout, is_handheld
from pos_adapter.payments.asking import asked_of
from pos_adapter.payments.operations import start_payments
from pos_adapter.payments.wallet import proofs_in, prove
from pos_adapter.permissions import SETTLE
from pos_adapter.places import stores_to_show
from pos_adapter.sales.receipts import (
    COUPONS_MAX,
    END,
    LINES_MAX,
    TENDERS_MAX,
    Code,
    Coupon,
    Line,
    MemberId,
    MemberRef,
    Tender,
)
from pos_adapter.settlements.operations import (
    Payment,
    SettlementAnswer,
    SettlementWish,
    admit,
    answer_of,
    settle,
)
from pos_adapter.settlements.reading import SettlementRecord, list_settlements
from pos_adapter.settlements.rules import SettlementState, SettlementUnknown
from pos_adapter.tickets.operations import TOGETHER_MAX

settlements_blueprint = Blueprint("settlements", __name__, description="One payment for several counters")


class PaymentAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tender that we are to take ourselves.

    `card`: through the acquirer, with the reader's `token`; `code`: the payment code on the payer's phone;
    `wallet`: the member's own stored value, with its `pin` or a one-time `code`.
    """

    rail: Annotated[str, Meta(pattern=rf"^(card|code|wallet){END}")]
    code: Annotated[str, Meta(pattern=rf"^[0-9]{{4,24}}{END}")] | None = None
    pin: Annotated[str, Meta(pattern=rf"^[0-9]{{4,12}}{END}")] | None = None
    token: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class SettlementTender(Tender, frozen=True, forbid_unknown_fields=True):
    """How a part is paid: a fact, or with `payment` something that we are to take before the goods go."""

    payment: PaymentAsk | None = None


class SettlementIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Open tickets, loose goods, and how they are paid: tenders come to tickets and lines less coupons."""

    store: Code
    terminal: Code
    tickets: Annotated[tuple[UUID, ...], Meta(max_length=TOGETHER_MAX)] = ()
    tenders: Annotated[tuple[SettlementTender, ...], Meta(max_length=TENDERS_MAX)]
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)] = ()
    coupons: Annotated[tuple[Coupon, ...], Meta(max_length=COUPONS_MAX)] = ()
    member: MemberRef | MemberId | None = None
    cashier: Code | None = None
    shift: Code | None = None


@settlements_blueprint.route("/settlements", methods=["POST"])
@allow(SETTLE)
@keyed
@msgspec_body(SettlementIn)
@msgspec_answer(201, SettlementAnswer, "Paid, or pending where a payment is still to be taken")
def post_settlement(key: Keyed, body: SettlementIn) -> Answer:
    """Settle tickets of several counters with one payment. A ticket that is settled or being settled: 409."""
    kinds = [tender.kind for tender in body.tenders]
    check_checkout(current_principal(), body.terminal, kinds, takes_cash=get_settings().handheld_cash)
    wish = SettlementWish(
        body.store,
        body.terminal,
        body.tickets,
        tuple([_plain(tender) for tender in body.tenders]),
        tuple(
            [
                Payment(n, _plain(tender), asked_of(n, tender.payment))
                for n, tender in enumerate(body.tenders, 1)
                if tender.payment is not None and tender.payment.rail != "wallet"
            ]
        ),
        body.lines,
        body.coupons,
        body.member,
        body.cashier,
        body.shift,
    )
    on_handheld = is_handheld(body.terminal) or "counter" in current_principal().bindings
    proofs = proofs_in(body.tenders, on_handheld=on_handheld)
    prove(database(), key, body.tickets, body.member, proofs, lambda tx: admit(tx, current_principal(), wish))
    return settle(database(), current_principal(), wish, key, start_payments)


def _plain(tender: SettlementTender) -> Tender:
    return Tender(tender.kind, tender.amount, tender.units, tender.face, tender.reference)


@settlements_blueprint.route("/settlements/<settlement>", methods=["GET"])
@allow(SETTLE)
@transactional
@msgspec_answer(200, SettlementAnswer)
def get_settlement(tx: Tx, settlement: str) -> SettlementAnswer:
    """What a settlement came to."""
    return answer_of(tx, current_principal(), settlement_id(settlement))


def settlement_id(text: str) -> UUID:
    """The id in an address. Raises SettlementUnknown."""
    return uuid_of(text, SettlementUnknown("There is no such settlement"))


# ------------------------------------------------------------------------------------------------ settlements of a day


class SettledTicketOut(msgspec.Struct, frozen=True):
    id: str
    number: int
    counter: str
    state: str
    amount: int


class TakenPaymentOut(msgspec.Struct, frozen=True):
    """A tender that we take ourselves; `why` is what its rail said last."""

    id: str
    tender: int
    rail: str
    state: str
    amount: int
    why: str | None


class SettlementOut(msgspec.Struct, frozen=True):
    """A settlement in a list. `member` is an id; `tickets` say whether their counters have handed the goods over."""

    id: str
    state: str
    store: str
    terminal: str
    business_date: date
    number: int
    amount: int
    currency: str
    member: str | None
    cashier: str | None
    failure: str | None
    created_at: datetime
    ended_at: datetime | None
    tickets: list[SettledTicketOut]
    payments: list[TakenPaymentOut]


class SettlementPage(msgspec.Struct, frozen=True):
    items: list[SettlementOut]
    next_cursor: str | None


class SettlementQuery(PageArguments):
    """Settlements of one store's day: today's, in any state, unless said otherwise."""

    store = CodeField(required=True)
    business_date = fields.Date(load_default=None)
    state = fields.Enum(SettlementState, by_value=True, load_default=None)
    terminal = CodeField(load_default=None)
    ticket = fields.UUID(load_default=None, metadata={"description": "The one that this ticket belongs to"})


def settlement_body(record: SettlementRecord) -> SettlementOut:
    """A settlement as a list shows it."""
    return SettlementOut(
        str(record.id),
        record.state.value,
        record.store.code,
        record.terminal,
        record.business_date,
        record.sequence,
        record.amount,
        record.currency,
        str(record.member_id) if record.member_id is not None else None,
        record.cashier,
        record.failure,
        record.created_at,
        record.ended_at,
        [SettledTicketOut(str(t.id), t.number, t.counter, t.state.value, t.amount) for t in record.tickets],
        [TakenPaymentOut(str(p.id), p.n, p.rail, p.state.value, p.amount, p.why) for p in record.payments],
    )


@settlements_blueprint.route("/settlements", methods=["GET"])
@allow(SETTLE)
@transactional
@settlements_blueprint.arguments(SettlementQuery, location="query")
@msgspec_answer(200, SettlementPage)
def get_settlements(tx: Tx, arguments: dict[str, Any]) -> flask.Response:
    """Settlements of a store's day, the newest first."""
    [store] = stores_to_show(tx, current_principal(), SETTLE, arguments["store"])
    found, following = list_settlements(
        tx,
        store,
        day=arguments["business_date"],
        states=[arguments["state"]] if arguments["state"] else (),
        terminal=arguments["terminal"],
        ticket=arguments["ticket"],
        limit=arguments["limit"],
        cursor=arguments["cursor"],
    )
    page, headers = paged([settlement_body(record) for record in found], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")
