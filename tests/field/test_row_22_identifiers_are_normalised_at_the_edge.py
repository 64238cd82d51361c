"""Row 22: letter case and retries made duplicate contacts. Here identifiers have one spelling and a unique index."""

import pytest
from flask.testing import FlaskClient

from foundation.database import Database, Tx
from member_api.members.operations import enrol_one
from member_api.members.rules import MemberExists
from tests.member_api.callers import OFFICE, Caller
from tests.member_api.people import ZHANG, enrolled, new_member
from tests.member_api.test_enrolment import count
from tests.organisation.factories import a_store


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    with database.transaction() as tx:
        a_store(tx, "S01")
    return Caller(http, database, OFFICE)


pytestmark = pytest.mark.field


@pytest.mark.parametrize("typed", ["+8613800138000", "0086 138 0013 8000", "１３８００１３８０００"])
def test_the_same_phone_typed_differently_is_the_same_member(tx: Tx, typed: str) -> None:
    member_id = enrolled(tx)
    with pytest.raises(MemberExists) as refusal:
        enrol_one(tx, new_member(tx, typed, name="李四"), by="test", source="test")
    assert refusal.value.facts == {"member": str(member_id)}
    assert [fault.pointer for fault in refusal.value.errors] == ["/phone"]
    assert count(tx, "member") == 1


def test_letter_case_makes_no_second_member(tx: Tx) -> None:
    enrolled(tx, None, others={"email": "Zhang.San@example.com", "card": "abc123"})
    for others in ({"email": "zhang.san@EXAMPLE.COM"}, {"card": "ABC123"}):
        with pytest.raises(MemberExists):
            enrol_one(tx, new_member(tx, None, others=others), by="test", source="test")
    assert count(tx, "member") == 1


def test_another_enrolment_of_the_same_phone_is_told_whose_it_is(office: Caller, http: FlaskClient) -> None:
    member = office.post("/v1/members", ZHANG).json["id"]

    refused = office.post("/v1/members", {"phone": "13800138000", "name": "李四"})
    assert refused.status_code == 409
    assert (refused.json["code"], refused.json["member"]) == ("member_exists", member)
    assert refused.json["errors"] == [{"pointer": "/phone", "detail": "belongs to a member already"}]
