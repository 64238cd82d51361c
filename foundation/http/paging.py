"""Lists: `{"items": [...], "next_cursor": ... | null}` with `Link: rel="next"`, `limit` 1 to 1000."""

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

import flask
import marshmallow
import msgspec
from marshmallow import fields, validate

from foundation.errors import BadRequest
from foundation.http.json_reading import INTEGER_MAX

LIMIT_DEFAULT = 50
LIMIT_MAX = 1000
CURSOR_MAX = 1024

Row = TypeVar("Row")


class Schema(marshmallow.Schema):
    """Base of every request and response schema; unknown fields are refused.

    With `body_optional` no body at all is read as an empty object (give `required=False` to `arguments`, too).
    """

    body_optional = False

    class Meta:
        unknown = marshmallow.RAISE


class PageArguments(Schema):
    """Query arguments of a list; a list's own filters subclass it. Use with `location="query"`."""

    limit = fields.Integer(
        load_default=LIMIT_DEFAULT, validate=validate.Range(1, LIMIT_MAX), metadata={"description": "How many at most"}
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(1, CURSOR_MAX),
        metadata={"description": "`next_cursor` of the page before"},
    )


class CursorUnreadable(BadRequest):
    """The cursor is not one that this list gave out."""

    code = "cursor_unreadable"


@cache
def page_of(item: type[marshmallow.Schema]) -> type[marshmallow.Schema]:
    """The schema of a page of `item`s: `@blp.response(200, page_of(MemberOut))`."""
    name = item.__name__.removesuffix("Schema")
    return type(
        f"{name}Page",
        (Schema,),
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
    )


def paged(items: Sequence[Any], next_cursor: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """What a list view returns: the page, and the `Link: <...>; rel="next"` header if there is a next one."""
    headers: dict[str, str] = {}
    if next_cursor is not None:
        arguments = flask.request.args.to_dict()
        arguments["cursor"] = next_cursor
        headers["Link"] = f'<{flask.request.path}?{urlencode(arguments)}>; rel="next"'
    return {"items": list(items), "next_cursor": next_cursor}, headers


def make_cursor(*values: Any) -> str:
    """An opaque cursor naming the last row of a page by its sort values (JSON values, dates, UUIDs)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def read_cursor(cursor: str, *types: Any) -> tuple[Any, ...]:
    """The values of a cursor made by make_cursor, checked to be of `types`. Raises CursorUnreadable."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        shape: Any = tuple.__class_getitem__(types)
        values: tuple[Any, ...] = msgspec.json.decode(packed, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise CursorUnreadable("the cursor is not one that this list gave out") from None
    if not all(_could_be_stored(value) for value in values):
        raise CursorUnreadable("the cursor is not one that this list gave out")
    return values


def first_page(found: Sequence[Row], limit: int, mark: Callable[[Row], Any]) -> tuple[Sequence[Row], str | None]:
    """Of rows that were asked for with one more than fits: the first `limit`, and the cursor after them; None if there
    was no more. `mark` gives the sort value of a row, or a tuple of them, that the next page begins after."""
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    last = mark(shown[-1])
    return shown, make_cursor(*last) if isinstance(last, tuple) else make_cursor(last)


def id_in(cursor: str | None) -> int | None:
    """The id in a cursor of a list that goes by ids; None on the first page. Raises CursorUnreadable."""
    return read_cursor(cursor, int)[0] if cursor else None


def _could_be_stored(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" not in value
    return not isinstance(value, int) or abs(value) <= INTEGER_MAX
