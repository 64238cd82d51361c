"""Which numbers of a till are missing, beside a model that counts them one by one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pos_adapter.tills.rules import Span, missing_before, missing_inside, spans_of, subtract

numbers = st.integers(min_value=0, max_value=60)


def all_of(spans: list[Span]) -> set[int]:
    return {number for span in spans for number in range(span.first, span.last + 1)}


@given(st.lists(numbers))
def test_runs_hold_exactly_the_numbers_they_were_made_of(given_numbers: list[int]) -> None:
    runs = spans_of(given_numbers)

    assert all_of(runs) == set(given_numbers)
    assert all(before.last + 1 < after.first for before, after in pairwise(runs))


@given(st.sets(numbers), st.sets(numbers))
def test_taking_ranges_away_is_taking_their_numbers_away(have: set[int], taken: set[int]) -> None:
    left = subtract(spans_of(have), spans_of(taken))

    assert all_of(left) == have - taken
    assert left == sorted(left)


@given(st.lists(st.lists(numbers, min_size=1, max_size=8), min_size=1, max_size=12))
def test_however_receipts_arrive_what_is_missing_is_what_lies_between_and_has_not_arrived(
    deliveries: list[list[int]],
) -> None:
    day: Span | None = None
    gaps: list[Span] = []
    seen: set[int] = set()
    for delivery in deliveries:
        arrived = spans_of(delivery)
        touched = Span(arrived[0].first, arrived[-1].last)
        untouched = [gap for gap in gaps if not gap.overlaps(touched)]
        gaps = sorted([*untouched, *missing_inside(day, [gap for gap in gaps if gap.overlaps(touched)], arrived)])
        seen |= set(delivery)
        day = Span(min(seen), max(seen))

        assert all_of(gaps) == set(range(min(seen), max(seen) + 1)) - seen


def test_a_nonsensical_number_is_one_range_and_not_nine_billion_rows() -> None:
    assert missing_inside(None, [], spans_of([1, 9_000_000_000_000])) == [Span(2, 8_999_999_999_999)]


def test_a_late_receipt_splits_its_gap() -> None:
    assert missing_inside(Span(1, 20), [Span(5, 10)], [Span(7, 7)]) == [Span(5, 6), Span(8, 10)]


def test_a_number_that_was_explained_does_not_become_missing_again() -> None:
    assert missing_inside(Span(1, 20), [], [Span(21, 21)]) == []


def test_a_series_that_goes_on_misses_what_lies_between_the_days() -> None:
    assert missing_before(Span(101, 140), Span(144, 180)) == Span(141, 143)
    assert missing_before(Span(101, 140), Span(141, 180)) is None


def test_a_series_that_starts_again_misses_only_what_lies_below_its_first_number() -> None:
    assert missing_before(Span(1, 140), Span(1, 90)) is None
    assert missing_before(Span(1, 140), Span(3, 90)) == Span(1, 2)
    assert missing_before(Span(9_950, 9_999), Span(1, 90)) is None


def test_the_first_day_of_a_till_misses_nothing_before_it() -> None:
    assert missing_before(None, Span(4_711, 4_800)) is None
