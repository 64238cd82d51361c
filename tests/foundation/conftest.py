"""The web application of the tests' own room, and who calls it."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from foundation.access import people
from foundation.access.clients import NewClient, create_client
from foundation.access.people import register_people, set_login
from foundation.database import Database
from foundation.http import create_app
from foundation.settings import Settings
from tests.foundation import web_room

PASSWORD = "correct horse battery"


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The Authorization header of HTTP Basic."""
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.fixture
def web_settings(settings: Settings, redis_url: str) -> Settings:
    """Settings on an empty Valkey."""
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def make_web(web_settings: Settings, database: Database) -> Iterator[Callable[..., Flask]]:
    """Make the application of the tests' room, with other settings if named."""
    before = people._resolver
    register_people(web_room.resolve_test_person)
    web_room.PEOPLE.clear()

    def make(**changes: Any) -> Flask:
        return create_app([web_room.room], replace(web_settings, **changes), database)

    yield make
    people._resolver = before


@pytest.fixture
def web(make_web: Callable[..., Flask]) -> Flask:
    return make_web()


@pytest.fixture
def browser_client(web: Flask) -> FlaskClient:
    """A client that keeps cookies and asks for pages."""
    return web.test_client()


@dataclass(frozen=True, slots=True)
class Machine:
    """A client with a token, calling an application."""

    client: NewClient
    token: str
    calls: FlaskClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.calls.get(path, headers=self.headers | options.pop("headers", {}), **options)

    def post(self, path: str, body: Any = None, key: str | None = None, **options: Any) -> TestResponse:
        headers = self.headers | ({} if key is None else {"Idempotency-Key": key}) | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return self.calls.post(path, headers=headers, **options)


@pytest.fixture
def make_machine(web: Flask, database: Database) -> Callable[..., Machine]:
    """Make a client of the given scopes and bindings, with a token."""

    def make(*scopes: str, bindings: Mapping[str, str] | None = None, app: Flask | None = None) -> Machine:
        with database.transaction() as tx:
            client = create_client(tx, None, "test", scopes or (web_room.READ, web_room.WRITE), bindings or {})
        calls = (app or web).test_client()
        answer = calls.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers=basic(client.client_id, client.client_secret),
        )
        assert answer.status_code == 200, answer.text
        return Machine(client, answer.get_json(force=True)["access_token"], calls)

    return make


@pytest.fixture
def machine(make_machine: Callable[..., Machine]) -> Machine:
    """A machine that may do everything in the tests' room."""
    return make_machine()


@dataclass(slots=True)
class SignedIn:
    """A browser of somebody who logged in."""

    calls: FlaskClient
    csrf: str

    def post(
        self, path: str, body: Any, *, csrf: str | None = None, key: str | None = "k", **more: str
    ) -> TestResponse:
        headers = {"X-CSRF-Token": self.csrf if csrf is None else csrf, "Idempotency-Key": key or "", **more}
        return self.calls.post(path, json=body, headers={name: value for name, value in headers.items() if value})


@pytest.fixture
def sign_in(web: Flask, database: Database) -> Callable[..., SignedIn]:
    """Make a person with a log-in, and log them in."""

    def log_in(person: str = "p1", *, app: Flask | None = None, **facts: Any) -> SignedIn:
        web_room.a_person(person, **facts)
        with database.transaction() as tx:
            set_login(tx, person, person, PASSWORD)
        calls = (app or web).test_client()
        answer = calls.post("/login", data={"username": person, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        page = calls.get("/account", headers={"Accept": "text/html"})
        found = re.search(r'name="csrf-token" content="(\w+)"', page.text)
        assert found is not None
        return SignedIn(calls, found[1])

    return log_in
