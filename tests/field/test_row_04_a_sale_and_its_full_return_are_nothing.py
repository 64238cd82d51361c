"""Row 4: returns made no negative points, or wrong ones after a redemption.

Here it is a property: whatever was sold, spent and given back, in whatever parts and order, once everything is back
every balance, lot and remainder is as if nothing had happened.
"""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from foundation.database import Database
from member_api.earning.operations import publish_rules
from member_api.ledger.rules import Kind
from tests.field.shop import a_shop, open_lots, points_of, prove, remainders, sells, takes_back
from tests.member_api.ledger.callers import given as granted
from tests.property.conftest import SweptDatabase
from tests.property.conftest import swept_database as swept_database

RULES = {
    "rates": [{"micro_points": 13_337}],
    "rounding": "half_up",
    "thresholds": [{"name": "300 gives 60", "currency": "CNY", "spend": 30_000, "get": 6_000}],
}
sales = st.lists(
    st.tuples(
        st.lists(st.integers(1, 40_000), min_size=1, max_size=3),  # lines
        st.integers(0, 100),  # percent of the points at hand that pay
        st.integers(0, 100),  # percent of the e-coins at hand that pay
    ),
    min_size=1,
    max_size=4,
)


def test_a_full_return_after_a_redemption_leaves_the_redemption_as_it_was(database: Database) -> None:
    a_shop(database)
    granted(database, 1, 1_000)
    before = open_lots(database)
    sold = sells(database, 50_000)
    paid = sells(database, 10_000, points=100)
    takes_back(database, sold, (1, 50_000))
    takes_back(database, paid, (1, 10_000))
    assert open_lots(database) == before
    prove(database)


@pytest.mark.slow
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data(), sold=sales)
def test_any_sales_all_given_back_in_any_order_are_as_if_nothing_had_happened(
    swept_database: SweptDatabase, data: st.DataObject, sold: Any
) -> None:
    database, clock = swept_database()
    member = a_shop(database)
    with database.transaction() as tx:
        publish_rules(tx, RULES, clock.now(), "", "test")
    granted(database, member, 700, expires_on=clock.now().date().replace(month=2))
    granted(database, member, 500)
    granted(database, member, 2_500, kind=Kind.ECOIN)
    before = open_lots(database)
    receipts = [(posted, _sell(database, clock.now().isoformat(), *each)) for posted, each in enumerate(sold)]

    withheld = 0
    parts = [
        (n, line, part)
        for n, _ in receipts
        for line, amount in enumerate(sold[n][0], 1)
        for part in _parts(data, amount)
    ]
    for n, line, part in data.draw(st.permutations(parts)):
        back = takes_back(database, receipts[n][1], (line, part), quantity="0", occurred_at=clock.now().isoformat())
        withheld += (back.get("ecoins") or {}).get("withheld", 0)

    # E-coins that were spent already came off a refund in money; they are the member's now, and paid for.
    assert _without_ecoins(open_lots(database), database) == _without_ecoins(before, database)
    assert _ecoins(database) == 2_500 + withheld
    assert points_of(database) == 1_200
    assert remainders(database) == []
    prove(database)


def _sell(database: Database, at: str, lines: list[int], points: int, ecoins: int) -> Any:
    total = sum(lines)
    by_points = min(points_of(database) * points // 1_000, total)
    by_ecoins = min(_ecoins(database) * ecoins // 100, total - by_points)
    tenders = [{"kind": "card", "amount": total - by_points - by_ecoins}]
    if by_points > 0:
        tenders.append({"kind": "points", "amount": by_points, "units": by_points * 10})
    if by_ecoins > 0:
        tenders.append({"kind": "ecoin", "amount": by_ecoins})
    return sells(database, *lines, tenders=tenders, occurred_at=at)


def _parts(data: st.DataObject, amount: int) -> list[int]:
    """A line comes back whole or in two parts."""
    first = data.draw(st.one_of(st.just(amount), st.integers(1, amount)))
    return [part for part in (first, amount - first) if part]


def _ecoins(database: Database) -> int:
    with database.transaction(read_only=True) as tx:
        found = tx.execute("SELECT coalesce(sum(balance), 0) FROM member.account WHERE kind = 'ecoin'")
        return int(found.scalar_one())


def _without_ecoins(lots: list[tuple[Any, ...]], database: Database) -> list[tuple[Any, ...]]:
    with database.transaction(read_only=True) as tx:
        points = set(tx.execute("SELECT id FROM member.account WHERE kind <> 'ecoin'").scalars())
    return [lot for lot in lots if lot[1] in points]
