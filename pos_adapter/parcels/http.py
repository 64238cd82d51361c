"""Parcels over HTTP: a desk keeps paid goods under a label and hands them out; what nobody has collected yet."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import flask
import msgspec
from marshmallow import ValidationError, fields, validate, validates_schema
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    idempotent,
    msgspec_answer,
    msgspec_body,
    paged,
    transactional,
    uuid_of,
)
from foundation.http.fields import Code as CodeField
from foundation.http.json_writing import encode
from pos_adapter.parcels.operations import (
    Parcel,
    ParcelWish,
    Uncollected,
    hand_out,
    leave_goods,
    list_parcels,
    list_uncollected,
    parcels_labelled,
    parcels_of,
    read_parcel,
    send_back,
)
from pos_adapter.parcels.rules import PIECES_MAX, ParcelState, ParcelUnknown, Proof
from pos_adapter.permissions import PARCELS, TICKETS_READ
from pos_adapter.places import store_codes, stores_to_show
from pos_adapter.sales.receipts import Code
from pos_adapter.tickets.operations import TOGETHER_MAX

parcels_blueprint = Blueprint("parcels", __name__, description="Paid goods that lie at a desk until they are collected")

LABEL_MAX = 16
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class ParcelIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Goods of one settlement. Without `tickets` all that are paid and not handed over; `place` is the shelf."""

    store: Code
    terminal: Code
    settlement: UUID
    tickets: Annotated[tuple[UUID, ...], Meta(max_length=TOGETHER_MAX)] = ()
    pieces: Annotated[int, Meta(ge=1, le=PIECES_MAX)] = 1
    place: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    note: Text | None = None


class HandOutIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who hands out where, and by what the desk knew whose goods they are."""

    terminal: Code
    proof: Proof
    why: Text | None = None


class SendBackIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the goods go back to their counters."""

    terminal: Code
    why: Text


class ParcelOut(msgspec.Struct, frozen=True):
    """Goods at a desk. `label` stands on them; `ended_by` handed them out or sent them back."""

    id: str
    label: str
    state: str
    store: str
    business_date: date
    settlement: str
    tickets: list[str]
    member: str | None
    pieces: int
    place: str | None
    note: str | None
    terminal: str
    left_by: str
    left_at: datetime
    proof: str | None
    why: str | None
    ended_by: str | None
    ended_at: datetime | None


class ParcelPage(msgspec.Struct, frozen=True):
    items: list[ParcelOut]
    next_cursor: str | None


class UncollectedOut(msgspec.Struct, frozen=True):
    """A paid ticket whose goods still stand at its counter, `since` it was paid."""

    ticket: str
    number: int
    business_date: date
    counter: str
    amount: int
    currency: str
    member: str | None
    settlement: str | None
    since: datetime


class UncollectedPage(msgspec.Struct, frozen=True):
    items: list[UncollectedOut]
    next_cursor: str | None


class ParcelQuery(PageArguments):
    """Parcels of one store: those that lie there the oldest first, others the newest first."""

    store = CodeField(required=True)
    state = fields.Enum(ParcelState, by_value=True, load_default=None)
    label = fields.String(
        load_default=None,
        validate=validate.Length(1, LABEL_MAX),
        metadata={"description": "As on the goods: 1122-7; one that lies, else the latest that did"},
    )
    settlement = fields.UUID(load_default=None, metadata={"description": "What of this settlement was left"})

    @validates_schema
    def _one_question(self, data: dict[str, Any], **_: Any) -> None:
        if sum(data.get(name) is not None for name in ("state", "label", "settlement")) > 1:
            raise ValidationError("ask by state, by label, or by settlement", "label")


class UncollectedQuery(PageArguments):
    store = CodeField(required=True)
    counter = CodeField(load_default=None)


def parcel_body(found: Parcel, store: str) -> ParcelOut:
    """A parcel as recorded."""
    return ParcelOut(
        str(found.id), found.label, found.state.value, store, found.business_date, str(found.settlement_id),
        [str(id) for id in found.tickets], str(found.member_id) if found.member_id is not None else None,
        found.pieces, found.place, found.note, found.terminal, found.left_by, found.left_at,
        found.proof.value if found.proof else None, found.why, found.ended_by, found.ended_at,
    )  # fmt: skip


def parcel_id(text: str) -> UUID:
    """The id in an address. Raises ParcelUnknown."""
    return uuid_of(text, ParcelUnknown("There is no such parcel"))


def _told(tx: Tx, found: Parcel) -> ParcelOut:
    return parcel_body(found, store_codes(tx, [found.store_id])[found.store_id])


@parcels_blueprint.route("/parcels", methods=["POST"])
@allow(PARCELS)
@idempotent
@msgspec_body(ParcelIn)
@msgspec_answer(201, ParcelOut, "Kept; `label` goes on the goods and on the customer's slip")
def post_parcel(tx: Tx, body: ParcelIn) -> ParcelOut:
    """Keep paid goods of a settlement at the desk. What lies there already: 409."""
    wish = ParcelWish(body.store, body.terminal, body.settlement, body.tickets, body.pieces, body.place, body.note)
    return _told(tx, leave_goods(tx, current_principal(), wish))


@parcels_blueprint.route("/parcels", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@parcels_blueprint.arguments(ParcelQuery, location="query")
@msgspec_answer(200, ParcelPage)
def get_parcels(tx: Tx, arguments: dict[str, Any]) -> flask.Response:
    """Parcels of a store: what lies there and how long, or what a label or a settlement means."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_READ, arguments["store"])
    following = None
    if arguments["label"] is not None:
        found = parcels_labelled(tx, store, arguments["label"])
    elif arguments["settlement"] is not None:
        found = [each for each in parcels_of(tx, arguments["settlement"]) if each.store_id == store.id]
    else:
        found, following = list_parcels(
            tx, store, state=arguments["state"], limit=arguments["limit"], cursor=arguments["cursor"]
        )
    page, headers = paged([parcel_body(each, store.code) for each in found], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@parcels_blueprint.route("/parcels/<parcel>", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@msgspec_answer(200, ParcelOut)
def get_parcel(tx: Tx, parcel: str) -> ParcelOut:
    """One parcel."""
    return _told(tx, read_parcel(tx, current_principal(), parcel_id(parcel)))


@parcels_blueprint.route("/parcels/<parcel>/hand-out", methods=["POST"])
@allow(PARCELS)
@idempotent
@msgspec_body(HandOutIn)
@msgspec_answer(200, ParcelOut)
def hand_out_parcel(tx: Tx, body: HandOutIn, parcel: str) -> ParcelOut:
    """Give the goods to whoever shows that they are theirs; tickets that were paid are released with it."""
    return _told(tx, hand_out(tx, current_principal(), parcel_id(parcel), body.terminal, body.proof, body.why))


@parcels_blueprint.route("/parcels/<parcel>/send-back", methods=["POST"])
@allow(PARCELS)
@idempotent
@msgspec_body(SendBackIn)
@msgspec_answer(200, ParcelOut)
def send_parcel_back(tx: Tx, body: SendBackIn, parcel: str) -> ParcelOut:
    """Send the goods back to their counters; the tickets stay paid."""
    return _told(tx, send_back(tx, current_principal(), parcel_id(parcel), body.terminal, body.why))


@parcels_blueprint.route("/uncollected-tickets", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@parcels_blueprint.arguments(UncollectedQuery, location="query")
@msgspec_answer(200, UncollectedPage)
def get_uncollected(tx: Tx, arguments: dict[str, Any]) -> flask.Response:
    """Tickets of any day that are paid and not collected; who waits longest first."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_READ, arguments["store"])
    found, following = list_uncollected(
        tx, store, counter=arguments["counter"], limit=arguments["limit"], cursor=arguments["cursor"]
    )
    page, headers = paged([_uncollected_body(each) for each in found], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


def _uncollected_body(each: Uncollected) -> UncollectedOut:
    return UncollectedOut(
        str(each.id), each.number, each.business_date, each.counter, each.amount, each.currency,
        str(each.member_id) if each.member_id is not None else None,
        str(each.settlement_id) if each.settlement_id is not None else None, each.since,
    )  # fmt: skip
