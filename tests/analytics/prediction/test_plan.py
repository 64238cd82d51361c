"""Lessons and folds: what is known at a day ends before it, and nothing after `as_of` exists."""

import pytest

from analytics.prediction.plan import horizon_to_test, plan


def test_the_plan_of_the_complete_journey() -> None:
    """309 days are known on 6 November; eight weeks are learned at days whose outcome was known by then."""
    made = plan(0, 309, 56)
    assert made.horizon_days == 56
    assert made.lessons == (253, 225, 197, 169)
    assert [fold.day for fold in made.folds] == [253, 225, 197]
    assert made.folds[0].lessons == (197, 169, 141, 113)
    assert made.folds[2].lessons == (141, 113, 85, 57)


@pytest.mark.parametrize("known", [30, 42, 70, 120, 309, 700, 4000])
@pytest.mark.parametrize("horizon_days", [1, 7, 30, 56, 90, 365])
def test_no_lesson_knows_what_comes_after_the_day_it_serves(known: int, horizon_days: int) -> None:
    made = plan(1000, 1000 + known, horizon_days)
    for fold in made.folds:
        assert fold.day + made.horizon_days <= 1000 + known
        assert all(day > 1000 and day + made.horizon_days <= fold.day for day in fold.lessons)
    assert all(day > 1000 and day + made.horizon_days <= 1000 + known for day in made.lessons)
    assert bool(made.folds) == bool(made.lessons) == (made.horizon_days > 0)


def test_a_year_ago_is_a_lesson_where_there_was_one() -> None:
    assert plan(0, 500, 56).lessons[-1] == 136
    assert 16 not in plan(0, 380, 56).lessons  # too little was known then


def test_a_short_history_is_tested_on_what_fits() -> None:
    assert horizon_to_test(140, 56) == 56  # 28 days of lead, twice 56
    assert horizon_to_test(139, 56) == 49
    assert horizon_to_test(42, 56) == 7
    assert horizon_to_test(41, 56) == 0
    assert horizon_to_test(273, 273) == 105
