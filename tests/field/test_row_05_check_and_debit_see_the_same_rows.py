"""Row 5: balance check and deduction looked at different rows: discount given, nothing deducted, for ever.

Here there is one ledger: the lots that are checked are the lots that are taken, in the transaction that records the
sale. A receipt that is refused leaves nothing behind, and one that is accepted has taken its points.
"""

import pytest

from foundation.database import Database
from member_api.ledger.rules import InsufficientBalance, Kind
from tests.field.shop import a_shop, points_of, prove, sells
from tests.member_api.ledger.callers import given, the_books


def test_a_sale_paid_with_points_that_are_not_there_leaves_nothing(database: Database) -> None:
    a_shop(database)
    sells(database, 100_000)
    before = the_books(database)
    with pytest.raises(InsufficientBalance):
        sells(database, 20_000, points=101)
    assert the_books(database) == before
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.sale").scalar_one() == 1


def test_two_tenders_are_taken_both_or_neither(database: Database) -> None:
    member = a_shop(database)
    sells(database, 100_000)
    given(database, member, 400, kind=Kind.ECOIN)
    before = the_books(database)
    tenders = [
        {"kind": "points", "amount": 50, "units": 500},
        {"kind": "ecoin", "amount": 401},
        {"kind": "card", "amount": 549},
    ]
    with pytest.raises(InsufficientBalance):
        sells(database, 1_000, tenders=tenders)
    assert the_books(database) == before


def test_points_that_paid_are_gone_every_time(database: Database) -> None:
    a_shop(database)
    sells(database, 100_000)
    for paid in range(1, 11):
        sells(database, 10, points=10)
        assert points_of(database) == 1_000 - 100 * paid
    with pytest.raises(InsufficientBalance):
        sells(database, 10, points=10)
    prove(database)
