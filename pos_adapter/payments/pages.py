"""Payments that hang, one payment step by step, and the banks' daily files beside what we have."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.pages import gettext, render
from organisation.contract import place_of, stores_by_id, stores_within
from pos_adapter.payments.boards import OPEN, list_payments, open_refunds, steps_of
from pos_adapter.payments.http import payment_to_show, read_day
from pos_adapter.payments.reconciling import NotReconciled, compared_days, differences_of
from pos_adapter.payments.refunds import refunds_of
from pos_adapter.payments.rules import ENDED, REFUND_ENDED
from pos_adapter.payments.words import ACTIONS, DIFFERENCES, OUTCOMES, RAILS, REFUND_STATES, SAID, STATES, TYPES
from pos_adapter.permissions import PAYMENTS_READ, PAYMENTS_RESOLVE

payments_pages = Pages("payments", __name__, url_prefix="/payments")
PAGE_SIZE = 50


def _tabs() -> list[tuple[str, str]]:
    tabs = [("/payments", gettext("Not decided")), ("/payments/all", gettext("All payments"))]
    everywhere = current_principal().places is None
    return [*tabs, ("/payments/days", gettext("Compared days"))] if everywhere else tabs


@payments_pages.route("")
@allow(PAYMENTS_READ)
@transactional
def open_page(tx: Tx) -> str:
    """Payments and refunds that are not decided."""
    return _list(tx, only_open=True)


@payments_pages.route("/all")
@allow(PAYMENTS_READ)
@transactional
def all_page(tx: Tx) -> str:
    """All payments, the latest first."""
    return _list(tx, only_open=False)


def _list(tx: Tx, *, only_open: bool) -> str:
    stores = {store.id: store for store in stores_within(tx, current_principal())}
    given = flask.request.args.get("cursor")
    before = read_cursor(given, datetime, UUID) if given else None
    found = list_payments(
        tx,
        list(stores),
        states=OPEN if only_open else (),
        before=(before[0], before[1]) if before else None,
        limit=PAGE_SIZE + 1,
    )
    rows = found[:PAGE_SIZE]
    following = make_cursor(rows[-1].created_at, rows[-1].id) if len(found) > PAGE_SIZE else None
    return render(
        "payments/list.html",
        tabs_of=_tabs(),
        only_open=only_open,
        rows=rows,
        refunds=open_refunds(tx, list(stores), PAGE_SIZE) if only_open and before is None else [],
        codes={id: store.code for id, store in stores.items()},
        zones={id: store.timezone for id, store in stores.items()},
        currencies={id: store.currency for id, store in stores.items()},
        next=f"?{urlencode({'cursor': following})}" if following else "",
        **_words(),
    )


@payments_pages.route("/<uuid:payment>")
@allow(PAYMENTS_READ)
@transactional
def payment_page(tx: Tx, payment: UUID) -> str:
    """One payment: what was asked, what was said, what went back."""
    viewer = current_principal()
    found, store = payment_to_show(tx, viewer, PAYMENTS_READ, str(payment))
    refunds = refunds_of(tx, [found.id])
    return render(
        "payments/payment.html",
        payment=found,
        store=store,
        zone=stores_by_id(tx, [found.store_id])[found.store_id].timezone,
        refunds=refunds,
        steps=steps_of(tx, found.id),
        may_ask=viewer.may(PAYMENTS_RESOLVE, place_of(store)),
        waits=found.state not in ENDED or any(each.state not in REFUND_ENDED for each in refunds),
        **_words(),
    )


@payments_pages.route("/days")
@allow(PAYMENTS_READ)
@transactional
def days_page(tx: Tx) -> str:
    """Days whose files were compared."""
    current_principal().require_everywhere()
    rows = compared_days(tx, limit=PAGE_SIZE)
    return render("payments/days.html", tabs_of=_tabs(), rows=rows, **_words())


@payments_pages.route("/days/<rail>/<day>")
@allow(PAYMENTS_READ)
@transactional
def day_page(tx: Tx, rail: str, day: str) -> str:
    """What differed on a day."""
    current_principal().require_everywhere()
    which = read_day(day)
    compared = compared_days(tx, rail[:16], day=which, limit=1)
    if not compared:
        raise NotReconciled("That day has not been compared")
    given = flask.request.args.get("cursor")
    after = read_cursor(given, int)[0] if given else 0
    found = differences_of(tx, rail[:16], which, after, PAGE_SIZE + 1)
    rows = found[:PAGE_SIZE]
    following = make_cursor(rows[-1][0]) if len(found) > PAGE_SIZE else None
    return render(
        "payments/day.html",
        found=compared[0],
        rows=rows,
        next=f"?{urlencode({'cursor': following})}" if following else "",
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "rails": RAILS, "states": STATES, "refund_states": REFUND_STATES, "actions": ACTIONS, "outcomes": OUTCOMES,
        "kinds": DIFFERENCES, "types": TYPES, "said": SAID,
    }  # fmt: skip
