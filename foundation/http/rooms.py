"""What a package hands to the roof: its routes, its pages, its entries in the menu, its translations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint as FlaskBlueprint


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One entry of the side menu, shown to whoever holds `permission`.

    `label` is a lazy translation (`foundation.pages.lazy("Members")`); `path` the page's address; `icon` a name
    of the icon set in foundation/pages/templates/shell/icons.html; `section` groups entries under a small heading
    (a lazy translation too); entries stand in ascending `order` (tens: 10 overview, 20 members, 30 sales, 80 settings).
    `short` is a word for the bar at the bottom of the phone, where `label` is too long for it. `count` is the address
    of a JSON answer whose field `now` is the number of things that wait, shown beside the entry.
    """

    label: Any
    path: str
    permission: str
    icon: str = "dot"
    order: int = 50
    section: Any = None
    short: Any = None
    count: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """Everything of one package that the web application serves.

    `blueprints` are foundation.http.Blueprint (JSON under /v1), `pages` foundation.http.Pages. `translations` are
    folders that hold `<locale>/LC_MESSAGES/messages.po`, one for the package or one for each idea in it.
    `static` is a flat folder of scripts and style sheets: `{{ asset("<room name>/file.js") }}` in a template.
    """

    name: str
    blueprints: Sequence[FlaskBlueprint] = ()
    pages: Sequence[FlaskBlueprint] = ()
    menu: Sequence[MenuItem] = ()
    translations: Sequence[Path] = ()
    static: Path | None = None
