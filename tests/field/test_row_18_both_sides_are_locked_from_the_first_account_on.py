"""Row 18, from the first movement on: two batches that open and use a member's first account at the same time.

An account that came into being between the lock and the list was once used without a lock, and a purchase was lost.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from foundation.database import Database
from member_api.contract.ledger import verify_ledger
from member_api.ledger.wallets import lock_wallets
from pos_adapter.sales.incoming import incoming
from pos_adapter.sales.operations import post_batch
from tests.member_api.people import a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import anywhere, post, receipt

MEMBERS = 120
BATCHES = 6


def test_first_purchases_of_many_members_in_many_batches_at_once_all_count(database: Database) -> None:
    committed_store(database, currency="CNY")
    members = [a_member(database, f"138{n:08d}") for n in range(MEMBERS)]
    together = Barrier(BATCHES)

    def post_all(batch: int) -> None:
        items = [incoming(receipt(1_030 + batch * 100, member=str(member))) for member in members]
        together.wait(30)
        post_batch(database, anywhere(), items)
        assert [item.outcome.status for item in items if item.outcome] == [201] * MEMBERS

    with ThreadPoolExecutor(BATCHES) as pool:
        list(pool.map(post_all, range(BATCHES)))
    total = sum(1_030 + batch * 100 for batch in range(BATCHES))
    with database.transaction() as tx:
        rows = {tuple(row) for row in tx.execute("SELECT balance, remainder FROM member.account")}
    assert rows == {(total // 100, total % 100 * 10_000)}
    assert list(verify_ledger(database)) == []


def test_an_account_that_is_opened_while_another_is_waited_for_is_locked_before_it_is_used(database: Database) -> None:
    committed_store(database, currency="CNY")
    old, new = a_member(database, "13800000001"), a_member(database, "13800000002")
    post(database, receipt(1_000, member=str(old)))
    listed, looked = Event(), Event()

    def wait_for_both() -> int:
        with database.transaction() as tx:
            wallets = lock_wallets(tx, [old, new])
            listed.set()
            looked.wait(10)
            return wallets[new].balance("points")[0]

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as holder:
            holder.execute("SELECT 1 FROM member.account WHERE member_id = :m FOR UPDATE", {"m": old})
            waiting = pool.submit(wait_for_both)
            _until_somebody_waits(database)
            post(database, receipt(2_000, member=str(new)))
        assert listed.wait(10)
        with pytest.raises(OperationalError) as refused, database.transaction() as tx:
            tx.execute("SELECT 1 FROM member.account WHERE member_id = :m FOR UPDATE NOWAIT", {"m": new})
        looked.set()
        assert isinstance(refused.value.orig, LockNotAvailable)
        assert waiting.result(10) == 20


def _until_somebody_waits(database: Database) -> None:
    for _ in range(500):
        with database.transaction() as tx:
            if tx.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
