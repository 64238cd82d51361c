"""`regulars status`: what runs, and whether every part is ready."""

import json
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import urlopen

import redis
import sqlalchemy

from foundation.database import Database
from foundation.http.health import NotReady, check_relay, check_worker
from foundation.settings import Settings
from regulars.running.home import Home

TIMEOUT_S = 5.0


def tell_status(home: Home, say: Callable[[str], None]) -> bool:
    """Say it line by line; whether everything runs and is ready."""
    processes = home.running_processes()
    if not processes:
        say(f"Nothing runs on {home.root}")
        return False
    for name, pid in processes.items():
        say(f"{name:<11} pid {pid}")
    address = home.running_addresses() or {}
    parts, is_ready = _readiness(address.get("BASE_URL", ""))
    for part, words in parts.items():
        say(f"{part:<11} {words}")
    return is_ready


def is_alive(part: str, settings: Settings, say: Callable[[str], None]) -> bool:
    """Whether the web answers, or the worker or relay showed itself lately; says why not."""
    try:
        if part == "web":
            with urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        database = Database(settings)
        {"worker": check_worker, "relay": check_relay}[part](database)
        database.dispose()
    except (NotReady, OSError, redis.RedisError, sqlalchemy.exc.SQLAlchemyError) as error:
        say(f"{part}: {error}")
        return False
    return True


def _readiness(base_url: str) -> tuple[dict[str, str], bool]:
    try:
        with urlopen(f"{base_url}/readyz", timeout=TIMEOUT_S) as answer:  # noqa: S310 (an address of our own)
            body, is_ready = json.load(answer), True
    except HTTPError as error:
        body, is_ready = json.load(error), False
    except (OSError, ValueError) as error:
        return {"web": f"does not answer: {error}"}, False
    parts = body.get("parts") if isinstance(body, dict) else None
    return {str(name): str(words) for name, words in (parts or {}).items()}, is_ready
