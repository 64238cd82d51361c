"""How a receipt's member is read: what cannot name a member is flagged, and never refuses the sale."""

import pytest
from psycopg.errors import LockNotAvailable

from foundation.database import Database
from member_api.purchases.buyers import Named, ask_buyers
from member_api.purchases.operations import lock_owner
from pos_adapter.sales.incoming import incoming
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


@pytest.mark.parametrize(
    ("kind", "value", "flag"),
    [
        ("phone", "13900000009", "unknown_member"),
        ("phone", "12", "unreadable_member"),
        ("no_such_kind", "1", "unreadable_member"),
        ("national_id", "11010519491231002X", "unreadable_member"),
    ],
)
def test_a_sale_of_somebody_who_cannot_be_found_is_kept_and_flagged(
    house: Database, kind: str, value: str, flag: str
) -> None:
    a_member(house, others={"national_id": "11010519491231002X"})
    answer = post(house, receipt(1000, member={"kind": kind, "value": value}))
    assert answer.status == 201
    assert answer.body["flags"] == [flag]


def test_a_sale_of_a_member_earns_however_the_phone_is_typed(house: Database) -> None:
    member = a_member(house)
    answer = post(house, receipt(1000, member={"kind": "phone", "value": f"+86 {PHONE}"}))
    assert answer.body["member"]["id"] == str(member)


def locked_against_merging(house: Database, member: int) -> bool:
    """Whether somebody who would merge this member has to wait."""
    with house.transaction() as other:
        try:
            other.raw.execute("SELECT FROM member.member WHERE id = %s FOR UPDATE NOWAIT", (member,))
        except LockNotAvailable:
            other.raw.rollback()
            return True
    return False


def test_who_buys_under_a_merged_name_is_not_merged_on_meanwhile(house: Database) -> None:
    survivor, merged = a_member(house, "13900139000"), a_member(house)
    with house.transaction() as tx:
        tx.execute(
            "UPDATE member.member SET status = 'merged', merged_into = :into WHERE id = :id",
            {"into": survivor, "id": merged},
        )
    with house.transaction() as tx:
        buyers = ask_buyers(tx, [Named(tx.now, id=merged)]).buyers()
        assert [buyer and buyer.id for buyer in buyers] == [survivor]
        assert locked_against_merging(house, survivor)


def test_who_gives_back_is_not_merged_meanwhile(house: Database) -> None:
    member = a_member(house)
    sold = receipt(1000, member=str(member))
    post(house, sold)
    assert not locked_against_merging(house, member)
    with house.transaction() as tx:
        assert lock_owner(tx, sold.business_date, incoming(sold).sale_id) == member
        assert locked_against_merging(house, member)
