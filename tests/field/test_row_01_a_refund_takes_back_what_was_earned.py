"""Row 1: a refund never touched points: buy, refund, keep, repeat.

Here every line carries what it earned, and the return posts the exact reversal.
"""

from foundation.database import Database
from tests.field.shop import a_shop, open_lots, points_of, prove, remainders, sells, takes_back


def test_buying_and_giving_back_again_and_again_earns_nothing(database: Database) -> None:
    a_shop(database)
    for _ in range(5):
        sold = sells(database, 10_050, 4_999)
        assert points_of(database) == 150
        takes_back(database, sold, (1, 10_050), (2, 4_999))
        assert points_of(database) == 0
    assert open_lots(database) == []
    assert remainders(database) == []
    prove(database)


def test_a_line_that_comes_back_takes_what_the_rest_would_not_have_earned(database: Database) -> None:
    a_shop(database)
    sold = sells(database, 10_050, 4_999)
    takes_back(database, sold, (2, 4_999))
    assert points_of(database) == 100
    prove(database)
