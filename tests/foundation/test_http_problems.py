"""Whatever goes wrong is one problem document, and garbage never makes a 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from flask import Flask

from foundation.errors import TREATMENTS
from tests.foundation.conftest import Machine, SignedIn

MEMBERS = {"type", "title", "status", "detail", "code", "errors", "retryable", "request_id"}


def problem_of(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = answer.get_json(force=True)
    assert document.keys() >= MEMBERS
    assert document["status"] == status
    assert document["code"] == code
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def test_an_unknown_route_is_a_404_problem(machine: Machine) -> None:
    problem_of(machine.get("/v1/nothing"), 404, "route_unknown")


def test_a_wrong_method_is_a_405_that_names_the_right_ones(machine: Machine) -> None:
    answer = machine.calls.delete("/v1/notes", headers=machine.headers)
    problem_of(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_domain_error_keeps_its_code_its_faults_and_its_facts(machine: Machine) -> None:
    document = problem_of(machine.post("/v1/notes", {"text": "books"}, "k1"), 422, "invalid")
    assert document["errors"] == [{"pointer": "/amount", "detail": "too much"}]
    assert document["expected"] == 7
    problem_of(machine.post("/v1/notes", {"text": "clash"}, "k2"), 409, "note_clash")


def test_a_bug_is_a_500_that_tells_the_caller_nothing_and_the_log_everything(machine: Machine) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = machine.post("/v1/notes", {"text": "bug"}, "k")
    problem_of(answer, 500, "internal_error")
    assert "secret words" not in answer.text
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert line["event"] == "unexpected_error"
    assert str(line["exc_info"]) == "secret words of a bug"


def test_a_part_that_is_away_is_a_503_that_says_when_to_come_back(machine: Machine) -> None:
    answer = machine.post("/v1/notes", {"text": "away"}, "k")
    assert problem_of(answer, 503, "unavailable")["retryable"] is True
    assert answer.headers["Retry-After"] == "9"


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("deadlock", 503, "database_busy"),
        ("slow", 503, "database_busy"),
        ("overflow", 422, "value_out_of_range"),
        ("twin", 409, "recorded_meanwhile"),
    ],
)
def test_a_fault_of_the_database_says_whether_to_try_again(machine: Machine, text: str, status: int, code: str) -> None:
    answer = machine.post("/v1/notes", {"text": text, "amount": 70_000}, "k")
    document = problem_of(answer, status, code)
    assert document["retryable"] is (status == 503)
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_missing_wrong_and_unknown_fields_are_named_by_pointer(machine: Machine) -> None:
    body = {"amount": "7", "extra": 1, "tags": [{"name": "a"}, {"nam": "b"}]}
    document = problem_of(machine.post("/v1/notes", body, "k"), 422, "fields_invalid")
    assert {fault["pointer"] for fault in document["errors"]} == {
        "/text",
        "/amount",
        "/extra",
        "/tags/1/name",
        "/tags/1/nam",
    }


def test_a_msgspec_body_names_the_place_of_its_first_fault(machine: Machine) -> None:
    good = {"store": "S01", "occurred_at": "2026-11-21T10:05:00+08:00", "lines": [{"line": 1, "amount": 1}]}
    assert machine.post("/v1/baskets", good, "k").json == {"total": 1}
    bad = {**good, "lines": [{"line": 1, "amount": 1}, {"line": 2, "amount": -1}]}
    document = problem_of(machine.post("/v1/baskets", bad, "k2"), 422, "fields_invalid")
    assert document["errors"][0]["pointer"] == "/lines/1/amount"
    document = problem_of(machine.post("/v1/baskets", {**good, "x": 1}, "k3"), 422, "fields_invalid")
    assert document["errors"][0]["pointer"] == "/x"
    bad = {**good, "lines": [{"line": 1}]}
    document = problem_of(machine.post("/v1/baskets", bad, "k4"), 422, "fields_invalid")
    assert document["errors"][0]["pointer"] == "/lines/0/amount"


def test_query_arguments_are_checked_too(machine: Machine) -> None:
    for query, pointer in [("limit=0", "/limit"), ("limit=1001", "/limit"), ("limit=x", "/limit"), ("lmit=3", "/lmit")]:
        document = problem_of(machine.get(f"/v1/notes?{query}"), 422, "fields_invalid")
        assert document["errors"][0]["pointer"] == pointer


GARBAGE: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half an object", b'{"text":'),
    ("not UTF-8", b'{"text":"\xff"}'),
    ("UTF-16", '{"text":"a"}'.encode("utf-16")),
    ("a NUL character", b'{"text":"a\\u0000b"}'),
    ("a raw NUL byte", b'{"text":"a\x00b"}'),
    ("half a surrogate pair", b'{"text":"\\ud800"}'),
    ("half a surrogate pair in a name", b'{"\\udfff":"a"}'),
    ("a name twice", b'{"text":"a","text":"b"}'),
    ("NaN", b'{"text":NaN}'),
    ("infinity", b'{"text":-Infinity}'),
    ("a float too large", b'{"text":1e999}'),
    ("70 bits", b'{"text":1180591620717411303424}'),
    ("five thousand digits", b'{"text":' + b"9" * 5000 + b"}"),
    ("a hundred thousand brackets", b"[" * 100_000),
    ("nested 65 deep", b"[" * 65 + b"]" * 65),
    ("nested 65 deep in objects", b'{"a":' * 65 + b"1" + b"}" * 65),
    ("trailing words", b'{"text":"a"} x'),
    ("a comment", b'{"text":"a" /* x */}'),
]


@pytest.mark.parametrize(("name", "body"), GARBAGE, ids=[name for name, _ in GARBAGE])
def test_garbage_in_a_body_is_a_400(machine: Machine, name: str, body: bytes) -> None:
    for path in ("/v1/notes", "/v1/baskets"):
        answer = machine.post(path, key="k", data=body, headers={"Content-Type": "application/json"})
        problem_of(answer, 400, "json_unreadable")


@pytest.mark.parametrize("body", [b"null", b"[]", b"1", b'"text"', b"true", b'{"text":null}', b'{"text":{"a":1}}'])
def test_json_of_another_shape_is_a_422(machine: Machine, body: bytes) -> None:
    for path in ("/v1/notes", "/v1/baskets"):
        answer = machine.post(path, key="k", data=body, headers={"Content-Type": "application/json"})
        problem_of(answer, 422, "fields_invalid")


def test_what_only_looks_like_garbage_is_taken(machine: Machine) -> None:
    for number, text in enumerate(["a\\u0000b", "[" * 200, '"{' * 100, "😀 \\ud83d", "9" * 30, "\\\\u0000"]):
        body = json.dumps({"text": text})
        answer = machine.post("/v1/notes", key=f"k{number}", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201, answer.text
        assert answer.get_json(force=True)["text"] == text
    deep = {"text": "a", "tags": [{"name": "b"}] * 300}
    assert machine.post("/v1/notes", deep, "wide").status_code == 201


def test_a_body_that_is_not_json_by_name_is_a_415(machine: Machine) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = machine.post("/v1/notes", key="k", data=b'{"text":"a"}', headers={"Content-Type": kind})
        problem_of(answer, 415, "unsupported_media_type")
    answer = machine.post(
        "/v1/notes", key="k", data=b'{"text":"a"}', headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 201


def test_more_than_eight_mebibytes_are_a_413(machine: Machine) -> None:
    body = b'{"text":"' + b"a" * (8 * 1024 * 1024) + b'"}'
    answer = machine.post("/v1/notes", key="k", data=body, headers={"Content-Type": "application/json"})
    assert problem_of(answer, 413, "body_too_large")["limit_bytes"] == 8 * 1024 * 1024


@pytest.mark.parametrize("path", ["/v1/notes/a%00b", "/v1/notes/%ff", "/v1/notes?cursor=%00", "/v1/notes?cursor=%ff"])
def test_garbage_in_an_address_is_refused(machine: Machine, path: str) -> None:
    assert machine.get(path).status_code in (400, 404, 422)


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "WzEsMl0", "e30", "a" * 1025, "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"])
def test_a_cursor_that_the_list_did_not_give_is_refused(machine: Machine, cursor: str) -> None:
    assert machine.get(f"/v1/notes?cursor={cursor}").status_code in (400, 422)


def test_a_list_is_paged_to_its_end_by_cursor_and_link(machine: Machine) -> None:
    seen: list[str] = []
    path = "/v1/notes?limit=3"
    for _ in range(3):
        answer = machine.get(path)
        seen += [item["id"] for item in answer.get_json(force=True)["items"]]
        if answer.get_json(force=True)["next_cursor"] is None:
            assert "Link" not in answer.headers
            break
        path = answer.headers["Link"].removeprefix("<").partition(">")[0]
        assert 'rel="next"' in answer.headers["Link"]
    assert seen == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_given_request_id_is_kept_if_it_is_plain(machine: Machine) -> None:
    assert (
        machine.get("/v1/who", headers={"X-Request-Id": "till-7.2026_abc"}).headers["X-Request-Id"] == "till-7.2026_abc"
    )
    for odd in ("short", "a" * 65, "with blank here", "<script>alert(1)</script>"):
        assert machine.get("/v1/who", headers={"X-Request-Id": odd}).headers["X-Request-Id"] != odd


def test_a_read_route_cannot_write(machine: Machine) -> None:
    answer = machine.calls.put("/v1/notes/1", headers=machine.headers)
    assert answer.status_code == 200  # PUT writes: its transaction is a writing one


def test_people_with_a_browser_get_a_page_and_machines_a_document(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    page = web.test_client().get("/nowhere", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.mimetype == "text/html"
    signed_in = sign_in()
    page = signed_in.calls.get("/nowhere", headers={"Accept": "text/html"})
    assert "Log out" in page.text
    assert page.headers["X-Request-Id"] in page.text
    problem_of(signed_in.calls.get("/v1/nowhere", headers={"Accept": "text/html"}), 404, "route_unknown")


def test_people_read_problems_in_their_language(sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in(locale="zh")
    document = signed_in.post("/v1/notes", {}).get_json(force=True)
    assert document["errors"] == [{"pointer": "/text", "detail": "必填"}]
    assert document["code"] == "fields_invalid"


def test_every_kind_of_error_has_a_treatment_of_its_own() -> None:
    assert all(400 <= treatment.status < 600 for treatment in TREATMENTS.values())
