"""How receipts are paid is a registry: new kinds are put in place, and what they are to the books is obeyed."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from member_api.earning.operations import publish_rules
from pos_adapter.repairs.flagged import link_again
from pos_adapter.sales.incoming import incoming
from tests.member_api.people import PHONE, a_member
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt

PHONE_REF = {"kind": "phone", "value": PHONE}
BEAN_PAY = {"kind": "bean_pay", "name": "Bean Pay", "role": "money"}
DESK = Principal(PrincipalKind.PERSON, "7", "Desk", frozenset({"receipts.repair"}), None)


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    return a_machine(http, database, ["catalogue.write", "sales.read"])


def put(office: Caller, *kinds: Any) -> list[dict[str, Any]]:
    answer = office.put("/v1/tender-kinds/batch", {"tender_kinds": list(kinds)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.get_json()["results"]
    return results


def test_a_new_way_of_paying_is_registered_and_the_same_again_changes_nothing(office: Caller) -> None:
    assert put(office, BEAN_PAY) == [{"status": 201, "body": BEAN_PAY}]
    assert put(office, BEAN_PAY) == [{"status": 200, "body": BEAN_PAY}]
    assert put(office, {"kind": "bean_pay", "name": "Beans"})[0]["body"] == BEAN_PAY | {"name": "Beans"}
    listed = {kind["kind"]: kind["role"] for kind in office.get("/v1/tender-kinds").get_json()["items"]}
    assert listed["bean_pay"] == "money"
    assert listed["stored_value"] == "stored"


def test_one_bad_kind_never_blocks_the_rest_and_what_is_built_in_stays(office: Caller) -> None:
    results = put(
        office,
        {"kind": "Bad Kind", "role": "money"},
        {"kind": "no_role"},
        {"kind": "points", "role": "money"},
        BEAN_PAY,
    )
    assert [result["status"] for result in results] == [422, 422, 409, 201]
    assert [result["problem"]["code"] for result in results[1:3]] == ["tender_kind_incomplete", "tender_kind_fixed"]


def test_an_unknown_way_of_paying_is_flagged_until_it_is_registered(office: Caller, database: Database) -> None:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    sold = receipt(1000, tenders=[{"kind": "bean_pay", "amount": 1000}])
    assert post(database, sold).body["flags"] == ["unknown_tender"]
    put(office, BEAN_PAY)
    with database.transaction() as tx:
        assert link_again(tx, DESK, incoming(sold).sale_id) == []
    assert post(database, receipt(1000, tenders=[{"kind": "bean_pay", "amount": 1000}])).body["flags"] == []


def test_what_is_registered_as_a_benefit_can_be_left_out_of_what_earns(office: Caller, database: Database) -> None:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    a_member(database)
    put(office, {"kind": "mall_gift", "role": "benefit"})
    with database.transaction() as tx:
        publish_rules(tx, {"base": {"without": ["mall_gift"]}}, tx.now, "", "test")
    paid = [{"kind": "mall_gift", "amount": 400}, {"kind": "card", "amount": 600}]
    at = database.clock.now().isoformat()
    assert post(database, receipt(1000, member=PHONE_REF, tenders=paid, occurred_at=at)).body["points"]["earned"] == 6
