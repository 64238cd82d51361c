"""Giving back on a screen: the counter issues red tickets, the floor manager approves, the desk refunds.

What a refund comes to is worked out under the locks of the refund itself, in a transaction that records nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import flask

from foundation.access import PermissionMissing, Principal, PrincipalKind, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx, database
from foundation.errors import DomainError
from foundation.events import last_position
from foundation.http import Pages, transactional
from foundation.pages import gettext, render
from organisation.contract import StoreFacts, place_of, stores_by_id, stores_within
from pos_adapter.actors import actor_names
from pos_adapter.permissions import RETURNS_APPROVE, RETURNS_ISSUE, RETURNS_REFUND, TICKETS_READ
from pos_adapter.returns.http import return_id
from pos_adapter.returns.naming import Named, find_sold
from pos_adapter.returns.operations import (
    RedTicket,
    list_returns,
    money_back,
    preview_red,
    preview_return,
    read_return,
    steps_of,
)
from pos_adapter.returns.rules import OPEN, TOPICS, RedKind, RedState, Wanted, as_text
from pos_adapter.returns.words import INSTEAD, KIND_WORDS, RAIL_WORDS, REASON_WORDS, STATE_WORDS, STEP_WORDS
from pos_adapter.sales.incoming import SERVER_NUMBERS_FROM, SERVER_SERIES
from pos_adapter.sales.reading import read_sale
from pos_adapter.sales.searching import product_names
from pos_adapter.sales.words import TENDER_WORDS

returns_pages = Pages("returns", __name__, url_prefix="/returns")

SHOWN = 50
FOUND_MAX = 20
REFUND_TOPICS = ("refund.succeeded", "refund.failed", "refund.unknown")
SHOWN_STATES: Mapping[str, tuple[RedState, ...]] = {
    "open": (RedState.ISSUED, RedState.APPROVED, RedState.REFUNDING),
    "approve": (RedState.ISSUED,),
    "refund": (RedState.APPROVED, RedState.REFUNDING),
    "all": (),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a number may mean: an e-ticket, or a receipt."""

    address: str
    what: str
    counter: str | None
    amount: int
    currency: str
    at: Any


@returns_pages.route("")
@allow(TICKETS_READ)
@transactional
def returns_page(tx: Tx) -> str:
    """Red tickets: those that want something, or all of them."""
    viewer = current_principal()
    show = flask.request.args.get("show", "open")
    return _list(tx, viewer, show if show in SHOWN_STATES else "open", "/returns")


@returns_pages.route("/approvals")
@allow(RETURNS_APPROVE)
@transactional
def approvals_page(tx: Tx) -> str:
    """Red tickets that wait for the floor manager."""
    return _list(tx, current_principal(), "approve", "/returns/approvals")


def _list(tx: Tx, viewer: Principal, show: str, address: str) -> str:
    position = last_position(tx)
    stores = stores_within(tx, viewer)
    chosen = next((store for store in stores if store.code == flask.request.args.get("store")), None)
    cursor = flask.request.args.get("cursor")
    found, following = list_returns(
        tx, [chosen] if chosen else stores, states=SHOWN_STATES[show], limit=SHOWN, cursor=cursor
    )
    asked = ({"show": show} if address == "/returns" else {}) | ({"store": chosen.code} if chosen else {})
    scope = f"&{urlencode({'store': chosen.code})}" if chosen else ""
    tabs = [
        (f"/returns?show=open{scope}", gettext("Under way")),
        (f"/returns?show=refund{scope}", gettext("To refund")),
        *([("/returns/approvals", gettext("To approve"))] if viewer.may(RETURNS_APPROVE) else []),
        (f"/returns?show=all{scope}", gettext("All")),
    ]
    return render(
        "returns/list.html",
        rows=found,
        stores={store.id: store for store in stores},
        chosen=chosen,
        sections=tabs,
        here="/returns/approvals" if address != "/returns" else f"/returns?show={show}{scope}",
        names=actor_names(tx, [red.issued_by for red in found]),
        may_decide={
            red.id for red in found if _may_approve(viewer, red, stores_by_id(tx, [red.store_id])[red.store_id])
        },
        may_issue=viewer.may(RETURNS_ISSUE),
        next=f"{address}?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"{address}?{urlencode(asked)}" if cursor else "",
        state_words=STATE_WORDS,
        kind_words=KIND_WORDS,
        position=position,
        topics=TOPICS.values(),
        stream=chosen.code if chosen else stores[0].code if len(stores) == 1 else "",
    )


# ------------------------------------------------------------------------------------------------ a new one


@returns_pages.route("/new")
@allow(RETURNS_ISSUE)
def new_page() -> str:
    """Find what was sold, say which lines come back, see what that does, and issue the red ticket."""
    # Not read-only: what a return comes to is worked out under its locks. Nothing is recorded here.
    with database().transaction() as tx:
        return _new(tx, current_principal())


def _new(tx: Tx, viewer: Principal) -> str:
    arguments = flask.request.args
    stores = stores_within(tx, viewer)
    store = next((each for each in stores if each.code == arguments.get("store")), stores[0] if stores else None)
    context: dict[str, Any] = {
        "stores": stores, "store": store, "asked": arguments, "found": None, "sold": None, "shown": None, "fault": None,
        "today": local_date(tx.now, store.timezone) if store is not None else tx.now.date(),
        "tender_words": TENDER_WORDS, "kinds": RedKind, "kind_words": KIND_WORDS, "chosen": {},
    }  # fmt: skip
    try:
        named = Named(_uuid(arguments.get("sale")), None, _uuid(arguments.get("ticket")))
        if named.sale is not None or named.ticket is not None:
            context |= _chosen(tx, viewer, named)
        elif store is not None and arguments.get("number"):
            context["found"] = _find(tx, store, arguments["number"].strip(), _day(arguments.get("day")))
    except DomainError as error:
        context["fault"] = error.detail
    return render("returns/new.html", **context)


def _chosen(tx: Tx, viewer: Principal, named: Named) -> dict[str, Any]:
    sold = find_sold(tx, viewer, named)
    facts: dict[str, Any] = {
        "sold": sold,
        "names": product_names(tx, {line.product for line in sold.lines if line.product}),
    }
    facts |= {"left": {line.line: as_text(line.left_millionths) for line in sold.lines}, "store": sold.store}
    wanted = [
        Wanted(line.line, quantity)
        for line in sold.lines
        if flask.request.args.get(f"take-{line.line}") and (quantity := _quantity(line.line))
    ]
    facts["chosen"] = {each.line: each.quantity for each in wanted}
    if wanted:
        try:
            facts["shown"] = preview_return(tx, viewer, named, wanted)
        except DomainError as error:
            facts["fault"] = "; ".join([error.detail, *(fault.detail for fault in error.errors)])
    return facts


def _quantity(line: int) -> str | None:
    text = flask.request.args.get(f"quantity-{line}", "").strip()
    whole, _, fraction = text.partition(".")
    is_one = whole.isascii() and whole.isdigit() and len(whole) <= 6 and (not fraction or fraction.isdigit())
    return text if is_one and len(fraction) <= 6 and not text.endswith(".") else None


def _find(tx: Tx, store: StoreFacts, number: str, day: date | None) -> list[Found]:
    """What a number on a slip may mean on that day (today): e-tickets, then receipts."""
    if not (number.isascii() and number.isdigit() and len(number) <= 16):
        return []
    asked = {"store": store.id, "day": day or local_date(tx.now, store.timezone), "number": int(number)}
    tickets = tx.execute(
        "SELECT id, number, counter_code, amount, currency, issued_at FROM pos.ticket WHERE store_id = :store"
        " AND business_date = :day AND number = LEAST(:number, 2147483647) AND state IN ('paid', 'released')",
        asked,
    )
    found = [
        Found(
            f"/returns/new?ticket={row.id}",
            gettext("Ticket %(n)s", n=row.number),
            row.counter_code,
            row.amount,
            row.currency,
            row.issued_at,
        )
        for row in tickets
    ]
    receipts = tx.execute(
        "SELECT id, sequence, terminal, amount, currency, occurred_at FROM pos.sale WHERE store_id = :store"
        " AND business_date = :day AND sequence IN (:number, :number + :first - 1) AND type = 'sale'"
        " AND (series = :server OR sequence = :number) ORDER BY terminal LIMIT :most",
        asked | {"first": SERVER_NUMBERS_FROM, "server": SERVER_SERIES, "most": FOUND_MAX},
    )
    return found + [
        Found(
            f"/returns/new?sale={row.id}", gettext("Receipt %(n)s of %(till)s", n=row.sequence, till=row.terminal),
            None, row.amount, row.currency, row.occurred_at,
        )
        for row in receipts
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ one of them


@returns_pages.route("/<red>")
@allow(TICKETS_READ)
def return_page(red: str) -> str:
    """One red ticket: what comes back, what goes back, who did what, and what is to be done."""
    with database().transaction() as tx:
        return _one(tx, current_principal(), return_id(red))


def _one(tx: Tx, viewer: Principal, id: UUID) -> str:
    position = last_position(tx)
    red = read_return(tx, viewer, id)
    store = stores_by_id(tx, [red.store_id])[red.store_id]
    shown, fault = None, None
    if red.kind is not RedKind.EXCHANGE and (red.refund is not None or red.state in OPEN):
        try:
            shown = preview_red(tx, viewer, id)
        except PermissionMissing:
            raise
        except DomainError as error:
            fault = error.detail
    history = steps_of(tx, id)
    rails = money_back(tx, id)
    place = place_of(store.code)
    return render(
        "returns/one.html",
        red=red,
        store=store,
        sale=read_sale(tx, viewer, red.sale_id),
        shown=shown,
        fault=fault,
        rails=rails,
        refused_rails=[each for each in rails if each.state == "failed" and each.instead is None],
        history=history,
        actors=actor_names(tx, [step.actor for step in history]),
        names=product_names(tx, {line.product for line in red.lines if line.product}),
        state_words=STATE_WORDS,
        step_words=STEP_WORDS,
        kind_words=KIND_WORDS,
        reason_words=REASON_WORDS,
        rail_words=RAIL_WORDS,
        tender_words=TENDER_WORDS,
        instead=INSTEAD,
        position=position,
        topics=(*TOPICS.values(), *REFUND_TOPICS),
        may_approve=_may_approve(viewer, red, store),
        own=red.issued_by == viewer.actor,
        may_refuse=red.state in OPEN and viewer.may(RETURNS_ISSUE, place),
        may_refund=viewer.may(RETURNS_REFUND, place),
    )


def _may_approve(viewer: Principal, red: RedTicket, store: StoreFacts) -> bool:
    return (
        red.state is RedState.ISSUED
        and viewer.kind is PrincipalKind.PERSON
        and viewer.may(RETURNS_APPROVE, place_of(store.code))
        and red.issued_by != viewer.actor
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
