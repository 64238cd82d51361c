"""How a receipt's member is read: what cannot name a member is flagged, and never refuses the sale."""

import pytest

from foundation.database import Database
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
