"""The request as our views see it: its id, its body read once and strictly."""

import re
import secrets
from typing import Any, cast

import flask
from flask.globals import request_ctx
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from foundation.errors import BadRequest, DomainError, Kind, TooLarge
from foundation.http.json_reading import JsonUnreadable, read_json

BODY_MAX = 8 * 1024 * 1024
DRAINED_MAX = 64 * 1024 * 1024
BLOCK = 256 * 1024

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{8,64}\Z")
_MISSING = object()


class BodyTooLarge(TooLarge):
    """More than 8 MiB."""

    code = "body_too_large"


class UnsupportedMediaType(DomainError):
    """The body is not announced as application/json."""

    kind, code = Kind.UNSUPPORTED, "unsupported_media_type"


class BodyCut(BadRequest):
    """The connection ended before the body did."""

    code = "body_cut"


class Request(flask.Request):
    """A request with an id of its own, a bounded body, and JSON read strictly, once."""

    max_content_length = BODY_MAX
    max_form_memory_size = 1024 * 1024
    max_form_parts = 200
    _json: Any = _MISSING
    _id: str | None = None
    _read = False
    #: filled in by the guard, see foundation/http/guard.py
    rate_limit_headers: tuple[tuple[str, str], ...] = ()
    started = 0.0
    csrf_token: str | None = None
    #: where a stranger is sent, and where the pages of whoever is asking begin
    login_page, home_page = "/login", "/"

    @property
    def id(self) -> str:
        """The caller's X-Request-Id if it is 8 to 64 plain characters, else one made here."""
        if self._id is None:
            given = self.environ.get("HTTP_X_REQUEST_ID", "")
            self._id = given if given and _REQUEST_ID.match(given) else secrets.token_hex(12)
        return self._id

    @property
    def has_body(self) -> bool:
        """Whether a body was sent, as far as its announcement says."""
        return bool(self.content_length) or "HTTP_TRANSFER_ENCODING" in self.environ

    def read_body(self) -> bytes:
        """The whole body. Raises BodyTooLarge over 8 MiB, BodyCut when the sender went away."""
        self._read = True
        try:
            if self.content_length is None and "HTTP_TRANSFER_ENCODING" in self.environ:
                return self._read_chunks()
            return self.get_data(cache=True)
        except RequestEntityTooLarge:
            raise body_too_large() from None
        except ClientDisconnected:
            raise BodyCut("the connection ended before the body did") from None

    def _read_chunks(self) -> bytes:
        # Werkzeug cuts a body without a length at the limit and says nothing; we must know that there was more.
        try:
            body: bytes = self.environ["wsgi.input"].read(BODY_MAX + 1)
        except Exception:  # noqa: BLE001 - each server has errors of its own for chunks that cannot be read
            raise BodyCut("the chunks of the body cannot be read") from None
        if len(body) > BODY_MAX:
            raise body_too_large()
        return body

    def read_json(self) -> Any:
        """The JSON body, read strictly and once. Raises UnsupportedMediaType, BodyTooLarge, JsonUnreadable."""
        if self._json is _MISSING:
            kind = self.mimetype
            if kind != "application/json" and not kind.endswith("+json"):
                raise UnsupportedMediaType("the body must be announced as Content-Type: application/json")
            body = self.read_body()
            if not body:
                raise JsonUnreadable("a JSON body is needed and the body is empty")
            self._json = read_json(body)
        return self._json

    def drain(self) -> bool:
        """Take in what is left of a refused body, up to 64 MiB, so that its sender gets to read the answer.

        Returns False if there is still more, or the server cannot tell where a body ends: the connection must close.
        """
        if "CONTENT_LENGTH" not in self.environ and "HTTP_TRANSFER_ENCODING" not in self.environ:
            return True
        if not self.environ.get("wsgi.input_terminated"):
            return self._read
        source, left = self.environ["wsgi.input"], DRAINED_MAX
        try:
            while left > 0:
                block = source.read(BLOCK)
                if not block:
                    return True
                left -= len(block)
        except Exception:  # noqa: BLE001 - whatever the sender broke, the answer is already decided
            return False
        return False


def body_too_large() -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {BODY_MAX // 1024 // 1024} MiB", limit_bytes=BODY_MAX)


def current_request() -> Request:
    """The request being answered, as our own type."""
    return cast("Request", request_ctx.request)
