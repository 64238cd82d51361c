"""What waits for its member or its original is done when that has come."""

from datetime import timedelta
from typing import Any

import pytest

from foundation.checks import run_checks
from foundation.database import Database
from pos_adapter.sales import attaching
from pos_adapter.sales.attaching import sweep
from pos_adapter.sales.incoming import incoming
from pos_adapter.sales.rules import ReceiptContradicts, ReturnedTooMuch
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import DAY, post, receipt, return_of, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def rows(database: Database, sql: str) -> list[Any]:
    with database.transaction() as tx:
        return [tuple(row) for row in tx.execute(sql)]


def faults(database: Database) -> list[Any]:
    return list(run_checks(database))


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


def test_a_sale_voided_before_its_member_came_moves_nothing_when_the_member_comes(house: Database) -> None:
    sold = receipt(1000, member=PHONE_REF)
    post(house, sold)
    post(house, void_of(sold))
    a_member(house)
    assert sweep(house) == 1
    assert rows(house, "SELECT coalesce(sum(balance), 0) FROM member.account") == [(0,)]
    assert rows(house, "SELECT type, state, member_part, open_flags FROM pos.sale ORDER BY type") == [
        ("sale", "voided", "none", []),
        ("void", "posted", "none", []),
    ]
    assert sweep(house) == 0
    assert faults(house) == []


def test_returns_that_came_before_their_sale_never_give_back_more_than_it_sold(house: Database) -> None:
    a_member(house)
    sold = receipt(1000, member=PHONE_REF)
    first = return_of(sold, (1, 600), quantity="0.5")
    second = return_of(sold, (1, 600), quantity="0.5")
    elsewhere = return_of(sold, (7, 100))
    for back in (first, second, elsewhere):
        assert post(house, back).body["flags"] == ["unknown_original"]
    post(house, sold)
    assert sweep(house) == 1
    assert rows(house, "SELECT balance FROM member.account") == [(4,)]
    assert rows(
        house, "SELECT member_part, open_flags FROM pos.sale WHERE type = 'return' ORDER BY received_at, sequence"
    ) == [
        ("done", []),
        ("waiting", ["unknown_original", "contradicts_original"]),
        ("waiting", ["unknown_original", "contradicts_original"]),
    ]
    assert sweep(house) == 0
    assert faults(house) == []


def test_of_two_voids_that_came_before_their_sale_one_counts(house: Database) -> None:
    a_member(house)
    post(house, receipt(1000, member=PHONE_REF))
    sold = receipt(3000, member=PHONE_REF)
    post(house, void_of(sold))
    post(house, void_of(sold))
    post(house, return_of(sold, (1, 500)))
    post(house, sold)
    assert sweep(house) == 1
    assert rows(house, "SELECT balance, remainder FROM member.account") == [(10, 0)]
    assert rows(house, "SELECT count(*) FROM pos.sale WHERE 'contradicts_original' = ANY(open_flags)") == [(2,)]
    assert faults(house) == []


def test_a_waiting_sale_paid_with_points_that_are_not_there_goes_on_waiting(house: Database) -> None:
    post(house, receipt(1000, member=PHONE_REF, tenders=[{"kind": "points", "amount": 1000, "units": 10_000}]))
    a_member(house)
    assert sweep(house) == 0
    assert rows(house, "SELECT member_part, open_flags FROM pos.sale") == [
        ("waiting", ["unknown_member", "balance_missing"])
    ]
    assert rows(house, "SELECT 1 FROM member.lot") == []


def test_those_who_never_come_do_not_stand_in_the_way(house: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "PAGE", 2)
    for n in range(5):
        post(house, receipt(1000, member={"kind": "phone", "value": f"1390013900{n}"}))
    for _ in range(3):
        post(house, receipt(1000, member=PHONE_REF))
    early = [return_of(receipt(1000), (1, 1000)) for _ in range(5)]
    for back in early:
        post(house, back)
    sold = receipt(1000)
    post(house, return_of(sold, (1, 1000)))
    post(house, sold)
    a_member(house)
    assert sweep(house, DAY) == 4
    assert rows(house, "SELECT balance FROM member.account") == [(30,)]
    assert rows(house, "SELECT member_part, count(*) FROM pos.sale WHERE type = 'return' GROUP BY 1 ORDER BY 1") == [
        ("none", 1), ("waiting", 5),
    ]  # fmt: skip


def test_one_that_cannot_be_attached_does_not_block_those_behind_it(house: Database) -> None:
    broken = receipt(1000, member=PHONE_REF, tenders=[{"kind": "voucher", "amount": 1000}])
    post(house, broken)
    post(house, receipt(1000, member=PHONE_REF))
    a_member(house)
    with house.transaction() as tx:
        tx.execute("UPDATE pos.sale_line SET allocated = '{}' WHERE sale_id = :id", {"id": incoming(broken).sale_id})
    assert sweep(house) == 1
    assert rows(house, "SELECT balance FROM member.account") == [(10,)]


def test_a_return_is_not_older_than_what_it_gives_back(house: Database) -> None:
    sold = receipt(1000)
    post(house, sold)
    before = (DAY - timedelta(days=2)).isoformat()
    with pytest.raises(ReceiptContradicts) as refused:
        post(house, return_of(sold, (1, 1000), business_date=before))
    assert [fault.pointer for fault in refused.value.errors] == ["/original/business_date"]
    a_day_behind = (DAY - timedelta(days=1)).isoformat()
    assert post(house, return_of(sold, (1, 1000), business_date=a_day_behind)).status == 201
    with pytest.raises(ReturnedTooMuch):
        post(house, return_of(sold, (1, 1000)))
