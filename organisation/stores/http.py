"""Stores over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Blueprint, PageArguments, Schema, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.batches import BatchResult, EachItem
from foundation.http.puts import BATCH_MAX, answer_each
from organisation.facts import StoreStatus
from organisation.fields import CategoryPath, Code, Currency, SearchWords, SquareMetres, TimeZone, Words
from organisation.permissions import READ, WRITE
from organisation.stores.operations import KeptStore, find_store, list_stores, put_stores
from organisation.stores.rules import Category, Store, StoreWish

stores_blueprint = Blueprint("stores", __name__, description="Stores: their money, their time, their square metres")


class CategoryAreaSchema(Schema):
    """The part of a store's area that a category has."""

    category = CategoryPath(required=True)
    area_m2 = SquareMetres(required=True, allow_none=True)


class StoreIn(Schema):
    """What a store shall be; what is left out stays as it is, null takes it away."""

    code = Code(required=True)
    name = Words()
    format = Code(metadata={"description": "Comes into being on first use; `general` if a new store names none"})
    region = Code(allow_none=True, metadata={"description": "Comes into being on first use"})
    legal_unit = Code(metadata={"description": "Comes into being on first use; the company itself by default"})
    currency = Currency(metadata={"description": "Stays once anything was posted; the company's by default"})
    timezone = TimeZone(metadata={"description": "The company's by default"})
    opened_on = fields.Date(allow_none=True)
    closed_on = fields.Date(allow_none=True)
    status = fields.Enum(StoreStatus, by_value=True)
    area_m2 = SquareMetres(allow_none=True)
    category_areas = fields.List(
        fields.Nested(CategoryAreaSchema),
        validate=validate.Length(0, 1000),
        metadata={"description": "The categories named are set, the others stay"},
    )
    effective_from = fields.Date(
        metadata={"description": "From when the areas hold: today by default, the first ones since ever"}
    )


class StoreBatch(Schema):
    stores = EachItem(fields.Nested(StoreIn), required=True, validate=validate.Length(1, BATCH_MAX))


class StoreOut(Schema):
    """A store as it is today."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    format = fields.String(required=True)
    region = fields.String(required=True, allow_none=True)
    legal_unit = fields.String(required=True)
    currency = fields.String(required=True)
    currency_fixed = fields.Boolean(required=True)
    timezone = fields.String(required=True)
    opened_on = fields.Date(required=True, allow_none=True)
    closed_on = fields.Date(required=True, allow_none=True)
    status = fields.Enum(StoreStatus, by_value=True, required=True)
    area_m2 = SquareMetres(required=True, allow_none=True)
    category_areas = fields.List(fields.Nested(CategoryAreaSchema), required=True)


class StoreQuery(PageArguments):
    search = SearchWords(metadata={"description": "Part of a code or name"})
    region = Code()
    format = Code()
    status = fields.Enum(StoreStatus, by_value=True)


def wish_of(item: Mapping[str, Any]) -> StoreWish:
    """What a loaded StoreIn asks for."""
    areas: Sequence[Mapping[str, Any]] = item.get("category_areas", ())
    parts: dict[Category, Any] = {tuple(area["category"]): area["area_m2"] for area in areas}
    return StoreWish(**{**item, "category_areas": parts})


def store_body(tx: Tx, store: Store) -> dict[str, Any]:
    """The store as StoreOut shows it, on the store's own today."""
    today = local_date(tx.now, store.timezone)
    shown = {name: getattr(store, name) for name in StoreOut().fields if name not in ("area_m2", "category_areas")}
    parts = [{"category": category, "area_m2": area} for category, area in store.category_areas_on(today).items()]
    body: dict[str, Any] = {**shown, "area_m2": store.area_on(today), "category_areas": parts}
    return body


@stores_blueprint.route("/stores/batch", methods=["PUT"])
@allow(WRITE)
@transactional
@stores_blueprint.arguments(StoreBatch)
@stores_blueprint.response(200, BatchResult)
def put_stores_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 1,000 stores, each on its own; unchanged content answers 200 and changes nothing."""
    out = StoreOut()
    return answer_each(
        "stores",
        [item if isinstance(item, DomainError) else wish_of(item) for item in body["stores"]],
        lambda wishes: put_stores(tx, current_principal(), wishes),
        lambda store: out.dump(store_body(tx, store)),
    )


@stores_blueprint.route("/stores", methods=["GET"])
@allow(READ)
@transactional
@stores_blueprint.arguments(StoreQuery, location="query")
@stores_blueprint.response(200, page_of(StoreOut))
def get_stores(tx: Tx, query: Mapping[str, Any]) -> Any:
    """The stores you may see, by code."""
    after = read_cursor(query["cursor"], str)[0] if query["cursor"] else None
    found = list_stores(
        tx,
        current_principal(),
        after=after,
        limit=query["limit"] + 1,
        search=query.get("search"),
        region_code=query.get("region"),
        format_code=query.get("format"),
        status=query.get("status"),
    )
    shown = found[: query["limit"]]
    return paged([store_body(tx, kept.store) for kept in shown], _next(shown, len(found)))


@stores_blueprint.route("/stores/<code>", methods=["GET"])
@allow(READ)
@transactional
@stores_blueprint.response(200, StoreOut)
def get_store(tx: Tx, code: str) -> dict[str, Any]:
    """One store."""
    return store_body(tx, find_store(tx, current_principal(), code).store)


def _next(shown: Sequence[KeptStore], found: int) -> str | None:
    return make_cursor(shown[-1].store.code) if found > len(shown) else None
