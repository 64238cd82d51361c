"""One JSON line a failure, with its cause, and nothing that must not be there."""

import json
import logging
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy
import structlog
from flask import Flask

from foundation.database import Database
from foundation.logging import configure_logging
from tests.foundation.conftest import Machine


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> "Iterator[Lines]":
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logging("info")
    yield Lines(capsys)
    root.handlers[:], root.level = before


class Lines:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def read(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]


def test_lines_of_both_kinds_are_json_with_time_and_level(logged: Lines) -> None:
    structlog.get_logger("a").info("thing_happened", count=3)
    logging.getLogger("library").warning("something %s", "odd")
    ours, theirs = logged.read()
    assert ours | {"timestamp": ""} == {"event": "thing_happened", "count": 3, "level": "info", "timestamp": ""}
    assert theirs["event"] == "something odd"
    assert theirs["level"] == "warning"


def test_a_fault_of_the_database_is_logged_without_its_values(logged: Lines, database: Database) -> None:
    try:
        with database.transaction() as tx:
            tx.execute("SELECT CAST(:secret AS text), 1 / 0", {"secret": "Lin Mei"})
    except sqlalchemy.exc.DBAPIError:
        structlog.get_logger().error("failed", exc_info=True)
    [line] = logged.read()
    assert line["cause"] == "DivisionByZero (22012): division by zero"
    assert "Lin Mei" not in json.dumps(line)
    assert any("test_logging.py" in frame for frame in line["frames"])  # type: ignore[attr-defined]


def test_an_exception_with_many_lines_is_one_line(logged: Lines) -> None:
    error = psycopg.OperationalError("first line\nsecond line")
    logging.getLogger("library").error("broken", exc_info=error)
    [line] = logged.read()
    assert line["cause"] == "OperationalError (no sqlstate): first line"


def test_a_refused_request_of_a_known_caller_is_one_line_without_its_content(machine: Machine, logged: Lines) -> None:
    machine.post("/v1/notes", {"text": 5, "secret": "Lin Mei"}, "k", headers={"X-Request-Id": "request-1"})
    [line] = logged.read()
    assert line["event"] == "request_refused"
    assert line["request_id"] == "request-1"
    assert line["route"] == "/v1/notes"
    assert line["principal"] == f"machine:{machine.client.client_id}"
    assert line["pointers"] == ["/text", "/secret"]
    assert "Lin" not in json.dumps(line)


def test_success_and_strangers_write_no_line(machine: Machine, web: Flask, logged: Lines) -> None:
    machine.get("/v1/who")
    web.test_client().get("/v1/who")
    web.test_client().get("/v1/nothing")
    assert logged.read() == []


def test_a_bug_is_one_line_with_cause_and_frames(machine: Machine, logged: Lines) -> None:
    machine.post("/v1/notes", {"text": "bug"}, "k")
    [line] = logged.read()
    assert line["event"] == "unexpected_error"
    assert line["cause"] == "RuntimeError: secret words of a bug"
    assert line["level"] == "error"
