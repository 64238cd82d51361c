"""Settlements of a day, as a desk lists them: who paid what where, and which counters have handed the goods over."""

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from tests.pos_adapter.tickets.callers import Floor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def test_the_settlements_of_a_day_come_newest_first_and_in_pages(floor: Floor) -> None:
    settled = [floor.settle(floor.issued("C1", amount)).get_json()["id"] for amount in (100, 200, 300)]
    first = floor.desk.get("/v1/settlements", store="S01", limit=2)
    assert {each["id"] for each in first.get_json()["items"]} < set(settled)
    rest = floor.desk.get("/v1/settlements", store="S01", limit=2, cursor=first.get_json()["next_cursor"]).get_json()
    assert rest["next_cursor"] is None
    found = [each["id"] for each in first.get_json()["items"] + rest["items"]]
    assert sorted(found) == sorted(settled)
    assert floor.desk.get("/v1/settlements", store="S01", business_date="2026-01-04").get_json()["items"] == []


def test_a_settlement_says_which_counter_has_handed_its_goods_over(floor: Floor) -> None:
    tickets = [floor.issued("C1", 100), floor.issued("C2", 200)]
    settled = floor.settle(*tickets).get_json()["id"]
    floor.handhelds["C2"].post(f"/v1/tickets/{tickets[1]}/release", {})
    [found] = floor.desk.get("/v1/settlements", store="S01", ticket=tickets[0]).get_json()["items"]
    assert (found["id"], found["terminal"], found["amount"]) == (settled, "D1", 300)
    assert [(each["counter"], each["state"]) for each in found["tickets"]] == [("C1", "paid"), ("C2", "released")]


@pytest.mark.parametrize(
    "wrong", [{"cursor": "x"}, {"state": "x"}, {"ticket": "x"}, {"business_date": "x"}, {"limit": 0}]
)
def test_a_wish_that_cannot_be_read_is_refused(floor: Floor, wrong: dict[str, str]) -> None:
    assert floor.desk.get("/v1/settlements", store="S01", **wrong).status_code in (400, 422)


def test_another_store_is_not_shown(floor: Floor) -> None:
    assert floor.desk.get("/v1/settlements", store="S02").status_code == 403
