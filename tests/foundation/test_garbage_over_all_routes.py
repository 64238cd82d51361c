"""Generated garbage over every route of the whole house: nothing answers with a 5xx."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from foundation.access import create_client, declared_permissions
from foundation.database import Database
from foundation.settings import read_settings
from regulars.web import load_rooms
from tests.conftest import LiveServer


@pytest.mark.slow
def test_no_route_answers_garbage_with_a_5xx(live_server: LiveServer) -> None:
    load_rooms()
    scopes = [name for name in declared_permissions() if not name.startswith("test.")]
    database = Database(read_settings(live_server.environment))
    with database.transaction() as tx:
        client = create_client(tx, None, "garbage", scopes, {})
    database.dispose()
    token = httpx.post(
        f"{live_server.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
    ).json()["access_token"]
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{live_server.base_url}/openapi.json",
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", "not_a_server_error"),
            *("--phases", "coverage,fuzzing"),
            *("--max-examples", "3"),
            *("--seed", "1"),
            *("--workers", "1"),
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=live_server.environment["REGULARS_HOME"],
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
