"""A member's service file: everything ever done, newest first, a page at a time, notes for whoever may read them."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.messages.operations import queue_messages
from member_api.vault.operations import destroy
from tests.marketing.messages.factories import a_template
from tests.marketing.messages.factories import a_wish as a_message
from tests.marketing.tasks.factories import CLERK, DESK, a_clerk, a_member_of, a_shop
from tests.organisation.callers import a_person_at_the_screen


@pytest.fixture
def member(app: Any, http: FlaskClient, database: Database, clock: FixedClock) -> int:
    """A member for whom E1 worked three tasks, minutes apart; E2 is of the service desk, E3 of a counter."""
    with database.transaction() as tx:
        a_shop(tx, clerks=("E1",))
        a_clerk(tx, "E2", **DESK)
        a_clerk(tx, "E3", **CLERK)
        id_ = a_member_of(tx)
    manager, clerk = a_person_at_the_screen(http, database, "m1"), a_person_at_the_screen(http, database, "e1")
    for n in range(3):
        body = {"member": str(id_), "kind": "call", "assignee": "E1"}
        made = manager.post("/v1/tasks", body).json
        clock.advance(timedelta(minutes=1))
        clerk.post(f"/v1/tasks/{made['id']}/start")
        clerk.post(f"/v1/tasks/{made['id']}/log", {"note": f"Note {n}", "contact": "reached"})
    return id_


def test_everything_stands_in_it_newest_first_in_pages(http: FlaskClient, database: Database, member: int) -> None:
    desk = a_person_at_the_screen(http, database, "e2")
    address = f"/v1/members/{member}/service?limit=4"
    found, cursor = [], None
    while True:
        page = desk.get(address + (f"&cursor={cursor}" if cursor else "")).json
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [entry["what"] for entry in found] == ["logged", "started", "made"] * 3
    assert [entry["note"] for entry in found if entry["what"] == "logged"] == ["Note 2", "Note 1", "Note 0"]
    assert [entry["at"] for entry in found] == sorted((entry["at"] for entry in found), reverse=True)


def test_who_is_not_concerned_reads_no_notes(http: FlaskClient, database: Database, member: int) -> None:
    counter = a_person_at_the_screen(http, database, "e3")
    found = counter.get(f"/v1/members/{member}/service").json["items"]
    assert len(found) == 9
    assert {entry["note"] for entry in found} == {None}
    page = counter.get(f"/members/{member}/service")
    assert page.status_code == 200
    assert "Note 2" not in page.text


def test_a_call_back_tells_how_content_the_member_was(http: FlaskClient, database: Database, member: int) -> None:
    clerk, desk = a_person_at_the_screen(http, database, "e1"), a_person_at_the_screen(http, database, "e2")
    task = clerk.get("/v1/tasks").json["items"][0]["id"]
    clerk.post(f"/v1/tasks/{task}/complete", {"outcome": "done"})
    a_person_at_the_screen(http, database, "m1").post(f"/v1/tasks/{task}/callback", {"done": True, "content": 2})
    found = desk.get(f"/v1/members/{member}/service").json["items"]
    assert {entry["what"]: entry["facts"]["content"] for entry in found if entry["facts"]["content"]} == {
        "called_back": 2
    }


def test_of_an_erased_member_no_note_can_be_read(http: FlaskClient, database: Database, member: int) -> None:
    with database.transaction() as tx:
        destroy(tx, member)
    desk = a_person_at_the_screen(http, database, "e2")
    found = desk.get(f"/v1/members/{member}/service").json["items"]
    assert len(found) == 9
    assert {entry["note"] for entry in found} == {None}


def test_messages_stand_in_it_for_whoever_may_see_messages(
    http: FlaskClient, database: Database, clock: FixedClock, member: int
) -> None:
    clock.advance(timedelta(minutes=1))
    with database.transaction() as tx:
        queue_messages(tx, [a_message(a_template(tx), member)])
    first = a_person_at_the_screen(http, database, "e2").get(f"/v1/members/{member}/service?limit=1").json["items"][0]
    assert (first["source"], first["what"]) == ("messages", "message_queued")
    assert first["facts"] == {"channel": "sms", "state": "queued", "reason": None, "campaign": "7"}
    page = a_person_at_the_screen(http, database, "e2").get(f"/members/{member}/service").text
    assert "Text message · Waiting" in page
    counter = a_person_at_the_screen(http, database, "e3").get(f"/v1/members/{member}/service").json["items"]
    assert {entry["source"] for entry in counter} == {"tasks"}


def test_the_work_for_a_member_is_told_to_whoever_reckons_the_members_worth(
    http: FlaskClient, database: Database, member: int
) -> None:
    clerk = a_person_at_the_screen(http, database, "e1")
    task = clerk.get("/v1/tasks?state=started").json["items"][0]["id"]
    clerk.post(f"/v1/tasks/{task}/log", {"minutes": 4})
    clerk.post(f"/v1/tasks/{task}/complete", {"outcome": "coming", "minutes": 2})
    with database.transaction(read_only=True) as tx:
        told = tx.ask("SELECT reference, member_id, amount FROM analytics.contact_cost ORDER BY reference").fetchall()
    # At 50 minor units a minute.
    assert told == [(f"task/{task}/4", member, 200), (f"task/{task}/6", member, 100)]
