"""Who calls about members: a head-office system that sees everything, a till, a counter's handheld."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask.testing import FlaskClient

from foundation.access import create_client
from foundation.database import Database

OFFICE = ("members.read", "members.write", "members.personal", "desk.use", "rules.read", "rules.write")
COUNTER = ("members.read", "members.write")


class Caller:
    """A machine's calls to /v1; every POST has a key of its own unless one is given."""

    def __init__(self, http: FlaskClient, database: Database, scopes: Sequence[str], **bindings: str) -> None:
        with database.transaction() as tx:
            made = create_client(tx, None, "test machine", scopes, bindings)
        answer = http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(made.client_id, made.client_secret)
        )
        assert answer.status_code == 200, answer.text
        self.http = http
        self.headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
        self.calls = 0

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, query_string=query, headers=self.headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.http.put(path, json=body, headers=self.headers)

    def patch(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        return self.http.patch(path, json=body, headers=self.headers | headers)

    def post(self, path: str, body: Any, key: str | None = None) -> Any:
        self.calls += 1
        headers = {**self.headers, "Idempotency-Key": key or f"call-{self.calls}"}
        return self.http.post(path, json=body, headers=headers)

    def search(self, **sought: Any) -> Any:
        """POST /v1/members/search creates nothing and needs no key."""
        return self.http.post("/v1/members/search", json=sought, headers=self.headers)
