"""Row 21: a double click made duplicates. Here creating is idempotent, whatever the key, however many click at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.database import Database, Tx
from foundation.errors import DomainError
from member_api.members.operations import Enrolled, enrol, enrol_one
from member_api.members.rules import MemberExists
from tests.member_api.callers import OFFICE, Caller
from tests.member_api.people import ZHANG, new_member
from tests.member_api.test_enrolment import count, outbox
from tests.organisation.factories import a_store


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    with database.transaction() as tx:
        a_store(tx, "S01")
    return Caller(http, database, OFFICE)


pytestmark = pytest.mark.field


def test_the_same_enrolment_sent_again_is_answered_with_the_same_member(tx: Tx) -> None:
    new = new_member(tx, others={"card": "V1"})
    first = enrol_one(tx, new, by="test", source="test")
    again = enrol_one(tx, new_member(tx, "+86 13800138000", others={"card": "v1"}), by="test", source="test")
    assert (first.created, again.created) == (True, False)
    assert first.member_id == again.member_id
    assert len(outbox(tx, "member.enrolled")) == 1


def test_twenty_enrolments_of_one_phone_at_the_same_moment_make_one_member(database: Database) -> None:
    barrier = threading.Barrier(20)

    def enrol_at_once(n: int) -> Enrolled | DomainError:
        barrier.wait()
        with database.transaction() as tx:
            # Half of them double-click the same form, half are other people with the same phone.
            return enrol(tx, [new_member(tx, name="张三" if n % 2 else f"李{n}")], by="test", source="test")[0]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(enrol_at_once, range(20)))
    made = [answer for answer in answers if isinstance(answer, Enrolled) and answer.created]
    same = [answer for answer in answers if isinstance(answer, Enrolled) and not answer.created]
    refused = [answer for answer in answers if isinstance(answer, DomainError)]
    assert len(made) == 1
    assert len(made) + len(same) + len(refused) == 20
    assert {answer.member_id for answer in same} <= {made[0].member_id}
    assert all(isinstance(answer, MemberExists) for answer in refused)
    assert {answer.facts["member"] for answer in refused} == {str(made[0].member_id)}
    with database.transaction() as tx:
        assert count(tx, "member") == count(tx, "member_key") == count(tx, "identifier") == 1


def test_a_double_click_on_two_connections_makes_one_member(office: Caller, app: Flask) -> None:
    def click(n: int) -> tuple[int, str | None]:
        with app.test_client() as client:
            answer = client.post("/v1/members", json=ZHANG, headers=office.headers | {"Idempotency-Key": f"click-{n}"})
            told: dict[str, str] = answer.get_json()
            return answer.status_code, told.get("id") or told.get("member")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(click, range(20)))
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert len({member for _, member in answers}) == 1
