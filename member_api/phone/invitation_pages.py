"""The shop's sign: a QR code to print, for a store, its counters or a clerk, that leads to joining and credits them."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import gettext, render
from foundation.pages.qr import qr_svg
from member_api.permissions import MEMBERS_WRITE
from member_api.phone.joining import Invitation, write_invitation
from organisation.contract import (
    Colleague,
    CounterFacts,
    CounterStatus,
    StoreFacts,
    counters_of,
    place_of,
    staff_on_duty,
    stores_within,
)

invitation_pages = Pages("invitations", __name__)

SIGNS_MAX = 200
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Sign:
    """One sheet: whom it credits, and where its QR code leads."""

    counter: CounterFacts | None
    clerk: Colleague | None
    address: str
    qr: str


@invitation_pages.route("/invitations")
@allow(MEMBERS_WRITE)
@transactional
def invitations_page(tx: Tx) -> str:
    """Choose whom a sign credits, look at it, print it; `counter=*` makes one for each counter."""
    viewer = current_principal()
    stores = [store for store in stores_within(tx, viewer) if viewer.may(MEMBERS_WRITE, place_of(store.code))]
    asked = flask.request.args
    store = next((store for store in stores if store.code == asked.get("store")), stores[0] if stores else None)
    counters = _open_counters(tx, store)
    clerks = staff_on_duty(tx, [store.code]) if store is not None else []
    clerk = next((each for each in clerks if each.number == asked.get("staff")), None)
    return render(
        "phone/invitations.html",
        store=store,
        store_options=[(each.code, each.name) for each in stores],
        counter_options=[(EVERY, gettext("One for each counter"))]
        + [(each.code, f"{each.code} {each.name}") for each in counters],
        clerk_options=[(each.number, f"{each.number} {each.name}") for each in clerks],
        clerk=clerk,
        counter=asked.get("counter", ""),
        signs=_signs(store, counters, asked.get("counter", ""), clerk) if store is not None else [],
    )


def _open_counters(tx: Tx, store: StoreFacts | None) -> list[CounterFacts]:
    if store is None:
        return []
    return [counter for counter in counters_of(tx, store.id) if counter.status is CounterStatus.OPEN]


def _signs(store: StoreFacts, counters: Sequence[CounterFacts], counter: str, clerk: Colleague | None) -> list[Sign]:
    if counter == EVERY:
        return [_sign(store, each, clerk) for each in counters[:SIGNS_MAX]]
    return [_sign(store, next((each for each in counters if each.code == counter), None), clerk)]


def _sign(store: StoreFacts, counter: CounterFacts | None, clerk: Colleague | None) -> Sign:
    invitation = Invitation(store.code, counter.code if counter else None, clerk.number if clerk else None)
    root = flask.request.url_root.rstrip("/")
    address = f"{root}/join?{urlencode({'i': write_invitation(invitation)})}"
    return Sign(counter, clerk, address, qr_svg(address))
