"""When a coupon may pay and how much: decisions on values."""

from dataclasses import replace
from datetime import date

import pytest

from member_api.coupons.rules import (
    Basket,
    BasketLine,
    CouponOffer,
    CouponState,
    OfferInvalid,
    WhyNot,
    check_offer,
    eligible,
    normal_code,
    why_not,
    worth,
)

OFFER = CouponOffer("Ten off", "CNY", date(2026, 1, 1), date(2026, 1, 31), amount=1000, minimum_spend=5000)
BASKET = Basket(7, True, date(2026, 1, 5), "S01", "supermarket", "CNY")


def line(amount: int, *category: str, brand: str | None = None, takes_coupons: bool = True) -> BasketLine:
    return BasketLine(amount, category, brand, takes_coupons)


def test_a_coupon_pays_in_time_for_its_member_from_its_spend_on() -> None:
    assert why_not(OFFER, CouponState.ISSUED, 7, BASKET, 5000) is None
    assert why_not(OFFER, CouponState.ISSUED, 7, replace(BASKET, day=OFFER.ends_on), 5000) is None


@pytest.mark.parametrize(
    ("state", "basket", "amount", "why"),
    [
        (CouponState.REDEEMED, BASKET, 5000, WhyNot.USED),
        (CouponState.REVOKED, BASKET, 5000, WhyNot.REVOKED),
        (CouponState.ISSUED, replace(BASKET, member_id=8), 5000, WhyNot.ANOTHER_MEMBER),
        (CouponState.ISSUED, replace(BASKET, member_id=None), 5000, WhyNot.ANOTHER_MEMBER),
        (CouponState.ISSUED, replace(BASKET, may_spend=False), 5000, WhyNot.MEMBER_FROZEN),
        (CouponState.ISSUED, replace(BASKET, day=date(2025, 12, 31)), 5000, WhyNot.NOT_YET),
        (CouponState.ISSUED, replace(BASKET, day=date(2026, 2, 1)), 5000, WhyNot.OVER),
        (CouponState.ISSUED, replace(BASKET, currency="HKD"), 5000, WhyNot.CURRENCY),
        (CouponState.ISSUED, BASKET, 4999, WhyNot.SPEND_MORE),
        (CouponState.ISSUED, BASKET, 0, WhyNot.NO_ELIGIBLE_LINES),
    ],
)
def test_each_refusal_says_why(state: CouponState, basket: Basket, amount: int, why: WhyNot) -> None:
    assert why_not(OFFER, state, 7, basket, amount) is why


def test_stores_and_formats_of_an_offer() -> None:
    assert why_not(replace(OFFER, stores=("S02",)), CouponState.ISSUED, 7, BASKET, 5000) is WhyNot.STORE
    assert why_not(replace(OFFER, formats=("online",)), CouponState.ISSUED, 7, BASKET, 5000) is WhyNot.FORMAT


def test_which_lines_it_pays_for() -> None:
    offer = replace(OFFER, categories=(("FOOD", "DAIRY"),), brands=("B1",))
    lines = [
        line(100, "FOOD", "DAIRY", "MILK", brand="B1"),
        line(100, "FOOD", brand="B1"),
        line(100, "FOOD", "DAIRY", brand="B2"),
        line(100, "FOOD", "DAIRY", brand="B1", takes_coupons=False),
        line(-100, "FOOD", "DAIRY", brand="B1"),
    ]
    assert eligible(offer, lines) == [True, False, False, False, False]


def test_worth_is_never_more_than_what_it_pays_for() -> None:
    assert worth(OFFER, 5000) == 1000
    assert worth(OFFER, 700) == 700


@pytest.mark.parametrize(
    ("percent", "amount_max", "amount", "off"),
    [(1000, None, 4995, 500), (1000, None, 4994, 499), (1000, 300, 4995, 300), (10_000, None, 777, 777)],
)
def test_a_percent_is_rounded_half_up_and_may_be_capped(
    percent: int, amount_max: int | None, amount: int, off: int
) -> None:
    assert worth(replace(OFFER, amount=None, percent=percent, amount_max=amount_max), amount) == off


def test_a_code_is_read_however_it_was_typed() -> None:
    assert normal_code("ab0d-efgh 1jkm") == "AB0DEFGH1JKM"
    assert normal_code("ABOD-EFGH-LJKM") == "AB0DEFGH1JKM"


@pytest.mark.parametrize(
    "faults",
    [
        {"amount": None},
        {"percent": 1000},
        {"amount": None, "percent": 0},
        {"amount_max": 5},
        {"ends_on": date(2025, 12, 31)},
    ],
)
def test_an_offer_that_contradicts_itself_is_refused(faults: dict[str, object]) -> None:
    with pytest.raises(OfferInvalid):
        check_offer(replace(OFFER, **faults))  # type: ignore[arg-type]
