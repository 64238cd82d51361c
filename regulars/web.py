"""The web application: the rooms of all packages under one roof."""

import importlib
import importlib.util

import flask

from foundation.http import Room, create_app
from foundation.queues import configure_queue
from foundation.settings import get_settings
from regulars.running.checks import check_migrations

# In the order in which their routes appear in the API's document.
ROOMS = ("organisation.room", "member_api.room", "pos_adapter.room", "analytics.room", "marketing.room")


def load_rooms() -> list[Room]:
    """The rooms of the packages that have one already."""
    rooms: list[Room] = []
    for name in ROOMS:
        if importlib.util.find_spec(name) is not None:
            room: Room = importlib.import_module(name).room
            rooms.append(room)
    return rooms


def create_web_app() -> flask.Flask:
    """The application as it is served. Nothing is connected yet, so that it may be made before a fork."""
    configure_queue()
    return create_app(load_rooms(), settings=get_settings(), checks={"migrations": check_migrations})
