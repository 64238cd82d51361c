"""Row 2: refunding an order that had spent points charged them a second time; partial refunds stayed wrong.

Here what was earned and what was spent are reversed by postings of their own, each once per line.
"""

import pytest

from foundation.database import Database
from pos_adapter.sales.rules import ReturnedTooMuch
from tests.field.shop import a_shop, points_of, prove, sells, takes_back


def test_points_that_paid_come_back_once_and_are_never_charged_again(database: Database) -> None:
    a_shop(database)
    sells(database, 500_000)
    assert points_of(database) == 5_000
    sold = sells(database, 6_000, 4_000, points=200)
    assert points_of(database) == 5_000 - 2_000 + 98
    takes_back(database, sold, (1, 6_000), (2, 4_000))
    assert points_of(database) == 5_000
    with pytest.raises(ReturnedTooMuch):
        takes_back(database, sold, (1, 6_000))
    assert points_of(database) == 5_000
    prove(database)


def test_partial_refunds_give_back_the_allocated_shares_to_the_unit(database: Database) -> None:
    a_shop(database)
    sells(database, 500_000)
    sold = sells(database, 6_001, 3_999, points=200)
    halves = takes_back(database, sold, (1, 3_000), quantity="0.5")
    assert halves["points"]["redeemed"] < 0
    for line, amount in ((2, 1_000), (1, 3_001), (2, 2_999)):
        takes_back(database, sold, (line, amount), quantity="0.5")
    assert points_of(database) == 5_000
    prove(database)
