"""Follow-up tasks through HTTP: a clerk's day, who may do what, and what is asked twice."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.tasks.kinds import change_kind, find_kind
from organisation.staff.roles import Role, Scope
from tests.marketing.tasks.factories import a_clerk, a_member_of, a_shop
from tests.organisation.callers import Caller, a_machine, a_person_at_the_screen
from tests.organisation.factories import a_store

PHONE = {"kind": "phone", "value": "13800138000"}


@pytest.fixture
def shop(app: Any, database: Database) -> int:
    """S01 with clerks E1, E2 and manager M1; S02 with E9 and M2; head office; a member of S01. The member's id."""
    with database.transaction() as tx:
        a_shop(tx)
        a_store(tx, "S02")
        a_clerk(tx, "E9", home_store="S02")
        a_clerk(tx, "M2", home_store="S02", role=Role.STORE_MANAGER)
        a_clerk(tx, "HQ", home_store=None, role=Role.ADMINISTRATOR, scope=Scope.COMPANY)
        a_clerk(tx, "AUD", home_store=None, role=Role.AUDITOR, scope=Scope.COMPANY)
        return a_member_of(tx)


@pytest.fixture
def who(shop: int, http: FlaskClient, database: Database) -> Any:
    def someone(number: str) -> Caller:
        return a_person_at_the_screen(http, database, number.lower())

    return someone


@pytest.fixture
def erp(shop: int, http: FlaskClient, database: Database) -> Caller:
    return a_machine(http, database, ["tasks.read", "tasks.work", "tasks.manage"])


def sampled_share(database: Database, kind: str, percent: int) -> None:
    with database.transaction() as tx:
        template = replace(find_kind(tx, kind).template, callback_percent=percent)
        change_kind(tx, kind, template, retired=False, was=None, by="test")


def a_new_task(caller: Caller, **facts: Any) -> Any:
    answer = caller.post("/v1/tasks", {"member": PHONE, "kind": "call", **facts})
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_task_is_made_worked_and_called_back(who: Any, shop: int, clock: FixedClock) -> None:
    manager, clerk, colleague = who("M1"), who("E1"), who("E2")
    made = a_new_task(manager, due_on="2026-01-07", assignee="E1", note="Prefers the evening")
    assert made["member"] == str(shop)
    assert (made["state"], made["assignee"], made["store"], made["due_on"]) == ("open", "E1", "S01", "2026-01-07")
    address = f"/v1/tasks/{made['id']}"

    assert clerk.post(f"{address}/start").json["state"] == "started"
    assert clerk.put(f"{address}/steps", {"done": [0, 1]}).json["steps_done"] == [0, 1]
    logged = clerk.post(f"{address}/log", {"contact": "no_answer", "minutes": 2, "note": "Tried at noon"})
    assert logged.json["minutes"] == 2
    done = clerk.post(f"{address}/complete", {"outcome": "coming", "minutes": 4})
    assert (done.json["state"], done.json["outcome"], done.json["success"]) == ("done", "coming", True)
    assert (done.json["minutes"], done.json["done_by"]) == (6, "E1")

    by_the_doer = clerk.post(f"{address}/callback", {"done": True, "content": 5})
    assert (by_the_doer.status_code, by_the_doer.json["code"]) == (403, "second_person_needed")
    heard = colleague.post(f"{address}/callback", {"done": True, "content": 4, "comment": "Very friendly"})
    assert (heard.json["state"], heard.json["content"]) == ("called_back", 4)

    seen = clerk.get(address).json
    assert seen["note"] == "Prefers the evening"
    whats = ["made", "started", "logged", "completed", "called_back"]
    assert [entry["what"] for entry in seen["history"]] == whats
    assert [entry["note"] for entry in seen["history"]] == [None, None, "Tried at noon", None, "Very friendly"]
    assert seen["callbacks"][0]["content"] == 4


def test_what_was_not_done_is_open_again_and_counts(who: Any) -> None:
    made = a_new_task(who("M1"), assignee="E1")
    address = f"/v1/tasks/{made['id']}"
    who("E1").post(f"{address}/start")
    who("E1").post(f"{address}/complete", {"outcome": "done"})
    again = who("E2").post(f"{address}/callback", {"done": False}).json
    assert (again["state"], again["assignee"], again["refuted"]) == ("open", "E1", 1)
    who("E1").post(f"{address}/start")
    assert who("E1").post(f"{address}/complete", {"outcome": "done"}).json["state"] == "done"
    assert who("E2").post(f"{address}/callback", {"done": True, "content": 3}).json["state"] == "called_back"


def test_of_two_clerks_who_take_a_task_one_has_it(who: Any) -> None:
    made = a_new_task(who("M1"), pool=True)
    assert made["assignee"] is None
    assert who("E1").post(f"/v1/tasks/{made['id']}/take").json["assignee"] == "E1"
    late = who("E2").post(f"/v1/tasks/{made['id']}/take")
    assert (late.status_code, late.json["code"]) == (409, "task_taken")
    late = who("E2").post(f"/v1/tasks/{made['id']}/start")
    assert (late.status_code, late.json["code"]) == (409, "task_taken")
    assert who("E1").post(f"/v1/tasks/{made['id']}/put-back", {}).json["assignee"] is None


def test_the_same_request_twice_makes_one_task(who: Any) -> None:
    manager = who("M1")
    body = {"member": PHONE, "kind": "call", "assignee": "E1"}
    first = manager.post("/v1/tasks", body, key="once")
    again = manager.post("/v1/tasks", body, key="once")
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(manager.get("/v1/tasks").json["items"]) == 1


def test_states_are_kept_in_order(who: Any) -> None:
    made = a_new_task(who("M1"), assignee="E1")
    address = f"/v1/tasks/{made['id']}"
    clerk = who("E1")
    early = clerk.post(f"{address}/complete", {"outcome": "done"})
    assert (early.status_code, early.json["code"], early.json["state"]) == (409, "task_state", "open")
    assert who("E2").post(f"{address}/callback", {"done": True}).status_code == 409
    clerk.post(f"{address}/start")
    assert clerk.post(f"{address}/start").status_code == 409
    assert clerk.post(f"{address}/cancel", {"reason": "duplicate"}).json["state"] == "cancelled"
    for move, body in (("start", {}), ("complete", {"outcome": "done"}), ("cancel", {}), ("log", {"minutes": 1})):
        assert clerk.post(f"{address}/{move}", body).status_code == 409


def test_an_unknown_outcome_is_refused_with_those_that_are_known(who: Any) -> None:
    made = a_new_task(who("M1"), assignee="E1")
    who("E1").post(f"/v1/tasks/{made['id']}/start")
    answer = who("E1").post(f"/v1/tasks/{made['id']}/complete", {"outcome": "whatever"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/outcome")
    assert answer.json["outcomes"] == ["done", "coming", "declined", "unreachable"]


@pytest.mark.parametrize(
    ("facts", "status", "pointer"),
    [
        ({"kind": "nonsense"}, 422, "/kind"),
        ({"assignee": "E99"}, 422, "/assignee"),
        ({"store": "S99"}, 422, "/store"),
        ({"due_on": "soon"}, 422, "/due_on"),
        ({"member": True}, 422, "/member"),
        ({"note": " "}, 422, "/note"),
        ({"member": "999999"}, 404, None),
    ],
)
def test_what_is_wrong_with_a_new_task_is_said_at_its_place(
    erp: Caller, facts: dict[str, Any], status: int, pointer: str | None
) -> None:
    answer = erp.post("/v1/tasks", {"member": PHONE, "kind": "call", **facts})
    assert answer.status_code == status, answer.text
    assert [fault["pointer"] for fault in answer.json["errors"]] == ([pointer] if pointer else [])
    assert erp.get("/v1/tasks").json["items"] == []


def test_a_clerk_sees_the_own_tasks_and_the_pool(who: Any) -> None:
    manager = who("M1")
    mine, theirs = a_new_task(manager, assignee="E1"), a_new_task(manager, assignee="E2")
    pool = a_new_task(manager, pool=True)
    elsewhere = a_new_task(who("M2"), store="S02", pool=True)
    assert {task["id"] for task in who("E1").get("/v1/tasks").json["items"]} == {mine["id"], pool["id"]}
    assert {task["id"] for task in manager.get("/v1/tasks").json["items"]} == {mine["id"], theirs["id"], pool["id"]}
    assert len(who("HQ").get("/v1/tasks").json["items"]) == 4
    assert len(who("AUD").get("/v1/tasks").json["items"]) == 4
    assert who("E1").get(f"/v1/tasks/{theirs['id']}").status_code == 404
    assert who("M1").get(f"/v1/tasks/{elsewhere['id']}").status_code == 404
    assert who("E9").post(f"/v1/tasks/{pool['id']}/take").status_code == 404


def test_nobody_does_what_is_not_theirs(who: Any) -> None:
    made = a_new_task(who("M1"), assignee="E1")
    address = f"/v1/tasks/{made['id']}"
    assert who("E2").post(f"{address}/start").status_code == 409
    assert who("E9").post(f"{address}/start").status_code == 404
    assert who("M2").post(f"{address}/assign", {"assignee": "E9"}).status_code == 404
    assert who("M1").post(f"{address}/assign", {"assignee": "E9"}).status_code == 403
    assert who("E1").post(f"{address}/assign", {"assignee": "E2"}).status_code == 403
    assert who("AUD").post(f"{address}/start").status_code == 403
    assert who("AUD").post("/v1/tasks", {"member": PHONE, "kind": "call"}).status_code == 403
    assert who("E1").post("/v1/tasks", {"member": PHONE, "kind": "call", "assignee": "E2"}).status_code == 403
    assert who("E9").post("/v1/tasks", {"member": PHONE, "kind": "call", "store": "S01"}).status_code == 403
    assert who("M1").put("/v1/task-settings", who("M1").get("/v1/task-settings").json).status_code == 403
    assert who("E1").get(address).json["state"] == "open"


def test_a_clerk_records_a_complaint_which_stays_open_until_the_member_is_content(who: Any) -> None:
    made = a_new_task(who("E2"), kind="complaint", assignee="E2", note="The milk was sour")
    assert made["complaint"] is True
    address = f"/v1/tasks/{made['id']}"
    who("E2").post(f"{address}/start")
    done = who("E2").post(f"{address}/complete", {"outcome": "goodwill"}).json
    assert done["callback_asked"] is True
    assert [task["id"] for task in who("E1").get("/v1/tasks?state=done").json["items"]] == [made["id"]]
    assert who("E1").post(f"{address}/callback", {"done": True, "content": 5}).json["state"] == "called_back"


def test_a_machine_reports_for_a_person(erp: Caller) -> None:
    made = a_new_task(erp, pool=True, store="S01")
    address = f"/v1/tasks/{made['id']}"
    assert erp.post(f"{address}/start", {"staff": "E1"}).json["assignee"] == "E1"
    assert erp.post(f"{address}/complete", {"outcome": "done"}).json["done_by"] == "E1"
    same = erp.post(f"{address}/callback", {"done": True, "staff": "E1"})
    assert same.status_code == 403
    assert erp.post(f"{address}/callback", {"done": True, "content": 5, "staff": "E2"}).json["content"] == 5


def test_lists_page_and_filter(erp: Caller) -> None:
    days = ["2026-01-09", "2026-01-06", "2026-01-07", "2025-12-31"]
    for day in days:
        a_new_task(erp, due_on=day, pool=True)
    first = erp.get("/v1/tasks?limit=3").json
    rest = erp.get(f"/v1/tasks?limit=3&cursor={first['next_cursor']}").json
    assert [task["due_on"] for task in first["items"] + rest["items"]] == sorted(days)
    assert rest["next_cursor"] is None
    late = erp.get("/v1/tasks?overdue=true").json["items"]
    assert [(task["due_on"], task["days_late"]) for task in late] == [("2025-12-31", 5)]
    assert erp.get("/v1/tasks?assignee=E1").json["items"] == []
    assert len(erp.get("/v1/tasks?pool=true&store=S01&kind=call&state=open").json["items"]) == 4
    assert erp.get("/v1/tasks?state=nonsense").status_code == 422


def test_a_kind_is_changed_and_what_was_made_keeps_its_version(erp: Caller) -> None:
    made = a_new_task(erp, assignee="E1")
    kind = erp.get("/v1/task-kinds/call").json
    wanted = {
        name: kind[name]
        for name in ("name", "script", "steps", "standard_minutes", "due_in_days", "callback_percent", "outcomes")
    }
    wanted["steps"] = [{"en": "Only call", "zh": "只打电话"}]
    changed = erp.put("/v1/task-kinds/call", {**wanted, "version": 1})
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert erp.put("/v1/task-kinds/call", {**wanted, "version": 1}).status_code == 409
    assert erp.put("/v1/task-kinds/call", {**wanted, "version": 2}).json["version"] == 2
    assert len(erp.get(f"/v1/tasks/{made['id']}").json["template"]["steps"]) == 4
    assert a_new_task(erp)["kind_version"] == 2
    new = erp.post("/v1/task-kinds", {**wanted, "code": "visit"})
    assert (new.status_code, new.json["code"]) == (201, "visit")
    assert erp.post("/v1/task-kinds", {**wanted, "code": "visit"}).status_code == 409
    erp.put("/v1/task-kinds/visit", {**wanted, "retired": True})
    assert erp.post("/v1/tasks", {"member": PHONE, "kind": "visit"}).status_code == 422


def test_figures_of_clerks_and_stores(who: Any, database: Database, clock: FixedClock) -> None:
    sampled_share(database, "call", 100)
    for outcome, confirmed, content in (("coming", True, 4), ("done", False, 1), ("declined", True, 5)):
        made = a_new_task(who("M1"), assignee="E1", due_on="2026-01-05")
        address = f"/v1/tasks/{made['id']}"
        who("E1").post(f"{address}/start")
        who("E1").post(f"{address}/complete", {"outcome": outcome, "minutes": 9})
        who("E2").post(f"{address}/callback", {"done": confirmed, "content": content})
    found = who("M1").get("/v1/task-figures").json
    [clerk] = found["clerks"]
    assert (clerk["staff"], clerk["store"], clerk["open"], clerk["done"]) == ("E1", "S01", 1, 2)
    assert (clerk["asked"], clerk["confirmed"], clerk["refuted"]) == (3, 2, 1)
    assert (clerk["content_sum"], clerk["content_count"]) == (10, 3)
    assert (clerk["minutes"], clerk["standard_minutes"], clerk["successes"], clerk["on_time"]) == (18, 12, 1, 2)
    assert (clerk["due"], clerk["due_done"]) == (3, 2)
    assert found["total"]["done"] == 2
    assert who("E1").get("/v1/task-figures").status_code == 403
    assert who("M2").get("/v1/task-figures?store=S01").status_code == 403
    assert who("M1").get("/v1/task-figures?from=2026-01-05&to=2026-01-01").status_code == 422


def test_a_hand_over_moves_everything_that_is_not_finished(who: Any) -> None:
    manager = who("M1")
    tasks = [a_new_task(manager, assignee="E1") for _ in range(3)]
    who("E1").post(f"/v1/tasks/{tasks[0]['id']}/start")
    who("E1").post(f"/v1/tasks/{tasks[0]['id']}/complete", {"outcome": "done"})
    moved = manager.post("/v1/tasks/handover", {"from": "E1", "to": "E2", "reason": "away"}).json
    assert moved == {"assigned": 2, "pooled": 0, "left": 0, "more": False}
    assert len(manager.get("/v1/tasks?assignee=E2&state=open").json["items"]) == 2
    history = manager.get(f"/v1/tasks/{tasks[1]['id']}").json["history"][-1]
    assert (history["what"], history["assignee_from"], history["assignee_to"], history["reason"]) == (
        "handed_over",
        "E1",
        "E2",
        "away",
    )
    spread = manager.post("/v1/tasks/handover", {"from": "E2", "spread": True}).json
    assert (spread["assigned"], spread["pooled"]) == (2, 0)
    named = [tasks[1]["id"], tasks[0]["id"], "999"]
    pooled = manager.post("/v1/tasks/handover", {"tasks": named, "reason": "overload"}).json
    assert pooled == {"assigned": 0, "pooled": 1, "left": 2, "more": False}
    assert who("E1").post("/v1/tasks/handover", {"from": "E1", "to": "E2"}).status_code == 403
    assert manager.post("/v1/tasks/handover", {"from": "E1", "to": "E9"}).status_code == 403
    assert who("M1").post("/v1/tasks/handover", {"from": "NOBODY"}).status_code == 422
    assert who("M1").post("/v1/tasks/handover", {}).status_code == 422
