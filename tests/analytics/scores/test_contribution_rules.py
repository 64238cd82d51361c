"""Contribution's formulas, each against an example worked by hand."""

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scores.contribution_rules import (
    FormatRows,
    best_two,
    classes,
    concentration,
    median_ticket,
    mid_ranks,
    score_format,
    shares_of,
    shrunk_share,
    whole_parts,
)
from analytics.scores.contribution_settings import (
    ContributionSettings,
    ContributionSettingsWrong,
    PointCost,
    Weights,
    settings_from_json,
)

WEIGHTS = (0.35, 0.15, 0.35, 0.15)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_a_mid_rank_counts_half_of_the_equals() -> None:
    # 10 < 20 = 20 < 40: (0 + .5) / 4, (1 + 1) / 4 twice, (3 + .5) / 4.
    assert mid_ranks(integers(20, 10, 40, 20)).tolist() == [0.5, 0.125, 0.875, 0.5]


def test_if_all_are_equal_all_are_in_the_middle() -> None:
    assert mid_ranks(integers(7, 7, 7)).tolist() == [0.5, 0.5, 0.5]
    assert mid_ranks(integers()).tolist() == []


def test_a_share_of_little_spend_stays_near_the_format() -> None:
    # k 300, rho .45. One ticket of 100, all regular: (100 + 135) / 400. Nothing bought: rho.
    assert shrunk_share(integers(100, 0), integers(100, 0), 300.0, 0.45).tolist() == [0.5875, 0.45]


def test_returns_of_another_time_make_no_share_below_0_or_above_1() -> None:
    shares = shrunk_share(integers(-50, 200, -10), integers(100, 100, -10), 0.0, 0.5)
    assert shares.tolist() == [0.0, 1.0, 0.5]


def test_the_parts_of_a_cost_sum_to_the_whole_cost() -> None:
    # 1.4 + 2.4 + 3.4 = 7.2 -> 7: quotients 1 2 3, one unit missing, remainders equal: the first gets it.
    assert whole_parts(integers(14, 24, 34), 10).tolist() == [2, 2, 3]
    # The largest remainder comes first: 0.2 + 0.9 + 0.5 = 1.6 -> 2.
    assert whole_parts(integers(2, 9, 5), 10).tolist() == [0, 1, 1]


def test_points_taken_back_cost_less_than_nothing_and_still_sum() -> None:
    # -1.5 + 0.2 = -1.3 -> -1: quotients -2 and 0; the unit goes to the remainder of .5.
    assert whole_parts(integers(-15, 2), 10).tolist() == [-1, 0]


@given(st.lists(st.integers(-(10**12), 10**12), max_size=60), st.integers(1, 10**6))
def test_whole_parts_are_near_and_sum_to_the_whole(numerators: list[int], divisor: int) -> None:
    parts = whole_parts(np.array(numerators, dtype=np.int64), divisor)
    exact = Fraction(sum(numerators), divisor)
    assert abs(int(parts.sum()) - exact) <= Fraction(1, 2)
    assert all(abs(part - Fraction(n, divisor)) < 1 for part, n in zip(parts.tolist(), numerators, strict=True))
    assert all(part == 0 for part, n in zip(parts.tolist(), numerators, strict=True) if n == 0)


# Four members of one format. Spend 100 200 300 400, visits 1 2 2 4: average tickets 100 100 150 100, so k = 3 x 100.
# Regular 100 0 150 200 of 1,000: rho .45, R = .5875 .27 .475 .4786, percentiles .875 .125 .375 .625.
FOUR = FormatRows(
    spend=integers(100, 200, 300, 400),
    visits=integers(1, 2, 2, 4),
    receipts=integers(1, 2, 2, 4),
    worth=integers(30, 10, 60, 100),
    profit_known=np.array([True] * 4),
    regular=integers(100, 0, 150, 200),
)


def test_the_score_of_a_format() -> None:
    scores = score_format(FOUR, WEIGHTS, 3)
    assert (scores.shrinkage, scores.rho) == (300.0, 0.45)
    assert scores.regular_share == pytest.approx([0.5875, 0.27, 0.475, 0.478571], abs=1e-6)
    assert scores.pr_spend.tolist() == [0.125, 0.375, 0.625, 0.875]
    assert scores.pr_visits.tolist() == [0.125, 0.5, 0.5, 0.875]
    assert scores.pr_profit.tolist() == [0.375, 0.125, 0.625, 0.875]
    assert scores.pr_regular.tolist() == [0.875, 0.125, 0.375, 0.625]
    # The first: 35 x .125 + 15 x .125 + 35 x .375 + 15 x .875.
    assert scores.score == pytest.approx([32.5, 26.875, 56.875, 83.75], abs=1e-9)


def test_a_profit_that_is_not_known_is_not_taken_for_none() -> None:
    rows = FormatRows(
        FOUR.spend, FOUR.visits, FOUR.receipts, FOUR.worth, np.array([True, True, True, False]), FOUR.regular
    )
    scores = score_format(rows, WEIGHTS, 3)
    assert np.isnan(scores.pr_profit[3])
    # The other three percentiles of the fourth: (35 x .875 + 15 x .875 + 15 x .625) / .65.
    assert scores.score[3] == pytest.approx((35 * 0.875 + 15 * 0.875 + 15 * 0.625) / 0.65)
    # Ranked among the three that are known: 30 is the middle one.
    assert scores.pr_profit[0] == pytest.approx(0.5)


def test_the_median_ticket_is_of_members_not_of_receipts() -> None:
    assert median_ticket(integers(100, 400, 90), integers(1, 2, 9)) == 100.0
    assert median_ticket(integers(), integers()) == 0.0
    assert median_ticket(integers(-5), integers(1)) == 0.0


def test_formats_count_by_their_share_of_profit() -> None:
    assert shares_of({"market": 300, "online": 100}) == {"market": 0.75, "online": 0.25}
    assert shares_of({"market": 300, "kiosk": -50}) == {"market": 1.0, "kiosk": 0.0}
    assert shares_of({"market": -1, "kiosk": -50}) == {"market": 0.5, "kiosk": 0.5}


def test_platinum_brings_half_and_gold_up_to_eighty_percent() -> None:
    # 50 of 100 are reached by the first; before the second 50 stand, before the third 80.
    platinum, gold = best_two(integers(20, 50, 30, -40), 50, 80)
    assert platinum.tolist() == [False, True, False, False]
    assert gold.tolist() == [False, False, True, False]


def test_the_one_who_crosses_the_line_is_in_and_equals_are_alike() -> None:
    platinum, _ = best_two(integers(60, 40), 50, 80)
    assert platinum.tolist() == [True, False]
    platinum, gold = best_two(integers(30, 30, 30, 10), 50, 80)
    assert platinum.tolist() == [True, True, True, False]
    assert not gold.any()


def test_whoever_brings_no_profit_is_neither() -> None:
    platinum, gold = best_two(integers(0, -5, 0), 50, 100)
    assert not platinum.any()
    assert not gold.any()


def test_classes_in_their_order() -> None:
    worth = integers(50, 30, 20, 15, 0, 0, -3)
    ages = integers(10, 400, 89, 90, 365, 364, 2000)
    expected = np.array([False, False, False, True, False, False, True])
    found = classes(worth, ages, expected, (40, 60), (90, 365)).tolist()
    # Of 115, 46 and 69: the best is platinum however new, the second gold. 89 days are new, 90 are not any more.
    # Nothing expected is lead from a year on, and iron before.
    assert found == ["platinum", "gold", "new", "iron", "lead", "iron", "iron"]


def test_the_curve_of_concentration() -> None:
    points = concentration(integers(10, -20, 60, 30))
    at = {point.member_percent: (point.members, point.worth, point.worth_percent) for point in points}
    assert len(points) == 101
    assert at[0] == (0, 0, 0.0)
    assert at[25] == (1, 60, 60.0)
    assert at[26] == (2, 90, 90.0)
    assert at[75] == (3, 100, 100.0)
    assert at[100] == (4, 80, 80.0)
    assert concentration(integers(-5))[100].worth_percent is None


def test_what_a_point_costs() -> None:
    # Ten points are a cent, 95 in 100 are redeemed: .095 cents each.
    assert PointCost(date(2026, 1, 1)).micro == 95_000
    assert PointCost(date(2026, 1, 1), points=3, money=1, redeemed_percent=100).micro == 333_333


def test_settings_survive_their_way_through_a_run() -> None:
    settings = ContributionSettings(
        weights=Weights(profit=0.5),
        format_shares={"market": 2.0},
        point_costs=(PointCost(date(2026, 1, 1), 5, 1, 80, "CNY"),),
    )
    assert settings_from_json(settings.as_json()) == settings
    assert settings_from_json({}) == ContributionSettings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": {"spend": -1.0}},
        {"weights": {"spend": 0.0, "visits": 0.0, "profit": 0.0, "regular": 0.0}},
        {"window_days": 0},
        {"platinum_percent": 90},
        {"format_shares": {}},
        {"format_shares": {"market": 0.0}},
        {"point_costs": [{"valid_from": "yesterday"}]},
        {"point_costs": [{"valid_from": "2026-01-01", "points": 0}]},
        {"window_days": "long"},
        {"unheard_of": 1},
        {"weights": None},
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ContributionSettingsWrong):
        settings_from_json(wrong)
