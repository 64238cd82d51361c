"""The member's own wallet at a counter: its PIN or a code from the phone takes stored value, and nobody else's does."""

from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from foundation.idempotency import claim
from member_api.contract.ledger import Kind
from member_api.phone.pins import new_spend_code, set_pin
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import balance
from tests.member_api.people import a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.tickets.callers import DESK, Floor

PIN = "804217"
PAID_IN = 10_000


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


@pytest.fixture
def member(http: FlaskClient, database: Database, floor: Floor) -> int:
    """A member with money in the wallet and a PIN."""
    member = a_member(database, home_store="S01")
    desk = Caller(http, database, ("topups.write",), store="S01", terminal="D1")
    assert desk.post(f"/v1/members/{member}/topups", {"amount": PAID_IN, "tender": "cash"}).status_code == 201
    with database.transaction() as tx:
        set_pin(tx, member, PIN)
    return member


def pays(floor: Floor, ticket: str, *, key: str | None = None, **proof: str) -> Any:
    """The counter's handheld takes 19.90 from the wallet; the response."""
    tender = {"kind": "stored_value", "amount": 1990, "payment": {"rail": "wallet", **proof}}
    body = {"store": "S01", "terminal": "C1", "tickets": [ticket], "tenders": [tender]}
    return floor.handhelds["C1"].post("/v1/settlements", body, key=key or token_hex(8))


def code_of(database: Database, member: int) -> str:
    with database.transaction() as tx:
        return new_spend_code(tx, member).code


def test_the_right_pin_pays_at_once(floor: Floor, member: int, database: Database) -> None:
    ticket = floor.issued("C1", 1990, member=str(member))
    answer = pays(floor, ticket, pin=PIN)
    assert (answer.status_code, answer.get_json()["state"]) == (201, "paid")
    assert floor.state(ticket) == "paid"
    assert balance(database, member, Kind.CASH) == (PAID_IN - 1990, PAID_IN - 1990)


def test_a_code_from_the_phone_pays_once(floor: Floor, member: int, database: Database) -> None:
    code = code_of(database, member)
    first = floor.issued("C1", 1990, member=str(member))
    assert pays(floor, first, code=code).status_code == 201
    second = floor.issued("C1", 1990, member=str(member))
    refused = pays(floor, second, code=code)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "wallet_not_proved")
    assert balance(database, member, Kind.CASH)[0] == PAID_IN - 1990


def test_the_same_request_again_asks_for_no_second_code(floor: Floor, member: int, database: Database) -> None:
    code = code_of(database, member)
    ticket = floor.issued("C1", 1990, member=str(member))
    first = pays(floor, ticket, code=code, key="again")
    again = pays(floor, ticket, code=code, key="again")
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert balance(database, member, Kind.CASH)[0] == PAID_IN - 1990


def test_a_retry_beside_the_request_that_still_runs_uses_up_no_code(
    floor: Floor, member: int, database: Database
) -> None:
    code, ticket = code_of(database, member), floor.issued("C1", 1990, member=str(member))
    assert pays(floor, floor.issued("C1", 1990, member=str(member)), pin=PIN, key="first").status_code == 201
    with database.transaction() as tx:
        caller = tx.execute("SELECT client FROM foundation.idempotency WHERE key = 'first'").scalar_one()
        with tx.round_trip() as trip:
            claim(trip, caller, "slow", b"the request that still runs")
        beside = pays(floor, ticket, code=code, key="slow")
    assert (beside.status_code, beside.get_json()["retryable"]) == (409, True)
    assert pays(floor, ticket, code=code, key="slow").status_code == 201


def test_a_settlement_that_was_refused_is_sent_again_with_its_code_but_nothing_else_is(
    floor: Floor, member: int, database: Database
) -> None:
    code = code_of(database, member)
    ticket = floor.issued("C1", 2990, member=str(member))
    assert pays(floor, ticket, code=code, key="short").get_json()["code"] != "wallet_not_proved"  # 10.00 are missing
    assert pays(floor, ticket, code=code, key="short").get_json()["code"] != "wallet_not_proved"
    assert pays(floor, ticket, code=code, key="other").get_json()["code"] == "wallet_not_proved"
    assert balance(database, member, Kind.CASH)[0] == PAID_IN


def test_five_wrong_pins_shut_the_wallet_and_the_ticket_stays_open(floor: Floor, member: int) -> None:
    ticket = floor.issued("C1", 1990, member=str(member))
    said = [pays(floor, ticket, pin="111112").get_json() for _ in range(5)]
    assert [each["code"] for each in said] == ["wallet_not_proved"] * 4 + ["wallet_blocked"]
    assert [each.get("tries_left") for each in said] == [4, 3, 2, 1, None]
    shut = pays(floor, ticket, pin=PIN)
    assert (shut.status_code, shut.get_json()["code"]) == (403, "wallet_blocked")
    assert shut.get_json()["until"].startswith("2026-01-05T02:15")
    assert floor.state(ticket) == "issued"


def test_who_may_not_settle_there_uses_up_no_try(
    floor: Floor, member: int, http: FlaskClient, database: Database
) -> None:
    committed_store(database, code="S02", currency="CNY", timezone="Asia/Shanghai", legal_unit="MALL")
    elsewhere = Caller(http, database, DESK, store="S02", terminal="D9")
    everywhere_but = Caller(http, database, DESK, store="S01", terminal="D2")
    ticket = floor.issued("C1", 1990, member=str(member))
    tender = {"kind": "stored_value", "amount": 1990, "payment": {"rail": "wallet", "pin": "111112"}}
    asked = {"tickets": [ticket], "tenders": [tender]}
    for _ in range(3):
        for stranger in (elsewhere, everywhere_but):  # another store's, and another terminal's
            refused = stranger.post("/v1/settlements", asked | {"store": "S01", "terminal": "D1"})
            assert (refused.status_code, refused.get_json()["code"]) == (403, "not_this_till")
        foreign = elsewhere.post("/v1/settlements", asked | {"store": "S02", "terminal": "D9"})
        assert foreign.get_json()["errors"] == [{"pointer": "/tickets/0", "detail": "belongs to another store"}]
    assert pays(floor, ticket, pin="111112").get_json()["tries_left"] == 4
    assert pays(floor, ticket, pin=PIN).status_code == 201


def test_one_members_pin_never_opens_anothers_wallet(floor: Floor, member: int, database: Database) -> None:
    other = a_member(database, "13900139000")
    with database.transaction() as tx:
        set_pin(tx, other, "590284")
    mine = floor.issued("C1", 990, member=str(other))
    theirs = floor.issued("C2", 1000, member=str(member))
    tender = {"kind": "stored_value", "amount": 1990, "payment": {"rail": "wallet", "pin": "590284"}}
    refused = floor.settle(mine, theirs, tenders=[tender])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "wallet_not_proved")
    assert balance(database, member, Kind.CASH)[0] == PAID_IN


def test_the_desk_may_name_the_member_by_phone(floor: Floor, member: int, database: Database) -> None:
    ticket = floor.issued("C1", 1990)
    named = {"kind": "phone", "value": "13800138000"}
    tender = {"kind": "stored_value", "amount": 1990, "payment": {"rail": "wallet", "pin": PIN}}
    assert floor.settle(ticket, tenders=[tender], member=named).status_code == 201
    assert balance(database, member, Kind.CASH)[0] == PAID_IN - 1990


def test_a_member_without_a_pin_is_told_so(floor: Floor, database: Database) -> None:
    member = a_member(database, "13900139000")
    refused = pays(floor, floor.issued("C1", 1990, member=str(member)), pin=PIN).get_json()
    assert refused["code"] == "wallet_not_proved"
    assert refused["errors"] == [{"pointer": "/tenders/0/payment", "detail": "the member has set none yet"}]


def test_too_little_in_the_wallet_takes_nothing(floor: Floor, member: int, database: Database) -> None:
    ticket = floor.issued("C1", PAID_IN + 1, member=str(member))
    tender = {"kind": "stored_value", "amount": PAID_IN + 1, "payment": {"rail": "wallet", "pin": PIN}}
    body = {"store": "S01", "terminal": "C1", "tickets": [ticket], "tenders": [tender]}
    refused = floor.handhelds["C1"].post("/v1/settlements", body)
    assert refused.status_code in (409, 422)
    assert balance(database, member, Kind.CASH) == (PAID_IN, PAID_IN)
    assert floor.state(ticket) == "issued"
