"""Tills and their gaps on the real database, beside a model that counts numbers one by one."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.events import Event
from pos_adapter.tills.operations import announce_due_gaps, follow_receipts

DAY = date(2026, 1, 5)
STORE = 7


def recorded(
    *numbers: int, day: date = DAY, terminal: str = "T1", series: int = 0, at: datetime | None = None
) -> list[Event]:
    """Events of receipts that were accepted."""
    moment = at or FixedClock().now()
    return [
        Event(
            position,
            "sale.recorded",
            {
                "sale": "0",
                "store": STORE,
                "terminal": terminal,
                "series": series,
                "business_date": day.isoformat(),
                "sequence": number,
                "type": "sale",
                "member": None,
            },
            moment,
        )
        for position, number in enumerate(numbers, 1)
    ]


def missing(tx: Tx, day: date = DAY, terminal: str = "T1") -> list[tuple[str, int, int]]:
    """Open gaps of a till's day: place, first, last."""
    rows = tx.execute(
        "SELECT place, first, last FROM pos.sequence_gap WHERE closed_at IS NULL AND terminal = :terminal"
        " AND business_date = :day ORDER BY place, first",
        {"terminal": terminal, "day": day},
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


def numbers_of(gaps: Iterable[tuple[str, int, int]], place: str) -> set[int]:
    return {n for where, first, last in gaps if where == place for n in range(first, last + 1)}


def topics(tx: Tx) -> list[str]:
    tx.flush()
    return [row.topic for row in tx.execute("SELECT topic FROM foundation.outbox ORDER BY id")]


def test_a_number_that_is_skipped_is_missing_until_it_arrives(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 2, 5))
    assert missing(tx) == [("inside", 3, 4)]

    follow_receipts(tx, recorded(3, 4))
    assert missing(tx) == []


def test_a_late_receipt_splits_its_gap_and_both_parts_keep_the_time_it_was_noticed(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 10))
    noticed = tx.now
    tx.now += timedelta(minutes=5)
    follow_receipts(tx, recorded(5))

    assert missing(tx) == [("inside", 2, 4), ("inside", 6, 9)]
    assert {row.noticed_at for row in tx.execute("SELECT noticed_at FROM pos.sequence_gap")} == {noticed}


def test_numbers_given_by_the_server_are_outside_the_detector(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 9, series=1))

    assert missing(tx) == []
    assert tx.execute("SELECT count(*) FROM pos.terminal").scalar() == 0


def test_receipts_missing_between_two_business_dates_are_noticed(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 2, 3))
    follow_receipts(tx, recorded(6, 7, day=DAY + timedelta(days=1)))

    assert missing(tx, DAY + timedelta(days=1)) == [("before", 4, 5)]


def test_a_series_that_starts_again_each_day_misses_nothing(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 2, 3))
    follow_receipts(tx, recorded(1, 2, day=DAY + timedelta(days=1)))

    assert missing(tx, DAY + timedelta(days=1)) == []


def test_a_day_that_arrives_late_fills_the_gap_before_the_next_one(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 2, 3))
    follow_receipts(tx, recorded(7, 8, day=DAY + timedelta(days=2)))
    assert missing(tx, DAY + timedelta(days=2)) == [("before", 4, 6)]

    follow_receipts(tx, recorded(4, 5, day=DAY + timedelta(days=1)))
    assert missing(tx, DAY + timedelta(days=1)) == []
    assert missing(tx, DAY + timedelta(days=2)) == [("before", 6, 6)]


def test_a_very_large_jump_is_one_row(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 9_000_000_000_000))

    assert missing(tx) == [("inside", 2, 8_999_999_999_999)]


def test_a_gap_is_announced_after_the_time_of_grace_and_its_end_too(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 3))
    tx.now += timedelta(seconds=59)
    assert announce_due_gaps(tx) == 0
    tx.now += timedelta(seconds=1)
    assert announce_due_gaps(tx) == 1
    assert announce_due_gaps(tx) == 0

    follow_receipts(tx, recorded(2))

    assert topics(tx) == ["till.gap_opened", "till.gap_closed"]
    assert tx.execute("SELECT closed_at FROM pos.sequence_gap").scalar() == tx.now


def test_receipts_that_overtake_each_other_raise_no_alarm_and_leave_no_trace(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 4))
    follow_receipts(tx, recorded(3, 2))

    assert tx.execute("SELECT count(*) FROM pos.sequence_gap").scalar() == 0
    assert topics(tx) == []


def test_an_announced_gap_that_shrinks_or_splits_says_so(tx: Tx) -> None:
    follow_receipts(tx, recorded(1, 10))
    tx.now += timedelta(minutes=2)
    announce_due_gaps(tx)
    follow_receipts(tx, recorded(5))

    assert topics(tx) == ["till.gap_opened", "till.gap_changed", "till.gap_opened"]


def test_tills_are_known_from_their_first_receipt_to_their_last(tx: Tx) -> None:
    first = tx.now
    follow_receipts(tx, recorded(1, at=first))
    follow_receipts(tx, recorded(2, at=first + timedelta(hours=3)))

    row = tx.execute("SELECT store_id, code, first_seen_at, last_seen_at FROM pos.terminal").one()
    assert tuple(row) == (STORE, "T1", first, first + timedelta(hours=3))


receipts = st.tuples(
    st.sampled_from(["T1", "T2"]), st.integers(min_value=0, max_value=3), st.integers(min_value=1, max_value=25)
)


@pytest.mark.timeout(120)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(receipts, min_size=1, max_size=12), min_size=1, max_size=6))
def test_in_whatever_order_and_batches_receipts_arrive_the_gaps_are_those_of_the_plain_count(
    database: Database, batches: list[list[tuple[str, int, int]]]
) -> None:
    with database.engine.connect() as connection:
        tx = Tx(connection, database.clock.now())
        arrived: dict[str, dict[date, set[int]]] = defaultdict(lambda: defaultdict(set))
        for batch in batches:
            events = []
            for terminal, day, number in batch:
                on = DAY + timedelta(days=day)
                arrived[terminal][on].add(number)
                events += recorded(number, day=on, terminal=terminal)
            follow_receipts(tx, events)

            for terminal, days in arrived.items():
                earlier: set[int] = set()
                for on in sorted(days):
                    seen = days[on]
                    gaps = missing(tx, on, terminal)
                    assert numbers_of(gaps, "inside") == set(range(min(seen), max(seen) + 1)) - seen
                    assert numbers_of(gaps, "before") == between(earlier, seen)
                    earlier = seen
        connection.execute(text("ROLLBACK"))


def between(earlier: set[int], seen: set[int]) -> set[int]:
    """The numbers missing before a day: after the last one of the day before, or from where that day's series began."""
    if not earlier:
        return set()
    expected = max(earlier) + 1 if min(seen) > max(earlier) else min(earlier)
    return set(range(expected, min(seen)))
