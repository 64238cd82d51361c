"""Whatever is sent to any route, nothing answers with a fault of ours (schemathesis over the whole OpenAPI document).

`FUZZ_EXAMPLES` (default 5) requests are made for each operation; 100 for the record.
"""

import base64
import os
import secrets
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings

from foundation.access import create_client, declared_permissions
from foundation.database import Database
from tests.member_api.people import a_member
from tests.organisation.factories import committed_store

# An answer without an end has tests of its own (test_live_tickets.py).
ENDLESS = {"GET /v1/stores/{store}/events"}
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))


@pytest.fixture
def token(app: Flask, database: Database) -> str:
    committed_store(database, currency="CNY")
    a_member(database)
    with database.transaction() as tx:
        client = create_client(tx, None, "fuzz", frozenset(declared_permissions()), {})
    basic = base64.b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()
    answer = app.test_client().post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    return str(answer.get_json()["access_token"])


def test_no_input_is_a_fault_of_ours(app: Flask, token: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    faults: list[str] = []
    tried = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if operation.label in ENDLESS:
            continue

        @settings(
            max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
            database=None, phases=(Phase.generate,),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            nonlocal tried
            tried += 1
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
            answer = case.call(headers=headers)
            if answer.status_code >= 500:
                asked = case.as_curl_command()[:1500]
                faults.append(f"{case.operation.label}: {answer.status_code} {answer.text[:300]} to {asked}")

        send()
    print(f"{tried} requests to {len({fault.partition(':')[0] for fault in faults})} faulty operations")
    assert tried > 0
    assert faults == []
