"""The web layer: blueprints, transactions of routes, bodies, paging, problems, and the application factory."""

from foundation.http.app import create_app
from foundation.http.blueprints import Blueprint, Pages
from foundation.http.bodies import msgspec_body
from foundation.http.paging import (
    CursorUnreadable,
    PageArguments,
    Schema,
    make_cursor,
    page_of,
    paged,
    read_cursor,
)
from foundation.http.rooms import MenuItem, Room
from foundation.http.transactions import idempotent, transactional

__all__ = [
    "Blueprint",
    "CursorUnreadable",
    "MenuItem",
    "PageArguments",
    "Pages",
    "Room",
    "Schema",
    "create_app",
    "idempotent",
    "make_cursor",
    "msgspec_body",
    "page_of",
    "paged",
    "read_cursor",
    "transactional",
]
