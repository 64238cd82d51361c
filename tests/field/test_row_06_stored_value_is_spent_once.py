"""Row 6: gift cards redeemable many times.

Here stored value is an account of the ledger, with holds: what one till has set aside no other can spend, and a hold is
captured once.
"""

from datetime import timedelta

import pytest

from foundation.database import Database
from member_api.contract.ledger import (
    HoldEnded,
    InsufficientBalance,
    Kind,
    Origin,
    Taking,
    capture_hold,
    place_hold,
    redeem,
)
from tests.field.shop import a_shop, prove, sells
from tests.member_api.ledger.callers import balance, given, step, the_books


@pytest.fixture
def card(database: Database) -> int:
    """A member with 100.00 stored."""
    member = a_shop(database)
    given(database, member, 10_000, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
    return member


def test_a_stored_value_pays_for_goods_until_it_is_used_up(database: Database, card: int) -> None:
    sells(database, 7_000, tenders=[{"kind": "stored_value", "amount": 7_000}])
    before = the_books(database)
    with pytest.raises(InsufficientBalance) as refusal:
        sells(database, 7_000, tenders=[{"kind": "stored_value", "amount": 7_000}])
    assert refusal.value.facts["available"] == 3_000
    assert the_books(database) == before
    assert balance(database, card, Kind.CASH) == (3_000, 3_000)


def test_what_one_till_has_set_aside_no_other_can_spend(database: Database, card: int) -> None:
    with database.transaction() as tx:
        hold = place_hold(tx, card, Taking(Kind.CASH, 8_000), timedelta(minutes=5), step())
    for action in (
        lambda tx: redeem(tx, card, Taking(Kind.CASH, 2_001), "another till", step()),
        lambda tx: place_hold(tx, card, Taking(Kind.CASH, 2_001), timedelta(minutes=5), step()),
    ):
        with pytest.raises(InsufficientBalance), database.transaction() as tx:
            action(tx)
    with database.transaction() as tx:
        capture_hold(tx, hold.id, 8_000, step())
    with pytest.raises(HoldEnded), database.transaction() as tx:
        capture_hold(tx, hold.id, 8_000, step())
    assert balance(database, card, Kind.CASH) == (2_000, 2_000)
    prove(database)
