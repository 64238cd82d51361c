"""Benefits used for a line, and the suppliers' part of them: what the contract with a counter is reckoned by.

A benefit is what points, e-coins and coupons paid, and discounts of those kinds. Who bears it: the funder of each lot
that was spent, of each coupon, of each promotion; or what the till stated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from foundation.database import Tx
from foundation.money import half_up
from member_api.contract.points import PurchasePoints, suppliers_coupons
from pos_adapter.catalogue.lookups import PromotionFacts, promotions_by_code

SUPPLIER = "supplier"
WHOLE = 10_000  # hundredths of a percent
# Discounts that are benefits used rather than a lower price: the contract base of a concession counts them in.
BENEFIT_DISCOUNTS = frozenset({"coupon", "ecoin", "points"})


class StatedDiscount(msgspec.Struct, frozen=True):
    """A discount as the till stated it; `funder_share` is the part that others than the store pay."""

    kind: str
    amount: int
    promotion: str | None = None
    funder_share: int | None = None


_discounts = msgspec.json.Decoder(list[StatedDiscount]).decode
_coupons = msgspec.json.Decoder(dict[int, str]).decode


@dataclass(frozen=True, slots=True)
class Benefits:
    """Benefits used for a line, and the suppliers' share of them; minor units, as the line was sold."""

    used: int
    suppliers_share: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What the lines name, looked up set-based."""

    promotions: Mapping[str, PromotionFacts]
    suppliers_coupons: set[str]
    points: Mapping[UUID, PurchasePoints]


def benefits_of(tx: Tx, lines: Sequence[Mapping[str, Any]], points: Mapping[UUID, PurchasePoints]) -> list[Benefits]:
    """Benefits of lines as LINE_FACTS says, in their order. `points` are those of their purchases."""
    discounts = [_discounts(line["discounts"]) if line["discounts"] else [] for line in lines]
    coupons = [_coupons(line["coupons"]) if line["coupons"] else {} for line in lines]
    named = {discount.promotion for each in discounts for discount in each if discount.promotion}
    named |= {line["promotion_code"] for line in lines if line["promotion_code"]}
    known = _Known(
        promotions_by_code(tx, named), suppliers_coupons(tx, {code for each in coupons for code in each.values()}),
        points,
    )  # fmt: skip
    return [_benefits(*each, known) for each in zip(lines, discounts, coupons, strict=True)]


def _benefits(
    line: Mapping[str, Any], discounts: Sequence[StatedDiscount], coupons: Mapping[int, str], known: _Known
) -> Benefits:
    used = line["amount"] - line["money"]
    borne = _borne_of_tenders(line, coupons, known) if used else 0
    for discount in discounts:
        if discount.kind.replace("-", "").replace("_", "") in BENEFIT_DISCOUNTS:
            used += discount.amount
        borne += _borne_of_discount(discount, line["promotion_code"], known)
    return Benefits(used, borne)


def _borne_of_discount(discount: StatedDiscount, of_line: str | None, known: _Known) -> int:
    """The suppliers' part: as the till stated it, or else by the funders of the promotion."""
    if discount.funder_share is not None:
        return discount.funder_share
    promotion = known.promotions.get(discount.promotion or of_line or "")
    if promotion is None:
        return 0
    share = sum(part for funder, part in promotion.funders.items() if funder.startswith(SUPPLIER))
    return half_up(discount.amount * share, WHOLE)


def _borne_of_tenders(line: Mapping[str, Any], coupons: Mapping[int, str], known: _Known) -> int:
    """The suppliers' part of points, e-coins and coupons that paid: by the funder of each lot, of each coupon."""
    if not line["allocated"]:
        return 0
    parts = [int(part) for part in line["allocated"][1:-1].split(",")]
    purchase = known.points.get(UUID(line["purchase"]))
    borne = 0
    for tender, part in enumerate(parts, 1):
        if coupons.get(tender) in known.suppliers_coupons:
            borne += part
        elif purchase is not None and tender in purchase.borne_by_supplier:
            units, all_units = purchase.borne_by_supplier[tender]
            borne += half_up(part * units, all_units)
    return borne
