"""Limits are shared by all processes, told in headers, and never stop the tills when Valkey is away."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from foundation.database import Database
from foundation.metrics import RATE_LIMIT_AWAY
from foundation.rate_limits import Limit, RateLimited, RateLimiter
from tests.foundation.conftest import Machine, SignedIn
from tests.foundation.test_http_problems import problem_of

WINDOWS_TRIED = 20


def in_one_window(ask: Callable[[], list[TestResponse]]) -> list[TestResponse]:
    """What is answered within one second, with Valkey there; asked anew where the machine was too busy for that."""
    for _ in range(WINDOWS_TRIED):
        began, away = time.monotonic(), RATE_LIMIT_AWAY._value.get()
        answers = ask()
        if time.monotonic() - began < 1 and RATE_LIMIT_AWAY._value.get() == away:
            return answers
        time.sleep(1.05)
    raise AssertionError("no second was enough")


def test_requests_over_the_limit_wait_for_the_next_second(
    make_web: Callable[..., Flask], make_machine: Callable[..., Machine]
) -> None:
    machine = make_machine(app=make_web(rate_limit_machine=5))
    answers = in_one_window(lambda: [machine.get("/v1/who") for _ in range(6)])
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"machine";q=5;w=1'
    assert answers[0].headers["RateLimit"] == '"machine";r=4;t=1'
    assert answers[4].headers["RateLimit"] == '"machine";r=0;t=1'
    assert problem_of(answers[5], 429, "rate_limited")["retryable"] is True
    assert answers[5].headers["Retry-After"] == "1"
    time.sleep(1.05)
    assert machine.get("/v1/who").status_code == 200


def test_each_machine_has_a_limit_of_its_own_in_all_applications(
    make_web: Callable[..., Flask], make_machine: Callable[..., Machine]
) -> None:
    one, other = make_web(rate_limit_machine=4), make_web(rate_limit_machine=4)
    machine, neighbour = make_machine(app=one), make_machine(app=one)
    elsewhere = replace(machine, calls=other.test_client())
    answers = in_one_window(lambda: [caller.get("/v1/who") for caller in (machine, elsewhere) * 3])
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert neighbour.get("/v1/who").status_code == 200


def test_a_person_has_the_limit_of_a_person(make_web: Callable[..., Flask], sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in(app=make_web(rate_limit_person=3))
    time.sleep(1.05)  # logging in was a request as well
    answers = in_one_window(lambda: [signed_in.calls.get("/v1/who") for _ in range(4)])
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"person";q=3;w=1'


def test_log_ins_from_one_address_are_limited(make_web: Callable[..., Flask], redis_url: str) -> None:
    calls = make_web().test_client()
    with redis.Redis.from_url(redis_url) as valkey:
        calls.post("/login", data={"username": "x", "password": "x"})
        [key] = list(valkey.keys("*rate:login*"))
        valkey.set(key, 60, keepttl=True)
    answer = calls.post("/login", data={"username": "x", "password": "x"})
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers


def test_without_valkey_everybody_comes_in_quickly_and_it_is_counted(
    make_web: Callable[..., Flask], make_machine: Callable[..., Machine], database: Database
) -> None:
    away = make_web(redis_url="redis://127.0.0.1:1/0", rate_limit_machine=2)
    machine = make_machine(app=away)
    before = RATE_LIMIT_AWAY._value.get()
    started = time.perf_counter()
    answers = [machine.get("/v1/who") for _ in range(20)]
    assert [answer.status_code for answer in answers] == [200] * 20
    assert time.perf_counter() - started < 2
    assert "RateLimit" not in answers[0].headers
    assert RATE_LIMIT_AWAY._value.get() >= before + 20


def test_limits_come_back_when_valkey_does(redis_url: str) -> None:
    limiter = RateLimiter("redis://127.0.0.1:1/0")
    limit = Limit("test", 2)
    assert limiter.hit(limit, "a") is None
    limiter._url, limiter._storage, limiter._away_until = redis_url, None, 0.0
    assert [limiter.hit(limit, "a"), limiter.hit(limit, "a")] == [1, 2]
    with pytest.raises(RateLimited):
        limiter.hit(limit, "a")


def test_whoever_stays_far_below_the_limit_is_counted_here_and_whoever_does_not_is_told_of_in_full(
    redis_url: str,
) -> None:
    limit = Limit("test", 10, window_s=60, slack=3)
    one, other = RateLimiter(redis_url), RateLimiter(redis_url)
    with redis.Redis.from_url(redis_url) as valkey:
        assert [one.hit(limit, "c") for _ in range(3)] == [1, 2, 3]
        assert valkey.keys("*") == []
        assert one.hit(limit, "c") == 4
        assert one.hit(limit, "c") == 5
    assert [other.hit(limit, "c") for _ in range(3)] == [1, 2, 3]
    assert other.hit(limit, "c") == 9
    assert one.hit(limit, "c") == 10
    for limiter in (one, other):
        with pytest.raises(RateLimited):
            limiter.hit(limit, "c")


def test_a_new_window_begins_with_nothing(redis_url: str) -> None:
    limiter, limit = RateLimiter(redis_url), Limit("test", 2, slack=1)
    assert [limiter.hit(limit, "d"), limiter.hit(limit, "d")] == [1, 2]
    time.sleep(1.05)
    assert limiter.hit(limit, "d") == 1


def test_a_restarted_valkey_is_reached_again_without_an_error(redis_url: str) -> None:
    limiter = RateLimiter(redis_url)
    limit = Limit("test", 100)
    assert limiter.hit(limit, "b") == 1
    with redis.Redis.from_url(redis_url) as valkey:
        valkey.client_kill_filter(_type="normal", skipme=True)
    assert limiter.hit(limit, "b") == 2
