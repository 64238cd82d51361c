"""The decorators that open and close a route's transaction."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol, TypeVar, overload

import flask
import msgspec

from foundation.access.principal import current_principal
from foundation.database import Tx, database
from foundation.errors import BadRequest
from foundation.http.json_writing import canonical, encode
from foundation.http.requests import current_request
from foundation.idempotency import Answer, once
from foundation.settings import get_settings

View = TypeVar("View", bound=Callable[..., Any])

KEY_LENGTH_MAX = 200
_KEY = re.compile(r'(?:"([\x21\x23-\x7e]{1,200})"|([\x21\x23-\x7e]{1,200}))\Z')
_NEEDS_KEY = "__regulars_needs_key__"


class IdempotencyKeyMissing(BadRequest):
    """This route creates or moves something and needs an Idempotency-Key header."""

    code = "idempotency_key_missing"


class IdempotencyKeyInvalid(BadRequest):
    """The key is not 1 to 200 visible ASCII characters, quoted or bare."""

    code = "idempotency_key_invalid"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with an Idempotency-Key: whose it is, the key, and the digest of its parsed content.

    The digest is keyed: of a phone number in a known form, a plain one could be guessed back.
    """

    client: str
    key: str
    content_hash: bytes


class Again(Protocol):
    """Makes the answer to a repeat from what was kept of the first one."""

    def __call__(self, tx: Tx, kept: Any) -> Any: ...


def transactional(view: View) -> View:
    """Give the view an open transaction as its first argument; it commits before the answer leaves.

    GET and HEAD get a read-only transaction. The view's result is turned into a response inside the transaction, so
    that nothing is read after it. Goes directly below @allow, above @blp.arguments and @blp.response.
    """

    @functools.wraps(view)
    def opened(*arguments: Any, **named: Any) -> Any:
        read_only = flask.request.method in ("GET", "HEAD")
        with database().transaction(read_only=read_only) as tx:
            return view(tx, *arguments, **named)

    return opened  # type: ignore[return-value]


@overload
def idempotent(view: View) -> View: ...


@overload
def idempotent(*, again: Again) -> Callable[[View], View]: ...


def idempotent(view: View | None = None, *, again: Again | None = None) -> View | Callable[[View], View]:
    """For POST routes that create or move something: demands an Idempotency-Key and answers a repeat as before.

    Gives the view an open transaction as its first argument. Missing or malformed key: 400. The same key with other
    content (method, route, path values and parsed body): 422. The first one still running: 409, retryable. Finished:
    the same status and body again with `Idempotency-Replayed: true`. A refused request (any problem) leaves no
    trace, so that a corrected one may use the same key. Goes directly below @allow.

    The answer is kept and must carry no personal data. A view whose answer does calls `keep(facts)` with ids only,
    and is decorated `@idempotent(again=...)`: `again(tx, facts)` makes the body of a repeat.
    """
    if view is None:
        return lambda inner: _idempotent(inner, again)
    return _idempotent(view, again)


def _idempotent(view: View, again: Again | None) -> View:
    @functools.wraps(view)
    def opened(*arguments: Any, **named: Any) -> Any:
        keyed = keyed_request(named)
        first: flask.Response | None = None
        with database().transaction() as tx:

            def work() -> Answer:
                nonlocal first
                first = flask.make_response(view(tx, *arguments, **named))
                return Answer(first.status_code, _to_keep(first, again))

            answer = once(tx, keyed.client, keyed.key, keyed.content_hash, work)
            body = again(tx, answer.body) if again is not None and answer.replayed else answer.body
        if first is not None:
            return first
        return answer_response(Answer(answer.status, body, replayed=True))

    setattr(opened, _NEEDS_KEY, True)
    return opened  # type: ignore[return-value]


def keyed(view: View) -> View:
    """For the hot routes that claim the key in their own pipeline: gives the view a Keyed instead of a transaction.

    The view opens the transaction, calls `foundation.idempotency.claim`, records the Answer and returns it. Everything
    else is as with @idempotent.
    """

    @functools.wraps(view)
    def answered(*arguments: Any, **named: Any) -> Any:
        result = view(keyed_request(named), *arguments, **named)
        return answer_response(result) if isinstance(result, Answer) else result

    setattr(answered, _NEEDS_KEY, True)
    return answered  # type: ignore[return-value]


def needs_key(view: Callable[..., Any]) -> bool:
    """Whether a view demands an Idempotency-Key."""
    return getattr(view, _NEEDS_KEY, False)


def keep(facts: Mapping[str, Any]) -> None:
    """Say what is kept of the answer being made, in place of its body: ids, never personal data."""
    flask.g.kept_of_answer = facts


def keyed_request(path_values: Mapping[str, Any]) -> Keyed:
    """The key of this request and the hash of what it asks. Raises IdempotencyKeyMissing, IdempotencyKeyInvalid."""
    request = current_request()
    header = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if not header:
        raise IdempotencyKeyMissing("this request needs an Idempotency-Key header: a new one for each thing to be done")
    found = _KEY.match(header)
    if found is None:
        raise IdempotencyKeyInvalid(f"an Idempotency-Key is 1 to {KEY_LENGTH_MAX} visible ASCII characters")
    principal = current_principal()
    rule = request.url_rule.rule if request.url_rule else request.path
    content = [request.method, rule, dict(path_values), request.read_json() if request.has_body else None]
    return Keyed(
        client=principal.actor,
        key=found[1] or found[2],
        content_hash=blake2b(canonical(content), digest_size=32, key=get_settings().secret_key).digest(),
    )


def answer_response(answer: Answer) -> flask.Response:
    """The response of an answer, marked as replayed where it is."""
    response = flask.Response(encode(answer.body), answer.status, mimetype="application/json")
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _to_keep(response: flask.Response, again: Again | None) -> Any:
    kept = flask.g.pop("kept_of_answer", None)
    if again is not None:
        if kept is None:
            raise RuntimeError("a view with @idempotent(again=...) must call keep()")
        return kept
    return msgspec.Raw(response.get_data() or b"null")
