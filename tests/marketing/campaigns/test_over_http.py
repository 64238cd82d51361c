"""Campaigns over HTTP, as DESIGN's routes promise: drafts, a second person, launch, members, results."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from marketing.campaigns.launching import work_on
from organisation.staff.roles import Role
from tests.marketing.campaigns.factories import a_list, many_members
from tests.organisation.callers import Caller, a_machine, a_person_at_the_screen
from tests.organisation.factories import a_person_with_login

SCOPES = ("campaigns.read", "campaigns.write", "campaigns.approve")
LETTER = {"channel": "inbox", "texts": {"en": {"subject": "News", "body": "Dear {{ name }}: {{ coupon }}"}}}
COUPON = {"name": "Ten off", "currency": "CNY", "amount": 1000, "minimum_spend": 5000, "days": 14}


@pytest.fixture
def members(database: Database) -> str:
    """The id of a list of 300."""
    with database.transaction() as tx:
        many_members(tx, 300)
        return str(a_list(tx))


@pytest.fixture
def erp(http: FlaskClient, database: Database) -> Caller:
    return a_machine(http, database, SCOPES)


@pytest.fixture
def boss(http: FlaskClient, database: Database) -> Caller:
    """Somebody of head office."""
    with database.transaction() as tx:
        a_person_with_login(tx, "E9", role=Role.HEAD_OFFICE)
    return a_person_at_the_screen(http, database, "e9")


def _draft(erp: Caller, members: str, **facts: Any) -> Any:
    body = {"name": "Spring", "target_list": members, "coupon": COUPON, "steps": [LETTER]} | facts
    answer = erp.post("/v1/campaigns", body)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_campaign_from_draft_to_result(erp: Caller, boss: Caller, members: str, database: Database) -> None:
    draft = _draft(erp, members)
    assert (draft["state"], draft["version"], draft["control_share"], draft["goal"]) == ("draft", 1, "0.1", "sales")
    address = f"/v1/campaigns/{draft['id']}"
    assert erp.post(f"{address}/submit").json["state"] == "submitted"
    assert erp.post(f"{address}/approve").json["code"] == "second_person_needed"
    approved = boss.post(f"{address}/approve", {"version": 1, "note": "Well done"})
    assert (approved.status_code, approved.json["state"]) == (200, "approved")
    launched = erp.post(f"{address}/launch")
    assert (launched.status_code, launched.json["state"]) == (202, "launching")
    work_on(database, int(draft["id"]))
    running = erp.get(address).json
    assert (running["state"], running["progress"]) == ("running", {"members": 300, "assigned": 300, "failure": None})
    results = erp.get(f"{address}/results").json
    assert (results["verdict"], results["words"]) == ("too_few", "not enough members to tell")
    assert results["groups"]["treated"] + results["groups"]["held_out"] + results["groups"]["company_control"] == 300
    assert results["redemptions"]["issued"] == results["groups"]["treated"]
    stopped = erp.post(f"{address}/stop", {"reason": "Wrong coupon", "take_back": True})
    assert stopped.json["state"] == "stopped"


def test_members_say_which_group_and_what_was_sent(erp: Caller, boss: Caller, members: str, database: Database) -> None:
    draft = _draft(erp, members)
    address = f"/v1/campaigns/{draft['id']}"
    for step in ("submit", "launch"):
        erp.post(f"{address}/{step}")
        boss.post(f"{address}/approve")
    work_on(database, int(draft["id"]))
    seen: list[Any] = []
    cursor = ""
    while True:
        page = erp.get(f"{address}/members?limit=100{cursor}").json
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({member["member"] for member in seen}) == 300
    treated = [member for member in seen if member["arm"] == "treated"]
    held = [member for member in seen if member["arm"] == "held_out"]
    assert all(member["sends"] == [] and member["why"] == "control_group" for member in held)
    assert {send["state"] for member in treated for send in member["sends"]} == {"queued"}
    only = erp.get(f"{address}/members?arm=held_out&limit=1000").json["items"]
    assert only == held


def test_a_draft_is_changed_field_by_field_and_only_as_it_was_read(erp: Caller, members: str) -> None:
    draft = _draft(erp, members)
    address = f"/v1/campaigns/{draft['id']}"
    changed = _patch(erp, address, {"version": 1, "goal": "visits", "coupon": None, "steps": []}).json
    assert (changed["version"], changed["goal"], changed["coupon"], changed["steps"]) == (2, "visits", None, [])
    assert changed["name"] == "Spring"
    late = _patch(erp, address, {"version": 1, "name": "Other"})
    assert (late.status_code, late.json["code"], late.json["version"]) == (412, "campaign_changed", 2)
    assert erp.get(address).json["name"] == "Spring"


def _patch(caller: Caller, address: str, body: Any) -> Any:
    return caller.http.open(address, method="PATCH", json=body, headers=dict(caller.headers))


def test_an_incomplete_plan_names_every_fault(erp: Caller, members: str) -> None:
    draft = _draft(erp, members, coupon=None, steps=[{"channel": "call"}, {"channel": "sms"}])
    refused = erp.post(f"/v1/campaigns/{draft['id']}/submit")
    assert (refused.status_code, refused.json["code"]) == (422, "plan_incomplete")
    assert {fault["pointer"] for fault in refused.json["errors"]} == {"/steps/0/task_kind", "/steps/1/texts"}


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"target_list": "99"}, "/target_list"),
        ({"target_list": "x"}, "/target_list"),
        ({"control_share": "0.6"}, "/control_share"),
        ({"measure_days": 0}, "/measure_days"),
        ({"goal": "fame"}, "/goal"),
        ({"steps": [{"channel": "fax"}]}, "/steps/0/channel"),
        ({"steps": [LETTER] * 6}, "/steps"),
        ({"coupon": COUPON | {"currency": "XXX1"}}, "/coupon/currency"),
        ({"coupon": COUPON | {"amount": -1}}, "/coupon/amount"),
        ({"steps": [{"channel": "inbox", "texts": {"fr": {"subject": "a", "body": "b"}}}]}, "/steps/0/texts/fr/key"),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(erp: Caller, members: str, facts: dict[str, Any], pointer: str) -> None:
    refused = erp.post("/v1/campaigns", {"name": "Spring", "target_list": members} | facts)
    assert refused.status_code == 422, refused.text
    assert pointer in [fault["pointer"] for fault in refused.json["errors"]]
    assert erp.get("/v1/campaigns").json["items"] == []


def test_the_same_key_makes_one_campaign(erp: Caller, members: str) -> None:
    body = {"name": "Spring", "target_list": members}
    first, again = (erp.post("/v1/campaigns", body, key="k-1") for _ in range(2))
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(erp.get("/v1/campaigns").json["items"]) == 1


def test_campaigns_page_and_filter(erp: Caller, members: str) -> None:
    ids = [_draft(erp, members, name=f"No. {n}")["id"] for n in range(5)]
    first = erp.get("/v1/campaigns?limit=2")
    assert [each["id"] for each in first.json["items"]] == ids[:2:-1]
    assert 'rel="next"' in first.headers["Link"]
    second = erp.get(f"/v1/campaigns?limit=2&cursor={first.json['next_cursor']}")
    assert [each["id"] for each in second.json["items"]] == [ids[2], ids[1]]
    assert erp.get("/v1/campaigns?state=running").json["items"] == []


def test_an_estimate_writes_nothing_and_says_what_to_expect(erp: Caller, members: str) -> None:
    text = {"channel": "sms", "texts": {"en": {"body": "{{ coupon }}"}}}
    plan = {"name": "x", "target_list": members, "coupon": COUPON, "steps": [text], "budget": 100}
    expected = erp.post("/v1/campaigns/estimate", plan)
    assert expected.status_code == 200, expected.text
    found = expected.json
    assert (found["members"], found["company_control"], found["held_out"]) == (300, 6, 29)
    assert found["treated"] == 265
    assert found["coupons_at_most"] == 265_000
    assert found["messages_cost"] > 0
    assert found["over_budget"] is True
    assert found["smallest_visible"] is None
    assert erp.get("/v1/campaigns").json["items"] == []


def test_a_preview_shows_the_text_with_the_real_offer(erp: Caller) -> None:
    body = {"channel": "sms", "language": "zh", "body": "{{ name }}，满{{ minimum }}减{{ amount }}", "coupon": COUPON}
    shown = erp.post("/v1/campaigns/preview-text", body).json
    assert "张三丰" in shown["body"]
    assert "50" in shown["body"]
    assert shown["parts"] == 1
    broken = erp.post("/v1/campaigns/preview-text", body | {"body": "{{ nobody }}"})
    assert (broken.status_code, broken.json["code"]) == (422, "text_unusable")


def test_nobody_without_the_permission_sees_or_decides_anything(
    http: FlaskClient, database: Database, erp: Caller, members: str
) -> None:
    draft = _draft(erp, members)
    reader = a_machine(http, database, ("campaigns.read",))
    stranger = a_machine(http, database, ("lists.read",))
    address = f"/v1/campaigns/{draft['id']}"
    assert stranger.get(address).status_code == 403
    assert reader.get(address).status_code == 200
    for step in ("submit", "approve", "reject", "launch", "stop"):
        assert reader.post(f"{address}/{step}").status_code == 403
    assert reader.get(address).json["state"] == "draft"


@pytest.mark.parametrize("address", ["/v1/campaigns/99", "/v1/campaigns/x/results", "/v1/campaigns/1e5/members"])
def test_there_is_no_such_campaign(erp: Caller, address: str) -> None:
    assert erp.get(address).json["code"] == "campaign_unknown"
