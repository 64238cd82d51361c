"""What handhelds read over HTTP before they are cut off: counters, the sheet of a counter, goods and prices."""

from datetime import date
from typing import Any

import msgspec
from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, PageArguments, Schema, msgspec_answer, transactional
from foundation.http.fields import Code as CodeField
from foundation.http.paging import CURSOR_MAX
from foundation.money import exponent
from foundation.settings import get_settings
from pos_adapter.handheld.operations import Sheet, open_counter, open_counters, products_since, read_sheet
from pos_adapter.permissions import TICKETS_WRITE
from pos_adapter.places import stores_to_show

handheld_blueprint = Blueprint("handheld", __name__, description="What a counter's handheld keeps for when it is alone")


class CounterQuery(Schema):
    store = CodeField(required=True)
    counter = CodeField(required=True)


class StoreQuery(Schema):
    store = CodeField(required=True)


class CacheQuery(PageArguments):
    store = CodeField(required=True)
    counter = CodeField(required=True)
    since = fields.String(
        load_default=None,
        validate=validate.Length(1, CURSOR_MAX),
        metadata={"description": "`since` of an earlier answer: only what changed after it"},
    )


class CounterNamed(msgspec.Struct, frozen=True):
    code: str
    name: str
    floor: str | None


class CounterList(msgspec.Struct, frozen=True):
    items: list[CounterNamed]
    next_cursor: str | None = None


class StoreSheet(msgspec.Struct, frozen=True):
    code: str
    name: str
    currency: str
    exponent: int
    timezone: str
    business_date: date


class NamedCode(msgspec.Struct, frozen=True):
    code: str
    name: str


class RunningPromotion(msgspec.Struct, frozen=True):
    code: str
    name: str
    method: str


class SheetOut(msgspec.Struct, frozen=True):
    """`terminal` is under which the handheld settles, `rails` what it can take payments by."""

    store: StoreSheet
    counter: CounterNamed
    terminal: str
    promotions: list[RunningPromotion]
    salespeople: list[NamedCode]
    rails: list[str]


class CachedProducts(msgspec.Struct, frozen=True):
    """Rows of code, name, price in minor units (null: to be typed), and whether it is still sold."""

    items: list[tuple[str, str, int | None, bool]]
    next_cursor: str | None
    since: str


@handheld_blueprint.route("/handheld/counters", methods=["GET"])
@allow(TICKETS_WRITE)
@transactional
@handheld_blueprint.arguments(StoreQuery, location="query")
@msgspec_answer(200, CounterList)
def get_handheld_counters(tx: Tx, query: dict[str, Any]) -> CounterList:
    """The open counters of a store, for the clerk to choose the own one; at most 5,000."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_WRITE, query["store"])
    return CounterList([CounterNamed(each.code, each.name, each.floor) for each in open_counters(tx, store)])


@handheld_blueprint.route("/handheld/sheet", methods=["GET"])
@allow(TICKETS_WRITE)
@transactional
@handheld_blueprint.arguments(CounterQuery, location="query")
@msgspec_answer(200, SheetOut)
def get_handheld_sheet(tx: Tx, query: dict[str, Any]) -> SheetOut:
    """What a handheld of a counter needs to know today."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_WRITE, query["store"])
    return _sheet_body(read_sheet(tx, store, query["counter"]))


@handheld_blueprint.route("/handheld/products", methods=["GET"])
@allow(TICKETS_WRITE)
@transactional
@handheld_blueprint.arguments(CacheQuery, location="query")
@msgspec_answer(200, CachedProducts)
def get_handheld_products(tx: Tx, query: dict[str, Any]) -> CachedProducts:
    """Goods and prices of a counter for its cache, page by page; later with `since` only what changed."""
    [store] = stores_to_show(tx, current_principal(), TICKETS_WRITE, query["store"])
    counter = open_counter(tx, store, query["counter"])
    found = products_since(tx, store, counter, query["cursor"] or query["since"], query["limit"])
    return CachedProducts(
        [(each.code, each.name, each.price, each.is_sold) for each in found.items], found.following, found.since
    )


def _sheet_body(sheet: Sheet) -> SheetOut:
    store, counter = sheet.store, sheet.counter
    return SheetOut(
        StoreSheet(
            store.code, store.name, store.currency, exponent(store.currency), store.timezone, sheet.business_date
        ),
        CounterNamed(counter.code, counter.name, counter.floor),
        sheet.terminal,
        [RunningPromotion(each.code, each.name, each.method.value) for each in sheet.promotions],
        [NamedCode(each.number, each.name) for each in sheet.salespeople],
        _rails(),
    )


def _rails() -> list[str]:
    settings = get_settings()
    outside = {"card": settings.acquirer, "code": settings.wallet_apps_url}
    return [*[rail for rail, address in outside.items() if address], "wallet"]
