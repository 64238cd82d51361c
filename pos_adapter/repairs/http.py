"""Parked and flagged receipts over HTTP: see, repair, discard."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from foundation.access import allow, current_principal
from foundation.database import Tx, database
from foundation.http import (
    Blueprint,
    Keyed,
    Schema,
    idempotent,
    keyed,
    make_cursor,
    msgspec_answer,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.fields import CODE_MAX, Words
from foundation.idempotency import Answer
from pos_adapter.permissions import APPROVE, READ, REPAIR
from pos_adapter.places import store_codes, stores_to_show
from pos_adapter.repairs.boards import FlaggedReceipt, list_flagged, list_parked
from pos_adapter.repairs.discards import Discard, confirm, decline, list_discards, propose
from pos_adapter.repairs.flagged import close_flags, link_again, name_original
from pos_adapter.repairs.reposting import ParkedReceipt, find_parked, post_again
from pos_adapter.repairs.rules import DiscardState, ParkedState, Subject
from pos_adapter.sales.receipts import Flag, Original, SaleAnswer
from pos_adapter.tills.http import StoreQuery, next_id

repairs_blueprint = Blueprint("receipts", __name__, description="Receipts that need a person: parked and flagged ones")


# ---------------------------------------------------------------------------------------------- parked


class ParkedQuery(StoreQuery):
    state = fields.Enum(ParkedState, by_value=True, load_default=ParkedState.OPEN)


class ParkedOut(Schema):
    """A receipt that was refused and is kept with the reason."""

    id = fields.String(required=True)
    store = fields.String(required=True)
    terminal = fields.String(required=True)
    business_date = fields.Date(required=True)
    sequence = fields.Integer(required=True)
    state = fields.Enum(ParkedState, by_value=True, required=True)
    problem = fields.Dict(required=True, metadata={"description": "The problem document that refused it last"})
    attempts = fields.Integer(required=True, metadata={"description": "How often it was refused"})
    parked_at = fields.AwareDateTime(required=True)
    refused_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    sale = fields.String(required=True, allow_none=True, metadata={"description": "What it became, once accepted"})


class ParkedWhole(ParkedOut):
    """A parked receipt with what the till sent; the member is null, an id, or a sealed claim."""

    content = fields.Dict(required=True)


def _parked_body(parked: ParkedReceipt) -> dict[str, Any]:
    names = ("store", "terminal", "business_date", "sequence", "state", "problem", "attempts", "parked_at")
    return {
        "id": str(parked.id),
        **{name: getattr(parked, name) for name in (*names, "refused_at", "ended_at")},
        "sale": str(parked.sale) if parked.sale is not None else None,
    }


@repairs_blueprint.route("/receipts/parked", methods=["GET"])
@allow(READ)
@transactional
@repairs_blueprint.arguments(ParkedQuery, location="query")
@repairs_blueprint.response(200, page_of(ParkedOut))
def get_parked(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Parked receipts of a store, or of all stores that you act in, the newest first."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    before = read_cursor(query["cursor"], int)[0] if query["cursor"] else None
    found = list_parked(
        tx, [store.id for store in stores], state=query["state"], before=before, limit=query["limit"] + 1
    )
    return paged([_parked_body(each) for each in found[: query["limit"]]], next_id(found, query["limit"]))


@repairs_blueprint.route("/receipts/parked/<int:parked_id>", methods=["GET"])
@allow(READ)
@transactional
@repairs_blueprint.response(200, ParkedWhole)
def get_parked_one(tx: Tx, parked_id: int) -> dict[str, Any]:
    """A parked receipt with what the till sent."""
    parked = find_parked(tx, current_principal(), parked_id)
    return {**_parked_body(parked), "content": parked.content}


class Corrected(Schema):
    """Fields to be corrected; null takes one away. What a receipt may hold is checked when it is posted."""

    remove = fields.Boolean(metadata={"description": "Take the whole away"})


class LineCorrection(Corrected):
    line = fields.Integer(required=True, strict=True, validate=validate.Range(1, 100_000))
    kind = fields.String()
    product = fields.String(allow_none=True)
    counter = fields.String(allow_none=True)
    quantity = fields.String()
    unit_price = fields.Integer(strict=True, allow_none=True)
    amount = fields.Integer(strict=True)
    regular_amount = fields.Integer(strict=True, allow_none=True)
    tax_rate = fields.String(allow_none=True)
    salesperson = fields.String(allow_none=True)
    promotion = fields.String(allow_none=True)
    original_line = fields.Integer(strict=True, allow_none=True)


class TenderCorrection(Corrected):
    n = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000))
    kind = fields.String()
    amount = fields.Integer(strict=True)
    units = fields.Integer(strict=True, allow_none=True)
    face = fields.Integer(strict=True, allow_none=True)
    reference = fields.String(allow_none=True)


class CouponCorrection(Corrected):
    n = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000))
    code = fields.String()
    amount = fields.Integer(strict=True)


class Corrections(Schema):
    """What to correct before a parked receipt is posted again; what is not named stays as the till sent it."""

    terminal = fields.String(validate=validate.Length(1, CODE_MAX))
    business_date = fields.Date()
    sequence = fields.Integer(strict=True, validate=validate.Range(0, 2**53))
    type = fields.String(validate=validate.OneOf(["sale", "return", "void"]))
    occurred_at = fields.String()
    currency = fields.String()
    member = fields.Raw(
        allow_none=True, metadata={"description": 'An id, {"kind","value"}, or null for an anonymous sale'}
    )
    original = fields.Dict(allow_none=True)
    lines = fields.List(fields.Nested(LineCorrection), validate=validate.Length(0, 2_000))
    tenders = fields.List(fields.Nested(TenderCorrection), validate=validate.Length(0, 100))
    coupons = fields.List(fields.Nested(CouponCorrection), validate=validate.Length(0, 100))


@repairs_blueprint.route("/receipts/parked/<int:parked_id>/post", methods=["POST"])
@allow(REPAIR)
@keyed
@repairs_blueprint.arguments(Corrections)
@msgspec_answer(201, SaleAnswer, "Posted, and parked no more")
def post_parked(key: Keyed, body: Mapping[str, Any], parked_id: int) -> Answer:
    """Correct a parked receipt and post it again as if its till did; accepted, it is parked no more."""
    changes = dict(body)
    if "business_date" in changes:
        changes["business_date"] = changes["business_date"].isoformat()
    return post_again(database(), current_principal(), parked_id, changes, key)


# ---------------------------------------------------------------------------------------------- flagged


class FlaggedQuery(StoreQuery):
    flag = fields.Enum(Flag, by_value=True, load_default=None)


class FlaggedOut(Schema):
    """A recorded receipt with open flags; GET /v1/sales/{id} has all of it."""

    id = fields.String(required=True)
    store = fields.String(required=True)
    terminal = fields.String(required=True)
    business_date = fields.Date(required=True)
    sequence = fields.Integer(required=True)
    type = fields.String(required=True)
    amount = fields.Integer(required=True)
    currency = fields.String(required=True)
    member = fields.String(required=True, allow_none=True)
    member_part = fields.String(required=True)
    flags = fields.List(fields.String(), required=True, metadata={"description": "The open ones"})


class OriginalNamed(Schema):
    """Which sale was given back."""

    store = fields.String(required=True, validate=validate.Length(1, CODE_MAX))
    terminal = fields.String(required=True, validate=validate.Length(1, CODE_MAX))
    business_date = fields.Date(required=True)
    sequence = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**53))


class FlagsClosed(Schema):
    """Flags that need no deed, closed with a word why."""

    flags = fields.List(fields.Enum(Flag, by_value=True), required=True, validate=validate.Length(1, 20))
    why = Words(required=True)


class Mended(Schema):
    """The receipt, and what is still open."""

    id = fields.String(required=True)
    flags = fields.List(fields.String())
    original = fields.String()


def _flagged_body(flagged: FlaggedReceipt) -> dict[str, Any]:
    names = ("store", "terminal", "business_date", "sequence", "type", "amount", "currency", "member_part")
    return {
        "id": str(flagged.id),
        **{name: getattr(flagged, name) for name in names},
        "member": str(flagged.member_id) if flagged.member_id is not None else None,
        "flags": list(flagged.open_flags),
    }


@repairs_blueprint.route("/receipts/flagged", methods=["GET"])
@allow(READ)
@transactional
@repairs_blueprint.arguments(FlaggedQuery, location="query")
@repairs_blueprint.response(200, page_of(FlaggedOut))
def get_flagged(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Receipts with open flags of a store, or of all stores that you act in, the latest business date first."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    found = list_flagged(
        tx,
        [store.id for store in stores],
        flag=query["flag"].value if query["flag"] else None,
        before=read_flagged_cursor(query["cursor"]),
        limit=query["limit"] + 1,
    )
    shown = found[: query["limit"]]
    more = len(found) > len(shown)
    return paged([_flagged_body(each) for each in shown], flagged_cursor(shown[-1]) if more else None)


def flagged_cursor(flagged: FlaggedReceipt) -> str:
    """The cursor after a flagged receipt."""
    return make_cursor(flagged.business_date, flagged.id)


def read_flagged_cursor(cursor: str | None) -> Any:
    """Date and id of the last receipt of the page before. Raises CursorUnreadable."""
    return read_cursor(cursor, date, UUID) if cursor else None


@repairs_blueprint.route("/receipts/flagged/<uuid:sale_id>/original", methods=["POST"])
@allow(REPAIR)
@idempotent
@repairs_blueprint.arguments(OriginalNamed)
@repairs_blueprint.response(200, Mended)
def post_original(tx: Tx, body: Mapping[str, Any], sale_id: UUID) -> dict[str, str]:
    """Say which sale was given back or voided; what was earned and spent on it is then taken back."""
    original = name_original(tx, current_principal(), sale_id, Original(**body))
    return {"id": str(sale_id), "original": str(original)}


@repairs_blueprint.route("/receipts/flagged/<uuid:sale_id>/link", methods=["POST"])
@allow(REPAIR)
@idempotent
@repairs_blueprint.response(200, Mended)
def post_link(tx: Tx, sale_id: UUID) -> dict[str, Any]:
    """Look again for the products, counters and promotions of a receipt."""
    return {"id": str(sale_id), "flags": link_again(tx, current_principal(), sale_id)}


@repairs_blueprint.route("/receipts/flagged/<uuid:sale_id>/close", methods=["POST"])
@allow(REPAIR)
@idempotent
@repairs_blueprint.arguments(FlagsClosed)
@repairs_blueprint.response(200, Mended)
def post_close(tx: Tx, body: Mapping[str, Any], sale_id: UUID) -> dict[str, Any]:
    """Close flags that need no deed, with a word why."""
    flags = [flag.value for flag in body["flags"]]
    return {"id": str(sale_id), "flags": close_flags(tx, current_principal(), sale_id, flags, body["why"])}


# ---------------------------------------------------------------------------------------------- discards


class DiscardIn(Schema):
    """What shall be discarded, and why: a parked receipt, or a flagged sale (all of it, or the part that waits)."""

    parked = fields.Integer(validate=validate.Range(1, 2**63 - 1))
    sale = fields.UUID()
    what = fields.String(load_default="sale", validate=validate.OneOf([Subject.SALE.value, Subject.MEMBER_PART.value]))
    reason = Words(required=True)

    @validates_schema
    def _names_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("parked" in data) == ("sale" in data):
            raise ValidationError("name either parked or sale")


class DiscardOut(Schema):
    """A proposal to discard; another person confirms or refuses it."""

    id = fields.String(required=True)
    what = fields.Enum(Subject, by_value=True, required=True)
    parked = fields.String(required=True, allow_none=True)
    sale = fields.String(required=True, allow_none=True)
    store = fields.String(required=True)
    reason = fields.String(required=True)
    state = fields.Enum(DiscardState, by_value=True, required=True)
    proposed_by = fields.String(required=True)
    proposed_at = fields.AwareDateTime(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = fields.AwareDateTime(required=True, allow_none=True)


class DiscardQuery(StoreQuery):
    state = fields.Enum(DiscardState, by_value=True, load_default=None)


def _discard_body(tx: Tx, found: Discard) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "what": found.subject,
        "parked": str(found.parked) if found.parked is not None else None,
        "sale": str(found.sale) if found.sale is not None else None,
        "store": store_codes(tx, [found.store_id])[found.store_id],
        "reason": found.reason,
        "state": found.state,
        "proposed_by": found.proposed_by,
        "proposed_at": found.proposed_at,
        "decided_by": found.decided_by,
        "decided_at": found.decided_at,
    }


@repairs_blueprint.route("/discards", methods=["GET"])
@allow(READ)
@transactional
@repairs_blueprint.arguments(DiscardQuery, location="query")
@repairs_blueprint.response(200, page_of(DiscardOut))
def get_discards(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Proposals to discard, the newest first."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    before = read_cursor(query["cursor"], int)[0] if query["cursor"] else None
    ids = [store.id for store in stores]
    found = list_discards(tx, ids, state=query["state"], before=before, limit=query["limit"] + 1)
    return paged([_discard_body(tx, each) for each in found[: query["limit"]]], next_id(found, query["limit"]))


@repairs_blueprint.route("/discards", methods=["POST"])
@allow(REPAIR)
@idempotent
@repairs_blueprint.arguments(DiscardIn)
@repairs_blueprint.response(201, DiscardOut)
def post_discard(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Propose to discard a receipt; somebody else has to confirm."""
    subject = Subject.PARKED if "parked" in body else Subject(body["what"])
    made = propose(tx, current_principal(), subject, body.get("parked"), body.get("sale"), body["reason"])
    return _discard_body(tx, made)


@repairs_blueprint.route("/discards/<int:discard_id>/confirm", methods=["POST"])
@allow(APPROVE)
@idempotent
@repairs_blueprint.response(200, DiscardOut)
def post_confirm(tx: Tx, discard_id: int) -> dict[str, Any]:
    """Discard what somebody else proposed."""
    return _discard_body(tx, confirm(tx, current_principal(), discard_id))


@repairs_blueprint.route("/discards/<int:discard_id>/refuse", methods=["POST"])
@allow(REPAIR)
@idempotent
@repairs_blueprint.response(200, DiscardOut)
def post_refuse(tx: Tx, discard_id: int) -> dict[str, Any]:
    """Refuse a proposal, or withdraw your own."""
    return _discard_body(tx, decline(tx, current_principal(), discard_id))
