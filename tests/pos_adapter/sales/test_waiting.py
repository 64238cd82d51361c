"""What waits for its member or its original is done when that has come."""

from typing import Any

import pytest

from foundation.database import Database
from pos_adapter.sales.attaching import sweep
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt, return_of, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def rows(database: Database, sql: str) -> list[Any]:
    with database.transaction() as tx:
        return [tuple(row) for row in tx.execute(sql)]


def test_points_attach_when_the_member_appears(house: Database) -> None:
    post(house, receipt(1000, member=PHONE_REF))
    sold = receipt(3000, 500, member=PHONE_REF)
    post(house, sold)
    post(house, return_of(sold, (2, 500)))
    assert sweep(house) == 0
    member = a_member(house)
    assert sweep(house) == 2
    assert rows(house, "SELECT balance FROM member.account") == [(40,)]
    assert rows(house, "SELECT DISTINCT member_id, member_part, open_flags FROM pos.sale") == [(member, "done", [])]
    assert sweep(house) == 0


def test_a_return_that_came_before_its_sale_is_settled_afterwards(house: Database) -> None:
    a_member(house)
    sold = receipt(3000, 500, member=PHONE_REF)
    answer = post(house, return_of(sold, (1, 3000)))
    assert answer.body["flags"] == ["unknown_original"]
    post(house, sold)
    assert rows(house, "SELECT balance FROM member.account") == [(35,)]
    assert sweep(house) == 1
    assert rows(house, "SELECT balance FROM member.account") == [(5,)]
    assert rows(house, "SELECT open_flags FROM pos.sale WHERE type = 'return'") == [([],)]


def test_a_void_that_came_before_its_sale_voids_it(house: Database) -> None:
    a_member(house)
    sold = receipt(3000, member=PHONE_REF)
    post(house, void_of(sold))
    post(house, sold)
    assert sweep(house) == 1
    assert rows(house, "SELECT balance FROM member.account") == [(0,)]
    assert rows(house, "SELECT state FROM pos.sale WHERE type = 'sale'") == [("voided",)]


def test_a_waiting_sale_paid_with_points_that_are_not_there_goes_on_waiting(house: Database) -> None:
    post(house, receipt(1000, member=PHONE_REF, tenders=[{"kind": "points", "amount": 1000, "units": 10_000}]))
    a_member(house)
    assert sweep(house) == 0
    assert rows(house, "SELECT member_part, open_flags FROM pos.sale") == [
        ("waiting", ["unknown_member", "balance_missing"])
    ]
    assert rows(house, "SELECT 1 FROM member.lot") == []
