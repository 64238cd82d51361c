"""The operator's three addresses."""

from collections.abc import Callable
from dataclasses import replace

from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.http import create_app
from foundation.http.health import NotReady, beat_worker
from foundation.settings import Settings
from tests.foundation import web_room


def test_the_process_says_that_it_lives(web: Flask) -> None:
    assert web.test_client().get("/healthz").json == {"status": "ok"}


def test_ready_names_the_parts_that_are_not(web_settings: Settings, database: Database) -> None:
    def behind(_: Database) -> None:
        raise NotReady("at migration 0003")

    def broken(_: Database) -> None:
        raise RuntimeError("postgresql://user:password@somewhere")

    app = create_app([web_room.room], web_settings, database, checks={"migrations": behind, "broken": broken})
    with database.transaction() as tx:
        tx.execute("UPDATE foundation.relay SET beat_at = now() - interval '5 minutes'")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    parts = answer.get_json(force=True)["parts"]
    assert parts["database"] == parts["valkey"] == "ok"
    assert parts["migrations"] == "at migration 0003"
    assert parts["broken"] == "does not answer"
    assert "no sign of life" in parts["worker"]
    assert "no sign of life for 3" in parts["relay"]


def test_ready_is_ready_when_everything_beats(web: Flask, web_settings: Settings, database: Database) -> None:
    beat_worker(Database(web_settings))
    with database.transaction() as tx:
        tx.execute("UPDATE foundation.relay SET beat_at = now()")
    answer = web.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json(force=True)["status"] == "ready"


def test_a_database_that_is_away_is_a_503_on_every_route_and_named_by_ready(
    web_settings: Settings, make_web: Callable[..., Flask], clock: FixedClock
) -> None:
    gone = replace(web_settings, database_url="postgresql://nobody@127.0.0.1:1/none")
    away = Database(gone, clock)
    app = create_app([web_room.room], gone, away)
    answer = app.test_client().get("/v1/who", headers={"Authorization": "Bearer rgt_x"})
    assert answer.status_code == 503
    assert answer.get_json(force=True)["code"] == "database_away"
    assert answer.headers["Retry-After"] == "1"
    parts = app.test_client().get("/readyz").get_json()["parts"]
    assert parts["database"] == "does not answer"
    assert app.test_client().get("/healthz").status_code == 200


def test_metrics_count_requests_by_pattern_and_problems_by_code(web: Flask) -> None:
    calls = web.test_client()
    calls.get("/v1/notes/17")
    calls.get("/v1/notes/18")
    calls.get("/v1/no-such-route")
    text = calls.get("/metrics").text
    assert 'regulars_http_requests_total{method="GET",route="/v1/notes/<string:note>",status="401"}' in text
    assert "/v1/notes/17" not in text
    assert "no-such-route" not in text
    assert 'regulars_http_problems_total{code="unauthenticated"}' in text
