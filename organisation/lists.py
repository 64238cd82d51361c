"""Lists on pages: a page of rows, the address of the next, and what was searched for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

import flask

from foundation.http import read_cursor

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

PAGE_SIZE = 50
SEARCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of one page; `next` and `first` are addresses, empty where there is nothing to go to."""

    items: Sequence[Any]
    next: str
    first: str


def listing(found: Sequence[T], cursor_of: Callable[[T], str]) -> Listing:
    """What a page shows of `found`, which holds one row more than a page if there is a next one."""
    shown = found[:PAGE_SIZE]
    more = len(found) > PAGE_SIZE
    return Listing(
        items=shown,
        next=_address(cursor_of(shown[-1])) if more else "",
        first=_address(None) if flask.request.args.get("cursor") else "",
    )


def search_words() -> str:
    """What is searched for, at most 100 characters."""
    return flask.request.args.get("search", "").strip()[:SEARCH_MAX]


def choice(kind: type[E], name: str) -> E | None:
    """The filter `name` of the list, None if it is not set or no such choice."""
    wanted = flask.request.args.get(name)
    return next((each for each in kind if each.value == wanted), None)


def text_cursor() -> str | None:
    """The cursor of a list that is sorted by one text. Raises CursorUnreadable."""
    cursor = flask.request.args.get("cursor")
    if not cursor:
        return None
    text: str = read_cursor(cursor, str)[0]
    return text


def _address(cursor: str | None) -> str:
    arguments = {name: value for name, value in flask.request.args.items() if name != "cursor" and value}
    if cursor is not None:
        arguments["cursor"] = cursor
    return f"{flask.request.path}?{urlencode(arguments)}" if arguments else flask.request.path
