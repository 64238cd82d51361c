"""What a till sends: the receipt as the HTTP contract has it, decoded strictly and in one go (msgspec)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

LINES_MAX = 2_000
TENDERS_MAX = 100
COUPONS_MAX = 100
AMOUNT_MAX = 10**12

# The end of a text. Python's `$` alone also matches before a last line feed, which int() and Decimal() stumble over.
END = r"(?!\n)$"

Code = Annotated[str, Meta(min_length=1, max_length=64, description="a code of the retailer")]
Amount = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="minor units of the currency")]
PositiveUnits = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Quantity = Annotated[str, Meta(pattern=rf"^-?[0-9]{{1,9}}(\.[0-9]{{1,6}})?{END}", description="decimal text, as 1.000")]
TaxRate = Annotated[
    str, Meta(pattern=rf"^[0-9](\.[0-9]{{1,4}})?{END}", description='a fraction as text: "0.13" is 13 %')
]
LineNumber = Annotated[int, Meta(ge=1, le=100_000)]


class SaleType(StrEnum):
    SALE = "sale"
    RETURN = "return"
    VOID = "void"


class LineKind(StrEnum):
    """Only goods are sales and earn."""

    GOODS = "goods"
    GIFT_CARD = "gift_card"
    TOPUP = "topup"
    DEPOSIT = "deposit"
    FREIGHT = "freight"
    SERVICE = "service"


class Discount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A reduction that the line's amount is already net of; `funder_share` is the part others than the store pay."""

    kind: Annotated[str, Meta(min_length=1, max_length=32)]
    amount: Amount
    promotion: Code | None = None
    funder_share: Amount | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a receipt. `amount` is what it came to, net of its discounts; it is not checked against the price."""

    line: LineNumber
    quantity: Quantity
    amount: Amount
    kind: LineKind = LineKind.GOODS
    product: Code | None = None
    counter: Code | None = None
    unit_price: Amount | None = None
    regular_amount: Amount | None = None
    tax_rate: TaxRate | None = None
    salesperson: Code | None = None
    promotion: Code | None = None
    discounts: Annotated[tuple[Discount, ...], Meta(max_length=50)] = ()
    original_line: LineNumber | None = None


class Coupon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coupon given at the till; its amount comes off the sum of the lines."""

    code: Code
    amount: PositiveUnits


class Tender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a part was paid. `amount` is always money; points and e-coins say their `units`, vouchers their `face`."""

    kind: Annotated[str, Meta(min_length=1, max_length=32, pattern=rf"^[a-z][a-z0-9_]*{END}")]
    amount: Amount
    units: PositiveUnits | None = None
    face: PositiveUnits | None = None
    reference: Annotated[str, Meta(max_length=128)] | None = None


class MemberRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member by identifier; a member known by id is named by the id itself, a string."""

    kind: Annotated[str, Meta(min_length=1, max_length=32)]
    value: Annotated[str, Meta(min_length=1, max_length=256)]


MemberId = Annotated[str, Meta(pattern=rf"^[1-9][0-9]{{0,17}}{END}", description="a member's id")]


class Original(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipt that is given back, by its number."""

    store: Code
    terminal: Code
    business_date: date
    sequence: Annotated[int, Meta(ge=0, le=2**53)]


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a quote needs of a sale that has not happened yet; a till may send all that it has of the receipt.

    `store` defaults to the store that the token is bound to, `currency` to the store's.
    """

    store: Code | None = None
    currency: Annotated[str, Meta(pattern=f"^[A-Z]{{3}}{END}")] | None = None
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]
    coupons: Annotated[tuple[Coupon, ...], Meta(max_length=COUPONS_MAX)] = ()
    occurred_at: Annotated[datetime, Meta(tz=True)] | None = None


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sale, a return or a void, as posted by a till.

    Needed: store, terminal, business_date, sequence, type, occurred_at, currency, and (but for a void) lines and
    tenders. Returns and voids name their original.
    """

    store: Code
    terminal: Code
    business_date: date
    sequence: Annotated[int, Meta(ge=0, le=2**53)]
    type: SaleType
    occurred_at: Annotated[datetime, Meta(tz=True)]
    currency: Annotated[str, Meta(pattern=f"^[A-Z]{{3}}{END}", description="ISO 4217")]
    member: MemberRef | MemberId | None = None
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)] = ()
    coupons: Annotated[tuple[Coupon, ...], Meta(max_length=COUPONS_MAX)] = ()
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=TENDERS_MAX)] = ()
    original: Original | None = None


class Flag(StrEnum):
    """What was accepted all the same and waits for repair."""

    UNKNOWN_MEMBER = "unknown_member"
    UNREADABLE_MEMBER = "unreadable_member"
    CLOSED_MEMBER = "closed_member"
    UNKNOWN_PRODUCT = "unknown_product"
    UNKNOWN_COUNTER = "unknown_counter"
    UNKNOWN_PROMOTION = "unknown_promotion"
    UNKNOWN_TENDER = "unknown_tender"
    UNKNOWN_ORIGINAL = "unknown_original"
    CONTRADICTS_ORIGINAL = "contradicts_original"
    MEMBER_DIFFERS = "member_differs"
    POINTS_RATE_DIFFERS = "points_rate_differs"
    NOT_ELIGIBLE = "not_eligible"
    CARD_NUMBER_MASKED = "card_number_masked"
    RESTORED_WITH_GRACE = "restored_with_grace"
    BALANCE_MISSING = "balance_missing"


class NextExpiry(msgspec.Struct, frozen=True):
    amount: int
    on: date


class Points(msgspec.Struct, frozen=True):
    """Points of the receipt and of the member, over all formats."""

    earned: int
    redeemed: int
    balance: int
    available: int
    next_expiry: NextExpiry | None


class ReceiptMember(msgspec.Struct, frozen=True):
    id: str
    tier: str | None


class SaleId(msgspec.Struct, frozen=True):
    id: str


class ECoins(msgspec.Struct, frozen=True):
    """E-coins that the receipt brought (negative: took back), and what of it came off the refund in money."""

    earned: int
    withheld: int = 0


class SaleAnswer(msgspec.Struct, frozen=True):
    """The answer to a posted receipt; it holds ids and figures only."""

    sale: SaleId
    member: ReceiptMember | None
    points: Points | None
    ecoins: ECoins | None
    flags: list[str]
