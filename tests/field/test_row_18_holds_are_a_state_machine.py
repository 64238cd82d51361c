"""Row 18: the other side was not locked, holds were ignored in the balance check, a rejected hold could still commit.

Here accounts are locked in the order of their ids, what is available is the balance less what is held, and a hold ends
once: whoever comes second is refused, whichever of capture, release and time was first.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.errors import DomainError
from member_api.contract.ledger import (
    HoldEnded,
    InsufficientBalance,
    Kind,
    Taking,
    capture_hold,
    place_hold,
    redeem,
    release_hold,
)
from tests.field.shop import a_shop, prove
from tests.member_api.ledger.callers import balance, everything, given, step


def held(database: Database, member: int, amount: int) -> int:
    with database.transaction() as tx:
        return place_hold(tx, member, Taking(Kind.POINTS, amount), timedelta(minutes=5), step()).id


def test_a_hold_that_was_refused_has_set_nothing_aside(database: Database) -> None:
    member = a_shop(database)
    given(database, member, 100)
    before = everything(database)
    with pytest.raises(InsufficientBalance):
        held(database, member, 101)
    assert everything(database) == before


def test_what_is_held_counts_in_every_check(database: Database) -> None:
    member = a_shop(database)
    given(database, member, 100)
    held(database, member, 60)
    with pytest.raises(InsufficientBalance), database.transaction() as tx:
        redeem(tx, member, Taking(Kind.POINTS, 41), "a mug", step())
    with pytest.raises(InsufficientBalance):
        held(database, member, 41)
    held(database, member, 40)
    assert balance(database, member) == (100, 0)
    prove(database)


def test_of_a_capture_and_a_release_at_the_same_moment_one_wins(database: Database) -> None:
    member = a_shop(database)
    given(database, member, 1_000)
    for _ in range(10):
        hold = held(database, member, 50)
        barrier = threading.Barrier(2, timeout=30)

        def end(capture: bool, hold: int = hold, barrier: threading.Barrier = barrier) -> Any:
            barrier.wait()
            try:
                with database.transaction() as tx:
                    if capture:
                        return capture_hold(tx, hold, 50, step())[0].state
                    return release_hold(tx, hold, step()).state
            except HoldEnded as refusal:
                return refusal

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(end, [True, False]))
        assert sum(isinstance(outcome, DomainError) for outcome in outcomes) == 1
        won = next(outcome for outcome in outcomes if isinstance(outcome, str))
        with database.transaction(read_only=True) as tx:
            assert tx.execute("SELECT state FROM member.hold WHERE id = :id", {"id": hold}).scalar_one() == won
    prove(database)


def test_time_ends_a_hold_for_good_whoever_writes_it_down(database: Database, clock: FixedClock) -> None:
    member = a_shop(database)
    given(database, member, 100)
    hold = held(database, member, 60)
    clock.advance(timedelta(minutes=5))
    for _ in range(2):
        with pytest.raises(HoldEnded), database.transaction() as tx:
            capture_hold(tx, hold, 60, step())
        with database.transaction() as tx:
            redeem(tx, member, Taking(Kind.POINTS, 10), "whoever comes first lets it go", step())
    assert balance(database, member) == (80, 80)
    prove(database)
