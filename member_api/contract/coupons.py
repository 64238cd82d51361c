"""Offers to members: coupons that each belong to one member, and multipliers of points.

Every function takes the open transaction first and never commits it. A `reference` ("campaign/7") is whose offer it
is: the same one with the same terms again is the same offer, a member gets at most one coupon of it, and other terms
are refused. So whoever was killed on the way simply does it again.

    issue_coupons(tx, CouponOffer("Ten off", "CNY", first, last, amount=1000), members, "campaign/7", by="person:3")

Errors: OfferInvalid, OfferDiffers, MultiplierInvalid, MultiplierDiffers; inside a sale CouponUnknown, CouponUsed,
CouponNotUsable, CouponTooMuch.
"""

from collections.abc import Collection, Sequence
from datetime import date

from foundation.database import Tx
from member_api.coupons.operations import (
    Accepted,
    Coupon,
    CouponTotals,
    Offer,
    OfferDiffers,
    Quoted,
    Use,
    accept,
    codes_of,
    coupons_of,
    give_back,
    issue,
    make_offer,
    offer_under,
    quoted,
    redeemers,
    revoke_offer,
    totals,
    use,
    uses,
)
from member_api.coupons.rules import (
    Basket,
    BasketLine,
    CouponNotUsable,
    CouponOffer,
    CouponState,
    CouponTooMuch,
    CouponUnknown,
    CouponUsed,
    OfferInvalid,
    WhyNot,
    check_offer,
)
from member_api.multipliers.operations import (
    MultiplierDiffers,
    MultiplierTotals,
    end_multiplier,
    grant_to,
    make_multiplier,
    multiplier_for,
    multiplier_under,
)
from member_api.multipliers.operations import totals as totals_of_multiplier
from member_api.multipliers.rules import Multiplier, MultiplierInvalid, check_multiplier

__all__ = [
    "Accepted",
    "Basket",
    "BasketLine",
    "Coupon",
    "CouponNotUsable",
    "CouponOffer",
    "CouponState",
    "CouponTooMuch",
    "CouponTotals",
    "CouponUnknown",
    "CouponUsed",
    "Multiplier",
    "MultiplierDiffers",
    "MultiplierInvalid",
    "MultiplierTotals",
    "Offer",
    "OfferDiffers",
    "OfferInvalid",
    "Quoted",
    "Use",
    "WhyNot",
    "accept",
    "check_multiplier",
    "check_offer",
    "coupon_codes",
    "coupon_totals",
    "coupon_uses",
    "coupons_of",
    "end_multiplier_of",
    "give_back",
    "grant_multiplier",
    "issue_coupons",
    "multiplied_by",
    "multiplier_totals",
    "quoted",
    "redeemers_of",
    "revoke_coupons",
    "use",
]


def issue_coupons(tx: Tx, offer: CouponOffer, member_ids: Sequence[int], reference: str, *, by: str) -> int:
    """Give each of these members (at most 10,000 at a time) a coupon, unless they have one of it; how many are new.

    Raises OfferInvalid, OfferDiffers.
    """
    return issue(tx, make_offer(tx, offer, reference, by), member_ids)


def revoke_coupons(tx: Tx, reference: str) -> int:
    """Take back up to 5,000 unused coupons of an offer; returns how many, so call it until 0."""
    offer = offer_under(tx, reference)
    return revoke_offer(tx, offer) if offer is not None else 0


def coupon_codes(tx: Tx, reference: str, member_ids: Collection[int]) -> dict[int, str]:
    """The code of each of these members' coupon of an offer, for a message to its owner; without whoever has none."""
    offer = offer_under(tx, reference)
    return codes_of(tx, offer, member_ids) if offer is not None else {}


def coupon_totals(tx: Tx, reference: str) -> CouponTotals:
    """What became of the coupons of an offer: counts, and what they took off in minor units of its currency."""
    offer = offer_under(tx, reference)
    return totals(tx, [offer.id])[offer.id] if offer is not None else CouponTotals(0, 0, 0, 0)


def coupon_uses(tx: Tx, reference: str, limit: int, after: int = 0) -> list[Use]:
    """What the coupons of an offer paid for, by coupon id above `after`, at most `limit`."""
    offer = offer_under(tx, reference)
    return list(uses(tx, offer, limit, after)) if offer is not None else []


def redeemers_of(tx: Tx, reference: str, among: Collection[int] | None = None) -> list[int]:
    """The members (of `among`, if said) whose coupon of this offer is used, in order of id."""
    offer = offer_under(tx, reference)
    return redeemers(tx, offer, among) if offer is not None else []


def grant_multiplier(tx: Tx, terms: Multiplier, member_ids: Sequence[int], reference: str, *, by: str) -> int:
    """Let these members (at most 10,000 at a time) earn more; how many are new.

    Raises MultiplierInvalid, MultiplierDiffers.
    """
    return grant_to(tx, make_multiplier(tx, terms, reference, by), member_ids)


def end_multiplier_of(tx: Tx, reference: str, last_day: date) -> None:
    """Let a multiplier count up to this day at most; what was earned under it stays."""
    granted = multiplier_under(tx, reference)
    if granted is not None:
        end_multiplier(tx, granted, last_day)


def multiplied_by(tx: Tx, member_id: int, day: date, store: str, format: str | None) -> int:
    """By what a member's points are multiplied there and then, in percent; 100 is the usual."""
    found = multiplier_for(tx, member_id, day, store, format)
    return found.terms.percent if found is not None else 100


def multiplier_totals(tx: Tx, reference: str) -> MultiplierTotals:
    """Members who hold a multiplier, purchases under it, and the points that they earned beyond the usual."""
    granted = multiplier_under(tx, reference)
    return totals_of_multiplier(tx, granted) if granted is not None else MultiplierTotals(0, 0, 0)
