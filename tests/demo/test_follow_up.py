"""The demo's made-up tasks: every state is there, they say that they are made up, and twice is once."""

from collections import Counter
from datetime import date
from typing import Any

import msgspec
import pytest

from foundation.database import Database
from foundation.settings import get_settings
from regulars.demo.connection import ClientLogin, Connection
from regulars.demo.follow_up import CLERKS, MADE_UP, STORIES, seed_follow_up
from regulars.demo.people import Joined, Member, card_number
from regulars.demo.places import staff_number
from regulars.running.bootstrap import STORE, make_log_ins
from tests.conftest import LiveServer


def member(household: int) -> Member:
    phone = f"+86154{household:08d}"
    joined = Joined(STORE.code, "till")
    return Member("Ann", phone, card_number(household), date(1990, 1, 1), "female", STORE.code, joined, {})


@pytest.fixture(scope="module")
def office(live_server: LiveServer) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in live_server.environment.items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        database = Database(get_settings())
        with database.transaction() as tx:
            made = make_log_ins(tx)["erp"]
        database.dispose()
    get_settings.cache_clear()
    with Connection(live_server.base_url, ClientLogin(made["client_id"], made["client_secret"])) as connection:
        yield connection


@pytest.mark.slow
def test_the_demo_shows_tasks_in_every_state_and_a_second_run_changes_nothing(office: Connection) -> None:
    people = [member(household) for household in range(1, len(STORIES) + 5)]
    staff = [
        {"number": staff_number(STORE.code, place), "name": f"Clerk {place}", "home_store": STORE.code}
        for place, _, _ in CLERKS
    ]
    office.send("PUT", "/v1/staff/batch", {"staff": staff})
    office.send("POST", "/v1/members/batch", {"members": people}, key="members")

    assert seed_follow_up(office, STORE.code, people, 460) == len(STORIES)
    first = tasks(office)
    assert Counter(task["state"] for task in first) == {"open": 12, "started": 1, "done": 3, "called_back": 4}
    assert {task["store"] for task in first} == {STORE.code}
    assert sum(task["refuted"] for task in first) == 1
    detail = msgspec.json.decode(office.send("GET", f"/v1/tasks/{first[0]['id']}", b"").content)
    assert detail["note"].endswith(MADE_UP)

    assert seed_follow_up(office, STORE.code, people, 460) == len(STORIES)
    assert tasks(office) == first


def tasks(office: Connection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(office.send("GET", "/v1/tasks?limit=100", b"").content)["items"]
    return found
