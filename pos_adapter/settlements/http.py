"""Settlements over HTTP: a cash desk settles several counters at once."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx, database
from foundation.http import Blueprint, Keyed, keyed, msgspec_answer, msgspec_body, transactional
from foundation.idempotency import Answer
from pos_adapter.permissions import SETTLE
from pos_adapter.sales.receipts import (
    COUPONS_MAX,
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
    Settlement,
    SettlementAnswer,
    SettlementWish,
    answer_of,
    settle,
)
from pos_adapter.settlements.rules import SettlementUnknown
from pos_adapter.tickets.operations import TOGETHER_MAX

settlements_blueprint = Blueprint(
    "settlements", __name__, description="One payment for several counters"
)


class SettlementIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Open tickets, loose goods, and how they are paid: tenders come to tickets and lines less coupons."""

    store: Code
    terminal: Code
    tickets: Annotated[tuple[UUID, ...], Meta(max_length=TOGETHER_MAX)] = ()
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)]
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
        body.tenders,
        (),
        body.lines,
        body.coupons,
        body.member,
        body.cashier,
        body.shift,
    )
    return settle(database(), current_principal(), wish, key, _no_payments)


def _no_payments(_tx: Tx, _settlement: Settlement, _payments: Any) -> None:
    raise AssertionError("no tender asked for a payment")


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
