"""What receipts tell those who serve members: who served whom, and what was bought in a window."""

from datetime import UTC, datetime, timedelta

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.contract.service import Bought, Served, Window, bought_within, who_served
from tests.member_api.people import a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

NAMED = {"kind": "phone", "value": "13800138000"}
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def member(database: Database) -> int:
    committed_store(database, currency="CNY")
    return a_member(database, NAMED["value"])


def test_whoever_stands_on_most_receipts_comes_first(database: Database, member: int, clock: FixedClock) -> None:
    for sequence, salesperson in enumerate(("E7", "E9", "E7", None), start=1):
        lines = [line(1, 500, salesperson=salesperson), line(2, 700, salesperson=salesperson)]
        post(database, receipt(1_200, sequence=sequence, member=NAMED, lines=lines))
    post(database, receipt(900, sequence=9, lines=[line(1, 900, salesperson="E8")]))
    with database.transaction() as tx:
        assert who_served(tx, [member], NEW_YEAR - timedelta(days=365)) == [
            Served(member, "E7", 2),
            Served(member, "E9", 1),
        ]
        assert who_served(tx, [member], tx.now + timedelta(days=400)) == []


def test_what_came_in_is_sales_less_returns_of_the_window(database: Database, member: int, clock: FixedClock) -> None:
    sold = receipt(1_990, 500, sequence=1, member=NAMED)
    post(database, sold)
    post(database, return_of(sold, (2, 500), sequence=2))
    with database.transaction() as tx:
        around = Window(member, tx.now - timedelta(days=300), tx.now + timedelta(days=300))
        before = Window(member, tx.now - timedelta(days=700), tx.now - timedelta(days=600))
        assert bought_within(tx, [before, around]) == [[], [Bought("CNY", 1_990, 1)]]
