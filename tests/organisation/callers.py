"""Who calls over HTTP in tests: machines with a bearer token, people with a session and its CSRF token."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from foundation.access import create_client
from foundation.access.people import log_in
from foundation.database import Database
from foundation.http.guard import SESSION_COOKIE
from tests.organisation.factories import PASSWORD


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with credentials; every POST gets an Idempotency-Key of its own unless one is given."""

    http: FlaskClient
    headers: Mapping[str, str] = field(default_factory=dict)
    cookie: str | None = None

    def get(self, path: str) -> Any:
        return self._call("GET", path, None, {})

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body, {})

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        return self._call("POST", path, body, {"Idempotency-Key": key or secrets.token_hex(8)})

    def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        self.http.delete_cookie(SESSION_COOKIE)
        if self.cookie is not None:
            self.http.set_cookie(SESSION_COOKIE, self.cookie)
        return self.http.open(path, method=method, json=body, headers={**self.headers, **headers})


def a_machine(
    http: FlaskClient, database: Database, scopes: Collection[str], bindings: Mapping[str, str] | None = None
) -> Caller:
    """A machine with these scopes, bound or everywhere."""
    with database.transaction() as tx:
        new = create_client(tx, None, "Test", scopes, bindings or {})
    answer: Any = http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(new.client_id, new.client_secret)
    )
    assert answer.status_code == 200, answer.text
    return Caller(http, {"Authorization": f"Bearer {answer.json['access_token']}"})


def a_person_at_the_screen(http: FlaskClient, database: Database, username: str) -> Caller:
    """A person who logged in with the tests' password."""
    cookie = log_in(database, username, PASSWORD).cookie
    token = hmac.new(database.settings.secret_key, b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()
    return Caller(http, {"X-CSRF-Token": token}, cookie)
