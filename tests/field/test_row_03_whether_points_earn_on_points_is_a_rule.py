"""Row 3: nobody had settled whether points are earned on the part that points paid.

Here the earn base is a field of the versioned rules, and a return uses the version of its sale.
"""

from datetime import timedelta
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.earning.operations import publish_rules
from tests.field.shop import a_shop, points_of, prove, sells, takes_back


@pytest.mark.parametrize(
    ("base", "earned"), [({}, 98), ({"without": []}, 100), ({"without": ["points"], "net_of_tax": True}, 86)]
)
def test_the_base_is_what_the_rules_in_force_say(
    database: Database, clock: FixedClock, base: dict[str, Any], earned: int
) -> None:
    a_shop(database)
    sells(database, 500_000)
    with database.transaction() as tx:
        publish_rules(tx, {"base": base, "keep_remainder": False}, tx.now, "", "test")
    sale = {"line": 1, "quantity": "1", "amount": 10_000, "tax_rate": "0.13"}
    sold = sells(database, 10_000, points=200, lines=[sale], occurred_at=clock.now().isoformat())
    assert points_of(database) == 5_000 - 2_000 + earned

    clock.advance(timedelta(minutes=1))
    with database.transaction() as tx:
        publish_rules(tx, {"rates": [{"micro_points": 990_000}]}, tx.now, "later rules change nothing", "test")
    takes_back(database, sold, (1, 10_000))
    assert points_of(database) == 5_000
    prove(database)
