"""Counters over HTTP."""

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
from organisation.counters.operations import KeptCounter, find_counter, list_counters, put_counters
from organisation.counters.rules import CounterWish
from organisation.facts import CounterMode, CounterStatus
from organisation.fields import CategoryPath, Code, Rate, SearchWords, SquareMetres, Words
from organisation.permissions import READ, WRITE

AMOUNT_MAX = 10**15

counters_blueprint = Blueprint("counters", __name__, description="Counters (专柜): whose goods, on what terms, where")


class PromotionRateSchema(Schema):
    """The rate during a promotion."""

    promotion = Code(required=True)
    rate = Rate(required=True, allow_none=True)


class CounterIn(Schema):
    """What a counter shall be; what is left out stays as it is, null takes it away."""

    store = Code(required=True)
    code = Code(required=True)
    name = Words()
    mode = fields.Enum(CounterMode, by_value=True)
    rate = Rate(allow_none=True, metadata={"description": "Share of the contract base that the store keeps (扣率)"})
    guaranteed_minimum = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, AMOUNT_MAX, error="must not be negative, nor larger than a thousand billion"),
        metadata={"description": "A month, in minor units of the store's currency (保底)"},
    )
    promotion_rates = fields.List(fields.Nested(PromotionRateSchema), validate=validate.Length(0, 1000))
    supplier = Code(allow_none=True, metadata={"description": "Comes into being on first use"})
    legal_unit = Code(allow_none=True, metadata={"description": "Comes into being on first use; null: the store's"})
    format = Code(allow_none=True, metadata={"description": "Comes into being on first use; null: the store's"})
    category = CategoryPath()
    brand = Words(allow_none=True)
    floor = Words(allow_none=True)
    area_m2 = SquareMetres(allow_none=True)
    takes_points = fields.Boolean(truthy={True}, falsy={False})
    takes_ecoins = fields.Boolean(truthy={True}, falsy={False})
    takes_coupons = fields.Boolean(truthy={True}, falsy={False})
    opened_on = fields.Date(allow_none=True)
    closed_on = fields.Date(allow_none=True)
    status = fields.Enum(CounterStatus, by_value=True)
    effective_from = fields.Date(
        metadata={"description": "From when terms and area hold: today by default, the first ones since ever"}
    )


class CounterBatch(Schema):
    counters = EachItem(fields.Nested(CounterIn), required=True, validate=validate.Length(1, BATCH_MAX))


class CounterOut(Schema):
    """A counter as it is today."""

    store = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    mode = fields.Enum(CounterMode, by_value=True, required=True)
    rate = Rate(required=True, allow_none=True)
    guaranteed_minimum = fields.Integer(required=True, allow_none=True)
    promotion_rates = fields.List(fields.Nested(PromotionRateSchema), required=True)
    supplier = fields.String(required=True, allow_none=True)
    legal_unit = fields.String(required=True, allow_none=True)
    format = fields.String(required=True, allow_none=True)
    category = fields.List(fields.String(), required=True)
    brand = fields.String(required=True, allow_none=True)
    floor = fields.String(required=True, allow_none=True)
    area_m2 = SquareMetres(required=True, allow_none=True)
    takes_points = fields.Boolean(required=True)
    takes_ecoins = fields.Boolean(required=True)
    takes_coupons = fields.Boolean(required=True)
    opened_on = fields.Date(required=True, allow_none=True)
    closed_on = fields.Date(required=True, allow_none=True)
    status = fields.Enum(CounterStatus, by_value=True, required=True)


class CounterQuery(PageArguments):
    search = SearchWords(metadata={"description": "Part of a code, name, brand or supplier"})
    store = Code()
    status = fields.Enum(CounterStatus, by_value=True)


DATED = ("mode", "rate", "guaranteed_minimum", "promotion_rates", "area_m2")


def wish_of(item: Mapping[str, Any]) -> CounterWish:
    """What a loaded CounterIn asks for."""
    agreed: Sequence[Mapping[str, Any]] = item.get("promotion_rates", ())
    named = {**item, "promotion_rates": {each["promotion"]: each["rate"] for each in agreed}}
    if "category" in item:
        named["category"] = tuple(item["category"])
    return CounterWish(**named)


def counter_body(tx: Tx, kept: KeptCounter) -> dict[str, Any]:
    """The counter as CounterOut shows it, on its store's today."""
    today = local_date(tx.now, kept.timezone)
    terms = kept.counter.terms_on(today)
    return {
        **{name: getattr(kept.counter, name) for name in CounterOut().fields if name not in DATED},
        "mode": terms.mode,
        "rate": terms.rate,
        "guaranteed_minimum": terms.guaranteed_minimum,
        "promotion_rates": [
            {"promotion": promotion, "rate": rate}
            for promotion, rate in kept.counter.promotion_rates_on(today).items()
            if rate is not None
        ],
        "area_m2": kept.counter.area_on(today),
    }


@counters_blueprint.route("/counters/batch", methods=["PUT"])
@allow(WRITE)
@transactional
@counters_blueprint.arguments(CounterBatch)
@counters_blueprint.response(200, BatchResult)
def put_counters_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 1,000 counters, each on its own; unchanged content answers 200 and changes nothing."""
    out = CounterOut()
    return answer_each(
        "counters",
        [item if isinstance(item, DomainError) else wish_of(item) for item in body["counters"]],
        lambda wishes: put_counters(tx, current_principal(), wishes),
        lambda kept: out.dump(counter_body(tx, kept)),
    )


@counters_blueprint.route("/counters", methods=["GET"])
@allow(READ)
@transactional
@counters_blueprint.arguments(CounterQuery, location="query")
@counters_blueprint.response(200, page_of(CounterOut))
def get_counters(tx: Tx, query: Mapping[str, Any]) -> Any:
    """The counters you may see, by store and code."""
    after = read_cursor(query["cursor"], str, str) if query["cursor"] else None
    found = list_counters(
        tx,
        current_principal(),
        after=(after[0], after[1]) if after else None,
        limit=query["limit"] + 1,
        search=query.get("search"),
        store_code=query.get("store"),
        status=query.get("status"),
    )
    shown = found[: query["limit"]]
    return paged([counter_body(tx, kept) for kept in shown], _next(shown, len(found)))


@counters_blueprint.route("/stores/<store>/counters/<code>", methods=["GET"])
@allow(READ)
@transactional
@counters_blueprint.response(200, CounterOut)
def get_counter(tx: Tx, store: str, code: str) -> dict[str, Any]:
    """One counter."""
    return counter_body(tx, find_counter(tx, current_principal(), store, code))


def _next(shown: Sequence[KeptCounter], found: int) -> str | None:
    return make_cursor(shown[-1].counter.store, shown[-1].counter.code) if found > len(shown) else None
