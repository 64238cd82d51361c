"""Triggers over HTTP: ready-made filters with their numbers, a second person, pausing; the standing control group."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from marketing.triggers.firing import evaluate
from organisation.staff.roles import Role
from tests.marketing.campaigns.factories import many_members
from tests.organisation.callers import Caller, a_machine, a_person_at_the_screen
from tests.organisation.factories import a_person_with_login

SCOPES = ("campaigns.read", "campaigns.write", "campaigns.approve")
LETTER = {"channel": "inbox", "texts": {"en": {"subject": "Happy birthday", "body": "Dear {{ name }}"}}}
BIRTHDAY = {"name": "Birthday", "model": "birthday", "parameters": {"days": 3}, "occasion": "yearly", "steps": [LETTER]}


@pytest.fixture
def erp(http: FlaskClient, database: Database) -> Caller:
    return a_machine(http, database, SCOPES)


@pytest.fixture
def boss(http: FlaskClient, database: Database) -> Caller:
    with database.transaction() as tx:
        a_person_with_login(tx, "E9", role=Role.HEAD_OFFICE)
    return a_person_at_the_screen(http, database, "e9")


def _patch(caller: Caller, address: str, body: Any) -> Any:
    return caller.http.open(address, method="PATCH", json=body, headers=dict(caller.headers))


def test_a_birthday_trigger_from_draft_to_firings(erp: Caller, boss: Caller, database: Database) -> None:
    with database.transaction() as tx:
        many_members(tx, 5)
        tx.execute("UPDATE member.member SET birth_month_day = 106")
    made = erp.post("/v1/triggers", BIRTHDAY)
    assert made.status_code == 201, made.text
    assert made.json["filter"] == {"all": [{"measure": "birthday", "within_days": 3}]}
    address = f"/v1/triggers/{made.json['id']}"
    assert erp.post(f"{address}/submit").json["state"] == "submitted"
    assert erp.post(f"{address}/approve").json["code"] == "second_person_needed"
    assert boss.post(f"{address}/approve").json["state"] == "active"
    evaluate(database, int(made.json["id"]))
    found = erp.get(f"{address}/firings?limit=2").json
    assert [each["member"] for each in found["items"]] == ["5", "4"]
    rest = erp.get(f"{address}/firings?limit=10&cursor={found['next_cursor']}").json
    assert [each["member"] for each in rest["items"]] == ["3", "2", "1"]
    assert {each["occasion"] for each in found["items"]} == {"2026"}
    assert erp.post(f"{address}/pause").json["state"] == "paused"
    assert erp.post(f"{address}/pause").json["code"] == "trigger_state_wrong"
    assert erp.post(f"{address}/resume").json["state"] == "active"


@pytest.mark.parametrize(("occasion", "days"), [("yearly", 180), ("monthly", 20), ("entered", 0), ("once", 0)])
def test_it_cools_down_as_its_occasion_needs_unless_somebody_says(erp: Caller, occasion: str, days: int) -> None:
    assert erp.post("/v1/triggers", BIRTHDAY | {"occasion": occasion}).json["cool_down_days"] == days
    said = erp.post("/v1/triggers", BIRTHDAY | {"occasion": occasion, "cool_down_days": 7})
    assert said.json["cool_down_days"] == 7


def test_a_change_of_one_number_keeps_the_rest(erp: Caller) -> None:
    made = erp.post("/v1/triggers", BIRTHDAY).json
    changed = _patch(erp, f"/v1/triggers/{made['id']}", {"version": 1, "parameters": {"days": 9}}).json
    assert (changed["version"], changed["parameters"]) == (2, {"days": 9})
    assert changed["filter"]["all"][0]["within_days"] == 9
    assert changed["steps"] == made["steps"]
    late = _patch(erp, f"/v1/triggers/{made['id']}", {"version": 1, "name": "Other"})
    assert late.status_code == 412


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"model": None, "parameters": {}}, "/model"),
        ({"parameters": {"days": 0}}, "/parameters/days"),
        ({"occasion": "always"}, "/occasion"),
        ({"cool_down_days": -1}, "/cool_down_days"),
        ({"model": None, "parameters": {}, "filter": []}, "/filter"),
        ({"model": None, "parameters": {}, "filter": {"measure": "luck"}}, "/filter/measure"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(erp: Caller, facts: dict[str, Any], pointer: str) -> None:
    refused = erp.post("/v1/triggers", BIRTHDAY | facts)
    assert refused.status_code == 422, refused.text
    assert pointer in [fault["pointer"] for fault in refused.json["errors"]]


def test_there_is_no_such_model_and_no_such_trigger(erp: Caller) -> None:
    assert erp.post("/v1/triggers", BIRTHDAY | {"model": "full_moon"}).status_code == 404
    assert erp.get("/v1/triggers/99").json["code"] == "trigger_unknown"


def test_the_standing_control_group_is_set_from_today_on(erp: Caller) -> None:
    first = erp.get("/v1/standing-control").json["items"]
    assert [(each["share"], each["set_by"]) for each in first] == [("0.02", "migration")]
    wish = {"valid_from": "2026-01-05", "share": "0.05", "salt": "company-2026"}
    assert erp.post("/v1/standing-control", wish).status_code == 201
    assert erp.get("/v1/standing-control").json["items"][0]["salt"] == "company-2026"
    for wrong in ({"valid_from": "2026-01-04"}, {"share": "0.3"}):
        refused = erp.post("/v1/standing-control", wish | wrong)
        assert (refused.status_code, refused.json["code"]) == (422, "standing_control_invalid")


def test_for_whom_it_fired_is_for_whoever_acts_everywhere(http: FlaskClient, erp: Caller, database: Database) -> None:
    made = erp.post("/v1/triggers", BIRTHDAY).json["id"]
    here = a_machine(http, database, SCOPES, {"store": "S01"})
    for part in ("firings", "results"):
        assert here.get(f"/v1/triggers/{made}/{part}").json["code"] == "place_forbidden"
        assert erp.get(f"/v1/triggers/{made}/{part}").status_code == 200
