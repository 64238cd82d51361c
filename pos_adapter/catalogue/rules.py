"""What a product, a category and a promotion may look like."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from foundation.errors import Invalid

CATEGORY_DEPTH_MAX = 8
WHOLE = 10_000  # hundredths of a percent
COMPANY = "company"


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


def funder_shares(shares: Mapping[str, Decimal]) -> dict[str, int]:
    """Shares (1 = all of it) as hundredths of a percent; nobody named means the company bears it.

    Raises FunderSharesOff when a share is not above 0, is finer than a hundredth of a percent, or all do not sum to 1.
    """
    if not shares:
        return {COMPANY: WHOLE}
    parts = {funder: share * WHOLE for funder, share in shares.items()}
    if any(part <= 0 or part != int(part) for part in parts.values()):
        raise FunderSharesOff("each share is above 0 and has at most four decimals")
    if sum(parts.values()) != WHOLE:
        raise FunderSharesOff(f"the shares sum to {sum(shares.values())}, not to 1")
    return {funder: int(part) for funder, part in parts.items()}


def with_ancestors(paths: Iterable[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """All paths and every path above them, each once, by depth: roots first."""
    found = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    return [sorted(path for path in found if len(path) == depth) for depth in range(1, CATEGORY_DEPTH_MAX + 1)]
