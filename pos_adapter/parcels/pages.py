"""Left goods on a screen: what lies here and how long, leaving, the label, handing out; and what nobody collected."""

from typing import Any
from urllib.parse import urlencode

import flask

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.events import last_position
from foundation.http import Pages, transactional
from foundation.pages import gettext, render
from foundation.pages.qr import qr_svg
from member_api.contract.members import masked_names
from organisation.contract import StoreFacts, counters_by_code, place_of, stores_by_id, stores_within
from pos_adapter.actors import actor_names
from pos_adapter.parcels.http import parcel_id
from pos_adapter.parcels.operations import (
    TOPICS,
    Parcel,
    list_parcels,
    list_uncollected,
    parcels_labelled,
    parcels_of,
    read_parcel,
)
from pos_adapter.parcels.rules import MAY_LIE, PIECES_MAX, ParcelState
from pos_adapter.parcels.words import PROOF_WORDS, STATE_WORDS, lasting, patience, urgency
from pos_adapter.permissions import PARCELS, TICKETS_READ
from pos_adapter.settlements.http import settlement_id
from pos_adapter.settlements.reading import read_settlement
from pos_adapter.settlements.rules import SettlementState
from pos_adapter.tickets.operations import given_back, lying_at_desk

parcels_pages = Pages("parcels", __name__)

SHOWN = 50


@parcels_pages.route("/parcels")
@allow(TICKETS_READ)
@transactional
def parcels_page(tx: Tx) -> str:
    """What lies at the desks of a store, longest first; or everything that was ever left, or what a label means."""
    stores, store = _stores(tx)
    position = last_position(tx)
    arguments = flask.request.args
    label = arguments.get("label", "").strip()[:16]
    state = None if arguments.get("show") == "all" else ParcelState.LYING
    found: list[Parcel] = []
    following = None
    if store is not None:
        if label:
            found = parcels_labelled(tx, store, label)
        else:
            found, following = list_parcels(tx, store, state=state, limit=SHOWN, cursor=arguments.get("cursor"))
    asked = {"store": store.code if store else ""} | ({"show": "all"} if state is None else {})
    return render(
        "parcels/list.html",
        position=position,
        topics=TOPICS,
        stores=stores,
        store=store,
        rows=found,
        label=label,
        lies_only=state is ParcelState.LYING,
        sections=_sections(store),
        here="" if label else _sections(store)[0 if state else 1][0],
        names=masked_names(tx, {each.member_id for each in found if each.member_id is not None}),
        people=actor_names(tx, {actor for each in found for actor in (each.left_by, each.ended_by) if actor}),
        lasts={each.id: (each.ended_at or tx.now) - each.left_at for each in found},
        next=f"/parcels?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/parcels?{urlencode(asked)}" if arguments.get("cursor") else "",
        **_words(),
    )


def _stores(tx: Tx) -> tuple[list[StoreFacts], StoreFacts | None]:
    """The viewer's stores, and the one that is shown."""
    viewer = current_principal()
    stores = [store for store in stores_within(tx, viewer) if viewer.may(TICKETS_READ, place_of(store.code))]
    asked = flask.request.args.get("store")
    return stores, next((store for store in stores if store.code == asked), stores[0] if stores else None)


def _sections(store: StoreFacts | None) -> list[tuple[str, str]]:
    scope = urlencode({"store": store.code if store else ""})
    return [
        (f"/parcels?{scope}", gettext("Lies here")),
        (f"/parcels?show=all&{scope}", gettext("All")),
        (f"/uncollected?{scope}", gettext("Paid, not collected")),
    ]


def _words() -> dict[str, Any]:
    return {"state_words": STATE_WORDS, "proof_words": PROOF_WORDS, "lasting": lasting, "urgency": urgency}


@parcels_pages.route("/uncollected")
@allow(TICKETS_READ)
@transactional
def uncollected_page(tx: Tx) -> str:
    """Tickets of any day that are paid and whose goods still stand at their counters, longest first."""
    stores, store = _stores(tx)
    arguments = flask.request.args
    counter = arguments.get("counter", "").strip()[:64].replace("\0", "")
    found, following = (
        list_uncollected(tx, store, counter=counter or None, limit=SHOWN, cursor=arguments.get("cursor"))
        if store is not None
        else ([], None)
    )
    asked = {"store": store.code if store else "", "counter": counter}
    return render(
        "parcels/uncollected.html",
        stores=stores,
        store=store,
        rows=found,
        counter=counter,
        counters=counters_by_code(tx, store.id, {each.counter for each in found}) if store else {},
        sections=_sections(store),
        names=masked_names(tx, {each.member_id for each in found if each.member_id is not None}),
        now=tx.now,
        lasting=lasting,
        patience=patience,
        next=f"/uncollected?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/uncollected?{urlencode(asked)}" if arguments.get("cursor") else "",
    )


@parcels_pages.route("/parcels/new")
@allow(PARCELS)
@transactional
def new_page(tx: Tx) -> str:
    """Leave goods of a settlement: which tickets, how many pieces, on which shelf."""
    viewer = current_principal()
    record = read_settlement(tx, viewer, settlement_id(flask.request.args.get("settlement", "")))
    viewer.require(PARCELS, place_of(record.store.code))
    ids = [ticket.id for ticket in record.tickets]
    return render(
        "parcels/new.html",
        record=record,
        tickets=[ticket for ticket in record.tickets if ticket.state in MAY_LIE],
        labels=lying_at_desk(tx, ids),
        gone=given_back(tx, ids),
        pieces_max=PIECES_MAX,
        before=parcels_of(tx, record.id),
        is_paid=record.state is SettlementState.PAID,
        counters=counters_by_code(tx, record.store.id, {ticket.counter for ticket in record.tickets}),
        **_words(),
    )


@parcels_pages.route("/parcels/<parcel>")
@allow(TICKETS_READ)
@transactional
def parcel_page(tx: Tx, parcel: str) -> str:
    """One parcel: whose, what, where, since when; handing it out, sending it back, its label."""
    viewer = current_principal()
    position = last_position(tx)
    found = read_parcel(tx, viewer, parcel_id(parcel))
    return render("parcels/one.html", position=position, topics=TOPICS, **_about(tx, viewer, found), **_words())


@parcels_pages.route("/parcels/<parcel>/label")
@allow(TICKETS_READ)
@transactional
def label_page(tx: Tx, parcel: str) -> str:
    """The label for the goods and the customer's slip, on 80 mm of paper. `part` leaves the shell out, for the desk."""
    viewer = current_principal()
    found = read_parcel(tx, viewer, parcel_id(parcel))
    template = "parcels/paper.html" if flask.request.args.get("part") else "parcels/label.html"
    return render(template, qr=qr_svg(found.label), **_about(tx, viewer, found))


def _about(tx: Tx, viewer: Principal, found: Parcel) -> dict[str, Any]:
    store = stores_by_id(tx, [found.store_id])[found.store_id]
    record = read_settlement(tx, viewer, found.settlement_id)
    left = set(found.tickets)
    actors = {actor for actor in (found.left_by, found.ended_by) if actor}
    return {
        "parcel": found,
        "store": store,
        "record": record,
        "tickets": [ticket for ticket in record.tickets if ticket.id in left],
        "counters": counters_by_code(tx, store.id, {ticket.counter for ticket in record.tickets}),
        "member_name": masked_names(tx, [found.member_id]).get(found.member_id) if found.member_id else None,
        "people": actor_names(tx, actors),
        "lies_for": (found.ended_at or tx.now) - found.left_at,
        "lies": found.state is ParcelState.LYING,
        "may_work": viewer.may(PARCELS, place_of(store.code)),
    }
