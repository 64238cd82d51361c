"""How a receipt's member is read: what cannot name a member is flagged, and never refuses the sale."""

from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from foundation.database import Database, Tx
from member_api.contract.members import claim_identifiers
from member_api.purchases.buyers import Named, ask_buyers
from member_api.purchases.operations import lock_owner
from pos_adapter.sales.incoming import incoming
from pos_adapter.sales.operations import post_batch
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import anywhere, post, receipt


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


def test_whoever_enrols_while_the_sale_is_posted_has_it_at_once(
    house: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[int] = []

    def while_somebody_enrols(tx: Tx, met: Any) -> Any:
        if not came:
            came.append(a_member(house))
        return claim_identifiers(tx, met)

    monkeypatch.setattr("pos_adapter.sales.operations.claim_identifiers", while_somebody_enrols)
    answer = post(house, receipt(1000, member={"kind": "phone", "value": PHONE}))
    assert answer.body["flags"] == []
    assert [answer.body["member"]["id"]] == [str(member) for member in came]


def test_people_unknown_in_one_batch_wait_each_under_a_claim_of_their_own(house: Database) -> None:
    phones = ["13900000003", "13900000001", "13900000003", "13900000002"]
    items = [incoming(receipt(1000, member={"kind": "phone", "value": phone})) for phone in phones]
    items.append(incoming(receipt(1000, member={"kind": "no_such_kind", "value": "1"})))
    post_batch(house, anywhere(), items)
    claims = [item.claim for item in items]
    assert claims[0] == claims[2]
    assert len(set(claims)) == 4
    assert [item.flags for item in items] == [["unknown_member"]] * 4 + [["unreadable_member"]]
