"""The frame around a member's own pages: the bar at the bottom, in which other ideas and packages hang theirs.

    add_phone_tab(PhoneTab("/m/receipts", lazy("Receipts"), "receipt", 30))

    @receipts_pages.route("/m/receipts")
    @allow_member
    @transactional
    def receipts_page(tx: Tx) -> str:
        return render_phone("receipts/list.html", receipts=receipts_of(tx, signed_in_member()))

The template extends `phone/page.html` and fills the blocks `title` and `content`.
"""

from dataclasses import dataclass
from typing import Any

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


def render_phone(template: str, **context: Any) -> str:
    """A page of the member who is signed in."""
    return render(template, **context, phone_tabs=sorted(_tabs.values(), key=lambda tab: tab.order))
