"""Coupons over HTTP: what is offered, who has one, and what it paid for. A till uses them inside a sale."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from marshmallow import fields, validate

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.errors import FieldError
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.fields import Code, Currency, Words
from foundation.http.json_reading import INTEGER_MAX
from member_api.coupons.operations import (
    Coupon,
    CouponTotals,
    Offer,
    coupons_of,
    issue,
    make_offer,
    offers,
    read_offer,
    revoke,
    totals,
)
from member_api.coupons.rules import CouponOffer
from member_api.fields import member_id_of
from member_api.members.lookup import NotFound, resolve_member, resolve_members
from member_api.members.rules import MemberUnknown
from member_api.permissions import COUPONS_READ, COUPONS_WRITE
from organisation.contract import place_of

coupons_blueprint = Blueprint("coupons", __name__, description="Money off for one member, once")

AMOUNT_MAX = 10**12
CODES_MAX = 200
GIVEN_AT_ONCE_MAX = 1000


class OfferIn(Schema):
    """What a coupon gives: `amount` in minor units, or `percent` in hundredths of a percent (1000 is 10 %)."""

    name = Words(required=True)
    currency = Currency(required=True)
    amount = fields.Integer(strict=True, allow_none=True, load_default=None, validate=validate.Range(1, AMOUNT_MAX))
    percent = fields.Integer(strict=True, allow_none=True, load_default=None, validate=validate.Range(1, 10_000))
    amount_max = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, AMOUNT_MAX),
        metadata={"description": "The most that a percent takes off"},
    )
    minimum_spend = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, AMOUNT_MAX))
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True, metadata={"description": "The last day, by the sale's business date"})
    stores = fields.List(Code(), load_default=list, validate=validate.Length(0, CODES_MAX))
    formats = fields.List(Code(), load_default=list, validate=validate.Length(0, CODES_MAX))
    categories = fields.List(
        fields.List(Words(), validate=validate.Length(1, 8)), load_default=list, validate=validate.Length(0, CODES_MAX)
    )
    brands = fields.List(Words(), load_default=list, validate=validate.Length(0, CODES_MAX))
    funder = Code(load_default="company")


class OfferTotals(Schema):
    """Coupons by what became of them, and what they took off, less what came back with returns."""

    issued = fields.Integer(required=True)
    redeemed = fields.Integer(required=True)
    revoked = fields.Integer(required=True)
    amount = fields.Integer(required=True)


class OfferOut(OfferIn):
    id = fields.String(required=True)
    reference = fields.String(required=True, metadata={"description": "Whose offer it is, e.g. campaign/7"})
    totals = fields.Nested(OfferTotals, required=True)


class GiveIn(Schema):
    members = fields.List(fields.String(), required=True, validate=validate.Length(1, GIVEN_AT_ONCE_MAX))


class GivenOut(Schema):
    """How many coupons are new; who had one of this offer keeps that."""

    issued = fields.Integer(required=True)


class CouponOut(Schema):
    """One member's coupon. `state`: issued, redeemed or revoked; after `ends_on` an issued one is over."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True)
    currency = fields.String(required=True)
    amount = fields.Integer(required=True, allow_none=True)
    percent = fields.Integer(required=True, allow_none=True)
    minimum_spend = fields.Integer(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    issued_at = fields.AwareDateTime(required=True)
    sale = fields.String(required=True, allow_none=True)
    reference = fields.String(required=True)


def offer_body(offer: Offer, became: CouponTotals) -> dict[str, Any]:
    """An offer as JSON."""
    terms = offer.terms
    return {
        "id": str(offer.id),
        "reference": offer.reference,
        "totals": became,
        **{name: getattr(terms, name) for name in OfferIn().fields},
    }


def coupon_body(coupon: Coupon) -> dict[str, Any]:
    """A coupon as JSON."""
    terms = coupon.offer.terms
    return {
        "id": str(coupon.id),
        "code": coupon.code,
        "name": terms.name,
        "state": coupon.state.value,
        "currency": terms.currency,
        "amount": terms.amount,
        "percent": terms.percent,
        "minimum_spend": terms.minimum_spend,
        "starts_on": terms.starts_on,
        "ends_on": terms.ends_on,
        "issued_at": coupon.issued_at,
        "sale": str(coupon.sale) if coupon.sale is not None else None,
        "reference": coupon.offer.reference,
    }


@coupons_blueprint.route("/coupon-offers", methods=["POST"])
@allow(COUPONS_WRITE)
@idempotent
@coupons_blueprint.arguments(OfferIn)
@coupons_blueprint.response(201, OfferOut)
def post_offer(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Make an offer, of which members are then given coupons. Campaigns make theirs when they are launched.

    Whoever acts in some stores only makes offers of these stores, which are named.
    """
    _check_reaches(current_principal(), body["stores"])
    terms = CouponOffer(
        **{
            **body,
            "stores": tuple(body["stores"]),
            "formats": tuple(body["formats"]),
            "brands": tuple(body["brands"]),
            "categories": tuple(tuple(path) for path in body["categories"]),
        }
    )
    offer = make_offer(tx, terms, f"hand/{uuid4()}", current_principal().actor)
    return offer_body(offer, CouponTotals(0, 0, 0, 0))


@coupons_blueprint.route("/coupon-offers", methods=["GET"])
@allow(COUPONS_READ)
@transactional
@coupons_blueprint.arguments(PageArguments, location="query")
@coupons_blueprint.response(200, page_of(OfferOut))
def get_offers(tx: Tx, arguments: Mapping[str, Any]) -> Any:
    """Offers, newest first, and what became of them."""
    limit = arguments["limit"]
    found = offers(tx, limit + 1, _before(arguments["cursor"]))
    became = totals(tx, [offer.id for offer in found[:limit]])
    following = make_cursor(found[limit - 1].id) if len(found) > limit else None
    return paged([offer_body(offer, became[offer.id]) for offer in found[:limit]], following)


def _check_reaches(principal: Principal, stores: Collection[str]) -> None:
    """Raise PlaceForbidden unless somebody acts in all stores where an offer counts (none named: in every store)."""
    if not stores:
        principal.require_everywhere()
    for store in stores:
        principal.require(COUPONS_WRITE, place_of(store))


def may_change(principal: Principal, stores: Collection[str]) -> bool:
    """Whether somebody may make, give and take back coupons of an offer that counts in these stores (none: in all)."""
    if not stores:
        return principal.places is None and principal.may(COUPONS_WRITE)
    return all(principal.may(COUPONS_WRITE, place_of(store)) for store in stores)


def _before(cursor: str | None) -> int | None:
    return read_cursor(cursor, int)[0] if cursor is not None else None


@coupons_blueprint.route("/coupon-offers/<int:offer>", methods=["GET"])
@allow(COUPONS_READ)
@transactional
@coupons_blueprint.response(200, OfferOut)
def get_offer(tx: Tx, offer: int) -> Any:
    """One offer, and what became of it."""
    found = read_offer(tx, min(offer, INTEGER_MAX))
    return offer_body(found, totals(tx, [found.id])[found.id])


@coupons_blueprint.route("/coupon-offers/<int:offer>/coupons", methods=["POST"])
@allow(COUPONS_WRITE)
@idempotent
@coupons_blueprint.arguments(GiveIn)
@coupons_blueprint.response(201, GivenOut)
def post_coupons(tx: Tx, body: Mapping[str, Sequence[str]], offer: int) -> Any:
    """Give members, by id, a coupon each of an offer that counts in your stores only, if you act in some only."""
    found = read_offer(tx, min(offer, INTEGER_MAX))
    _check_reaches(current_principal(), found.terms.stores)
    ids = [member_id_of(text) for text in body["members"]]
    known = resolve_members(tx, ids, lock="share")
    faults = [
        FieldError(f"/members/{n}", "no such member, or one who cannot earn")
        for n, member in enumerate(ids)
        if isinstance(facts := known[member], NotFound) or not facts.may_earn
    ]
    if faults:
        raise MemberUnknown("Some of these members cannot be given a coupon", errors=faults)
    owners = [facts.id for facts in known.values() if not isinstance(facts, NotFound)]
    return {"issued": issue(tx, found, owners)}


@coupons_blueprint.route("/members/<member>/coupons", methods=["GET"])
@allow(COUPONS_READ)
@transactional
@coupons_blueprint.arguments(PageArguments, location="query")
@coupons_blueprint.response(200, page_of(CouponOut))
def get_coupons(tx: Tx, arguments: Mapping[str, Any], member: str) -> Any:
    """A member's coupons, newest first."""
    limit = arguments["limit"]
    facts = resolve_member(tx, member_id_of(member))
    found = coupons_of(tx, facts.id, limit + 1, _before(arguments["cursor"]))
    following = make_cursor(found[limit - 1].id) if len(found) > limit else None
    return paged([coupon_body(coupon) for coupon in found[:limit]], following)


@coupons_blueprint.route("/members/<member>/coupons/<int:coupon>/revoke", methods=["POST"])
@allow(COUPONS_WRITE)
@idempotent
@coupons_blueprint.response(200, CouponOut)
def revoke_coupon(tx: Tx, member: str, coupon: int) -> Any:
    """Take back a coupon that was not used; of an offer of your stores, if you act in some only."""
    facts = resolve_member(tx, member_id_of(member))
    for found in coupons_of(tx, facts.id, 1, min(coupon, INTEGER_MAX - 1) + 1):
        if found.id == coupon:
            _check_reaches(current_principal(), found.offer.terms.stores)
    revoke(tx, min(coupon, INTEGER_MAX), facts.id)
    return coupon_body(coupons_of(tx, facts.id, 1, min(coupon, INTEGER_MAX - 1) + 1)[0])
