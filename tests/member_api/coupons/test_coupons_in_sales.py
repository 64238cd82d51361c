"""Coupons pay inside the sale that brings them, once, and come back with all that they paid for."""

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from foundation.database import Database
from foundation.errors import DomainError
from member_api.contract.coupons import (
    CouponNotUsable,
    CouponOffer,
    CouponTooMuch,
    CouponUnknown,
    CouponUsed,
    coupon_totals,
    coupon_uses,
    coupons_of,
    issue_coupons,
    redeemers_of,
    revoke_coupons,
)
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductWish
from pos_adapter.sales.quoting import Quote, quote
from pos_adapter.sales.receipts import Basket, MemberRef, Receipt
from pos_adapter.sales.rules import RefundSplitDiffers
from tests.field.shop import PHONE_REF, a_shop, points_of, prove, sells, takes_back
from tests.member_api.people import PHONE, a_member
from tests.pos_adapter.sales.factories import NOON, anywhere, line, post, receipt, return_of, void_of

TEN_OFF = CouponOffer("Ten off", "CNY", date(2026, 1, 1), date(2026, 1, 31), amount=1000, minimum_spend=5000)
CAMPAIGN = "campaign/7"


@pytest.fixture
def member(database: Database) -> int:
    return a_shop(database)


def given(database: Database, member: int, offer: CouponOffer = TEN_OFF, reference: str = CAMPAIGN) -> str:
    """The code of a new coupon of this member."""
    with database.transaction() as tx:
        assert issue_coupons(tx, offer, [member], reference, by="test") == 1
    with database.transaction() as tx:
        return coupons_of(tx, member, 1)[0].code


def bought_with(code: str, *amounts: int, off: int = 1000, **more: Any) -> Receipt:
    """A sale to the member where the coupon takes something off and a card pays the rest."""
    content: dict[str, Any] = {
        "member": PHONE_REF,
        "coupons": [{"code": code, "amount": off}],
        "tenders": [{"kind": "card", "amount": sum(amounts) - off}],
    }
    return receipt(*amounts, **content | more)


def state_of(database: Database, member: int) -> str:
    with database.transaction(read_only=True) as tx:
        return coupons_of(tx, member, 1)[0].state.value


def refused(database: Database, sold: Receipt, error: type[DomainError]) -> DomainError:
    """Posting it is refused so, and leaves no sale, no use of a coupon and no point."""
    with pytest.raises(error) as refusal:
        post(database, sold)
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.sale WHERE sequence = :n", {"n": sold.sequence}).scalar() == 0
        assert tx.execute("SELECT count(*) FROM member.coupon_use").scalar() == 0
    return refusal.value


def test_a_coupon_takes_its_amount_off_and_earns_nothing_on_it(database: Database, member: int) -> None:
    code = given(database, member)
    answer = post(database, bought_with(code, 4000, 2000))
    assert answer.status == 201
    assert answer.body["points"]["earned"] == 50  # 1 % of the 5000 that the card paid
    assert state_of(database, member) == "redeemed"
    with database.transaction(read_only=True) as tx:
        assert coupon_totals(tx, CAMPAIGN).amount == 1000
        assert redeemers_of(tx, CAMPAIGN) == [member]
        assert redeemers_of(tx, CAMPAIGN, [member, member + 1]) == [member]
        assert redeemers_of(tx, CAMPAIGN, [member + 1]) == []
        shares = tx.execute("SELECT allocated FROM pos.sale_line ORDER BY line").scalars().all()
    assert [share[1] for share in shares] == [667, 333]
    prove(database)


def test_it_is_read_however_it_was_typed(database: Database, member: int) -> None:
    code = given(database, member)
    typed = f"{code[:4]}-{code[4:8]}-{code[8:]}".lower()
    assert post(database, bought_with(typed, 6000)).status == 201


def test_the_same_receipt_again_uses_nothing_again(database: Database, member: int) -> None:
    sold = bought_with(given(database, member), 6000)
    assert post(database, sold).status == 201
    assert post(database, sold).status == 200
    with database.transaction(read_only=True) as tx:
        assert coupon_totals(tx, CAMPAIGN).amount == 1000


def test_a_used_coupon_is_refused(database: Database, member: int) -> None:
    code = given(database, member)
    assert post(database, bought_with(code, 6000)).status == 201
    with pytest.raises(CouponUsed):
        post(database, bought_with(code, 6000))
    with database.transaction(read_only=True) as tx:
        assert len(coupon_uses(tx, CAMPAIGN, 10)) == 1


def test_a_coupon_twice_on_one_receipt_is_refused(database: Database, member: int) -> None:
    code = given(database, member)
    twice = [{"code": code, "amount": 500}, {"code": code.lower(), "amount": 500}]
    refused(database, bought_with(code, 6000, coupons=twice), CouponUsed)


def test_what_is_refused_says_why_and_leaves_nothing(database: Database, member: int) -> None:
    code = given(database, member)
    a_member(database, "13900139000")
    refused(database, bought_with("NOSUCHCODE12", 6000), CouponUnknown)
    for sold, why in (
        (bought_with(code, 4999), "spend_more"),
        (bought_with(code, 6000, member={"kind": "phone", "value": "13900139000"}), "another_member"),
        (bought_with(code, 6000, member=None), "another_member"),
        (bought_with(code, 6000, business_date="2025-12-31"), "not_yet"),
        (bought_with(code, 6000, lines=[line(1, 6000, kind="gift_card")]), "no_eligible_lines"),
    ):
        assert refused(database, sold, CouponNotUsable).facts["why"] == why
    assert refused(database, bought_with(code, 6000, off=1001), CouponTooMuch).facts["worth"] == 1000
    assert state_of(database, member) == "issued"


def test_a_sale_that_arrives_late_is_judged_by_its_own_day(database: Database, member: int) -> None:
    code = given(database, member, CouponOffer("Old", "CNY", date(2026, 1, 1), date(2026, 1, 5), amount=500))
    assert post(database, bought_with(code, 6000, off=500)).status == 201


def test_a_coupon_for_a_category_is_shared_over_its_lines_only(database: Database, member: int) -> None:
    with database.transaction() as tx:
        put_products(tx, [ProductWish("MILK", category=("FOOD", "DAIRY")), ProductWish("SOAP", category=("HOME",))])
    code = given(database, member, replace(TEN_OFF, categories=(("FOOD",),), minimum_spend=0))
    lines = [line(1, 600, product="MILK"), line(2, 5000, product="SOAP"), line(3, 600, product="MILK")]
    assert post(database, bought_with(code, 600, 5000, 600, lines=lines)).status == 201
    with database.transaction(read_only=True) as tx:
        shares = tx.execute("SELECT allocated FROM pos.sale_line ORDER BY line").scalars().all()
    assert [share[1] for share in shares] == [500, 0, 500]


def test_a_quote_shows_each_coupon_with_its_worth_or_why_not(database: Database, member: int) -> None:
    good = given(database, member)
    dear = given(database, member, replace(TEN_OFF, minimum_spend=9000), "campaign/8")
    basket = msgspec.convert({"store": "S01", "lines": [line(1, 6000)], "occurred_at": NOON.isoformat()}, Basket)
    with database.transaction(read_only=True) as tx:
        told = quote(tx, anywhere(), Quote(basket, MemberRef("phone", PHONE)))
    assert [(each.code, each.amount, each.why_not) for each in told.coupons] == [
        (good, 1000, ""),
        (dear, 0, "spend_more"),
    ]


def test_all_of_it_given_back_gives_the_coupon_back(database: Database, member: int) -> None:
    code = given(database, member)
    sold = bought_with(code, 4000, 2000)
    post(database, sold)
    first: dict[str, Any] = {"coupons": [{"code": code, "amount": 667}], "tenders": [{"kind": "card", "amount": 3333}]}
    assert post(database, return_of(sold, (1, 4000), **first)).status == 201
    assert state_of(database, member) == "redeemed"
    second: dict[str, Any] = {"coupons": [{"code": code, "amount": 333}], "tenders": [{"kind": "card", "amount": 1667}]}
    assert post(database, return_of(sold, (2, 2000), **second)).status == 201
    assert state_of(database, member) == "issued"
    assert points_of(database) == 0
    with database.transaction(read_only=True) as tx:
        assert coupon_totals(tx, CAMPAIGN).amount == 0
    assert post(database, bought_with(code, 6000)).status == 201
    prove(database)


def test_a_return_that_forgets_the_coupon_is_told_the_split(database: Database, member: int) -> None:
    code = given(database, member)
    sold = bought_with(code, 6000)
    post(database, sold)
    with pytest.raises(RefundSplitDiffers) as refusal:
        post(database, return_of(sold, (1, 6000)))
    assert refusal.value.facts["expected"]["coupons"] == [{"code": code, "amount": 1000}]
    assert state_of(database, member) == "redeemed"


def test_a_void_gives_the_coupon_back(database: Database, member: int) -> None:
    sold = bought_with(given(database, member), 6000)
    post(database, sold)
    assert post(database, void_of(sold)).status == 201
    assert state_of(database, member) == "issued"


def test_a_coupon_that_was_taken_back_pays_for_nothing(database: Database, member: int) -> None:
    code = given(database, member)
    with database.transaction() as tx:
        assert revoke_coupons(tx, CAMPAIGN) == 1
    assert refused(database, bought_with(code, 6000), CouponNotUsable).facts["why"] == "revoked"


def test_a_member_gets_one_coupon_of_an_offer_however_often_it_is_launched(database: Database, member: int) -> None:
    given(database, member)
    with database.transaction() as tx:
        assert issue_coupons(tx, TEN_OFF, [member, member], CAMPAIGN, by="test") == 0


def test_twelve_tills_at_once_use_a_coupon_once(database: Database, member: int) -> None:
    code = given(database, member)
    told: list[str] = []

    def sell(till: int) -> None:
        try:
            told.append(str(post(database, bought_with(code, 6000, terminal=f"T{till}")).status))
        except DomainError as error:
            told.append(error.code)

    threads = [threading.Thread(target=sell, args=(till,)) for till in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["201", *["coupon_used"] * 11]
    with database.transaction(read_only=True) as tx:
        assert coupon_totals(tx, CAMPAIGN).amount == 1000
    prove(database)


def test_a_sale_without_coupons_asks_for_none(database: Database, member: int) -> None:
    sold = sells(database, 6000)
    takes_back(database, sold, (1, 6000))
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM member.coupon_use").scalar() == 0
