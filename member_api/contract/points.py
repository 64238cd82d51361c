"""What purchases earned, line by line, for whoever keeps score: read set-based, nothing is locked or changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from foundation.database import Tx
from member_api.earning.operations import rule_versions
from member_api.purchases.operations import LineReturn
from member_api.purchases.points import GivenBack, PurchasePoints, points_of_purchases

__all__ = [
    "GivenBack",
    "LineReturn",
    "PointsWorth",
    "PurchasePoints",
    "points_of_purchases",
    "suppliers_coupons",
    "worth_of_points",
]


@dataclass(frozen=True, slots=True)
class PointsWorth:
    """From a moment on, so many points pay for so many minor units."""

    valid_from: datetime
    points: int
    money: int


def worth_of_points(tx: Tx) -> list[PointsWorth]:
    """What points are worth when they pay, by every version of the earning rules, the oldest first."""
    return [
        PointsWorth(version.valid_from, version.programme.redeem_points, version.programme.redeem_money)
        for version in rule_versions(tx)
    ]


def suppliers_coupons(tx: Tx, codes: Collection[str]) -> set[str]:
    """Those of these coupons that a supplier bears."""
    rows = tx.ask(
        "SELECT c.code FROM member.coupon AS c JOIN member.coupon_offer AS o ON o.id = c.offer_id"
        " WHERE c.code = ANY(%s) AND o.funder LIKE 'supplier%%'",
        (sorted(codes),),
    )
    return {code for (code,) in rows}
