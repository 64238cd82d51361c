"""What a product, a category and a promotion may look like, and what becomes of one that is put again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from foundation.errors import FieldError, Invalid
from foundation.wishes import LEFT_OUT, LeftOut, or_else

CATEGORY_DEPTH_MAX = 8
WHOLE = 10_000  # hundredths of a percent
COMPANY = "company"

CategoryPath = tuple[str, ...]


class PromotionMethod(StrEnum):
    """How a promotion works on a receipt."""

    MARKDOWN = "markdown"
    MEMBER_PRICE = "member_price"
    THRESHOLD = "threshold"
    COUPON = "coupon"
    ECOIN = "ecoin"
    POINTS = "points"
    BUNDLE = "bundle"
    GIFT = "gift"
    DISPLAY = "display"
    OTHER = "other"


class ProductStatus(StrEnum):
    ACTIVE = "active"
    DISCONTINUED = "discontinued"


class FunderSharesOff(Invalid):
    """The shares of a promotion's funders do not sum to one, or one of them is not a share."""

    code = "funder_shares_off"


class PromotionIncomplete(Invalid):
    """A new promotion does not say how it works."""

    code = "promotion_incomplete"


class PromotionDatesWrong(Invalid):
    """A promotion ends before it starts."""

    code = "promotion_dates_wrong"


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is now. `category` is a path from the root, () for none; `unit_cost` and `regular_price` (tax
    included, what a counter proposes) in minor units of `currency`, None where it is not known. A product that names no
    currency has them in that of whichever store sells it."""

    code: str
    name: str
    category: CategoryPath
    brand: str | None
    unit_cost: int | None
    regular_price: int | None
    currency: str | None
    status: ProductStatus


@dataclass(frozen=True, slots=True)
class ProductWish:
    """What a product shall be; what is left out stays as it is."""

    code: str
    name: str | LeftOut = LEFT_OUT
    category: CategoryPath | LeftOut = LEFT_OUT
    brand: str | LeftOut | None = LEFT_OUT
    unit_cost: int | LeftOut | None = LEFT_OUT
    regular_price: int | LeftOut | None = LEFT_OUT
    currency: str | LeftOut | None = LEFT_OUT
    status: ProductStatus | LeftOut = LEFT_OUT


def plan_product(before: Product | None, wish: ProductWish) -> Product:
    """The product after the wish; a new one is called by its code."""
    start = before or Product(wish.code, wish.code, (), None, None, None, None, ProductStatus.ACTIVE)
    return Product(
        wish.code,
        or_else(wish.name, start.name),
        or_else(wish.category, start.category),
        or_else(wish.brand, start.brand),
        or_else(wish.unit_cost, start.unit_cost),
        or_else(wish.regular_price, start.regular_price),
        or_else(wish.currency, start.currency),
        or_else(wish.status, start.status),
    )


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion as it is now. `funders` are hundredths of a percent by funder, summing to 10,000; dates are
    included, None is open; no stores or formats means all."""

    code: str
    name: str
    method: PromotionMethod
    funders: Mapping[str, int]
    starts_on: date | None
    ends_on: date | None
    stores: tuple[str, ...]
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PromotionWish:
    """What a promotion shall be; what is left out stays as it is. `funders` are shares by funder (1 = all of it)."""

    code: str
    name: str | LeftOut = LEFT_OUT
    method: PromotionMethod | LeftOut = LEFT_OUT
    funders: Mapping[str, Decimal] | LeftOut = LEFT_OUT
    starts_on: date | LeftOut | None = LEFT_OUT
    ends_on: date | LeftOut | None = LEFT_OUT
    stores: tuple[str, ...] | LeftOut = LEFT_OUT
    formats: tuple[str, ...] | LeftOut = LEFT_OUT


def plan_promotion(before: Promotion | None, wish: PromotionWish) -> Promotion:
    """The promotion after the wish. Raises PromotionIncomplete, PromotionDatesWrong, FunderSharesOff."""
    if before is None and wish.method is LEFT_OUT:
        raise PromotionIncomplete(
            "a new promotion says by which method it works", errors=[FieldError("/method", "is missing")]
        )
    start = before or Promotion(
        wish.code, wish.code, PromotionMethod.OTHER, funder_shares({}), None, None, stores=(), formats=()
    )
    after = Promotion(
        wish.code,
        or_else(wish.name, start.name),
        or_else(wish.method, start.method),
        start.funders if wish.funders is LEFT_OUT else funder_shares(wish.funders),
        or_else(wish.starts_on, start.starts_on),
        or_else(wish.ends_on, start.ends_on),
        or_else(wish.stores, start.stores),
        or_else(wish.formats, start.formats),
    )
    if after.starts_on is not None and after.ends_on is not None and after.ends_on < after.starts_on:
        raise PromotionDatesWrong(
            f"it would end on {after.ends_on}, before it starts on {after.starts_on}",
            errors=[FieldError("/ends_on", "lies before starts_on")],
        )
    return after


def funder_shares(shares: Mapping[str, Decimal]) -> dict[str, int]:
    """Shares (1 = all of it) as hundredths of a percent; nobody named means the company bears it.

    Raises FunderSharesOff when a share is not above 0, is finer than a hundredth of a percent, or all do not sum to 1.
    """
    if not shares:
        return {COMPANY: WHOLE}
    parts = {funder: share * WHOLE for funder, share in shares.items()}
    if any(part <= 0 or part != int(part) for part in parts.values()):
        raise FunderSharesOff(
            "each share is above 0 and has at most four decimals", errors=[FieldError("/funders", "not a share")]
        )
    if sum(parts.values()) != WHOLE:
        raise FunderSharesOff(
            f"the shares sum to {sum(shares.values())}, not to 1", errors=[FieldError("/funders", "do not sum to 1")]
        )
    return {funder: int(part) for funder, part in parts.items()}


def with_ancestors(paths: Iterable[CategoryPath]) -> list[list[CategoryPath]]:
    """All paths and every path above them, each once, by depth: roots first."""
    found = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    return [sorted(path for path in found if len(path) == depth) for depth in range(1, CATEGORY_DEPTH_MAX + 1)]
