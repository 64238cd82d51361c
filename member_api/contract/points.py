"""What purchases earned, line by line, for whoever keeps score: read set-based, nothing is locked or changed."""

from collections.abc import Collection

from foundation.database import Tx
from member_api.purchases.operations import LineReturn
from member_api.purchases.points import GivenBack, PurchasePoints, points_of_purchases

__all__ = ["GivenBack", "LineReturn", "PurchasePoints", "points_of_purchases", "suppliers_coupons"]


def suppliers_coupons(tx: Tx, codes: Collection[str]) -> set[str]:
    """Those of these coupons that a supplier bears."""
    rows = tx.ask(
        "SELECT c.code FROM member.coupon AS c JOIN member.coupon_offer AS o ON o.id = c.offer_id"
        " WHERE c.code = ANY(%s) AND o.funder LIKE 'supplier%%'",
        (sorted(codes),),
    )
    return {code for (code,) in rows}
