"""Settlements over HTTP: a cash desk settles several counters at once."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx, database
from foundation.http import Blueprint, Keyed, keyed, msgspec_answer, msgspec_body, transactional
from foundation.idempotency import Answer
from pos_adapter.payments.asking import asked_of
from pos_adapter.payments.operations import start_payments
from pos_adapter.permissions import SETTLE
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
    answer_of,
    settle,
)
from pos_adapter.settlements.rules import SettlementUnknown
from pos_adapter.tickets.operations import TOGETHER_MAX

settlements_blueprint = Blueprint("settlements", __name__, description="One payment for several counters")


class PaymentAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tender that we are to take ourselves.

    `card`: through the acquirer, with the reader's `token`; `code`: the payment code on the payer's phone.
    """

    rail: Annotated[str, Meta(pattern=rf"^(card|code){END}")]
    code: Annotated[str, Meta(pattern=rf"^[0-9]{{16,24}}{END}")] | None = None
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
    wish = SettlementWish(
        body.store,
        body.terminal,
        body.tickets,
        tuple([_plain(tender) for tender in body.tenders]),
        tuple(
            [
                Payment(n, _plain(tender), asked_of(n, tender.payment))
                for n, tender in enumerate(body.tenders, 1)
                if tender.payment is not None
            ]
        ),
        body.lines,
        body.coupons,
        body.member,
        body.cashier,
        body.shift,
    )
    return settle(database(), current_principal(), wish, key, start_payments)


def _plain(tender: SettlementTender) -> Tender:
    return Tender(tender.kind, tender.amount, tender.units, tender.face, tender.reference)


@settlements_blueprint.route("/settlements/<settlement>", methods=["GET"])
@allow(SETTLE)
@transactional
@msgspec_answer(200, SettlementAnswer)
def get_settlement(tx: Tx, settlement: str) -> SettlementAnswer:
    """What a settlement came to."""
    try:
        id = UUID(settlement)
    except ValueError:
        raise SettlementUnknown("There is no such settlement") from None
    return answer_of(tx, current_principal(), id)
