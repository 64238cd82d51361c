"""The frame around a member's own pages: the bar at the bottom, in which other ideas and packages hang theirs.

    add_phone_tab(PhoneTab("/m/receipts", lazy("Receipts"), "receipt", 30))

    @receipts_pages.route("/m/receipts")
    @allow_member
    @transactional
    def receipts_page(tx: Tx) -> str:
        return render_phone("receipts/list.html", receipts=receipts_of(tx, signed_in_member()))

The template extends `phone/page.html` and fills the blocks `title` and `content`. What the bar has no room for hangs
on the home page: `add_home_link(HomeLink("/m/messages", lazy("Messages"), "message", 20, unread_count))`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from foundation.database import Tx
from foundation.pages import lazy, render


@dataclass(frozen=True, slots=True)
class PhoneTab:
    """One entry of the bar: its address, its word, an icon of the icon set, its place."""

    path: str
    label: Any
    icon: str
    order: int


_tabs: dict[str, PhoneTab] = {
    tab.path: tab
    for tab in (
        PhoneTab("/m", lazy("Home"), "home", 10),
        PhoneTab("/m/coupons", lazy("Coupons"), "tag", 20),
        PhoneTab("/m/code", lazy("My code"), "qr", 30),
        PhoneTab("/m/me", lazy("Me"), "member", 50),
    )
}


def add_phone_tab(tab: PhoneTab) -> None:
    """Hang an entry into the bar of every member's page; five have room."""
    _tabs[tab.path] = tab


@dataclass(frozen=True, slots=True)
class HomeLink:
    """One line of the home page; `count` says how many things wait there, of a member."""

    path: str
    label: Any
    icon: str
    order: int
    count: Callable[[Tx, int], int]


_links: dict[str, HomeLink] = {}


def add_home_link(link: HomeLink) -> None:
    """Hang a line into every member's home page."""
    _links[link.path] = link


def home_links(tx: Tx, member_id: int) -> list[tuple[HomeLink, int]]:
    """The lines of a member's home page, in order, with how many things wait."""
    return [(link, link.count(tx, member_id)) for link in sorted(_links.values(), key=lambda link: link.order)]


def render_phone(template: str, **context: Any) -> str:
    """A page of the member who is signed in."""
    return render(template, **context, phone_tabs=sorted(_tabs.values(), key=lambda tab: tab.order))
