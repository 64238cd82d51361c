"""The application factory."""

from collections.abc import Sequence

import flask

from foundation.database import Database
from foundation.http.rooms import Room
from foundation.settings import Settings


def create_app(
    rooms: Sequence[Room], settings: Settings | None = None, database: Database | None = None
) -> flask.Flask:
    """The web application made of `rooms`. Nothing happens at import time, nothing connects before the first request.

    `settings` default to the process's environment, `database` to the process's database (a given one becomes the
    process's). Raises PermissionUndeclared when a view names no permission, or one that nobody declared.
    """
    raise NotImplementedError("arrives within the hour")
