"""The frame around one member's page: heading, standing, tabs. Other ideas of this package hang their tabs into it.

A tab is a page of its own below /members/<id>. Register it at import time and render it inside the frame:

    add_tab(MemberTab("accounts", lazy("Accounts"), "accounts.read", 20))

    @accounts_pages.route("/members/<member>/accounts")
    @allow("accounts.read")
    @transactional
    def accounts_page(tx: Tx, member: str) -> str:
        shown = framed(tx, member)
        return render_member("accounts/member.html", shown, lots=...)

The template extends `members/member.html` and fills the block `section`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask

from foundation.access import current_principal
from foundation.database import Tx
from foundation.pages import lazy, render
from member_api.fields import member_id_of
from member_api.members.bodies import member_body
from member_api.members.http import may_see_personal
from member_api.members.lookup import resolve_member
from member_api.members.rules import MemberStatus
from member_api.members.views import Member, read_members
from member_api.permissions import MEMBERS_PERSONAL, MEMBERS_READ
from organisation.contract import stores_by_code

STATUS_WORDS: Mapping[MemberStatus, tuple[Any, str]] = {
    MemberStatus.ACTIVE: (lazy("Good standing"), "good"),
    MemberStatus.FROZEN: (lazy("Frozen"), "warn"),
    MemberStatus.CLOSED: (lazy("Membership closed"), ""),
    MemberStatus.MERGED: (lazy("Merged"), ""),
    MemberStatus.ERASED: (lazy("Erased"), ""),
}


@dataclass(frozen=True, slots=True)
class MemberTab:
    """One tab: the last part of its address (empty for the profile), its words, who may open it, its place."""

    path: str
    label: Any
    permission: str
    order: int


@dataclass(frozen=True, slots=True)
class Framed:
    """A member as a page shows one. `shown` is masked unless `whole`; `member` is for code, never for a template."""

    member: Member
    shown: Mapping[str, Any]
    whole: bool
    may_unmask: bool
    store_name: str | None


_tabs: dict[str, MemberTab] = {"": MemberTab("", lazy("Profile"), MEMBERS_READ, 10)}


def add_tab(tab: MemberTab) -> None:
    """Hang a tab into every member's page."""
    _tabs[tab.path] = tab


def framed(tx: Tx, member: str) -> Framed:
    """The member that an address names, as the viewer may see it. Raises MemberUnknown.

    Masked by default even for whoever may see more: a desk has two sides. `?whole=1` unmasks and is logged.
    """
    viewer = current_principal()
    facts = resolve_member(tx, member_id_of(member))
    found = read_members(tx, [facts.id])[facts.id]
    may_unmask = viewer.may(MEMBERS_PERSONAL)
    whole = flask.request.args.get("whole") == "1" and may_see_personal(viewer, [facts.id])
    home = found.home_store
    store = stores_by_code(tx, [home]).get(home) if home else None
    return Framed(found, member_body(found, personal=whole), whole, may_unmask, store.name if store else home)


def render_member(template: str, framed: Framed, **context: Any) -> str:
    """Render a page of one member inside the frame."""
    viewer = current_principal()
    root = f"/members/{framed.member.id}"
    suffix = "?whole=1" if framed.whole else ""
    tabs = [
        (f"{root}/{tab.path}".rstrip("/"), tab.label)
        for tab in sorted(_tabs.values(), key=lambda tab: tab.order)
        if viewer.may(tab.permission)
    ]
    return render(
        template,
        **context,
        member=framed.shown,
        status=STATUS_WORDS[framed.member.status],
        store_name=framed.store_name,
        tabs=[(address + suffix, words) for address, words in tabs],
        tab=flask.request.path.rstrip("/") + suffix,
        root=root,
        whole=framed.whole,
        may_unmask=framed.may_unmask,
    )
