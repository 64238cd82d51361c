"""Payments that hang, one payment step by step, and the banks' daily files beside what we have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import flask

from foundation.access import PrincipalKind, allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.pages import gettext, render
from organisation.contract import place_of, stores_by_id, stores_within
from pos_adapter.actors import actor_names
from pos_adapter.payments.boards import OPEN, list_payments, open_refunds, steps_of
from pos_adapter.payments.http import EVIDENCE_MAX, payment_to_show, read_day
from pos_adapter.payments.operations import Taken
from pos_adapter.payments.reconciling import NotReconciled, compared_days, differences_of
from pos_adapter.payments.refunds import Refund, refunds_of
from pos_adapter.payments.rules import ENDED, REFUND_ENDED, PaymentState, RefundState
from pos_adapter.payments.verdicts import Verdict, VerdictState, verdicts_of
from pos_adapter.payments.words import (
    ACTIONS,
    DIFFERENCES,
    FINDINGS,
    OUTCOMES,
    RAILS,
    REFUND_FINDINGS,
    REFUND_STATES,
    STATES,
    TYPES,
    VERDICT_STATES,
    said,
)
from pos_adapter.permissions import PAYMENTS_APPROVE, PAYMENTS_READ, PAYMENTS_RESOLVE

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


@dataclass(frozen=True, slots=True)
class Case:
    """Something that its rail does not tell: the payment itself or a refund of it, and what somebody has proposed."""

    refund: Refund | None
    proposed: Verdict | None


def _cases(paid: Taken, refunds: Sequence[Refund], verdicts: Sequence[Verdict]) -> list[Case]:
    proposed = {each.refund_id: each for each in verdicts if each.state is VerdictState.PROPOSED}
    itself = [Case(None, proposed.get(None))] if paid.state is PaymentState.UNKNOWN else []
    return itself + [Case(each, proposed.get(each.id)) for each in refunds if each.state is RefundState.UNKNOWN]


@payments_pages.route("/<uuid:payment>")
@allow(PAYMENTS_READ)
@transactional
def payment_page(tx: Tx, payment: UUID) -> str:
    """One payment: what was asked, what was said, what went back."""
    viewer = current_principal()
    found, store = payment_to_show(tx, viewer, PAYMENTS_READ, str(payment))
    refunds, verdicts = refunds_of(tx, [found.id]), verdicts_of(tx, found.id)
    return render(
        "payments/payment.html",
        payment=found,
        store=store,
        zone=stores_by_id(tx, [found.store_id])[found.store_id].timezone,
        refunds=refunds,
        steps=steps_of(tx, found.id),
        cases=_cases(found, refunds, verdicts),
        decided=[each for each in verdicts if each.state is not VerdictState.PROPOSED],
        names=actor_names(tx, [who for each in verdicts for who in (each.proposed_by, each.decided_by or "")]),
        me=viewer.actor,
        evidence_max=EVIDENCE_MAX,
        may_ask=viewer.may(PAYMENTS_RESOLVE, place_of(store)),
        may_approve=viewer.may(PAYMENTS_APPROVE, place_of(store)) and viewer.kind is PrincipalKind.PERSON,
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
        "kinds": DIFFERENCES, "types": TYPES, "said": said, "findings": FINDINGS, "refund_findings": REFUND_FINDINGS,
        "verdict_states": VERDICT_STATES,
    }  # fmt: skip
