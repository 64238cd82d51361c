"""The pages of the cash desk: the desk, settlements and their receipts, the supervisor's board."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import flask
from flask_babel import gettext

from foundation.access import Principal, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import render
from foundation.pages.qr import qr_svg
from foundation.settings import get_settings
from member_api.contract.members import masked_names
from organisation.contract import StoreFacts, counters_of, place_of, staff_names, stores_within
from pos_adapter.day.shifts import own_number, shift_is_needed, shift_open_at
from pos_adapter.desk.floor import read_board
from pos_adapter.desk.printing import prints_of
from pos_adapter.desk.receipt import paper_of
from pos_adapter.desk.rules import clock_text
from pos_adapter.desk.words import PAYMENT_STATES, RAILS, SETTLEMENT_STATES, STEP_WORDS, TICKET_STATES, script_words
from pos_adapter.parcels.operations import parcels_of
from pos_adapter.parcels.words import STATE_WORDS as PARCEL_STATES
from pos_adapter.parcels.words import lasting
from pos_adapter.payments.words import said
from pos_adapter.permissions import FLOOR, PARCELS, READ, SETTLE, SHIFTS_WORK
from pos_adapter.sales.words import TENDER_WORDS
from pos_adapter.settlements.http import settlement_id
from pos_adapter.settlements.reading import list_settlements, read_settlement
from pos_adapter.settlements.rules import SettlementState
from pos_adapter.tickets.operations import steps_of

desk_pages = Pages("desk", __name__)

# Counter staff settle too, at their handhelds; this page is for those who stand at a desk.
DESK_USE = "desk.use"
ROWS = 50
BUSIEST = 12
TERMINALS_MAX = 50
TERMINAL = re.compile(r"[A-Za-z0-9._-]{1,32}\Z")
GIVEN_MAX = 10**12


# --------------------------------------------------------------------------------------------------------- the desk


@desk_pages.route("/desk")
@allow(DESK_USE)
@transactional
def desk_page(tx: Tx) -> str:
    """The cash desk of one terminal; without a terminal it is asked for first, and the browser remembers it."""
    viewer = current_principal()
    stores = _mine(tx, viewer, SETTLE)
    store = _chosen(stores)
    terminal = (flask.request.args.get("terminal") or viewer.bindings.get("terminal") or "").strip()
    if store is None or not TERMINAL.match(terminal):
        return render("desk/open.html", stores=stores, store=store, terminals=_terminals(tx, store), asked=terminal)
    return render(
        "desk/desk.html",
        store=store,
        terminal=terminal,
        cashier=own_number(tx, viewer) or "",
        shift=shift_open_at(tx, store.id, terminal),
        shift_needed=shift_is_needed(tx, store.id, _today(tx, store)),
        may_work_shifts=viewer.may(SHIFTS_WORK, place_of(store.code)),
        now=tx.now,
        words=script_words(),
        rails=_rails(),
        counters={counter.code: counter.name for counter in counters_of(tx, store.id)},
    )


def _mine(tx: Tx, viewer: Principal, permission: str) -> list[StoreFacts]:
    return [store for store in stores_within(tx, viewer) if viewer.may(permission, place_of(store.code))]


def _chosen(stores: Sequence[StoreFacts]) -> StoreFacts | None:
    """The store that was asked for, or the only one there is; one that is not the viewer's is nobody's."""
    if len(stores) == 1:
        return stores[0]
    code = flask.request.args.get("store")
    return next((store for store in stores if store.code == code), None)


def _terminals(tx: Tx, store: StoreFacts | None) -> list[str]:
    """Terminals that were seen in the store, to choose from."""
    if store is None:
        return []
    found = tx.execute(
        "SELECT code FROM pos.terminal WHERE store_id = :store ORDER BY last_seen_at DESC LIMIT :limit",
        {"store": store.id, "limit": TERMINALS_MAX},
    )
    return sorted(found.scalars())


def _rails() -> str:
    """Which payments we can take ourselves, as the script reads it."""
    settings = get_settings()
    return " ".join(name for name, there in (("card", settings.acquirer), ("code", settings.wallet_apps_url)) if there)


# ------------------------------------------------------------------------------------------------------- settlements


@desk_pages.route("/settlements")
@allow(READ)
@transactional
def settlements_page(tx: Tx) -> str:
    """Settlements of a store's day, the newest first."""
    stores = _mine(tx, current_principal(), READ)
    store = _chosen(stores)
    arguments = flask.request.args
    day = _day(arguments.get("day")) or _today(tx, store)
    state = next((each for each in SettlementState if each == arguments.get("state")), None)
    terminal = (arguments.get("terminal") or "").strip()[:64].replace("\0", "")
    asked = {"store": store.code if store else "", "day": day.isoformat(), "terminal": terminal, "state": state or ""}
    rows, following = (
        list_settlements(
            tx,
            store,
            day=day,
            states=[state] if state else (),
            terminal=terminal or None,
            limit=ROWS,
            cursor=arguments.get("cursor"),
        )
        if store is not None
        else ([], None)
    )
    return render(
        "desk/settlements.html",
        stores=stores,
        store=store,
        asked=asked,
        rows=rows,
        names=masked_names(tx, {row.member_id for row in rows if row.member_id is not None}),
        states=SETTLEMENT_STATES,
        next=f"/settlements?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/settlements?{urlencode(asked)}" if arguments.get("cursor") else "",
    )


@desk_pages.route("/settlements/<settlement>")
@allow(READ)
@transactional
def settlement_page(tx: Tx, settlement: str) -> str:
    """One settlement: who, when, how it was paid, its tickets, sales and payments, and each print of its receipt."""
    viewer = current_principal()
    record = read_settlement(tx, viewer, settlement_id(settlement))
    prints = prints_of(tx, record.id)
    steps = steps_of(tx, [ticket.id for ticket in record.tickets])
    actors = {step.actor for each in steps.values() for step in each} | {each.actor for each in prints}
    return render(
        "desk/settlement.html",
        record=record,
        steps=steps,
        prints=prints,
        who=_who(tx, actors | {f"person:{record.client}"}),
        member_name=masked_names(tx, [record.member_id]).get(record.member_id) if record.member_id else None,
        states=SETTLEMENT_STATES,
        ticket_states=TICKET_STATES,
        step_words=STEP_WORDS,
        payment_states=PAYMENT_STATES,
        said=said,
        rails=RAILS,
        tender_words=TENDER_WORDS,
        may_print=record.state is SettlementState.PAID and viewer.may(SETTLE, place_of(record.store.code)),
        parcels=parcels_of(tx, record.id),
        parcel_states=PARCEL_STATES,
        may_keep=record.state is SettlementState.PAID and viewer.may(PARCELS, place_of(record.store.code)),
    )


def _who(tx: Tx, actors: set[str]) -> dict[str, str]:
    """What people call who acted; a device is a device."""
    parted = {actor: actor.partition(":")[::2] for actor in actors}
    ids = [int(id) for kind, id in parted.values() if kind == "person" and id.isdigit()]
    names = staff_names(tx, ids) if ids else {}
    kinds = {"machine": gettext("a device"), "system": gettext("the system")}
    return {
        actor: (names.get(int(id)) if kind == "person" and id.isdigit() else None)
        or kinds.get(kind)
        or kinds["machine"]
        for actor, (kind, id) in parted.items()
    }


@desk_pages.route("/settlements/<settlement>/receipt")
@allow(SETTLE)
@transactional
def receipt_page(tx: Tx, settlement: str) -> str:
    """The receipt on 80 mm of paper. `part` leaves the shell out, for the desk; `given` is the cash that was handed."""
    record = read_settlement(tx, current_principal(), settlement_id(settlement))
    given = flask.request.args.get("given", "")
    return render(
        "desk/paper.html" if flask.request.args.get("part") else "desk/receipt.html",
        paper=paper_of(tx, record),
        record=record,
        copy=bool(prints_of(tx, record.id)),
        given=int(given) if given.isascii() and given.isdigit() and len(given) < len(str(GIVEN_MAX)) else None,
        tender_words=TENDER_WORDS,
        qr=qr_svg(f"{flask.request.url_root.rstrip('/')}/m/receipts/settlements/{record.id}"),
        now=tx.now,
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _today(tx: Tx, store: StoreFacts | None) -> date:
    return local_date(tx.now, store.timezone if store is not None else get_settings().company_timezone)


# ------------------------------------------------------------------------------------------------------- the floor


@desk_pages.route("/floor")
@allow(FLOOR)
@transactional
def floor_page(tx: Tx) -> str:
    """The supervisor's board of one store, live. `part` is the board alone, `all` every counter and clerk."""
    stores = _mine(tx, current_principal(), FLOOR)
    store = _chosen(stores) or (stores[0] if stores else None)
    facts: dict[str, Any] = {"stores": stores, "store": store, "clock_text": clock_text, "lasting": _lasting}
    if store is not None:
        whole = bool(flask.request.args.get("all"))
        facts |= {
            "board": read_board(tx, store, _today(tx, store)),
            "few": BUSIEST,
            "whole": whole,
            "page": f"/floor?{urlencode({'store': store.code})}",
            "payment_states": PAYMENT_STATES,
            "said": said,
            "address": f"/floor?{urlencode({'store': store.code, 'part': 1} | ({'all': 1} if whole else {}))}",
        }
    return render("desk/board.html" if flask.request.args.get("part") and store else "desk/floor.html", **facts)


def _lasting(seconds: float) -> str:
    return lasting(timedelta(seconds=seconds))
