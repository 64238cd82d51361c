"""The promotion coefficient, worked by hand; and an interval that keeps its word where nothing happened."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pytest

from analytics.promotions.holidays import chinese_holidays
from analytics.promotions.rules import CoefficientSettings, Control, Effect, NodeDay, effect_of

MONDAY = date(2026, 3, 2)
WEEK = timedelta(weeks=1)
THREE_DAYS = [MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)]
NONE: Mapping[date, str] = {}


def usual(
    weeks: int = 8, sales: int = 1_000, receipts: int = 10, profit: int | None = 300, control: int | None = None
) -> dict[date, NodeDay]:
    """The same every day, for some weeks before MONDAY."""
    day = NodeDay(sales, receipts, profit, control)
    return {MONDAY - timedelta(days=n): day for n in range(1, 7 * weeks + 1)}


def promoted(sales: int = 1_500, profit: int | None = 350, control: int | None = None) -> dict[date, NodeDay]:
    return dict.fromkeys(THREE_DAYS, NodeDay(sales, 15, profit, control))


def effect(days: Mapping[date, NodeDay], **more: object) -> Effect:
    arguments = {"promotion": THREE_DAYS, "excluded": (), "holidays": NONE, "control": Control.NONE} | more
    return effect_of(days, **arguments)  # type: ignore[arg-type]


def test_sales_over_what_the_days_before_let_expect() -> None:
    found = effect(usual() | promoted(), cost=100)
    # 3 x 1,500 over 3 x 1,000; profit 3 x 350 - 3 x 300 - 100.
    assert (found.told, found.coefficient, found.sales, found.expected) == (True, 1.5, 4_500, 3_000)
    assert (found.sales_gained, found.profit_gained, found.expected_receipts) == (1_500, 50, 30)
    assert (found.days, found.days_unusable) == (3, 0)
    # No week differed from any other: chance has done nothing.
    assert [found.low, found.high] == pytest.approx([1.5, 1.5])


def test_the_baseline_is_the_median_of_the_last_eight_same_weekdays() -> None:
    mondays = [900, 1000, 1100, 1200, 800, 1000, 1300, 700]
    days = usual(20) | {MONDAY - WEEK * (n + 1): NodeDay(sales, 40) for n, sales in enumerate(mondays)}
    days |= {MONDAY - WEEK * 9: NodeDay(1_000_000, 40), MONDAY: NodeDay(1_250, 40)}
    found = effect(days, promotion=[MONDAY])
    # 700 800 900 1,000 1,000 1,100 1,200 1,300: the middle is 1,000; the ninth does not count.
    assert (found.expected, found.coefficient) == (1_000, 1.25)


def test_days_of_other_promotions_and_holidays_are_passed_over() -> None:
    days = usual(20) | {MONDAY: NodeDay(1_250, 40)}
    odd = [MONDAY - WEEK, MONDAY - WEEK * 2]
    days |= dict.fromkeys(odd, NodeDay(9_000, 99))
    for n in range(3, 11):
        days[MONDAY - WEEK * n] = NodeDay(500, 40)
    found = effect(days, promotion=[MONDAY], excluded=[odd[0]], holidays={odd[1]: "founder's day"})
    assert found.coefficient == 2.5


def test_what_happens_elsewhere_is_taken_off() -> None:
    found = effect(usual(control=2_000) | promoted(control=2_200), control=Control.OTHER_STORES)
    # The others sell a tenth more as well: 4,500 / (3 x 1,000 x 1.1); profit 3 x 350 - 3 x 300 x 1.1.
    assert found.coefficient == pytest.approx(4_500 / 3_300)
    assert (found.expected, found.profit_gained, found.control) == (3_300, 60, Control.OTHER_STORES)


def test_a_control_that_sold_nothing_says_nothing() -> None:
    found = effect(usual(control=0) | promoted(control=500), control=Control.OTHER_CATEGORIES)
    assert found.coefficient == 1.5


def test_what_was_only_bought_earlier_is_missing_afterwards() -> None:
    after = {THREE_DAYS[-1] + timedelta(days=n): NodeDay(sales, 9) for n, sales in ((1, 800), (2, 700), (3, 900))}
    assert effect(usual() | promoted() | after).after == pytest.approx(0.8)
    # Nothing is known of the days afterwards yet.
    assert effect(usual() | promoted()).after is None


def test_a_day_between_without_sales_sold_nothing() -> None:
    days = usual() | promoted()
    del days[THREE_DAYS[1]]
    found = effect(days)
    assert (found.sales, found.coefficient, found.days) == (3_000, 1.0, 3)


def test_fewer_than_four_days_to_go_by_are_too_little_to_tell() -> None:
    found = effect(usual(weeks=3) | promoted())
    assert (found.told, found.coefficient, found.low, found.profit_gained, found.after) == (False, *[None] * 4)
    assert (found.days, found.days_unusable) == (0, 3)
    assert effect(usual(weeks=4) | promoted()).told


def test_under_thirty_receipts_are_too_little_to_tell() -> None:
    assert not effect(usual(receipts=9) | promoted()).told
    assert effect(usual(receipts=10) | promoted()).told
    assert not effect({}).told
    assert not effect(usual(), promotion=[]).told


def test_a_profit_that_is_not_known_is_not_gained() -> None:
    assert effect(usual(profit=None) | promoted()).profit_gained is None
    assert effect(usual() | promoted(profit=None)).profit_gained is None


def test_one_year_before_shows_no_spread() -> None:
    festival = date(2026, 2, 17)
    days = {date(2025, 1, 29): NodeDay(6_000, 50), festival: NodeDay(7_500, 60)}
    found = effect(days, promotion=[festival], holidays=chinese_holidays())
    assert (found.coefficient, found.low, found.high) == (1.25, None, None)


def test_a_promotion_that_sold_nothing_has_no_interval() -> None:
    found = effect(usual() | dict.fromkeys(THREE_DAYS, NodeDay(0, 0, 0)))
    assert (found.told, found.coefficient, found.low, found.high) == (True, 0.0, None, None)


def test_lunar_holidays_are_compared_with_the_same_lunar_day() -> None:
    festival = date(2026, 2, 17)
    days = usual(weeks=2) | {
        date(2024, 2, 10): NodeDay(4_000, 50),
        date(2025, 1, 29): NodeDay(6_000, 50),
        festival: NodeDay(7_500, 60),
    }
    found = effect(days, promotion=[festival], holidays=chinese_holidays())
    assert found.coefficient == 7_500 / 5_000


def test_the_holidays_of_a_year() -> None:
    days = chinese_holidays()
    assert days[date(2026, 2, 16)] == "spring festival -1"
    assert days[date(2025, 1, 28)] == "spring festival -1"
    assert days[date(2026, 10, 1)] == "national day 0"
    # In 2025 the mid-autumn festival lies within the national holidays.
    assert days[date(2025, 10, 6)] == "mid-autumn 0"
    assert date(2026, 3, 2) not in days


def noisy(chance: np.random.Generator, weeks: int, factor: float) -> dict[date, NodeDay]:
    """Weeks of trade that vary by week and by day; the last one under a promotion that multiplies by `factor`."""
    by_week = np.exp(chance.normal(0, 0.06, weeks + 1))
    days = {}
    for week in range(weeks + 1):
        for weekday in range(7):
            day = MONDAY - WEEK * (weeks - week) + timedelta(days=weekday)
            level = 100_000 * (1 + 0.3 * (weekday > 4)) * by_week[week] * np.exp(chance.normal(0, 0.1))
            days[day] = NodeDay(int(level * (factor if week == weeks else 1)), 100)
    return days


@pytest.mark.parametrize("factor", [1.0, 1.4])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(factor: float) -> None:
    week = [MONDAY + timedelta(days=n) for n in range(7)]
    settings = CoefficientSettings(replicates=200)
    chance = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        found = effect_of(noisy(chance, 8, factor), week, (), NONE, Control.NONE, settings=settings)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= factor <= found.high
    # 600 others held it 561 times; 200 of 95 in 100 leave room from 89 to 99.
    assert 0.89 <= held / 200 <= 0.99


def test_the_same_days_give_the_same_interval() -> None:
    days = noisy(np.random.default_rng(1), 8, 1.2)
    week = [MONDAY + timedelta(days=n) for n in range(7)]
    assert effect(days, promotion=week) == effect(days, promotion=week)
