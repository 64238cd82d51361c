"""The web layer: blueprints, transactions of routes, bodies, paging, problems, and the application factory."""

from foundation.http.addresses import ID_DIGITS_MAX, id_of, uuid_of
from foundation.http.app import create_app
from foundation.http.blueprints import Blueprint, Pages
from foundation.http.bodies import convert, msgspec_answer, msgspec_body
from foundation.http.paging import (
    CursorUnreadable,
    PageArguments,
    Schema,
    first_page,
    id_in,
    make_cursor,
    page_of,
    paged,
    read_cursor,
)
from foundation.http.rooms import MenuItem, Room
from foundation.http.transactions import Keyed, idempotent, keep, keyed, transactional

__all__ = [
    "ID_DIGITS_MAX",
    "Blueprint",
    "CursorUnreadable",
    "Keyed",
    "MenuItem",
    "PageArguments",
    "Pages",
    "Room",
    "Schema",
    "convert",
    "create_app",
    "first_page",
    "id_in",
    "id_of",
    "idempotent",
    "keep",
    "keyed",
    "make_cursor",
    "msgspec_answer",
    "msgspec_body",
    "page_of",
    "paged",
    "read_cursor",
    "transactional",
    "uuid_of",
]
