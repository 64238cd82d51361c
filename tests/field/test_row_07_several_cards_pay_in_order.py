"""Row 7: two gift cards on one order were both emptied.

Here several means of payment share an order by one tested algorithm: each pays what the receipt says of it and not a
unit more, lots of one kind are used up one after the other, and what each paid is stored line by line.
"""

from datetime import date
from typing import Any

import pytest

from foundation.database import Database
from member_api.contract.coupons import CouponOffer, coupon_totals, coupons_of, issue_coupons
from member_api.contract.ledger import Kind, Origin
from tests.field.shop import PHONE_REF, a_shop, open_lots, prove
from tests.member_api.ledger.callers import SOON, balance, given
from tests.pos_adapter.sales.factories import post, receipt, return_of


@pytest.fixture
def member(database: Database) -> int:
    """A member with two gift cards of 100.00 each, 30.00 in e-coins, and 1,000 points worth 1.00."""
    member = a_shop(database)
    for card in ("card-1", "card-2"):
        given(database, member, 10_000, kind=Kind.CASH, origin=Origin.TOPUP, source=card)
    given(database, member, 3_000, kind=Kind.ECOIN, expires_on=SOON)
    given(database, member, 1_000, kind=Kind.POINTS, expires_on=SOON)
    return member


def paid(database: Database, *amounts: int, **tenders: int) -> Any:
    kinds: list[dict[str, Any]] = [{"kind": kind, "amount": amount} for kind, amount in tenders.items()]
    sold = receipt(*amounts, member=PHONE_REF, tenders=kinds)
    assert post(database, sold).status == 201
    return sold


def test_an_order_below_one_card_leaves_the_other_whole(database: Database, member: int) -> None:
    paid(database, 6_000, stored_value=6_000)
    cash = [lot[3] for lot in open_lots(database) if lot[3] > 3_000]
    assert cash == [4_000, 10_000]
    assert balance(database, member, Kind.CASH) == (14_000, 14_000)


def test_an_order_above_one_card_empties_the_first_and_takes_the_rest_from_the_second(
    database: Database, member: int
) -> None:
    paid(database, 12_000, stored_value=12_000)
    assert balance(database, member, Kind.CASH) == (8_000, 8_000)
    assert [lot[3] for lot in open_lots(database) if lot[3] > 3_000] == [8_000]
    prove(database)


def test_everything_at_once_pays_what_the_receipt_says_and_comes_back_where_it_was(
    database: Database, member: int
) -> None:
    with database.transaction() as tx:
        for name in ("a", "b"):
            offer = CouponOffer(name, "CNY", date(2026, 1, 1), date(2026, 1, 31), amount=500)
            issue_coupons(tx, offer, [member], name, by="test")
    with database.transaction(read_only=True) as tx:
        codes = [coupon.code for coupon in coupons_of(tx, member, 2)]
    before = open_lots(database)
    sold = receipt(
        7_000,
        5_000,
        member=PHONE_REF,
        coupons=[{"code": codes[0], "amount": 500}, {"code": codes[1], "amount": 300}],
        tenders=[
            {"kind": "points", "amount": 100, "units": 1_000},
            {"kind": "ecoin", "amount": 2_000},
            {"kind": "stored_value", "amount": 9_000},
            {"kind": "card", "amount": 100},
        ],
    )
    assert post(database, sold).status == 201
    assert balance(database, member, Kind.CASH) == (11_000, 11_000)
    assert balance(database, member, Kind.ECOIN) == (1_000, 1_000)
    with database.transaction(read_only=True) as tx:
        assert [coupon_totals(tx, name).amount for name in ("a", "b")] == [300, 500]
        shares = tx.execute("SELECT amount, allocated FROM pos.sale_line ORDER BY line").all()
    assert all(sum(row.allocated) == row.amount for row in shares)
    assert [sum(column) for column in zip(*(row.allocated for row in shares), strict=True)] == [
        100, 2_000, 9_000, 100, 500, 300,
    ]  # fmt: skip
    back = return_of(
        sold,
        (1, 7_000),
        (2, 5_000),
        coupons=[{"code": codes[0], "amount": 500}, {"code": codes[1], "amount": 300}],
        tenders=[
            {"kind": "points", "amount": 100, "units": 1_000},
            {"kind": "ecoin", "amount": 2_000},
            {"kind": "stored_value", "amount": 9_000},
            {"kind": "card", "amount": 100},
        ],
    )
    assert post(database, back).status == 201
    assert open_lots(database) == before
    with database.transaction(read_only=True) as tx:
        assert [coupon_totals(tx, name).amount for name in ("a", "b")] == [0, 0]
        assert {coupon.state.value for coupon in coupons_of(tx, member, 2)} == {"issued"}
    prove(database)
