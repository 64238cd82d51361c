"""Further ways in, beside the staff's log-in and the machines' tokens: each with a cookie and a log-in of its own.

Who comes in by such a door is known on its pages and nowhere else: the staff's cookie opens no such page, and its
cookie opens none of the staff's. A package opens its door at import time and marks its views:

    open_door(Door("member", "regulars_member", login="/m/login", home="/m", recognise=resume_session))

    @phone_pages.route("/m")
    @allow_by("member")
    def home() -> str: ...
"""

from collections.abc import Callable
from dataclasses import dataclass

from foundation.access.principal import Principal


@dataclass(frozen=True, slots=True)
class Door:
    """One way in.

    `recognise` turns the value of `cookie` into a principal or raises NotSignedIn; it opens its own transaction. Who
    is not signed in is sent to the page `login`, with the address they wanted as `next`; `home` is their first page.
    """

    name: str
    cookie: str
    login: str
    home: str
    recognise: Callable[[str], Principal]


_doors: dict[str, Door] = {}


def open_door(door: Door) -> Door:
    """Make a door known. Opening another under the same name raises ValueError."""
    if _doors.setdefault(door.name, door) != door:
        raise ValueError(f"the door {door.name} is opened twice")
    return door


def door_named(name: str) -> Door | None:
    """The door of that name, if somebody opened it."""
    return _doors.get(name)
