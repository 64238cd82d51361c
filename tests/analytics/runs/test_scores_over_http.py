"""Runs and scores as machines and people ask for them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import move_batch
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.analytics.runs.shop import AS_OF, purchases
from tests.member_api.callers import Caller
from tests.member_api.people import a_member

MEMBERS = 105


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    return Caller(http, database, ["scores.read", "scores.run", "members.read"])


@pytest.fixture
def shop(database: Database) -> Database:
    """Members 1 to MEMBERS are enrolled, and bought."""
    assert [a_member(database, f"+861380013{n:04d}") for n in range(MEMBERS)] == list(range(1, MEMBERS + 1))
    write_lake(database, purchases(MEMBERS))
    return database


def run_to_the_end(office: Caller, database: Database, **body: Any) -> dict[str, Any]:
    asked = office.post("/v1/scoring-runs", body)
    assert asked.status_code == 202, asked.text
    with database.transaction() as tx:
        move_batch(tx)
    work_on_runs(database, score)
    done: dict[str, Any] = office.get(f"/v1/scoring-runs/{asked.get_json()['id']}").get_json()
    return done


def test_a_run_is_asked_for_followed_and_read(office: Caller, shop: Database) -> None:
    asked = office.post("/v1/scoring-runs", {"as_of": "2026-01-05", "horizon_days": 56}, key="run")
    assert asked.status_code == 202
    body = asked.get_json()
    assert (body["state"], body["waiting"], body["progress"]) == ("running", True, 0)
    assert (body["as_of"], body["horizon_days"]) == ("2026-01-05", 56)
    assert asked.headers["Location"] == f"/v1/scoring-runs/{body['id']}"
    again = office.post("/v1/scoring-runs", {"as_of": "2026-01-05", "horizon_days": 56}, key="run")
    assert (again.status_code, again.get_json(), again.headers["Idempotency-Replayed"]) == (202, body, "true")
    other_key = office.post("/v1/scoring-runs", {"as_of": "2026-01-05", "horizon_days": 56})
    assert other_key.get_json()["id"] == body["id"]
    done = run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=56)
    assert (done["state"], done["progress"], done["step"], done["failure"]) == ("done", 100, "done", None)
    assert done["waiting"] is False
    assert done["findings"]["currencies"][0]["facts"]["members"] == MEMBERS
    listed = office.get("/v1/scoring-runs").get_json()
    assert [run["id"] for run in listed["items"]] == [body["id"]]
    assert listed["items"][0]["findings"] is None


def test_scores_are_read_by_page_in_one_currency_each(office: Caller, shop: Database) -> None:
    run = run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    first = office.get("/v1/scores", as_of="2026-01-05", limit=60)
    page = first.get_json()
    assert 'rel="next"' in first.headers["Link"]
    rest = office.get("/v1/scores", as_of="2026-01-05", limit=60, cursor=page["next_cursor"]).get_json()
    items = page["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert [item["member"] for item in items] == [str(n) for n in range(1, MEMBERS + 1)]
    (item,) = [item for item in items if item["member"] == "1"]
    assert item.keys() == {"member", "currency", "as_of", "horizon_days", "run", "contribution", "potential"}
    assert item["contribution"].keys() == {"score", "class", "value"}
    assert item["potential"].keys() == {"score", "direction", "predicted_spend", "probability_alive"}
    assert (item["currency"], item["run"], item["horizon_days"]) == ("CNY", run["id"], 28)
    assert 0 <= item["potential"]["probability_alive"] <= 1
    assert office.get("/v1/scores").get_json()["items"][0] == items[0]


def test_a_cursor_goes_on_in_its_run_although_a_newer_one_has_ended(office: Caller, shop: Database) -> None:
    run = run_to_the_end(office, shop, as_of="2025-12-01", horizon_days=28)
    page = office.get("/v1/scores", limit=10).get_json()
    run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    rest = office.get("/v1/scores", limit=1000, cursor=page["next_cursor"]).get_json()
    assert {item["run"] for item in page["items"] + rest["items"]} == {run["id"]}


def test_one_member_s_scores_say_why_and_how_they_went(office: Caller, shop: Database) -> None:
    run_to_the_end(office, shop, as_of="2025-12-08", horizon_days=28)
    run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    listed = office.get("/v1/scores", limit=1000).get_json()["items"]
    rising = next(item["member"] for item in listed if item["potential"]["direction"] == "rising")
    answer = office.get(f"/v1/members/{rising}/scores").get_json()
    assert answer["scored"]
    (item,) = answer["items"]
    worth, heading = item["contribution"], item["potential"]
    assert worth["value"] == worth["profit"] - worth["points_cost"] - worth["contact_cost"]
    assert heading["direction"] == "rising"
    assert len(heading["periods"]["spend"]) == 6
    assert sum(each["predicted_spend"] for each in item["formats"]) == heading["predicted_spend"]
    assert any("28 days" in sentence for sentence in item["why"])
    assert [each["as_of"] for each in answer["history"]] == ["2025-12-08"]
    earlier = office.get(f"/v1/members/{rising}/scores", as_of="2025-12-08").get_json()
    assert (earlier["items"][0]["as_of"], earlier["history"]) == ("2025-12-08", [])


def test_who_never_bought_or_refuses_profiling_has_no_score_and_a_reason(office: Caller, shop: Database) -> None:
    stranger = a_member(shop, "+8613900000000")
    run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    none = office.get(f"/v1/members/{stranger}/scores").get_json()
    assert (none["scored"], none["items"]) == (False, [])
    with shop.transaction() as tx:
        tx.execute(
            "INSERT INTO member.consent (member_id, channel, purpose, granted, since)"
            " VALUES (10, 'any', 'profiling', false, :now)",
            {"now": tx.now},
        )
    refused = office.get("/v1/members/10/scores").get_json()
    assert (refused["scored"], refused["items"], refused["history"]) == (False, [], [])
    assert "profiling" in refused["reason"]
    listed = office.get("/v1/scores", limit=1000).get_json()["items"]
    assert "10" not in [item["member"] for item in listed]


def test_currencies_are_never_mixed(office: Caller, shop: Database) -> None:
    write_lake(shop, (LineFacts(AS_OF - timedelta(days=n), 500, 3, currency="HKD", profit=50) for n in range(1, 30)))
    run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    both = office.get("/v1/members/3/scores").get_json()["items"]
    assert [(item["currency"], item["contribution"]["spend"]) for item in both][1] == ("HKD", 29 * 500)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"as_of": "2026-02-30"}, 422, "/as_of"),
        ({"as_of": "1066-10-14", "horizon_days": 28}, 422, "/as_of"),
        ({"as_of": "2026-01-05", "horizon_days": 0}, 422, "/horizon_days"),
        ({"as_of": "2026-01-05", "horizon_days": 731}, 422, "/horizon_days"),
        ({"as_of": "2026-01-05", "horizon_days": "28"}, 422, "/horizon_days"),
        ({"as_of": "2026-01-05", "horizon": 28}, 422, "/horizon"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_its_place(
    office: Caller, body: dict[str, Any], status: int, pointer: str
) -> None:
    answer = office.post("/v1/scoring-runs", body)
    assert answer.status_code == status
    assert [error["pointer"] for error in answer.get_json()["errors"]] == [pointer]
    assert office.get("/v1/scoring-runs").get_json()["items"] == []


def test_what_is_not_there_is_404_and_says_which(office: Caller, database: Database) -> None:
    member = a_member(database)
    for path, code in (
        ("/v1/scores", "scores_unknown"),
        ("/v1/scores?as_of=2020-01-01", "scores_unknown"),
        ("/v1/scoring-runs/7", "scoring_run_unknown"),
        ("/v1/scoring-runs/x", "scoring_run_unknown"),
        (f"/v1/members/{member}/scores", "scores_unknown"),
        ("/v1/members/999999/scores", "member_unknown"),
    ):
        answer = office.http.get(path, headers=office.headers)
        assert (answer.status_code, answer.get_json()["code"]) == (404, code), path
    assert office.get("/v1/scores", limit=0).status_code == 422
    assert office.get("/v1/scores", cursor="x").status_code == 400
    assert office.http.post("/v1/scoring-runs", json={}, headers=office.headers).status_code == 400  # no key


def test_reading_is_not_starting(http: FlaskClient, database: Database) -> None:
    reader = Caller(http, database, ["scores.read"])
    assert reader.post("/v1/scoring-runs", {"as_of": "2026-01-05"}).status_code == 403
    assert Caller(http, database, ["scores.run"]).get("/v1/scores").status_code == 403


def test_settings_are_published_by_version_and_followed(office: Caller, shop: Database) -> None:
    current = office.get("/v1/score-settings").get_json()
    assert (current["version"], current["contribution"]["platinum_percent"]) == (0, 50)
    wish = {"contribution": {"platinum_percent": 30}, "horizon_days": 21, "keep_days": 100, "note": "stricter"}
    published = office.post("/v1/score-settings", wish)
    assert (published.status_code, published.get_json()["version"]) == (201, 1)
    run = office.post("/v1/scoring-runs", {}).get_json()
    assert (run["as_of"], run["horizon_days"], run["settings_version"]) == (date(2026, 1, 5).isoformat(), 21, 1)
    assert run["settings"]["platinum_percent"] == 30
    for wrong in (
        {"platinum_percent": 0},
        {"unknown": 1},
        {"weights": {"spend": -1}},
        {"window_days": "x"},
        {"window_days": 10**9},
    ):
        assert office.post("/v1/score-settings", {**wish, "contribution": wrong}).status_code == 422, wrong


def test_what_would_be_in_a_year_is_not_how_members_stand(office: Caller, shop: Database) -> None:
    run_to_the_end(office, shop, as_of="2026-01-05", horizon_days=28)
    ahead = run_to_the_end(office, shop, as_of="2026-12-28", horizon_days=28)
    assert ahead["state"] == "done"
    assert {item["as_of"] for item in office.get("/v1/scores").get_json()["items"]} == {"2026-01-05"}
    assert office.get("/v1/members/1/scores").get_json()["items"][0]["as_of"] == "2026-01-05"
    asked = office.get("/v1/scores", as_of="2026-12-28", limit=1).get_json()["items"]
    assert [item["run"] for item in asked] == [ahead["id"]]


def test_whoever_acts_in_one_store_neither_scores_the_company_nor_sets_how(
    http: FlaskClient, office: Caller, database: Database
) -> None:
    here = Caller(http, database, ["scores.read", "scores.run"], store="S01")
    assert here.post("/v1/scoring-runs", {}).get_json()["code"] == "place_forbidden"
    settings = office.get("/v1/score-settings").get_json()
    wish = {name: settings[name] for name in ("contribution", "horizon_days", "keep_days")}
    assert here.post("/v1/score-settings", wish).get_json()["code"] == "place_forbidden"
    assert office.post("/v1/score-settings", wish).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"new_days": 1.5},
        {"window_days": 10.5},
        {"point_costs": [{"valid_from": "2026-01-01", "points": 1.5, "money": 1, "redeemed_percent": 95}]},
        {"format_shares": {"supermarket": 1e308, "online": 1e308}},
    ],
)
def test_settings_count_in_whole_numbers(office: Caller, database: Database, change: dict[str, Any]) -> None:
    settings = office.get("/v1/score-settings").get_json()
    wish = {name: settings[name] for name in ("horizon_days", "keep_days")}
    refused = office.post("/v1/score-settings", wish | {"contribution": settings["contribution"] | change})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "contribution_settings_wrong"), refused.text
