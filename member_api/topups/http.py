"""Top-ups over HTTP: a desk takes money for a member's stored value."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Schema, idempotent
from foundation.http.fields import Code, Currency, is_text
from member_api.fields import member_id_of
from member_api.ledger.bodies import AMOUNT_MAX, PostedOut, Units, posted_body, step_of_request
from member_api.permissions import TOPUPS_WRITE
from member_api.topups.operations import TopUp, top_up

topups_blueprint = Blueprint("topups", __name__, description="What members pay in")

REFERENCE_MAX = 128
# What a receipt is paid with out of an account, or by a promise: it brings no money in.
NO_MONEY = frozenset({"points", "ecoin", "stored_value", "coupon", "ecoin_clawback"})


class TenderField(fields.Field[Any]):
    """How it is paid: "cash", or {"kind", "amount"?, "reference"?}; a stated amount is that of the top-up."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        tender = {"kind": value} if isinstance(value, str) else value
        if not isinstance(tender, Mapping) or tender.keys() - {"kind", "amount", "reference"}:
            raise ValidationError('must be a kind, or {"kind", "amount", "reference"}')
        kind, reference = tender.get("kind"), tender.get("reference")
        if Code().deserialize(kind, "kind") in NO_MONEY:
            raise ValidationError("what a member has already cannot be paid in")
        if reference is not None and not (
            isinstance(reference, str) and len(reference) <= REFERENCE_MAX and is_text(reference)
        ):
            raise ValidationError("reference must be a short text")
        if "amount" in tender and data is not None and tender["amount"] != data.get("amount"):
            raise ValidationError("must pay the amount of the top-up")
        return {"kind": kind, "reference": reference}


class TopUpIn(Schema):
    amount = Units(required=True)
    bonus = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, AMOUNT_MAX))
    tender = TenderField(required=True)
    currency = Currency(
        load_default=None,
        allow_none=True,
        metadata={"description": "A store takes its own; elsewhere by default the home store's, else the company's"},
    )
    bonus_expires_on = fields.Date(load_default=None, allow_none=True)


class TopUpOut(PostedOut):
    topup = fields.String(required=True)


@topups_blueprint.route("/members/<member>/topups", methods=["POST"])
@allow(TOPUPS_WRITE)
@idempotent
@topups_blueprint.arguments(TopUpIn)
@topups_blueprint.response(201, TopUpOut)
def post_topup(tx: Tx, body: Mapping[str, Any], member: str) -> Any:
    """Pay into a member's stored value. Principal and bonus are one bundle, used up in proportion."""
    tender = body["tender"]
    wanted = TopUp(
        body["amount"],
        body["bonus"],
        tender["kind"],
        tender["reference"],
        body["currency"],
        body["bonus_expires_on"],
        current_principal().bindings.get("terminal"),
    )
    paid = top_up(tx, member_id_of(member), wanted, step_of_request())
    return posted_body(paid.posted) | {"topup": str(paid.id)}
