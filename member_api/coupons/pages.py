"""Coupons as people see them: the offers and what became of them, and a tab of the member's page."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.pages import lazy, render
from foundation.settings import get_settings
from member_api.coupons.http import may_change
from member_api.coupons.operations import Coupon, company_date, coupons_of, offers, totals
from member_api.coupons.rules import CouponState
from member_api.members.frame import MemberTab, add_tab, framed, render_member
from member_api.permissions import COUPONS_READ

coupons_pages = Pages("coupons", __name__)
add_tab(MemberTab("coupons", lazy("Coupons"), COUPONS_READ, 35))

ROWS_SHOWN = 50
STATE_WORDS: Mapping[str, tuple[Any, str]] = {
    "issued": (lazy("Can be used"), "good"),
    "to_come": (lazy("Not yet"), ""),
    "over": (lazy("Over"), ""),
    "redeemed": (lazy("Used"), "info"),
    "revoked": (lazy("Taken back"), "warn"),
}


@coupons_pages.route("/coupons")
@allow(COUPONS_READ)
@transactional
def offers_page(tx: Tx) -> str:
    """Every offer, newest first: how many coupons, how many used, what they took off."""
    cursor = flask.request.args.get("cursor")
    found = offers(tx, ROWS_SHOWN + 1, read_cursor(cursor, int)[0] if cursor else None)
    shown = found[:ROWS_SHOWN]
    return render(
        "coupons/offers.html",
        offers=shown,
        totals=totals(tx, [offer.id for offer in shown]),
        today=company_date(tx),
        currency=get_settings().company_currency,
        may_write=may_change(current_principal(), ()),  # what is made on this page counts in every store
        following=f"/coupons?cursor={make_cursor(shown[-1].id)}" if len(found) > ROWS_SHOWN else "",
        first="/coupons" if cursor else "",
    )


@coupons_pages.route("/members/<member>/coupons")
@allow(COUPONS_READ)
@transactional
def coupons_page(tx: Tx, member: str) -> str:
    """A member's coupons, newest first."""
    frame = framed(tx, member)
    cursor = flask.request.args.get("cursor")
    found = coupons_of(tx, frame.member.id, ROWS_SHOWN + 1, read_cursor(cursor, int)[0] if cursor else None)
    shown = found[:ROWS_SHOWN]
    address = f"/members/{frame.member.id}/coupons"
    today, viewer = company_date(tx), current_principal()
    return render_member(
        "coupons/member.html",
        frame,
        coupons=[(coupon, *STATE_WORDS[state_on(coupon, today)]) for coupon in shown],
        changeable={coupon.id for coupon in shown if may_change(viewer, coupon.offer.terms.stores)},
        following=f"{address}?cursor={make_cursor(shown[-1].id)}" if len(found) > ROWS_SHOWN else "",
        first=address if cursor else "",
    )


def state_on(coupon: Coupon, today: date) -> str:
    """What STATE_WORDS calls a coupon on a day."""
    terms = coupon.offer.terms
    if coupon.state is CouponState.ISSUED:
        return "over" if today > terms.ends_on else "to_come" if today < terms.starts_on else "issued"
    return coupon.state.value
