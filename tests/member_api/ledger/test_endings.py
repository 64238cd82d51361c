"""Lots and holds end by themselves, in bounded batches, without waiting for anybody."""

from datetime import timedelta

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.ledger import endings
from member_api.ledger.endings import end_holds, expire_lots
from member_api.ledger.operations import Taking, place_hold
from member_api.ledger.rules import Kind
from member_api.ledger.wallets import lock_wallet
from tests.member_api.ledger.callers import SOON, balance, given, step
from tests.member_api.people import a_member

AFTER_SOON = timedelta(days=60)


@pytest.fixture
def members(database: Database) -> list[int]:
    return [a_member(database, f"1380013800{n}") for n in range(5)]


def test_lots_expire_in_batches_and_each_member_is_told(
    database: Database, members: list[int], clock: FixedClock
) -> None:
    for member in members:
        given(database, member, 100, expires_on=SOON)
        given(database, member, 50)
    clock.advance(AFTER_SOON)

    ended = expire_lots(database, batch=2)

    assert ended.members == 5
    assert ended.batches >= 3
    assert [balance(database, member) for member in members] == [(50, 50)] * 5
    with database.transaction(read_only=True) as tx:
        told = tx.execute("SELECT facts FROM foundation.outbox WHERE topic = 'lots.expired'").scalars().all()
    assert sorted(int(facts["member"]) for facts in told) == members
    assert all(facts["expired"] == {"points": 100} for facts in told)
    assert expire_lots(database).members == 0


def test_a_lot_expires_by_the_companys_calendar_not_by_utc(
    database: Database, members: list[int], clock: FixedClock
) -> None:
    given(database, members[0], 100, expires_on=SOON)
    clock.at = clock.at.replace(month=3, day=1, hour=15, minute=59)  # 23:59 in Shanghai
    assert expire_lots(database).members == 0
    clock.advance(timedelta(minutes=1))
    assert expire_lots(database).members == 1


def test_what_is_held_does_not_expire_until_its_hold_ends(
    database: Database, members: list[int], clock: FixedClock
) -> None:
    given(database, members[0], 100, expires_on=SOON)
    with database.transaction() as tx:
        place_hold(tx, members[0], Taking(Kind.POINTS, 40), timedelta(days=70), step())
    clock.advance(AFTER_SOON)
    assert expire_lots(database).members == 1
    assert balance(database, members[0]) == (40, 0)
    assert expire_lots(database).members == 0
    clock.advance(timedelta(days=11))
    assert end_holds(database).members == 1
    assert balance(database, members[0]) == (0, 0)
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT state, captured FROM member.hold").one() == ("expired", 0)


def test_a_member_in_use_is_passed_over_and_looked_at_again(
    database: Database, members: list[int], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "PAUSE_S", 0.01)
    for member in members:
        given(database, member, 100, expires_on=SOON)
    clock.advance(AFTER_SOON)
    with database.transaction() as tx:
        lock_wallet(tx, members[2])  # a till is at work
        ended = expire_lots(database, batch=2)
        assert (ended.members, ended.left) == (4, 1)
    assert expire_lots(database).members == 1
