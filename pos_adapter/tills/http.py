"""Tills and missing numbers over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.fields import CODE_MAX, Words
from pos_adapter.permissions import APPROVE, READ
from pos_adapter.places import stores_to_show
from pos_adapter.tills.boards import ShownGap, list_gaps, list_tills
from pos_adapter.tills.operations import change_grace, explain_gap, grace_s
from pos_adapter.tills.rules import GapPlace

tills_blueprint = Blueprint("tills", __name__, description="Tills, and the numbers missing in their series")


class StoreQuery(PageArguments):
    store = fields.String(
        load_default=None,
        validate=validate.Length(1, CODE_MAX),
        metadata={"description": "A store's code; all that you act in by default"},
    )


class TillOut(Schema):
    """A till, known from its first receipt."""

    store = fields.String(required=True)
    terminal = fields.String(required=True)
    first_seen_at = fields.AwareDateTime(required=True)
    last_seen_at = fields.AwareDateTime(required=True)


class GapQuery(StoreQuery):
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "closed"]))


class GapOut(Schema):
    """Numbers from `first` to `last` of which nothing was heard."""

    id = fields.String(required=True)
    store = fields.String(required=True)
    terminal = fields.String(required=True)
    business_date = fields.Date(required=True)
    place = fields.Enum(
        GapPlace,
        by_value=True,
        required=True,
        metadata={"description": "inside the business date, or before its first number"},
    )
    first = fields.Integer(required=True)
    last = fields.Integer(required=True)
    noticed_at = fields.AwareDateTime(required=True)
    closed_at = fields.AwareDateTime(required=True, allow_none=True)
    explanation = fields.String(required=True, allow_none=True)


class ExplanationIn(Schema):
    """Why the missing numbers are no receipts."""

    explanation = Words(required=True)


class Explained(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)


class TillSettings(Schema):
    """How tills are watched."""

    gap_grace_s = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, 86_400),
        metadata={"description": "Seconds that a number may be missing before anybody is told"},
    )


def _gap_body(gap: ShownGap) -> dict[str, Any]:
    return {
        "id": str(gap.id),
        "store": gap.store,
        "terminal": gap.terminal,
        "business_date": gap.business_date,
        "place": gap.place,
        "first": gap.span.first,
        "last": gap.span.last,
        "noticed_at": gap.noticed_at,
        "closed_at": gap.closed_at,
        "explanation": gap.explanation,
    }


@tills_blueprint.route("/tills", methods=["GET"])
@allow(READ)
@transactional
@tills_blueprint.arguments(StoreQuery, location="query")
@tills_blueprint.response(200, page_of(TillOut))
def get_tills(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Tills of a store, or of all stores that you act in."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    ids = {store.code: store.id for store in stores}
    after = read_cursor(query["cursor"], int, str) if query["cursor"] else None
    found = list_tills(tx, list(ids.values()), after=after, limit=query["limit"] + 1)
    shown = found[: query["limit"]]
    more = len(found) > len(shown)
    return paged(shown, make_cursor(ids[shown[-1].store], shown[-1].terminal) if more else None)


@tills_blueprint.route("/tills/gaps", methods=["GET"])
@allow(READ)
@transactional
@tills_blueprint.arguments(GapQuery, location="query")
@tills_blueprint.response(200, page_of(GapOut))
def get_gaps(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Missing numbers of a store's tills, the newest first: those that outlived the time of grace, or closed ones."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    before = read_cursor(query["cursor"], int)[0] if query["cursor"] else None
    found = list_gaps(
        tx,
        [store.id for store in stores],
        closed=query["state"] == "closed",
        before=before,
        limit=query["limit"] + 1,
    )
    shown = found[: query["limit"]]
    return paged([_gap_body(gap) for gap in shown], next_id(found, query["limit"]))


@tills_blueprint.route("/tills/gaps/<int:gap_id>/explain", methods=["POST"])
@allow(APPROVE)
@idempotent
@tills_blueprint.arguments(ExplanationIn)
@tills_blueprint.response(200, Explained)
def post_explanation(tx: Tx, body: Mapping[str, Any], gap_id: int) -> dict[str, str]:
    """Say why missing numbers are no receipts (training, a printer test); the gap is closed with your name."""
    explain_gap(tx, current_principal(), gap_id, body["explanation"])
    return {"id": str(gap_id), "state": "explained"}


@tills_blueprint.route("/tills/settings", methods=["GET"])
@allow(READ)
@transactional
@tills_blueprint.response(200, TillSettings)
def get_settings(tx: Tx) -> dict[str, int]:
    """How tills are watched."""
    return {"gap_grace_s": grace_s(tx)}


@tills_blueprint.route("/tills/settings", methods=["PUT"])
@allow("organisation.write")
@transactional
@tills_blueprint.arguments(TillSettings)
@tills_blueprint.response(200, TillSettings)
def put_settings(tx: Tx, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Set how tills are watched; for the whole company, so for those who act everywhere."""
    current_principal().require_everywhere()
    change_grace(tx, body["gap_grace_s"])
    return body


def next_id(found: Sequence[Any], limit: int) -> str | None:
    """The cursor of a list by descending id."""
    return make_cursor(found[limit - 1].id) if len(found) > limit else None
