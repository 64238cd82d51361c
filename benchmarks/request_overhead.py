"""What our layer costs on a request, beside the same route in bare Flask: `python -m benchmarks.request_overhead`.

One process, no network: the WSGI callables are called in turn, so that only CPU time is compared. Our route is empty
too, but takes a bearer token, permission, rate limit, request id, security headers and metrics. The servers are real.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import flask
from rich.console import Console
from rich.table import Table
from werkzeug.test import EnvironBuilder

from foundation.access import allow, create_client, declare_permission
from foundation.access.tokens import issue_token
from foundation.database import Database
from foundation.http import Blueprint, Room, create_app
from foundation.http.json_reading import read_json
from foundation.settings import read_settings
from regulars.running.account import server_account
from regulars.running.keys import keep_secret
from regulars.running.migrating import migrate
from regulars.running.servers import servers_under, started

ROUNDS, CALLS = 5, 2_000
KEYS = dict.fromkeys(("SECRET_KEY", "IDENTITY_KEY", "BLIND_INDEX_KEY", "SEAL_KEY"), "11" * 32)
RECEIPT = {
    "store": "S01",
    "terminal": "T1",
    "business_date": "2026-11-21",
    "sequence": 1042,
    "lines": [
        {
            "line": n,
            "kind": "goods",
            "product": "6901234567892",
            "quantity": "1.000",
            "unit_price": 2490,
            "amount": 1990,
        }
        for n in range(1, 6)
    ],
    "tenders": [{"kind": "card", "amount": 9950}],
}


def main() -> None:
    """Measure and print. Nothing of it stays."""
    directory = Path(tempfile.mkdtemp(prefix="regulars-overhead-", dir="/var/tmp"))
    directory.chmod(0o711)
    servers = servers_under(
        directory,
        server_account(),
        database_password=keep_secret(directory / "database_password", size=16),
        queue_password=keep_secret(directory / "queue_password", size=16),
        logs=directory,
    )
    try:
        with started(servers) as addresses:
            migrate(addresses["DATABASE_URL"])
            _print(_measure(addresses))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _measure(addresses: dict[str, str]) -> dict[str, float]:
    settings = read_settings({**addresses, **KEYS, "RATE_LIMIT_MACHINE": "1000000"})
    database = Database(settings)
    ours = create_app([_room()], settings, database)
    with database.transaction() as tx:
        client = create_client(tx, None, "bench", ["bench.read"], {})
        token = issue_token(tx, client.client_id, client.client_secret).access_token
    request = EnvironBuilder("/v1/empty").get_environ()
    body = json.dumps(RECEIPT).encode()
    return {
        "bare Flask route": _cpu_us(_caller(_bare(), request)),
        "ours: token, permission, limit, headers, metrics": _cpu_us(
            _caller(ours, {**request, "HTTP_AUTHORIZATION": f"Bearer {token}"})
        ),
        "reading a five-line receipt strictly": _cpu_us(lambda: read_json(body)),
    }


def _room() -> Room:
    routes = Blueprint("bench", __name__)
    permission = declare_permission("bench.read", "Call the empty route of the benchmark")

    @routes.route("/empty")
    @allow(permission)
    def empty() -> flask.Response:
        return flask.Response(b"{}", mimetype="application/json")

    return Room("bench", [routes])


def _bare() -> flask.Flask:
    app = flask.Flask("bare")

    @app.route("/v1/empty")
    def empty() -> flask.Response:
        return flask.Response(b"{}", mimetype="application/json")

    return app


def _caller(app: flask.Flask, environ: dict[str, Any]) -> Callable[[], None]:
    statuses: set[str] = set()

    def call() -> None:
        answer: Iterable[bytes] = app.wsgi_app(dict(environ), lambda status, *_: statuses.add(status))  # type: ignore[arg-type]
        for _ in answer:
            pass

    call()
    assert statuses == {"200 OK"}, statuses
    return call


def _cpu_us(call: Callable[[], Any]) -> float:
    """CPU time of one call in microseconds: the best of five rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for _ in range(CALLS):
            call()
        best = min(best, (time.thread_time() - begun) / CALLS)
    return best * 1e6


def _print(figures: dict[str, float]) -> None:
    table = Table(title="CPU time of a request, without network (us)")
    table.add_column("what")
    table.add_column("us", justify="right")
    for what, figure in figures.items():
        table.add_row(what, f"{figure:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
