"""Logs: one JSON object a line on standard error, with constant event names and data in keywords.

Never personal data, never secrets: ids only. A request's id, route and principal id are added to whatever is logged
while it is answered. Exceptions are rendered as type, words and frames, without local variables.
"""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import flask
import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from foundation.access.principal import principal_or_none
from foundation.database_errors import describe

FRAMES_MAX = 30
# Libraries that tell of every step; their warnings are wanted, their steps are not.
QUIET = ("werkzeug", "urllib3", "asyncio", "alembic", "celery.beat", "celery.worker.strategy", "celery.app.trace")


def configure_logging(level: str = "info") -> None:
    """Send everything (structlog, the standard library) as JSON lines to standard error; may be called again."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        _render_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.EventRenamer("event"), _to_json],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,  # it may be configured again, and we write few lines
    )
    handler = _StandardErrorHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class _StandardError:
    """Prints lines to what is standard error at that moment, whole even when threads print at once."""

    def __init__(self, *_: Any) -> None:
        """Made by structlog for each logger; keeps nothing."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = fatal = msg


class _StandardErrorHandler(logging.Handler):
    """The same for loggers of the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as logging has it: a line that cannot be written stops nobody
            self.handleError(record)


def _add_request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if flask.has_request_context():
        request = flask.request
        event.setdefault("request_id", getattr(request, "id", None))
        event.setdefault("method", request.method)
        event.setdefault("route", request.url_rule.rule if request.url_rule else None)
        principal = principal_or_none()
        if principal is not None:
            event.setdefault("principal", principal.actor)
    return event


def _render_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["cause"] = describe(error)
        event["frames"] = _frames(error.__traceback__)
        if error.__cause__ is not None:
            event["cause_of_cause"] = describe(error.__cause__)
    return event


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-FRAMES_MAX:]]


def _to_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
