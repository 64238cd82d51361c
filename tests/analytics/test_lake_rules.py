"""What a line is worth to the store: the trade's formulas, worked by hand."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from analytics.lake.rules import Mode, gross_profit, shared
from foundation.money import half_up

AMOUNTS = st.integers(-(10**9), 10**9)


def test_a_concession_keeps_its_rate_and_the_suppliers_share_of_benefits() -> None:
    # Price 1,000, 100 e-coins used of which the supplier bears 40, rate 25 %, tax 13 %: (900 - 750 + 40) / 1.13.
    for mode in (Mode.CONCESSION, Mode.CONSIGNMENT):
        profit = gross_profit(
            mode, 900_00, tax_rate=1300, base=1000_00, rate=Decimal("0.25"), suppliers_share=40_00, cost=1
        )
        assert profit == 168_14


def test_own_goods_earn_what_is_left_of_the_money_without_tax_after_their_cost() -> None:
    assert gross_profit(Mode.OWN, 113_00, tax_rate=1300, cost=60_00) == 40_00
    assert gross_profit(Mode.OWN, 10_00, tax_rate=None, cost=12_00) == -2_00
    # 19.90 / 1.13 = 17.6106...
    assert gross_profit(Mode.OWN, 19_90, tax_rate=1300, cost=0) == 17_61


def test_unknown_cost_or_rate_is_unknown_profit_and_a_leased_counter_has_none() -> None:
    assert gross_profit(Mode.OWN, 100, tax_rate=0) is None
    assert gross_profit(Mode.CONCESSION, 100, tax_rate=0, base=100) is None
    assert gross_profit(Mode.LEASED, 100, tax_rate=1300, cost=7) == 0


@given(AMOUNTS, st.integers(1, 10**6))
def test_halves_are_rounded_up_and_what_is_taken_back_is_the_same_negated(numerator: int, denominator: int) -> None:
    exact = Fraction(abs(numerator), denominator) + Fraction(1, 2)
    rounded = exact.numerator // exact.denominator
    assert half_up(numerator, denominator) == (rounded if numerator >= 0 else -rounded)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_sum_to_the_total_and_none_is_off_by_a_whole(total: int, weights: list[int]) -> None:
    shares = shared(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    if whole:
        assert all(abs(share - Fraction(total * w, whole)) < 1 for share, w in zip(shares, weights, strict=True))
