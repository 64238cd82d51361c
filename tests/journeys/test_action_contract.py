"""The part of the HTTP contract from sales to action, route by route: scores, target lists, campaigns, tasks."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from analytics.conditions.lake_session import close_lake_session
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.access import create_client, declared_permissions
from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns.launching import work_on
from organisation.staff.roles import Role
from tests.journeys.one_till import catch_up
from tests.journeys.test_tills_contract import Machine, log_in
from tests.organisation.callers import a_person_at_the_screen
from tests.organisation.factories import a_person_with_login

AS_OF = date(2026, 1, 5)
MEMBERS = 12
SPEND = {"measure": "spend", "op": ">=", "value": 50_000, "within_days": 90, "where": {"category": ["DAIRY"]}}
FREQUENT = {"all": [SPEND, {"not": {"measure": "visits", "op": "<", "value": 2, "within_days": 90}}]}


@pytest.fixture
def office(app: Flask, database: Database, clock: FixedClock) -> Any:
    """The back office of a shop with half a year of sales: every member buys once a week, the later the dearer."""
    http = app.test_client()
    with database.transaction() as tx:
        new = create_client(tx, None, "erp", frozenset(declared_permissions()), {})
    erp = log_in(http, {"client_id": new.client_id, "client_secret": new.client_secret})
    for path, body in (
        ("stores", [{"code": "S01", "name": "One", "format": "supermarket", "currency": "CNY",
                     "timezone": "Asia/Shanghai"}]),
        ("products", [{"code": "MILK", "name": "Milk", "category": ["FOOD", "DAIRY"], "unit_cost": 700}]),
        ("staff", [{"number": "E7", "name": "Seven", "home_store": "S01"}]),
    ):  # fmt: skip
        erp.done("PUT", f"/v1/{path}/batch", {path: body}, 200)
    people = [
        {"name": f"Member {n}", "phone": f"1380000{n:04d}", "home_store": "S01", "consents": {"app": True}}
        for n in range(1, MEMBERS + 1)
    ]
    made = erp.done("POST", "/v1/members/batch", {"members": people}, 200)["results"]
    assert {result["status"] for result in made} == {201}
    sales = [_sale(26 * n + week, n, week) for n in range(1, MEMBERS + 1) for week in range(26)]
    for first in range(0, len(sales), 200):
        results = erp.done("POST", "/v1/sales/batch", {"sales": sales[first : first + 200]}, 200)["results"]
        assert {result["status"] for result in results} == {201}
    catch_up(database)
    yield erp
    close_lake_session()


def _sale(sequence: int, member: int, week: int) -> dict[str, Any]:
    day, amount = AS_OF - timedelta(days=7 * week + 1), 1_000 * member
    return {
        "store": "S01", "terminal": "T1", "business_date": f"{day}", "sequence": sequence, "type": "sale",
        "occurred_at": f"{day}T10:00:00+08:00", "currency": "CNY",
        "member": {"kind": "phone", "value": f"+861380000{member:04d}"},
        "lines": [{"line": 1, "product": "MILK", "quantity": "1", "amount": amount, "tax_rate": "0.13"}],
        "tenders": [{"kind": "card", "amount": amount}],
    }  # fmt: skip


def test_a_scoring_run_is_asked_for_and_its_scores_are_read_by_page_and_by_member(
    office: Machine, database: Database
) -> None:
    asked = office.done("POST", "/v1/scoring-runs", {"as_of": f"{AS_OF}", "horizon_days": 56}, 202)
    assert asked["state"] == "running"
    work_on_runs(database, score)
    run = office.get(f"/v1/scoring-runs/{asked['id']}")
    assert (run["state"], run["progress"]) == ("done", 100)
    page = office.send("GET", f"/v1/scores?as_of={AS_OF}&limit=5")
    assert len(page.get_json()["items"]) == 5
    assert 'rel="next"' in page.headers["Link"]
    rest = office.get(f"/v1/scores?as_of={AS_OF}&limit=50&cursor={page.get_json()['next_cursor']}")
    scores = page.get_json()["items"] + rest["items"]
    assert [item["member"] for item in scores] == [str(n) for n in range(1, MEMBERS + 1)]
    assert {"score", "class", "value"} <= scores[0]["contribution"].keys()
    assert {"score", "direction", "predicted_spend", "probability_alive"} <= scores[0]["potential"].keys()
    assert 0 <= scores[0]["potential"]["probability_alive"] <= 1
    office.get("/v1/members/1/scores")
    office.refused("POST", "/v1/scoring-runs", {"as_of": "soon", "horizon_days": 56}, 422)
    office.refused("GET", "/v1/scoring-runs/999", None, 404)


def test_a_filter_is_counted_live_frozen_and_its_members_are_paged(office: Machine) -> None:
    preview = office.done("POST", "/v1/target-lists/preview", {"filter": FREQUENT}, 200)
    # Thirteen weeks of 1,000 x n: from 4,000 a week on.
    assert preview["count"] == MEMBERS - 3
    assert {"breakdown", "sample"} <= preview.keys()
    frozen = office.done("POST", "/v1/target-lists", {"name": "Milk drinkers", "filter": FREQUENT})
    members = office.get(f"/v1/target-lists/{frozen['id']}/members?limit=4")
    assert [item["member"] for item in members["items"]] == ["4", "5", "6", "7"]
    more = office.get(f"/v1/target-lists/{frozen['id']}/members?limit=100&cursor={members['next_cursor']}")
    assert (len(more["items"]), more["next_cursor"]) == (5, None)
    unknown = {"filter": {"measure": "luck", "op": ">", "value": 1}}
    assert office.refused("POST", "/v1/target-lists/preview", unknown, 422)["errors"]


def test_a_campaign_is_planned_approved_by_another_launched_read_and_stopped(
    office: Machine, database: Database
) -> None:
    frozen = office.done("POST", "/v1/target-lists", {"name": "Milk drinkers", "filter": FREQUENT})
    texts = {"en": {"subject": "Milk", "body": "Dear {{ name }}"}, "zh": {"subject": "牛奶", "body": "{{ name }}您好"}}
    plan = {
        "name": "Milk week", "target_list": frozen["id"], "control_share": "0.2",
        "steps": [{"channel": "inbox", "texts": texts}],
    }  # fmt: skip
    campaign = office.done("POST", "/v1/campaigns", plan)["id"]
    office.refused("POST", f"/v1/campaigns/{campaign}/launch", {}, 409)
    office.done("POST", f"/v1/campaigns/{campaign}/submit", {}, 200)
    office.refused("POST", f"/v1/campaigns/{campaign}/approve", {}, 403)
    with database.transaction() as tx:
        a_person_with_login(tx, "HO", role=Role.HEAD_OFFICE)
    second = a_person_at_the_screen(office.http, database, "ho")
    assert second.post(f"/v1/campaigns/{campaign}/approve").status_code == 200
    launched = office.send("POST", f"/v1/campaigns/{campaign}/launch", {})
    assert launched.status_code in (200, 202), launched.text
    work_on(database, int(campaign))
    results = office.send("GET", f"/v1/campaigns/{campaign}/results")
    assert results.status_code in (200, 202), results.text
    assert office.send("POST", f"/v1/campaigns/{campaign}/stop", {}).status_code in (200, 202)


def test_a_task_is_made_found_started_completed_and_called_back_by_another(office: Machine, database: Database) -> None:
    with database.transaction() as tx:
        for number in ("E1", "E2"):
            a_person_with_login(tx, number, role=Role.SERVICE_DESK, home_store="S01")
    clerk, colleague = (a_person_at_the_screen(office.http, database, name) for name in ("e1", "e2"))
    wanted = {"member": "5", "kind": "call", "due_on": "2026-01-09", "assignee": "E1", "note": "ask"}
    made = office.done("POST", "/v1/tasks", wanted)
    found = office.get("/v1/tasks?store=S01&state=open&assignee=E1")
    assert [item["id"] for item in found["items"]] == [made["id"]]
    address = f"/v1/tasks/{made['id']}"
    office.refused("POST", f"{address}/complete", {"outcome": "coming"}, 409)
    assert clerk.post(f"{address}/start").json["state"] == "started"
    assert clerk.post(f"{address}/complete", {"outcome": "no_such"}).status_code == 422
    assert clerk.post(f"{address}/complete", {"outcome": "coming", "minutes": 4}).json["state"] == "done"
    heard = {"done": True, "content": 5}
    assert clerk.post(f"{address}/callback", heard).status_code == 403
    assert colleague.post(f"{address}/callback", heard).json["content"] == 5
    office.refused("POST", "/v1/tasks", {"member": "999", "kind": "call"}, 404)
    office.refused("POST", "/v1/tasks/999/start", {}, 404)
