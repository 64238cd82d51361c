"""Rows 7 and 17 at the desk: two cards on one order both emptied; concurrent checkouts spent one card twice.

Here fifty settlements of one member at the same moment take exactly what is there, lot after lot, and whoever comes too
late is refused with everything as it was.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.settings import Settings
from member_api.contract.ledger import Kind, Origin
from tests.field.shop import PHONE_REF, open_lots, prove, wide_database
from tests.member_api.ledger.callers import balance, given
from tests.member_api.people import a_member
from tests.pos_adapter.tickets.callers import Floor

CHECKOUTS = 50
PRICE = 300


@pytest.fixture
def shop(settings: Settings, database: Database, clock: FixedClock) -> Any:
    with wide_database(settings, database, clock, CHECKOUTS) as wide:
        yield wide


@pytest.fixture
def member(shop: Database, http: FlaskClient) -> int:
    """A member with two gift cards of 50.00 each."""
    member = a_member(shop)
    for card in ("card-1", "card-2"):
        given(shop, member, 5_000, kind=Kind.CASH, origin=Origin.TOPUP, source=card)
    return member


def test_fifty_checkouts_at_once_take_what_is_there_and_not_a_unit_more(
    http: FlaskClient, shop: Database, member: int
) -> None:
    floor = Floor(http, shop)
    tickets = [floor.issued(f"C{n % 3 + 1}", PRICE, member=PHONE_REF) for n in range(CHECKOUTS)]
    gate = threading.Barrier(CHECKOUTS, timeout=60)

    def settle(n: int) -> int:
        own = http.application.test_client()
        desk, terminal = (floor.desk, "D1") if n % 2 else (floor.other_desk, "D2")
        wish = {
            "store": "S01", "terminal": terminal, "tickets": [tickets[n]],
            "tenders": [{"kind": "stored_value", "amount": PRICE}],
        }  # fmt: skip
        gate.wait()
        headers = {**desk.headers, "Idempotency-Key": token_hex(8)}
        return int(own.post("/v1/settlements", json=wish, headers=headers).status_code)

    with ThreadPoolExecutor(CHECKOUTS) as threads:
        told = list(threads.map(settle, range(CHECKOUTS)))
    paid = told.count(201)
    assert paid == 10_000 // PRICE
    assert set(told) == {201, 422}
    assert balance(shop, member, Kind.CASH) == (10_000 - paid * PRICE, 10_000 - paid * PRICE)
    states = [floor.state(ticket) for ticket in tickets]
    assert states == ["paid" if status == 201 else "issued" for status in told]
    with shop.transaction(read_only=True) as tx:
        assert tx.execute("SELECT sum(amount) FROM pos.sale").scalar_one() == paid * PRICE
    prove(shop)


def test_one_settlement_of_three_counters_empties_one_card_before_it_touches_the_next(
    http: FlaskClient, shop: Database, member: int
) -> None:
    floor = Floor(http, shop)
    tickets = [floor.issued(counter, 2_000, member=PHONE_REF) for counter in ("C1", "C2", "C3")]
    assert [lot[3] for lot in open_lots(shop)] == [5_000, 5_000]
    assert floor.settle(*tickets[:2], tenders=[{"kind": "stored_value", "amount": 4_000}]).status_code == 201
    assert [lot[3] for lot in open_lots(shop) if lot[3] > 500] == [1_000, 5_000]
    assert floor.settle(tickets[2], tenders=[{"kind": "stored_value", "amount": 2_000}]).status_code == 201
    assert [lot[3] for lot in open_lots(shop) if lot[3] > 500] == [4_000]
    assert balance(shop, member, Kind.CASH) == (4_000, 4_000)
    prove(shop)
