"""When a coupon may pay, and how much: pure decisions on values.

A coupon belongs to one member and is used once. It pays for goods only, in the stores, formats, categories and brands
of its offer, once they come to `minimum_spend`. Its days are business dates of the sale, so that a sale that arrives
late is judged by the day on which it happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from foundation.errors import Conflict, FieldError, Invalid
from foundation.money import half_up

CODE_LENGTH = 12  # 60 random bits: nobody guesses the code of another member
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is read as something else
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
WHOLE_PERCENT = 10_000


class CouponState(StrEnum):
    ISSUED = "issued"
    REDEEMED = "redeemed"
    REVOKED = "revoked"


class WhyNot(StrEnum):
    """Why a coupon cannot pay for a basket; `NOT_YET` and `OVER` are about its days."""

    USED = "used"
    REVOKED = "revoked"
    NOT_YET = "not_yet"
    OVER = "over"
    ANOTHER_MEMBER = "another_member"
    MEMBER_FROZEN = "member_frozen"
    CURRENCY = "currency"
    STORE = "store"
    FORMAT = "format"
    NO_ELIGIBLE_LINES = "no_eligible_lines"
    SPEND_MORE = "spend_more"


class CouponUnknown(Invalid):
    """There is no such coupon."""

    code = "coupon_unknown"


class CouponUsed(Conflict):
    """The coupon paid for another sale."""

    code = "coupon_used"


class CouponNotUsable(Invalid):
    """The coupon cannot pay for this sale; `why` says why."""

    code = "coupon_not_usable"


class CouponTooMuch(Invalid):
    """The coupon is worth less than the receipt took off; `worth` says how much."""

    code = "coupon_too_much"


class OfferInvalid(Invalid):
    """The offer contradicts itself."""

    code = "coupon_offer_invalid"


@dataclass(frozen=True, slots=True)
class CouponOffer:
    """What a coupon gives: `amount` in minor units, or `percent` (hundredths of a percent) up to `amount_max`.

    `categories` are prefixes of category paths. An empty tuple allows all. Both days count.
    """

    name: str
    currency: str
    starts_on: date
    ends_on: date
    amount: int | None = None
    percent: int | None = None
    amount_max: int | None = None
    minimum_spend: int = 0
    stores: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    brands: tuple[str, ...] = ()
    funder: str = "company"


@dataclass(frozen=True, slots=True)
class Basket:
    """Where and when a coupon would pay, and who buys (None: nobody known)."""

    member_id: int | None
    may_spend: bool
    day: date
    store: str
    format: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A line as an offer looks at it. `takes_coupons`: goods, at a counter that takes part."""

    amount: int
    category: tuple[str, ...]
    brand: str | None
    takes_coupons: bool


def normal_code(text: str) -> str:
    """A code as it is stored, however it was typed: upper case, no blanks or hyphens, O read as 0, I and L as 1."""
    return text.upper().translate(_MISREAD)


def check_offer(offer: CouponOffer) -> None:
    """Raises OfferInvalid with every fault."""
    faults = []
    if (offer.amount is None) == (offer.percent is None):
        faults.append(FieldError("/amount", "either an amount or a percent"))
    if offer.percent is not None and not 0 < offer.percent <= WHOLE_PERCENT:
        faults.append(FieldError("/percent", "must be between 1 and 10000 hundredths of a percent"))
    if offer.percent is None and offer.amount_max is not None:
        faults.append(FieldError("/amount_max", "limits a percent only"))
    if offer.starts_on > offer.ends_on:
        faults.append(FieldError("/ends_on", "lies before the first day"))
    if faults:
        raise OfferInvalid(faults[0].detail, errors=faults)


def eligible(offer: CouponOffer, lines: Sequence[BasketLine]) -> list[bool]:
    """Which lines the coupon may pay for."""
    return [line.takes_coupons and line.amount > 0 and _is_meant(offer, line) for line in lines]


def _is_meant(offer: CouponOffer, line: BasketLine) -> bool:
    if offer.brands and line.brand not in offer.brands:
        return False
    return not offer.categories or any(line.category[: len(path)] == path for path in offer.categories)


def worth(offer: CouponOffer, eligible_amount: int) -> int:
    """The most that it takes off, in minor units: never more than what it may pay for; a percent is rounded half up."""
    if offer.amount is not None:
        return min(offer.amount, eligible_amount)
    assert offer.percent is not None
    part = half_up(eligible_amount * offer.percent, WHOLE_PERCENT)
    return min(part, eligible_amount, offer.amount_max if offer.amount_max is not None else part)


def why_not(offer: CouponOffer, state: CouponState, owner: int, basket: Basket, eligible_amount: int) -> WhyNot | None:
    """The first reason for which a coupon cannot pay for a basket; None where it can."""
    if state is CouponState.REDEEMED:
        return WhyNot.USED
    if state is CouponState.REVOKED:
        return WhyNot.REVOKED
    if basket.member_id != owner:
        return WhyNot.ANOTHER_MEMBER
    return _why_not_here(offer, basket) or _why_not_these(offer, eligible_amount)


def _why_not_here(offer: CouponOffer, basket: Basket) -> WhyNot | None:
    hindrances = (
        (not basket.may_spend, WhyNot.MEMBER_FROZEN),
        (basket.day < offer.starts_on, WhyNot.NOT_YET),
        (basket.day > offer.ends_on, WhyNot.OVER),
        (basket.currency != offer.currency, WhyNot.CURRENCY),
        (bool(offer.stores) and basket.store not in offer.stores, WhyNot.STORE),
        (bool(offer.formats) and basket.format not in offer.formats, WhyNot.FORMAT),
    )
    return next((why for hinders, why in hindrances if hinders), None)


def _why_not_these(offer: CouponOffer, eligible_amount: int) -> WhyNot | None:
    if eligible_amount <= 0:
        return WhyNot.NO_ELIGIBLE_LINES
    return WhyNot.SPEND_MORE if eligible_amount < offer.minimum_spend else None
