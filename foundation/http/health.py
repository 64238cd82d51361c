"""`/healthz` (this process answers), `/readyz` (every part it needs answers; says which does not), `/metrics`."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic

import flask
import redis
import structlog
from flask import Blueprint

from foundation.access.permissions import allow_anyone
from foundation.database import Database
from foundation.database_errors import describe
from foundation.metrics import CONTENT_TYPE, READY, render_metrics

log = structlog.get_logger(__name__)

CHECK_TIMEOUT_S = 3.0
REMEMBERED_S = 1.0
RELAY_SILENT_MAX = timedelta(seconds=30)
WORKER_SILENT_MAX = timedelta(seconds=60)
WORKER_BEAT_KEY = "regulars:worker_beat"

Check = Callable[[Database], None]


class NotReady(Exception):
    """A part is not ready; the words say why and are shown to whoever asks, so they name no address and no secret."""


def check_database(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        tx.execute("SELECT 1")


def check_relay(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        silent = tx.execute("SELECT now() - beat_at FROM foundation.relay").scalar_one()
    if silent > RELAY_SILENT_MAX:
        raise NotReady(f"no sign of life for {int(silent.total_seconds())} s")


def check_valkey(database: Database) -> None:
    with _valkey(database) as client:
        client.ping()


def check_worker(database: Database) -> None:
    """A worker beats by a periodic task; the key vanishes when none did for a while."""
    with _valkey(database) as client:
        if not client.exists(WORKER_BEAT_KEY):
            raise NotReady(f"no sign of life for {int(WORKER_SILENT_MAX.total_seconds())} s")


def beat_worker(database: Database) -> None:
    """The sign of life of a worker, called by its periodic task."""
    with _valkey(database) as client:
        client.set(WORKER_BEAT_KEY, "1", ex=int(WORKER_SILENT_MAX.total_seconds()))


CHECKS: Mapping[str, Check] = {
    "database": check_database,
    "valkey": check_valkey,
    "relay": check_relay,
    "worker": check_worker,
}


def health_routes(database: Callable[[], Database], more: Mapping[str, Check]) -> Blueprint:
    """The three routes; `more` are checks that only the roof knows, such as migrations."""
    routes = Blueprint("health", __name__)
    checks = {**CHECKS, **more}
    remembered: dict[str, tuple[float, dict[str, str]]] = {}

    @routes.route("/healthz")
    @allow_anyone
    def healthz() -> flask.Response:
        return flask.jsonify(status="ok")

    @routes.route("/readyz")
    @allow_anyone
    def readyz() -> tuple[flask.Response, int]:
        # Asked often and by anybody: the checks run at most once a second.
        at, parts = remembered.get("", (0.0, {}))
        if monotonic() - at > REMEMBERED_S:
            parts = _check_all(database(), checks)
            remembered[""] = (monotonic(), parts)
        ready = all(words == "ok" for words in parts.values())
        return flask.jsonify(status="ready" if ready else "not ready", parts=parts), 200 if ready else 503

    @routes.route("/metrics")
    @allow_anyone
    def metrics() -> flask.Response:
        return flask.Response(render_metrics(), content_type=CONTENT_TYPE)

    return routes


def _check_all(database: Database, checks: Mapping[str, Check]) -> dict[str, str]:
    pool = ThreadPoolExecutor(max_workers=len(checks))
    deadline = monotonic() + CHECK_TIMEOUT_S
    try:
        running = {part: pool.submit(check, database) for part, check in checks.items()}
        parts: dict[str, str] = {}
        for part, future in running.items():
            try:
                future.result(timeout=max(0.0, deadline - monotonic()))
                parts[part] = "ok"
            except TimeoutError:
                parts[part] = f"no answer within {CHECK_TIMEOUT_S:.0f} s"
            except NotReady as error:
                parts[part] = str(error)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, the answer is that it is not ready
                log.warning("part_not_ready", part=part, cause=describe(error))
                parts[part] = "does not answer"
            READY.labels(part).set(1 if parts[part] == "ok" else 0)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return parts


def _valkey(database: Database) -> redis.Redis:
    return redis.Redis.from_url(database.settings.redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
