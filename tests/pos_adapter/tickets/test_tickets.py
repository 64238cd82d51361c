"""E-tickets: issued by a device's own id, changed and cancelled by their counter, over when the day is."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.tickets import operations
from pos_adapter.tickets.operations import expire_tickets, steps_of
from tests.member_api.people import PHONE, a_member
from tests.pos_adapter.tickets.callers import Floor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def test_a_ticket_is_issued_with_a_number_that_can_be_called(floor: Floor) -> None:
    first = floor.issue("C1", 1990, 510)
    assert (first.status_code, first.get_json()["state"], first.get_json()["amount"]) == (201, "issued", 2500)
    assert first.get_json()["number"] == 1
    assert floor.issue("C2", 100).get_json()["number"] == 2


def test_the_same_id_and_content_again_is_the_same_ticket(floor: Floor) -> None:
    id = str(uuid4())
    first, again = floor.issue("C1", 1990, id=id), floor.issue("C1", 1990, id=id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    other = floor.issue("C1", 1991, id=id)
    assert (other.status_code, other.get_json()["code"]) == (409, "ticket_id_taken")
    assert len(floor.desk.get("/v1/tickets", store="S01").get_json()["items"]) == 1


def test_a_ticket_of_a_member_is_found_by_the_member(floor: Floor, database: Database) -> None:
    member = a_member(database)
    ticket = floor.issued("C1", 1990, member={"kind": "phone", "value": PHONE})
    floor.issued("C2", 100)
    found = floor.desk.get("/v1/tickets", store="S01", member=str(member), state="issued").get_json()["items"]
    by_phone = floor.desk.get("/v1/tickets", store="S01", member=f"phone:{PHONE}").get_json()["items"]
    assert [each["id"] for each in by_phone] == [ticket]
    assert [each["id"] for each in found] == [ticket]


def test_somebody_who_is_not_known_yet_may_buy(floor: Floor) -> None:
    ticket = floor.issued("C1", 1990, member={"kind": "phone", "value": "13900139000"})
    assert floor.ticket(ticket)["member"] is None


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lines": []}, 422, "ticket_contradicts_itself"),
        ({"lines": [{"line": 1, "quantity": "1", "amount": -5}]}, 422, "ticket_contradicts_itself"),
        ({"lines": [{"line": 1, "quantity": "1", "amount": 0}]}, 422, "ticket_contradicts_itself"),
        ({"lines": [{"line": 1, "quantity": "1", "amount": 5, "counter": "C2"}]}, 422, "ticket_contradicts_itself"),
        ({"lines": [{"line": 1, "quantity": "1", "amount": 5}] * 2}, 422, "ticket_contradicts_itself"),
        ({"lines": [{"line": 1, "quantity": "1", "amount": 5.5}]}, 422, None),
        ({"counter": "C2"}, 403, "not_this_counter"),
        ({"store": "S02"}, 403, "not_this_counter"),
        ({"currency": "USD"}, 422, "wrong_currency"),
        ({"member": "999999"}, 404, "member_unknown"),
        ({"id": "not a uuid"}, 422, None),
        ({"colour": "red"}, 422, None),
    ],
)
def test_a_ticket_that_makes_no_sense_is_refused_and_leaves_nothing(
    floor: Floor, change: dict[str, object], status: int, code: str | None
) -> None:
    body = {"store": "S01", "counter": "C1", "lines": [{"line": 1, "quantity": "1", "amount": 5}]} | change
    refused = floor.handhelds["C1"].post("/v1/tickets", body)
    assert refused.status_code == status, refused.text
    assert code is None or refused.get_json()["code"] == code
    assert floor.desk.get("/v1/tickets", store="S01").get_json()["items"] == []


def test_only_its_own_counter_changes_cancels_and_releases_it(floor: Floor) -> None:
    ticket = floor.issued("C1", 1990)
    for caller in (floor.handhelds["C2"], floor.desk):
        assert caller.post(f"/v1/tickets/{ticket}/cancel", {}).status_code == 403
        assert caller.post(f"/v1/tickets/{ticket}/release", {}).status_code == 403
    own = floor.handhelds["C1"]
    lines = [{"line": 1, "quantity": "2", "amount": 3980}]
    assert own.put(f"/v1/tickets/{ticket}", {"lines": lines, "version": 1}).get_json()["amount"] == 3980
    stale = own.put(f"/v1/tickets/{ticket}", {"lines": lines, "version": 1})
    assert (stale.status_code, stale.get_json()["code"]) == (409, "ticket_changed")
    assert own.post(f"/v1/tickets/{ticket}/release", {}).status_code == 409
    assert own.post(f"/v1/tickets/{ticket}/cancel", {"why": "changed her mind"}).get_json()["state"] == "cancelled"
    assert own.post(f"/v1/tickets/{ticket}/cancel", {}).status_code == 409
    history = floor.ticket(ticket)["history"]
    assert [(step["state"], step["why"]) for step in history] == [
        ("issued", None),
        ("issued", "edited"),
        ("cancelled", "changed her mind"),
    ]


def test_the_lives_of_several_tickets_are_read_at_once(floor: Floor, database: Database) -> None:
    one, other = UUID(floor.issued("C1", 100)), UUID(floor.issued("C2", 200))
    floor.handhelds["C1"].post(f"/v1/tickets/{one}/cancel", {"why": "changed her mind"})
    with database.transaction(read_only=True) as tx:
        lives = steps_of(tx, [other, one, nobody := uuid4()])
    assert [[str(step.state) for step in lives[id]] for id in (one, other, nobody)] == [
        ["issued", "cancelled"],
        ["issued"],
        [],
    ]


def test_tickets_are_paged_by_number(floor: Floor) -> None:
    made = [floor.issued("C1", 100) for _ in range(3)]
    first = floor.desk.get("/v1/tickets", store="S01", limit=2)
    second = floor.desk.get("/v1/tickets", store="S01", limit=2, cursor=first.get_json()["next_cursor"]).get_json()
    assert 'rel="next"' in first.headers["Link"]
    assert [each["id"] for each in first.get_json()["items"] + second["items"]] == made


def test_open_tickets_are_over_when_the_store_s_day_is(floor: Floor, database: Database, clock: FixedClock) -> None:
    taken = floor.issued("C2", 200)
    floor.issued("C1", 100)
    assert floor.settle(taken).status_code == 201
    assert expire_tickets(database) == 0
    clock.advance(timedelta(days=1))
    assert expire_tickets(database) == 1
    with database.transaction(read_only=True) as tx:
        states = tx.execute("SELECT counter_code, state FROM pos.ticket ORDER BY number").all()
    assert [tuple(row) for row in states] == [("C2", "paid"), ("C1", "expired")]


def test_a_closed_day_s_tickets_expire_batch_by_batch_and_no_other_day_s(
    floor: Floor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "EXPIRE_BATCH", 2)
    today = [floor.issued("C1", 100) for _ in range(5)]
    tomorrow = floor.issued("C1", 100)
    with database.transaction() as tx:
        store, day = tx.execute(
            "UPDATE pos.ticket SET business_date = business_date + 1 WHERE id = :id"
            " RETURNING store_id, business_date - 1",
            {"id": tomorrow},
        ).one()
        assert operations.expire_tickets_of(tx, store, day) == 5
    assert {floor.state(ticket) for ticket in today} == {"expired"}
    assert floor.state(tomorrow) == "issued"
    [*_, last] = floor.ticket(today[-1])["history"]
    assert (last["state"], last["why"]) == ("expired", "the day is closed")


def test_what_is_not_there_is_not_found(floor: Floor) -> None:
    assert floor.desk.get(f"/v1/tickets/{uuid4()}").status_code == 404
    assert floor.desk.get("/v1/tickets/nonsense").status_code == 404
    assert floor.desk.get("/v1/tickets", store="S99").status_code in (403, 404)
