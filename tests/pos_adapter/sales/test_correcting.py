"""The service desk gives a receipt to the member whose it is."""

from typing import Any
from uuid import UUID

import pytest

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from member_api.contract.purchases import PurchaseNotMovable
from pos_adapter.sales.attaching import sweep
from pos_adapter.sales.correcting import SaleNotGivable, give_sale
from pos_adapter.sales.receipts import Receipt
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt, return_of, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}
DESK = Principal(PrincipalKind.PERSON, "7", "Desk", frozenset({"receipts.repair"}), frozenset({"store/S01"}))


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def balances(database: Database) -> dict[int, Any]:
    with database.transaction() as tx:
        rows = tx.execute("SELECT member_id, balance, remainder FROM member.account WHERE kind = 'points'")
        return {row.member_id: (row.balance, row.remainder) for row in rows}


def give(house: Database, sold: dict[str, Any], member: int) -> None:
    with house.transaction() as tx:
        give_sale(tx, DESK, UUID(sold["sale"]["id"]), member, "brought the receipt")


def test_an_anonymous_receipt_earns_late_with_what_was_returned_of_it(house: Database) -> None:
    member = a_member(house)
    sold: Receipt = receipt(3000, 550)
    answer = post(house, sold).body
    post(house, return_of(sold, (1, 1000), quantity="0.300"))
    give(house, answer, member)
    assert balances(house) == {member: (25, 500_000)}
    post(house, return_of(sold, (1, 2000), (2, 550), quantity="0.700"))
    assert balances(house) == {member: (0, 0)}


def test_the_wrong_member_loses_it_and_the_right_one_has_it(house: Database) -> None:
    wrong, right = a_member(house), a_member(house, "13900139000")
    post(house, receipt(1230, member=PHONE_REF))
    sold = receipt(3000, 550, member=PHONE_REF)
    answer = post(house, sold).body
    give(house, answer, right)
    assert balances(house) == {wrong: (12, 300_000), right: (35, 500_000)}
    give(house, answer, wrong)
    assert balances(house) == {wrong: (47, 800_000), right: (0, 0)}
    post(house, return_of(sold, (1, 3000), (2, 550)))
    assert balances(house) == {wrong: (12, 300_000), right: (0, 0)}


def test_what_was_paid_with_points_or_voided_cannot_be_given(house: Database) -> None:
    a_member(house)
    right = a_member(house, "13900139000")
    post(house, receipt(100_000, member=PHONE_REF))
    paid = post(house, receipt(10, member=PHONE_REF, tenders=[{"kind": "points", "amount": 10, "units": 100}])).body
    with pytest.raises(PurchaseNotMovable):
        give(house, paid, right)
    sold = receipt(500)
    answer = post(house, sold).body
    post(house, void_of(sold))
    with pytest.raises(SaleNotGivable):
        give(house, answer, right)
    assert right not in balances(house)


def test_a_return_that_waits_is_settled_with_whoever_has_the_sale_then(house: Database) -> None:
    wrong, right = a_member(house), a_member(house, "13900139000")
    sold = receipt(3000, member=PHONE_REF)
    post(house, return_of(sold, (1, 1000), quantity="0.3"))
    give(house, post(house, sold).body, right)
    assert balances(house) == {wrong: (0, 0), right: (30, 0)}
    assert sweep(house) == 1
    assert balances(house) == {wrong: (0, 0), right: (20, 0)}
