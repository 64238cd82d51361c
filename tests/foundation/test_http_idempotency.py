"""The same request sent twice happens once and is answered the same."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from foundation import queues
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.idempotency import forget_old_keys
from tests.foundation import web_room
from tests.foundation.conftest import Machine, SignedIn
from tests.foundation.test_http_problems import problem_of

BASKET = {"store": "S01", "occurred_at": "2026-11-21T10:05:00+08:00", "lines": [{"line": 1, "amount": 5}]}


def test_a_request_without_a_key_is_refused(machine: Machine) -> None:
    for path, body in [("/v1/notes", {"text": "a"}), ("/v1/baskets", BASKET), ("/v1/baskets/hot", BASKET)]:
        problem_of(machine.post(path, body), 400, "idempotency_key_missing")
        problem_of(machine.post(path, body, ""), 400, "idempotency_key_missing")


@pytest.mark.parametrize(
    "key", ["a" * 201, '"' + "a" * 201 + '"', "with blank", '"unclosed', 'in"side', "ü", '""', "tab\there"]
)
def test_a_key_that_is_no_key_is_refused(machine: Machine, key: str) -> None:
    answer = machine.calls.post(
        "/v1/notes",
        json={"text": "a"},
        headers={**machine.headers, "Idempotency-Key": key.encode("latin-1").decode("latin-1")},
    )
    problem_of(answer, 400, "idempotency_key_invalid")


def test_quoted_and_bare_are_the_same_key(machine: Machine) -> None:
    first = machine.post("/v1/notes", {"text": "a"}, "8e03978e")
    again = machine.post("/v1/notes", {"text": "a"}, '"8e03978e"')
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_repeat_gets_the_same_answer_and_does_nothing(machine: Machine) -> None:
    first = machine.post("/v1/notes", {"text": "a"}, "k")
    done = web_room.times_done
    for _ in range(3):
        again = machine.post("/v1/notes", {"text": "a"}, "k")
        assert (
            (again.status_code, again.json) == (first.status_code, first.json) == (201, {"id": str(done), "text": "a"})
        )
        assert again.content_type == first.content_type
    assert web_room.times_done == done


def test_the_hash_is_over_the_content_and_not_the_bytes(machine: Machine) -> None:
    spellings = [
        b'{"text":"a\xc3\xbc","amount":5}',
        b'{ "amount" : 5 ,\n "text" : "a\\u00fc" }',
    ]
    answers = [
        machine.post("/v1/notes", key="k", data=body, headers={"Content-Type": "application/json"})
        for body in spellings
    ]
    assert answers[0].json == answers[1].json
    assert "Idempotency-Replayed" in answers[1].headers


def test_other_content_under_the_same_key_is_refused(machine: Machine) -> None:
    machine.post("/v1/notes", {"text": "a"}, "k")
    problem_of(machine.post("/v1/notes", {"text": "b"}, "k"), 422, "idempotency_key_reused")
    problem_of(machine.post("/v1/baskets", BASKET, "k"), 422, "idempotency_key_reused")


def test_another_path_value_is_other_content(machine: Machine) -> None:
    assert machine.post("/v1/notes/1/tick", key="k").json == {"id": "1"}
    assert machine.post("/v1/notes/1/tick", key="k").headers["Idempotency-Replayed"] == "true"
    problem_of(machine.post("/v1/notes/2/tick", key="k"), 422, "idempotency_key_reused")


def test_keys_of_two_machines_and_of_a_person_are_apart(
    make_machine: Callable[..., Machine], sign_in: Callable[..., SignedIn]
) -> None:
    one, two, person = make_machine(), make_machine(), sign_in()
    answers = [one.post("/v1/notes", {"text": "a"}, "k"), two.post("/v1/notes", {"text": "b"}, "k")]
    answers.append(person.post("/v1/notes", {"text": "c"}, key="k"))
    assert [answer.status_code for answer in answers] == [201, 201, 201]


def test_a_refused_request_leaves_no_trace_and_its_correction_may_use_the_key(machine: Machine) -> None:
    for wrong in ({"amount": 1}, {"text": "clash"}, {"text": "bug"}, {"text": "deadlock"}):
        assert machine.post("/v1/notes", wrong, "k").status_code >= 400
    assert machine.post("/v1/notes", {"text": "right"}, "k").status_code == 201


def test_while_the_first_is_running_the_second_is_told_to_wait(web: Flask, machine: Machine) -> None:
    statuses: list[int] = []
    started = threading.Event()

    def slowly() -> None:
        started.set()
        own = replace(machine, calls=web.test_client())
        statuses.append(own.post("/v1/notes", {"text": "wait"}, "k").status_code)

    thread = threading.Thread(target=slowly)
    thread.start()
    started.wait()
    threading.Event().wait(0.4)
    answer = machine.post("/v1/notes", {"text": "wait"}, "k")
    assert problem_of(answer, 409, "still_running")["retryable"] is True
    assert "Retry-After" in answer.headers
    thread.join()
    assert statuses == [201]
    assert machine.post("/v1/notes", {"text": "wait"}, "k").headers["Idempotency-Replayed"] == "true"


def test_an_answer_with_personal_data_is_made_again_and_not_kept(machine: Machine, database: Database) -> None:
    first = machine.post("/v1/notes/personal", {"text": "Lin Mei"}, "k")
    assert first.json == {"id": "5", "text": "Lin Mei"}
    again = machine.post("/v1/notes/personal", {"text": "Lin Mei"}, "k")
    assert again.json == {"id": "5", "text": "read again"}
    assert again.status_code == 201
    with database.transaction() as tx:
        assert "Lin" not in tx.execute("SELECT string_agg(answer::text, '') FROM foundation.idempotency").scalar_one()


def test_a_key_is_known_for_forty_days(machine: Machine, database: Database, clock: FixedClock) -> None:
    machine.post("/v1/notes", {"text": "a"}, "k")
    clock.advance(timedelta(days=35))
    forget_old_keys(database)
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM foundation.idempotency").scalar_one() == 1
    clock.advance(timedelta(days=6))
    assert forget_old_keys(database) == 1


def test_a_hot_route_gets_the_key_in_its_hand(machine: Machine) -> None:
    answer = machine.post("/v1/baskets/hot", BASKET, '"k-1"')
    assert answer.status_code == 201
    assert answer.json == {"total": 1, "key": "k-1", "client": f"machine:{machine.client.client_id}"}


def test_old_keys_go_however_many_there_are(
    machine: Machine, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        machine.post("/v1/notes", {"text": "a"}, f"k{n}")
    clock.advance(timedelta(days=41))
    monkeypatch.setattr(queues, "FORGET_BATCH", 2)
    queues.forget_old_keys_task()
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM foundation.idempotency").scalar_one() == 0
