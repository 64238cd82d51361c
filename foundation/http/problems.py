"""Every failure becomes one document (RFC 9457) for machines, or one page for people, and one line in the log."""

from collections.abc import Iterator, Mapping
from typing import Any

import flask
import structlog
from flask_babel import get_locale, gettext
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from foundation.access.principal import NotSignedIn, PrincipalKind, principal_or_none
from foundation.database_errors import translate
from foundation.errors import (
    BadRequest,
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Invalid,
    Kind,
    NotFound,
    PreconditionFailed,
    TooMany,
    Unavailable,
    problem,
)
from foundation.http.json_writing import encode
from foundation.http.requests import Request, UnsupportedMediaType, body_too_large, current_request
from foundation.metrics import PROBLEMS
from foundation.pages.shell import render_problem_page

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
ERRORS_MAX = 100
RETRY_AFTER_S = 1


class RouteUnknown(NotFound):
    """There is nothing at this address."""

    code = "route_unknown"


class MethodNotAllowed(DomainError):
    """The address exists, but not for this method; `Allow` names those it takes."""

    kind, code = Kind.METHOD, "method_not_allowed"


class InternalError(DomainError):
    """Something went wrong on our side; the log has the cause under the request id."""

    kind, code = Kind.INTERNAL, "internal_error"


class FieldsInvalid(Invalid):
    """Fields of the request are missing, unknown or of the wrong shape; `errors` says which."""

    code = "fields_invalid"


def fields_invalid(messages: Any) -> FieldsInvalid:
    """The error for marshmallow's nested messages."""
    faults = [FieldError(pointer or "", detail) for pointer, detail in _flatten(messages, "")][:ERRORS_MAX]
    return FieldsInvalid("fields of the request are missing, unknown or of the wrong shape", errors=faults)


def register_error_handlers(app: flask.Flask) -> None:
    """Answer every exception that leaves a view."""
    app.register_error_handler(DomainError, answer_domain_error)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(ValidationError, lambda error: answer_domain_error(fields_invalid(error.messages)))
    app.register_error_handler(Exception, answer_exception)


def answer_domain_error(error: DomainError) -> flask.Response:
    """A domain error, as its kind's row of the one table says."""
    return _answer(error, {})


def answer_exception(error: Exception) -> flask.Response:
    """An exception nobody expected: the caller learns the request id, the log learns the cause."""
    meaning = translate(error)
    if meaning is not None:
        log.warning("database_error", code=meaning.code, exc_info=error)
        return _answer(meaning, {}, logged=True)
    log.error("unexpected_error", exc_info=error)
    return _answer(
        InternalError("something went wrong on our side; it is in the log under the request id"), {}, logged=True
    )


def answer_http_exception(error: HTTPException) -> flask.Response:
    """What Flask and Werkzeug raise by themselves: unknown route, wrong method, unreadable request."""
    if error.response is not None:
        return flask.make_response(error.response)
    status = error.code or 500
    if 300 <= status < 400:
        return flask.make_response(error.get_response())
    headers = {}
    if status == 405:
        allowed = getattr(error, "valid_methods", None) or ()
        headers["Allow"] = ", ".join(sorted(allowed))
    return _answer(_as_domain_error(status, error), headers)


def _as_domain_error(status: int, error: HTTPException) -> DomainError:
    words = error.description or error.name
    match status:
        case 404:
            return RouteUnknown("there is nothing at this address")
        case 405:
            return MethodNotAllowed("this address does not take this method")
        case 413:
            return body_too_large()
        case 415:
            return UnsupportedMediaType("the body is of a kind that is not taken here")
        case 422:
            return Invalid(words)
    kinds: dict[int, type[DomainError]] = {
        401: NotSignedIn,
        403: Forbidden,
        409: Conflict,
        412: PreconditionFailed,
        429: TooMany,
        503: Unavailable,
    }
    if status in kinds:
        return kinds[status](words)
    return (
        BadRequest("the request cannot be read") if status < 500 else InternalError("something went wrong on our side")
    )


def _in_words_of_reader(document: dict[str, Any]) -> dict[str, Any]:
    """A person reads problems in their language where it has words for them; machines always get the same ones."""
    principal = principal_or_none()
    if principal is not None and principal.kind is not PrincipalKind.MACHINE and str(get_locale()) != "en":
        for part in (document, *document["errors"]):
            words = part["detail"]
            part["detail"] = gettext(words)
    return document


def _answer(error: DomainError, headers: Mapping[str, str], *, logged: bool = False) -> flask.Response:
    request = current_request()
    treatment = error.treatment
    PROBLEMS.labels(error.code).inc()
    if not logged:
        _log(error)
    if wants_page(request):
        response = _page(error, request)
    else:
        response = flask.Response(
            encode(_in_words_of_reader(problem(error, request.id))), treatment.status, mimetype=PROBLEM_TYPE
        )
    response.headers.extend(headers)
    if treatment.retryable:
        response.headers["Retry-After"] = str(error.facts.get("retry_after_s", RETRY_AFTER_S))
    if treatment.status == 401 and not wants_page(request):
        response.headers["WWW-Authenticate"] = _challenge(error)
    return response


def _challenge(error: DomainError) -> str:
    if error.code == "client_rejected":
        return 'Basic realm="regulars"'
    return 'Bearer realm="regulars"' + (', error="invalid_token"' if error.code == "token_rejected" else "")


def wants_page(request: Request) -> bool:
    """Whether the caller is a person with a browser looking at a page, not a machine or a script of ours."""
    path = request.path
    if path.startswith(("/v1/", "/oauth/")) or path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        return False
    return "text/html" in request.environ.get("HTTP_ACCEPT", "")


def _page(error: DomainError, request: Request) -> flask.Response:
    if error.treatment.status == 401 and request.method in ("GET", "HEAD"):
        return flask.make_response(flask.redirect(f"{request.login_page}?{_next(request)}", 303))
    return flask.Response(render_problem_page(error, request.id), error.treatment.status, mimetype="text/html")


def _next(request: Request) -> str:
    from urllib.parse import urlencode

    where = request.full_path.rstrip("?")
    return urlencode({"next": where}) if where != "/" else ""


def _log(error: DomainError) -> None:
    status = error.treatment.status
    if status >= 500:
        log.warning("request_failed", status=status, code=error.code, detail=error.detail)
    elif principal_or_none() is not None:
        # Strangers (401, 404) are counted in the metrics only: nobody may fill the log from outside.
        log.info("request_refused", status=status, code=error.code, pointers=[e.pointer for e in error.errors[:10]])


def _flatten(messages: Any, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            step = "" if name == "_schema" else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from _flatten(inner, pointer + step)
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _flatten(inner, pointer)
    else:
        yield pointer, str(messages)
