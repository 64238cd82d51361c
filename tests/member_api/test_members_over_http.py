"""Members as tills, handhelds and office systems see them."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from foundation.database import Database
from member_api.contract.members import claim_identifier
from tests.member_api.callers import COUNTER, OFFICE, Caller
from tests.member_api.people import ZHANG
from tests.organisation.factories import a_store


@pytest.fixture
def stores(database: Database) -> None:
    with database.transaction() as tx:
        a_store(tx, "S01")
        a_store(tx, "S02")


@pytest.fixture
def office(http: FlaskClient, database: Database, stores: None) -> Caller:
    return Caller(http, database, OFFICE)


@pytest.fixture
def counter(http: FlaskClient, database: Database, stores: None) -> Caller:
    """A handheld of a counter in S01: sees members masked."""
    return Caller(http, database, COUNTER, store="S01", counter="C12")


def enrolled(caller: Caller, **changes: Any) -> str:
    answer = caller.post("/v1/members", {"phone": "13800138000", "name": "张三"} | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_an_enrolment_answers_ids_only_and_the_member_can_be_read(office: Caller) -> None:
    answer = office.post("/v1/members", ZHANG)

    assert answer.status_code == 201, answer.text
    member = answer.json["id"]
    assert answer.json == {
        "id": member,
        "status": "active",
        "home_store": "S01",
        "tier": None,
        "warnings": ["national_id_not_kept"],
    }
    assert answer.headers["Location"] == f"/v1/members/{member}"
    shown = office.get(f"/v1/members/{member}")
    assert shown.headers["ETag"] == '"1"'
    assert {name: shown.json[name] for name in ("name", "phone", "card", "email", "birthday", "gender", "masked")} == {
        "name": "张三丰",
        "phone": "+8613800138000",
        "card": "VIP00012345",
        "email": "zhang.sanfeng@example.com",
        "birthday": "1949-12-31",
        "gender": "male",
        "masked": False,
    }
    assert shown.json["joined"] | {"at": None} == ZHANG["joined"] | {"at": None}
    assert [(c["channel"], c["purpose"], c["granted"]) for c in shown.json["consents"]] == [("sms", "marketing", True)]


def test_whoever_may_not_see_personal_data_sees_masks(office: Caller, counter: Caller) -> None:
    member = office.post("/v1/members", ZHANG | {"consents": {"national_id": True}}).json["id"]

    shown = counter.get(f"/v1/members/{member}").json
    assert {name: shown[name] for name in ("name", "phone", "card", "email", "national_id", "birthday", "masked")} == {
        "name": "张*",
        "phone": "138****8000",
        "card": "****2345",
        "email": "z***@example.com",
        "national_id": "1****************X",
        "birthday": None,
        "masked": True,
    }
    assert office.get(f"/v1/members/{member}").json["national_id"] == "1****************X"


def test_whoever_may_not_read_members_does_not_learn_whose_the_phone_is(
    office: Caller, http: FlaskClient, database: Database
) -> None:
    office.post("/v1/members", ZHANG)
    writer = Caller(http, database, ["members.write"])

    refused = writer.post("/v1/members", {"phone": "13800138000"})
    assert refused.status_code == 409
    assert "member" not in refused.json


def test_a_batch_answers_each_person_and_one_bad_one_never_blocks_the_rest(office: Caller) -> None:
    people = [
        ZHANG,
        {"phone": "12345"},
        {"name": "nobody"},
        {"phone": "13900000001", "unknown": 1},
        {"phone": "13900000001", "birthday": "2999-01-01"},
        {"phone": "13900000001", "consents": {"smoke": True}},
        {"phone": "13900000001", "home_store": "S99"},
        {"phone": "13900000001"},
        {"phone": "13800138000"},
        "nobody",
    ]
    answer = office.post("/v1/members/batch", {"members": people})

    assert answer.status_code == 200, answer.text
    results = answer.json["results"]
    assert [result["status"] for result in results] == [201, 422, 422, 422, 422, 422, 422, 201, 409, 422]
    assert results[8]["problem"]["member"] == results[0]["body"]["id"]
    assert [result["problem"]["errors"][0]["pointer"] for result in results if "problem" in result] == [
        "/members/1/phone",
        "/members/2",
        "/members/3/unknown",
        "/members/4/birthday",
        "/members/5/consents",
        "/members/6/home_store",
        "/members/8/phone",
        "/members/9",
    ]
    again = office.post("/v1/members/batch", {"members": people})
    assert [result["status"] for result in again.json["results"]] == [200, 422, 422, 422, 422, 422, 422, 200, 409, 422]


def test_a_batch_has_a_limit(office: Caller) -> None:
    people = [{"phone": f"139{n:08d}"} for n in range(501)]
    assert office.post("/v1/members/batch", {"members": people}).status_code == 422
    assert office.post("/v1/members/batch", {"members": people[:500]}).json["results"][499]["status"] == 201


@pytest.mark.parametrize("written", ["phone:+8613800138000", "phone:13800138000", "card:VIP00012345"])
def test_a_member_is_found_by_a_whole_identifier(office: Caller, counter: Caller, written: str) -> None:
    member = office.post("/v1/members", ZHANG).json["id"]

    for caller in (office, counter):
        found = caller.get("/v1/members", identifier=written).json
        assert [item["id"] for item in found["items"]] == [member]
        assert found["next_cursor"] is None
    kind, _, value = written.partition(":")
    assert office.search(identifier={"kind": kind, "value": value}).json["items"][0]["id"] == member


def test_a_plus_that_nobody_escaped_still_finds_the_phone(office: Caller) -> None:
    member = enrolled(office, phone="+85291234567")
    answer = office.http.get("/v1/members?identifier=phone:+85291234567", headers=office.headers)
    assert [item["id"] for item in answer.get_json()["items"]] == [member]


def test_nobody_is_found_by_what_nobody_has(office: Caller) -> None:
    assert office.get("/v1/members", identifier="phone:13900000000").json == {"items": [], "next_cursor": None}
    assert office.get("/v1/members", identifier="phone:1").status_code == 422
    assert office.get("/v1/members", identifier="phone").status_code == 422
    assert office.get("/v1/members", identifier="phone:13900000000", name="x").status_code == 400
    assert office.get("/v1/members", identifier="national_id:11010519491231002X").status_code == 422
    assert office.get("/v1/members/999999999999999999").status_code == 404
    assert office.get("/v1/members/99999999999999999999").status_code == 404
    assert office.get("/v1/members/abc").status_code == 404


def test_last_four_digits_show_one_masked_choice_of_the_own_store_and_never_a_list(
    office: Caller, counter: Caller
) -> None:
    here = enrolled(office, phone="13800138000", home_store="S01")
    enrolled(office, phone="13900008000", home_store="S02")

    found = counter.get("/v1/members", last_four="8000").json["items"]
    assert [(item["id"], item["name"], item["phone"]) for item in found] == [(here, "张*", "138****8000")]
    enrolled(office, phone="13700008000", home_store="S01")
    several = counter.get("/v1/members", last_four="8000")
    assert (several.status_code, several.json["code"], several.json["found"]) == (409, "several_members", 2)
    assert office.get("/v1/members", last_four="8000").json["found"] == 3
    assert counter.get("/v1/members", last_four="0001").json["items"] == []


def test_a_whole_name_is_searched_and_no_part_of_one(office: Caller, counter: Caller) -> None:
    one = enrolled(office, phone="13900000001", name="王 小明", home_store="S01")
    other = enrolled(office, phone="13900000002", name="王小明", home_store="S01")

    assert [item["id"] for item in office.get("/v1/members", name="王小明").json["items"]] == [one, other]
    assert office.get("/v1/members", name="王小").json["items"] == []
    assert counter.get("/v1/members", name="王小明").json["code"] == "several_members"


def test_members_are_listed_page_by_page(office: Caller, counter: Caller) -> None:
    office.post(
        "/v1/members/batch",
        {"members": [{"phone": f"1390000000{n}", "home_store": "S01" if n < 3 else "S02"} for n in range(5)]},
    )
    first = office.get("/v1/members", limit=2)
    assert len(first.json["items"]) == 2
    assert 'rel="next"' in first.headers["Link"]
    rest = office.get("/v1/members", limit=3, cursor=first.json["next_cursor"])
    assert len(rest.json["items"]) == 3
    assert rest.json["next_cursor"] is None
    assert len(counter.get("/v1/members").json["items"]) == 3


def test_a_change_is_made_once_and_only_on_what_the_writer_has_seen(office: Caller) -> None:
    member = office.post("/v1/members", ZHANG).json["id"]

    changed = office.patch(f"/v1/members/{member}", {"name": "张三", "gender": "女"}, **{"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.json["name"], changed.json["gender"]) == ("张三", "female")
    assert office.patch(f"/v1/members/{member}", {"name": "张三"}).headers["ETag"] == '"2"'  # nothing changes
    stale = office.patch(f"/v1/members/{member}", {"name": "李四"}, **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json["code"]) == (412, "member_changed")
    assert office.get("/v1/members", name="张三").json["items"][0]["id"] == member
    assert office.get("/v1/members", name="张三丰").json["items"] == []


def test_a_new_phone_takes_the_place_of_the_old_one_which_is_free_again(office: Caller) -> None:
    member = enrolled(office)
    other = enrolled(office, phone="13900000002", name="李四")

    assert office.patch(f"/v1/members/{member}", {"phone": "13900000001"}).json["phone"] == "+8613900000001"
    assert office.get("/v1/members", identifier="phone:13800138000").json["items"] == []
    # The old number was given to somebody else, as numbers are.
    assert office.patch(f"/v1/members/{other}", {"phone": "13800138000"}).status_code == 200
    taken = office.patch(f"/v1/members/{member}", {"phone": "13800138000"})
    assert (taken.status_code, taken.json["code"], taken.json["member"]) == (409, "identifier_taken", other)
    history = office.get(f"/v1/members/{member}").json["identifiers"]
    assert [(held["value"], held["status"]) for held in history] == [
        ("+8613900000001", "active"),
        ("+8613800138000", "replaced"),
    ]


def test_the_last_identifier_cannot_be_taken_away(office: Caller) -> None:
    member = enrolled(office)
    assert office.patch(f"/v1/members/{member}", {"phone": None}).json["code"] == "identifier_missing"
    assert office.patch(f"/v1/members/{member}", {"phone": None, "card": "A1"}).json["card"] == "A1"


def test_a_lost_card_is_blocked_at_once_and_the_new_one_takes_over(office: Caller, counter: Caller) -> None:
    member = enrolled(office, card="A0001")

    answer = office.post(f"/v1/members/{member}/lost-card", {"card": "A0002"})
    assert answer.status_code == 200, answer.text
    assert counter.get("/v1/members", identifier="card:A0001").json["items"] == []
    assert [item["id"] for item in counter.get("/v1/members", identifier="card:a0002").json["items"]] == [member]
    stolen = office.post("/v1/members", {"card": "A0001", "name": "a thief"})
    assert (stolen.status_code, stolen.json["errors"][0]["detail"]) == (409, "is blocked")
    back = office.patch(f"/v1/members/{member}", {"card": "A0001"})
    assert (back.status_code, back.json["code"]) == (409, "identifier_blocked")
    assert counter.post(f"/v1/members/{member}/lost-card", {}).status_code == 403


def test_a_lost_card_that_is_found_again_works_again(office: Caller) -> None:
    member = enrolled(office, card="A0001")
    assert office.post(f"/v1/members/{member}/lost-card", {"lost": "a0001"}).json["new"] is None
    assert office.post(f"/v1/members/{member}/lost-card", {}).json["code"] == "card_unknown"
    assert office.patch(f"/v1/members/{member}", {"card": "A0001"}).json["card"] == "A0001"


def test_a_frozen_member_is_shown_as_such_and_freezing_twice_is_harmless(office: Caller, counter: Caller) -> None:
    member = enrolled(office)
    for _ in range(2):
        frozen = office.post(f"/v1/members/{member}/freeze", {"reason": "phone 13800138000 was stolen"})
        assert (frozen.status_code, frozen.json) == (200, {"id": member, "status": "frozen"})
    assert counter.get(f"/v1/members/{member}").json["status"] == "frozen"
    assert office.post(f"/v1/members/{member}/freeze", {"reason": " "}).status_code == 422
    assert office.post(f"/v1/members/{member}/unfreeze", {"reason": "found"}).json["status"] == "active"
    assert counter.post(f"/v1/members/{member}/freeze", {"reason": "x"}).status_code == 403


def test_a_device_enrols_for_its_own_store_only(counter: Caller, office: Caller) -> None:
    member = enrolled(counter)
    shown = office.get(f"/v1/members/{member}").json
    assert (shown["home_store"], shown["joined"]["store"], shown["joined"]["counter"]) == ("S01", "S01", "C12")
    foreign = counter.post("/v1/members", {"phone": "13900000001", "joined": {"store": "S02"}})
    assert (foreign.status_code, foreign.json["code"]) == (403, "store_not_yours")


def test_other_kinds_of_identifiers_are_registered_first(office: Caller) -> None:
    person = {"identifiers": [{"kind": "loyalty_app", "value": "u-1"}]}
    assert office.post("/v1/members", person).json["code"] == "identifier_kind_unknown"
    office.put("/v1/identifier-kinds", {"kinds": [{"code": "loyalty_app", "name": "App"}]})
    member = office.post("/v1/members", person).json["id"]
    assert office.get("/v1/members", identifier="loyalty_app:u-1").json["items"][0]["id"] == member


SECRETS = (
    *("张三丰", "李小龙", "13800138000", "138-0013-8000", "13900000009", "VIP00012345", "vip00012345"),
    *("sanfeng@example.com", "Sanfeng@Example.com", "11010519491231002X", "11010519491231002x"),
    *("signed in blood", "called from"),
)


def test_personal_data_stand_in_no_column_of_any_schema_and_in_no_log(
    office: Caller, counter: Caller, database: Database
) -> None:
    """Names, phones, cards, mails and ids in clear: nowhere, be it a row, a digest's bytes, an event or a log line."""
    with capture_logs() as logs:
        with database.transaction() as tx:
            claim_identifier(tx, "phone", "13900000009")
        member = office.post("/v1/members", ZHANG | {"consents": {"sms": True, "national_id": True}}).json["id"]
        office.post("/v1/members", ZHANG)
        office.post("/v1/members", {"phone": "13800138000", "name": "李小龙"})
        office.post(
            "/v1/members/batch", {"members": [{"name": "李小龙", "phone": "13900000009"}, {"phone": "1380013800"}]}
        )
        office.patch(f"/v1/members/{member}", {"name": "李小龙", "card": "V2"})
        said = {"channel": "sms", "purpose": "marketing", "granted": False, "proof": "signed in blood"}
        office.post(f"/v1/members/{member}/consents", {"consents": [said]})
        office.post(f"/v1/members/{member}/freeze", {"reason": "called from 13800138000"})
        office.put("/v1/tiers", {"tiers": [{"code": "GOLD", "name": "Gold", "rank": 1}]})
        office.post(f"/v1/members/{member}/tier", {"tier": "GOLD", "reason": "called from 13800138000"})
        for caller in (office, counter):
            caller.get(f"/v1/members/{member}")
            caller.get("/v1/members", identifier="phone:13800138000")
            caller.get("/v1/members", identifier="phone:138001380001")
            caller.get("/v1/members", name="李小龙")
    assert not [secret for secret in SECRETS if secret in json.dumps(logs, default=repr, ensure_ascii=False)]
    with database.transaction() as tx:
        tables = tx.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).scalars()
        found = [
            (table, secret)
            for table in list(tables)
            for secret in SECRETS
            if tx.execute(
                f"SELECT EXISTS (SELECT FROM {table} t WHERE position(:clear IN t::text) > 0 "
                "OR position(encode(convert_to(:clear, 'UTF8'), 'hex') IN t::text) > 0)",
                {"clear": secret},
            ).scalar()
        ]
    assert found == []
