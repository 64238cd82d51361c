"""One client's way to the server: a token, kept-alive connections, and a bounded number of second tries.

Every request that creates something carries an Idempotency-Key, so that a second try after a lost answer is safe.
"""

import random
import time
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from types import TracebackType
from typing import Any

import httpx
import msgspec

TIMEOUT_S = 60.0
TRIES_MAX = 9
FIRST_PAUSE_S = 0.25
PAUSE_MAX_S = 15.0
TRY_AGAIN = frozenset({429, 502, 503, 504})


class DemoStopped(Exception):
    """The server refused a request as a whole, or did not answer in spite of every try. Says which and why."""


class Problem(msgspec.Struct):
    """The parts of a problem document (RFC 9457) that people read."""

    status: int = 0
    code: str = ""
    title: str = ""
    detail: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class ClientLogin:
    """A machine's client id and secret."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer below 400. `replayed`: this key had been answered before and nothing was done now."""

    status: int
    content: bytes
    replayed: bool


class Connection:
    """Requests of one client to one server. May be used by several threads at once.

    `transport`: the way there, where several clients share one; it is closed with the first of them.
    """

    def __init__(
        self, base_url: str, login: ClientLogin, *, connections: int = 1, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._login = login
        self._http = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # The demo goes to the server next door; a proxy of the environment has no part in it.
            trust_env=False,
            transport=transport,
        )
        self._token: str | None = None
        self._lock = Lock()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def send(self, method: str, path: str, content: Any, *, key: str | None = None) -> Reply:
        """Send JSON (bytes as they are, anything else encoded) and return the answer.

        Tries again, at most TRIES_MAX times, when the connection is lost or the server says that it may work later
        (429, 502, 503, 504, or a problem marked retryable). Raises DemoStopped for any other answer from 400 on.
        """
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        token = self._current_token()
        answer = self._try(method, path, headers | {"Authorization": f"Bearer {token}"}, body)
        if answer.status_code == 401:
            token = self._new_token(token)
            answer = self._try(method, path, headers | {"Authorization": f"Bearer {token}"}, body)
        if answer.status_code >= 400:
            raise DemoStopped(f"{method} {path}: {_words(answer)}")
        return Reply(answer.status_code, answer.content, answer.headers.get("Idempotency-Replayed") == "true")

    def check(self) -> None:
        """Ask for a token. Raises DemoStopped when the client is not known."""
        self._current_token()

    def _current_token(self) -> str:
        with self._lock:
            if self._token is None:
                self._token = self._ask_token()
            return self._token

    def _new_token(self, old: str) -> str:
        with self._lock:
            if self._token == old or self._token is None:
                self._token = self._ask_token()
            return self._token

    def _ask_token(self) -> str:
        answer = self._try(
            "POST",
            "/oauth/token",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"grant_type=client_credentials",
            httpx.BasicAuth(self._login.client_id, self._login.client_secret),
        )
        if answer.status_code != 200:
            raise DemoStopped(f"POST /oauth/token: {_words(answer)}")
        token: str = answer.json()["access_token"]
        return token

    def _try(
        self, method: str, path: str, headers: dict[str, str], body: bytes, auth: httpx.Auth | None = None
    ) -> httpx.Response:
        for attempt in range(TRIES_MAX):
            last = attempt == TRIES_MAX - 1
            try:
                answer = self._http.request(method, path, headers=headers, content=body, auth=auth)
            except httpx.TransportError as error:
                if last:
                    raise DemoStopped(f"{method} {path}: no answer after {TRIES_MAX} tries ({error!r})") from error
                time.sleep(_pause(attempt, None))
                continue
            if last or not _may_work_later(answer):
                return answer
            time.sleep(_pause(attempt, answer.headers.get("Retry-After")))
        raise AssertionError("the last try returns or raises")


def key_of(body: bytes) -> str:
    """The Idempotency-Key of a request: the same content is the same request, whenever it is made."""
    return "demo-" + blake2b(body, digest_size=16).hexdigest()


def _may_work_later(answer: httpx.Response) -> bool:
    return answer.status_code in TRY_AGAIN or (answer.status_code == 409 and _problem(answer).retryable)


def _problem(answer: httpx.Response) -> Problem:
    try:
        return msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        return Problem(answer.status_code, detail=answer.text[:300])


def _words(answer: httpx.Response) -> str:
    problem = _problem(answer)
    return f"{answer.status_code} {problem.code} {problem.detail or problem.title}".strip()


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait: what the server asks for, else longer each time, with a little luck so that lanes part."""
    if retry_after is not None and retry_after.isdigit():
        return min(float(retry_after), PAUSE_MAX_S)
    return min(FIRST_PAUSE_S * 2.0**attempt, PAUSE_MAX_S) * random.uniform(0.8, 1.2)  # noqa: S311
