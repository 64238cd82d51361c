"""Which tier counts, what setting one by hand ends, what a spend earns and when it is renewed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_api.tiers.rules import (
    RENEWAL_LEAD,
    Assignment,
    Threshold,
    TierRuleContradictory,
    TierSource,
    add_months,
    check_thresholds,
    earned,
    ended_by_hand,
    highest,
    starts,
)

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
RANKS = {"SILVER": 1, "GOLD": 2, "PLATINUM": 3}
THRESHOLDS = (Threshold("SILVER", 100_00), Threshold("GOLD", 1_000_00), Threshold("PLATINUM", 5_000_00))


def held(tier: str, days_before: int, days_after: int | None, id: int = 1) -> Assignment:
    ends = None if days_after is None else NOW + timedelta(days=days_after)
    return Assignment(id, 7, tier, TierSource.EARNED, NOW - timedelta(days=days_before), ends)


def test_the_best_tier_in_force_counts_and_when_it_ends_the_next_one_shows_again() -> None:
    imported, better = held("SILVER", 100, None, 1), held("GOLD", 10, 5, 2)
    assert highest([imported, better], RANKS, NOW) == better
    assert highest([imported, better], RANKS, NOW + timedelta(days=5)) == imported
    assert highest([better], RANKS, NOW + timedelta(days=5)) is None
    assert highest([better], RANKS, NOW - timedelta(days=11)) is None


def test_of_two_equal_tiers_the_one_given_last_counts() -> None:
    assert highest([held("GOLD", 9, 9, 1), held("GOLD", 9, 30, 2)], RANKS, NOW) == held("GOLD", 9, 30, 2)


def test_setting_a_tier_by_hand_ends_what_is_better_now_or_later_and_nothing_else() -> None:
    past, gold, silver = held("PLATINUM", 30, -1, 1), held("GOLD", 5, 30, 2), held("SILVER", 5, None, 3)
    to_come = Assignment(4, 7, "PLATINUM", TierSource.EARNED, NOW + timedelta(days=1), None)
    assert ended_by_hand([past, gold, silver, to_come], RANKS, 1, NOW) == [gold, to_come]
    assert ended_by_hand([past, gold, silver, to_come], RANKS, 3, NOW) == []
    assert ended_by_hand([past, gold, silver, to_come], RANKS, None, NOW) == [gold, silver, to_come]


@pytest.mark.parametrize(
    ("amount", "tier"),
    [(99_99, None), (100_00, "SILVER"), (999_99, "SILVER"), (1_000_00, "GOLD"), (10**12, "PLATINUM")],
)
def test_a_spend_earns_the_best_tier_it_reaches(amount: int, tier: str | None) -> None:
    assert earned(amount, THRESHOLDS, RANKS) == tier


def test_a_better_tier_begins_now_and_a_held_one_is_renewed_where_it_ends() -> None:
    assert starts(2, [], RANKS, NOW) == NOW
    assert starts(2, [held("SILVER", 10, None)], RANKS, NOW) == NOW
    assert starts(2, [held("GOLD", 10, 100)], RANKS, NOW) is None
    assert starts(2, [held("PLATINUM", 10, 100)], RANKS, NOW) is None
    assert starts(2, [held("GOLD", 10, 1)], RANKS, NOW) == NOW + timedelta(days=1)
    assert starts(2, [held("GOLD", 10, 1), held("GOLD", -1, 365, 2)], RANKS, NOW) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(RANKS)), st.integers(0, 400), st.none() | st.integers(1, 400)), max_size=5
    ),
    st.integers(1, 3),
)
def test_after_counting_the_member_holds_what_was_earned_until_after_the_next_count(
    before: list[tuple[str, int, int | None]], rank: int
) -> None:
    assignments = [held(tier, back, ahead, n) for n, (tier, back, ahead) in enumerate(before)]
    begins = starts(rank, assignments, RANKS, NOW)
    if begins is not None:
        tier = {value: name for name, value in RANKS.items()}[rank]
        assignments.append(Assignment(99, 7, tier, TierSource.EARNED, begins, add_months(begins, 12)))
    for moment in (NOW, NOW + RENEWAL_LEAD):
        best = highest(assignments, RANKS, moment)
        assert best is not None
        assert RANKS[best.tier] >= rank
    assert starts(rank, assignments, RANKS, NOW) is None  # counting again gives nothing again


@pytest.mark.parametrize(
    ("at", "months", "later"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2027, 11, 30, tzinfo=UTC), 3, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), 12, datetime(2027, 12, 15, tzinfo=UTC)),
    ],
)
def test_months_end_on_the_same_day_or_the_months_last(at: datetime, months: int, later: datetime) -> None:
    assert add_months(at, months) == later


def test_a_better_tier_costs_more() -> None:
    check_thresholds(THRESHOLDS, RANKS)
    for wrong in (
        (Threshold("SILVER", 200), Threshold("GOLD", 200)),
        (Threshold("SILVER", 200), Threshold("GOLD", 100)),
        (Threshold("GOLD", 1), Threshold("GOLD", 2)),
    ):
        with pytest.raises(TierRuleContradictory):
            check_thresholds(wrong, RANKS)
