"""The two decorators that open and close a route's transaction."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import flask

from foundation.database import database

View = TypeVar("View", bound=Callable[..., Any])


def transactional(view: View) -> View:
    """Give the view an open transaction as its first argument; it commits when the view returns, before the answer leaves.

    GET and HEAD get a read-only transaction. The view's result is turned into a response inside the transaction, so
    that nothing is read after it. Goes directly below @allow, above @blp.arguments and @blp.response.
    """

    @functools.wraps(view)
    def opened(*arguments: Any, **named: Any) -> Any:
        read_only = flask.request.method in ("GET", "HEAD")
        with database().transaction(read_only=read_only) as tx:
            return view(tx, *arguments, **named)

    return opened  # type: ignore[return-value]


def idempotent(view: View) -> View:
    """For POST routes that create or move something: demands an Idempotency-Key and answers a repeat as before.

    Gives the view an open transaction as its first argument. Missing or malformed key: 400. The same key with other
    content (method, route, path values and parsed body): 422. The first one still running: 409, retryable. Finished:
    the same status and body again with `Idempotency-Replayed: true`. A refused request (any problem) leaves no trace, so
    that a corrected one may use the same key. Goes directly below @allow.
    """

    @functools.wraps(view)
    def opened(*arguments: Any, **named: Any) -> Any:
        with database().transaction() as tx:
            return view(tx, *arguments, **named)

    opened.__regulars_idempotent__ = True  # type: ignore[attr-defined]
    return opened  # type: ignore[return-value]
