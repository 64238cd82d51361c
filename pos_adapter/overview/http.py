"""A day of the stores over HTTP."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Schema, transactional
from foundation.http.fields import CODE_MAX
from pos_adapter.overview.operations import StoreDay, read_day
from pos_adapter.overview.rules import DayFigures
from pos_adapter.permissions import READ
from pos_adapter.places import stores_to_show

overview_blueprint = Blueprint("overview", __name__, description="A day of the stores")


class DayQuery(Schema):
    day = fields.Date(required=True, metadata={"description": "The business date"})
    store = fields.String(
        load_default=None,
        validate=validate.Length(1, CODE_MAX),
        metadata={"description": "A store's code; all that you act in by default"},
    )


class FiguresOut(Schema):
    """Receipts and money of a day, in minor units; sales without voided ones."""

    currency = fields.String(required=True)
    sales = fields.Integer(required=True)
    sales_amount = fields.Integer(required=True)
    returns = fields.Integer(required=True)
    returns_amount = fields.Integer(required=True)
    net = fields.Integer(required=True)
    voids = fields.Integer(required=True)
    member_sales = fields.Integer(required=True)
    member_amount = fields.Integer(required=True)
    member_share_permille = fields.Integer(required=True, allow_none=True)


class TillDayOut(FiguresOut):
    terminal = fields.String(required=True)


class StoreDayOut(FiguresOut):
    """A store's day, and what of it needs somebody now."""

    store = fields.String(required=True)
    parked = fields.Integer(required=True)
    flagged = fields.Integer(required=True)
    gaps = fields.Integer(required=True)
    tills = fields.List(fields.Nested(TillDayOut), required=True)


class DayOut(Schema):
    day = fields.Date(required=True)
    stores = fields.List(fields.Nested(StoreDayOut), required=True)


def _figures(figures: DayFigures) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in FiguresOut().fields}


def _store(day: StoreDay) -> dict[str, Any]:
    return {
        **_figures(day.figures),
        "store": day.store.code,
        "parked": day.waiting.parked,
        "flagged": day.waiting.flagged,
        "gaps": day.waiting.gaps,
        "tills": [{**_figures(till.figures), "terminal": till.terminal} for till in day.tills],
    }


@overview_blueprint.route("/overview", methods=["GET"])
@allow(READ)
@transactional
@overview_blueprint.arguments(DayQuery, location="query")
@overview_blueprint.response(200, DayOut)
def get_day(tx: Tx, query: Mapping[str, Any]) -> dict[str, Any]:
    """Sales, returns and the members' share of a business date, by store and till, and what needs somebody."""
    stores = stores_to_show(tx, current_principal(), READ, query["store"])
    return {"day": query["day"], "stores": [_store(day) for day in read_day(tx, stores, query["day"])]}
