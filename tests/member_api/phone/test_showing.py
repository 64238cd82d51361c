"""The code on a member's phone: it names the member at a counter for a minute, and does nothing else."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.phone.rules import MEMBER_CODE_LIFE, in_fours, read_member_code
from tests.member_api.callers import Caller
from tests.member_api.people import a_member
from tests.member_api.phone.phones import Phone
from tests.organisation.factories import committed_store
from tests.pos_adapter.tickets.callers import Floor

DIGITS = re.compile(r"data-digits>(RG [0-9 ]+)<")


@pytest.fixture
def member(database: Database) -> int:
    return a_member(database, name="张三丰")


@pytest.fixture
def phone(app: Flask, database: Database, member: int) -> Phone:
    phone = Phone(app, database)
    phone.logs_in()
    return phone


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def shown(phone: Phone) -> str:
    """The digits on the phone, as somebody reads them out."""
    found = DIGITS.search(phone.get("/m/code", part="1").text)
    assert found is not None
    return found[1]


def scanned(floor: Floor, text: str) -> tuple[int, str | None]:
    """What a handheld learns that scans a text: the status, and the member's id."""
    asked = {"basket": {"store": "S01", "lines": []}, "scan": text}
    answer = floor.handhelds["C1"].post("/v1/sales/quote", asked)
    return answer.status_code, (answer.get_json().get("member") or {}).get("id")


def test_a_handheld_scans_the_code_and_knows_the_member(phone: Phone, floor: Floor, member: int) -> None:
    text = shown(phone)
    assert scanned(floor, text) == (200, str(member))
    assert scanned(floor, text.replace(" ", "")) == (200, str(member))
    assert scanned(floor, text.lower()) == (200, str(member))


def test_each_code_is_another_and_the_one_before_lives_on_for_the_clerk_who_is_scanning(
    phone: Phone, floor: Floor, member: int, clock: FixedClock
) -> None:
    first = shown(phone)
    clock.advance(timedelta(seconds=30))
    second = shown(phone)
    assert first != second
    assert scanned(floor, first) == scanned(floor, second) == (200, str(member))
    clock.advance(MEMBER_CODE_LIFE - timedelta(seconds=30))
    assert scanned(floor, first)[0] == 404
    assert scanned(floor, second)[0] == 200


def test_a_code_that_is_over_or_made_up_names_nobody(phone: Phone, floor: Floor, clock: FixedClock) -> None:
    assert scanned(floor, "RG1234567890123456") == (404, None)
    text = shown(phone)
    clock.advance(MEMBER_CODE_LIFE)
    refused = floor.handhelds["C1"].post("/v1/sales/quote", {"basket": {"store": "S01", "lines": []}, "scan": text})
    assert refused.get_json()["code"] == "member_code_unknown"


def test_the_store_that_scans_first_keeps_the_code(
    phone: Phone, floor: Floor, http: FlaskClient, database: Database, member: int
) -> None:
    text = shown(phone)
    committed_store(database, code="S02", currency="CNY", timezone="Asia/Shanghai")
    elsewhere = Caller(http, database, ("members.read", "sales.post"), store="S02", terminal="T1")
    assert scanned(floor, text)[0] == 200
    assert elsewhere.search(scan=text).status_code == 404
    assert floor.desk.search(scan=text).get_json()["items"][0]["id"] == str(member)


def test_a_ticket_is_issued_for_who_shows_the_code_and_the_same_ticket_again_needs_no_second_one(
    phone: Phone, floor: Floor, member: int, clock: FixedClock
) -> None:
    body = {"id": "0b0f7c9e-6f0a-4a53-9a43-4f0f6d9a7f11", "scan": shown(phone)}
    first = floor.issue("C1", 1990, **body)
    assert first.status_code == 201
    assert floor.ticket(body["id"])["member"] == str(member)
    clock.advance(MEMBER_CODE_LIFE)
    again = floor.issue("C1", 1990, **body)
    assert (again.status_code, again.get_json()) == (200, first.get_json())


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"scan": "RG1234567890123456"}, 404, "member_code_unknown"),
        ({"scan": "13800138000"}, 404, "member_code_unknown"),
        ({"scan": ""}, 422, None),
        ({"scan": "RG1234567890123456", "member": "1"}, 422, "ticket_contradicts_itself"),
    ],
)
def test_a_ticket_with_a_code_that_names_nobody_is_refused(
    floor: Floor, more: dict[str, str], status: int, code: str | None
) -> None:
    refused = floor.issue("C1", 1990, **more)
    assert refused.status_code == status
    assert code is None or refused.get_json()["code"] == code


def test_members_are_found_by_the_code_and_shown_masked(phone: Phone, floor: Floor, member: int) -> None:
    [found] = floor.desk.get("/v1/members", scan=shown(phone)).get_json()["items"]
    assert (found["id"], found["name"], found["phone"]) == (str(member), "张*", "138****8000")
    assert floor.desk.get("/v1/members", scan="no code").get_json()["items"] == []
    assert floor.desk.get("/v1/members", scan=shown(phone), name="x").status_code == 400


def test_looking_a_code_up_does_not_take_it_away_from_a_store(
    phone: Phone, floor: Floor, http: FlaskClient, database: Database
) -> None:
    text = shown(phone)
    office = Caller(http, database, ("members.read",))
    assert len(office.get("/v1/members", scan=text).get_json()["items"]) == 1
    assert scanned(floor, text)[0] == 200


def test_a_code_is_worth_nothing_where_it_is_no_scan(phone: Phone, floor: Floor) -> None:
    text = shown(phone).replace(" ", "")
    line = {"line": 1, "quantity": "1", "amount": 100}
    named = {"kind": "card", "value": text}
    issued = floor.handhelds["C1"].post(
        "/v1/tickets", {"store": "S01", "counter": "C1", "member": named, "lines": [line]}
    )
    assert floor.ticket(issued.get_json()["id"])["member"] is None


def test_nothing_in_the_database_tells_a_code(phone: Phone, database: Database) -> None:
    digits = shown(phone).replace(" ", "").removeprefix("RG")
    with database.transaction() as tx:
        rows = tx.execute("SELECT row_to_json(c)::text FROM member.member_code AS c").scalars().all()
    assert len(rows) == 1
    assert digits not in rows[0]


def test_how_a_code_is_read() -> None:
    assert read_member_code(" rg 1234-5678 90123456 ") == "RG1234567890123456"
    assert [read_member_code(text) for text in ("1234567890123456", "RG123", "RG12345678901234567", "13800138000")] == [
        None, None, None, None,
    ]  # fmt: skip
    assert in_fours("RG1234567890123456") == "RG 1234 5678 9012 3456"
