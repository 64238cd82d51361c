"""Row 17: concurrent checkouts spent one gift card twice.

Here whoever spends holds the lock of the accounts, and reads them after it was had: fifty threads on one wallet.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.settings import Settings
from member_api.contract.ledger import Grant, InsufficientBalance, Kind, Taking, capture_hold, grant, place_hold, redeem
from tests.field.shop import a_shop, prove, wide_database
from tests.member_api.ledger.callers import balance, given, step

THREADS = 50


@pytest.fixture
def shop(settings: Settings, database: Database, clock: FixedClock) -> Any:
    """The database with a connection for every thread, and patience for a machine that does other things too."""
    with wide_database(settings, database, clock, THREADS) as wide:
        yield wide


def at_once(shop: Database, work: Callable[[Tx, int], object], times: int = THREADS) -> list[object]:
    """Do it in so many threads that all begin together; what each returned, or the refusal."""
    barrier = threading.Barrier(times, timeout=60)

    def one(n: int) -> object:
        barrier.wait()
        try:
            with shop.transaction() as tx:
                return work(tx, n)
        except InsufficientBalance as refusal:
            return refusal

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times)))


def test_fifty_threads_never_overdraw_a_wallet_and_the_sum_is_exact(shop: Database) -> None:
    member = a_shop(shop)
    for n in range(10):
        given(shop, member, 100, source=f"lot {n}")

    done = at_once(shop, lambda tx, _: redeem(tx, member, Taking(Kind.POINTS, 30), "a mug", step()))

    refused = [each for each in done if isinstance(each, InsufficientBalance)]
    assert len(done) - len(refused) == 33
    assert balance(shop, member) == (10, 10)
    prove(shop)


def test_fifty_threads_set_aside_capture_spend_and_earn_and_nothing_is_lost(shop: Database) -> None:
    member = a_shop(shop)
    given(shop, member, 1_000)
    captured: list[int] = []

    def work(tx: Tx, n: int) -> int:
        if n % 5 == 0:
            grant(tx, member, Grant(Kind.POINTS, 7, "again"), step())
            return 7
        if n % 5 == 1:
            redeem(tx, member, Taking(Kind.POINTS, 30), "a mug", step())
            return -30
        hold = place_hold(tx, member, Taking(Kind.POINTS, 20), timedelta(minutes=5), step())
        tx.flush()
        capture_hold(tx, hold.id, 15, step())
        captured.append(hold.id)
        return -15

    moved = sum(each for each in at_once(shop, work) if isinstance(each, int))
    assert balance(shop, member) == (1_000 + moved, 1_000 + moved)
    prove(shop)


def test_the_first_fifty_movements_of_a_new_member_open_one_account(shop: Database) -> None:
    member = a_shop(shop)

    def work(tx: Tx, n: int) -> object:
        kind = Kind.POINTS if n % 2 else Kind.ECOIN
        return grant(tx, member, Grant(kind, 10, "welcome"), step())

    at_once(shop, work)
    with shop.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT kind, balance FROM member.account ORDER BY kind").all()
    assert [tuple(row) for row in rows] == [("ecoin", 250), ("points", 250)]
    prove(shop)
