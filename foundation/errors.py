"""Domain errors, and the one table that says what each kind means to HTTP and to a queue.

A package raises a subclass with a `code` of its own; it never names a status. The web layer reads the
table to answer `application/problem+json` (RFC 9457), Celery tasks read it to know what to retry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What went wrong, as seen by the caller."""

    BAD_REQUEST = "bad_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD = "method"
    CONFLICT = "conflict"
    BUSY = "busy"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    PRECONDITION = "precondition"
    TOO_MANY = "too_many"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a kind of error means outside: HTTP status, title, and whether the same call may succeed later."""

    status: int
    title: str
    retryable: bool = False


TREATMENTS: dict[Kind, Treatment] = {
    Kind.BAD_REQUEST: Treatment(400, "The request cannot be read"),
    Kind.UNAUTHENTICATED: Treatment(401, "Who is asking is not known"),
    Kind.FORBIDDEN: Treatment(403, "This is not allowed"),
    Kind.NOT_FOUND: Treatment(404, "There is no such thing"),
    Kind.METHOD: Treatment(405, "This address does not take this method"),
    Kind.CONFLICT: Treatment(409, "This contradicts what is already recorded"),
    Kind.BUSY: Treatment(409, "The same request is still being worked on", retryable=True),
    Kind.PRECONDITION: Treatment(412, "It was changed by somebody else meanwhile"),
    Kind.TOO_LARGE: Treatment(413, "The request is too large"),
    Kind.UNSUPPORTED: Treatment(415, "The body is of a kind that is not taken here"),
    Kind.INVALID: Treatment(422, "The request contradicts itself or the books"),
    Kind.TOO_MANY: Treatment(429, "Too many requests", retryable=True),
    Kind.INTERNAL: Treatment(500, "Something went wrong on our side"),
    Kind.UNAVAILABLE: Treatment(503, "A part of the service is not available", retryable=True),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault at one place: `pointer` is a JSON pointer (RFC 6901) into the request body."""

    pointer: str
    detail: str


class DomainError(Exception):
    """Base of every error that a caller can cause or must handle.

    `facts` are extra members of the problem document (plain JSON values, never personal data).
    """

    kind: ClassVar[Kind] = Kind.INVALID
    code: ClassVar[str] = "invalid"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.facts = facts

    @property
    def treatment(self) -> Treatment:
        return TREATMENTS[self.kind]


class BadRequest(DomainError):
    kind, code = Kind.BAD_REQUEST, "bad_request"


class Unauthenticated(DomainError):
    kind, code = Kind.UNAUTHENTICATED, "unauthenticated"


class Forbidden(DomainError):
    kind, code = Kind.FORBIDDEN, "forbidden"


class NotFound(DomainError):
    kind, code = Kind.NOT_FOUND, "not_found"


class Conflict(DomainError):
    kind, code = Kind.CONFLICT, "conflict"


class Busy(DomainError):
    kind, code = Kind.BUSY, "still_running"


class PreconditionFailed(DomainError):
    kind, code = Kind.PRECONDITION, "changed_meanwhile"


class TooLarge(DomainError):
    kind, code = Kind.TOO_LARGE, "too_large"


class Invalid(DomainError):
    kind, code = Kind.INVALID, "invalid"


class TooMany(DomainError):
    kind, code = Kind.TOO_MANY, "rate_limited"


class Unavailable(DomainError):
    kind, code = Kind.UNAVAILABLE, "unavailable"


def problem(error: DomainError, request_id: str | None = None) -> dict[str, Any]:
    """The problem document (RFC 9457) of an error."""
    treatment = error.treatment
    return {
        "type": f"urn:regulars:problem:{error.code}",
        "title": treatment.title,
        "status": treatment.status,
        "detail": error.detail,
        "code": error.code,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.errors],
        "retryable": treatment.retryable,
        "request_id": request_id,
        **error.facts,
    }
