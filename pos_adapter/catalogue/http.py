"""The catalogue over HTTP."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.access import allow
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Blueprint, PageArguments, Schema, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.batches import BatchResult, EachItem
from foundation.http.fields import CODE_MAX, CategoryPath, Code, Currency, SearchWords, Words, is_text
from foundation.http.puts import BATCH_MAX, answer_each
from pos_adapter import permissions
from pos_adapter.catalogue.naming import put_brands, put_categories
from pos_adapter.catalogue.operations import costs_of, list_products, list_promotions, put_products, put_promotions
from pos_adapter.catalogue.rules import (
    WHOLE,
    Product,
    ProductStatus,
    ProductWish,
    Promotion,
    PromotionMethod,
    PromotionWish,
)

MONEY_MAX = 10**12
PATH_SEPARATOR = "/"

catalogue_blueprint = Blueprint("catalogue", __name__, description="What is sold, and at which promotion")


def _check_product_code(text: str) -> None:
    if text != text.strip() or not is_text(text):
        raise ValidationError(f"must be 1 to {CODE_MAX} visible characters without blanks around them")


class ProductCode(fields.String):
    """A code as tills send it: up to 64 visible characters, taken exactly as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, CODE_MAX), _check_product_code], **options)


class Share(fields.Decimal):
    """A share above 0 up to 1 with up to four digits after the point; a string in answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_nan=False, validate=validate.Range(Decimal(0), Decimal(1)), **options)


# ---------------------------------------------------------------------------------------------- products


class ProductIn(Schema):
    """What a product shall be; what is left out stays as it is, null takes it away."""

    code = ProductCode(required=True)
    name = Words(metadata={"description": "A new product without a name is called by its code"})
    category = CategoryPath(
        metadata={"description": "Codes from the root down; they come into being on first use. Empty: none"}
    )
    brand = Words(allow_none=True, metadata={"description": "A code; comes into being on first use"})
    unit_cost = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, MONEY_MAX),
        metadata={"description": "Minor units of `currency`, from now on; posted lines keep their own"},
    )
    regular_price = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, MONEY_MAX),
        metadata={"description": "Minor units of `currency`, tax included: what a counter proposes for one"},
    )
    currency = Currency(
        allow_none=True,
        metadata={"description": "That of unit_cost and regular_price; null: that of whichever store sells it"},
    )
    status = fields.Enum(ProductStatus, by_value=True)


class ProductBatch(Schema):
    products = EachItem(fields.Nested(ProductIn), required=True, validate=validate.Length(1, BATCH_MAX))


class ProductOut(Schema):
    """A product as it is now."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    category = fields.List(fields.String(), required=True)
    brand = fields.String(required=True, allow_none=True)
    unit_cost = fields.Integer(required=True, allow_none=True)
    regular_price = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf([each.value for each in ProductStatus]))


class ProductQuery(PageArguments):
    code = fields.String(validate=validate.Length(1, CODE_MAX))
    category = fields.String(
        validate=validate.Length(1, 2_000),
        metadata={"description": "A path such as FOOD/DAIRY: what lies in it or below it"},
    )
    brand = fields.String(validate=validate.Length(1, 200))
    q = SearchWords(metadata={"description": "Part of a name, or the beginning of a code"})


class CostOut(Schema):
    """What one unit costs from a moment on."""

    valid_from = fields.AwareDateTime(required=True)
    unit_cost = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)


class ProductCosts(Schema):
    """The dated costs of a product, newest first."""

    code = fields.String(required=True)
    costs = fields.List(fields.Nested(CostOut), required=True)


class CostQuery(Schema):
    code = fields.String(required=True, validate=validate.Length(1, CODE_MAX))


def product_body(product: Product) -> dict[str, Any]:
    """The product as ProductOut shows it; by hand, for a batch shows a thousand."""
    return {
        "code": product.code,
        "name": product.name,
        "category": list(product.category),
        "brand": product.brand,
        "unit_cost": product.unit_cost,
        "regular_price": product.regular_price,
        "currency": product.currency,
        "status": product.status.value,
    }


def _product_wish(item: Mapping[str, Any]) -> ProductWish:
    category = {"category": tuple(item["category"])} if "category" in item else {}
    return ProductWish(**{**item, **category})


@catalogue_blueprint.route("/products/batch", methods=["PUT"])
@allow(permissions.CATALOGUE)
@transactional
@catalogue_blueprint.arguments(ProductBatch)
@catalogue_blueprint.response(200, BatchResult)
def put_products_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 1,000 products; unchanged content answers 200 and changes nothing."""
    return answer_each(
        "products",
        [item if isinstance(item, DomainError) else _product_wish(item) for item in body["products"]],
        lambda wishes: put_products(tx, wishes),
        product_body,
    )


@catalogue_blueprint.route("/products", methods=["GET"])
@allow(permissions.READ)
@transactional
@catalogue_blueprint.arguments(ProductQuery, location="query")
@catalogue_blueprint.response(200, page_of(ProductOut))
def get_products(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Products by code."""
    found = list_products(
        tx,
        after=_after(query),
        limit=query["limit"] + 1,
        code=query.get("code"),
        path=tuple(query["category"].split(PATH_SEPARATOR)) if "category" in query else (),
        brand_code=query.get("brand"),
        words=query.get("q"),
    )
    return paged([product_body(each) for each in found[: query["limit"]]], _next(found, query["limit"]))


@catalogue_blueprint.route("/products/costs", methods=["GET"])
@allow(permissions.CATALOGUE)
@transactional
@catalogue_blueprint.arguments(CostQuery, location="query")
@catalogue_blueprint.response(200, ProductCosts)
def get_product_costs(tx: Tx, query: Mapping[str, Any]) -> dict[str, Any]:
    """What a product cost from when on, newest first."""
    return {"code": query["code"], "costs": costs_of(tx, query["code"])}


# ---------------------------------------------------------------------------------------------- promotions


class FunderShare(Schema):
    """The part of a promotion that one funder bears."""

    funder = Code(required=True, metadata={"description": "company, store, or supplier:V9 and the like"})
    share = Share(required=True)


class PromotionIn(Schema):
    """What a promotion shall be; what is left out stays as it is, null takes it away."""

    code = ProductCode(required=True)
    name = Words()
    method = fields.Enum(PromotionMethod, by_value=True, metadata={"description": "Needed for a new one"})
    funder = Code(metadata={"description": "Who bears all of it; the company by default"})
    funders = fields.List(
        fields.Nested(FunderShare),
        validate=validate.Length(1, 20),
        metadata={"description": "Who bears which share, summing to 1; instead of `funder`"},
    )
    starts_on = fields.Date(allow_none=True)
    ends_on = fields.Date(allow_none=True)
    stores = fields.List(Code(), validate=validate.Length(0, 5_000), metadata={"description": "Empty: all"})
    formats = fields.List(Code(), validate=validate.Length(0, 100), metadata={"description": "Empty: all"})


class PromotionBatch(Schema):
    promotions = EachItem(fields.Nested(PromotionIn), required=True, validate=validate.Length(1, BATCH_MAX))


class PromotionOut(Schema):
    """A promotion as it is now."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    method = fields.Enum(PromotionMethod, by_value=True, required=True)
    funders = fields.Function(lambda promotion: _shares(promotion), required=True)
    starts_on = fields.Date(required=True, allow_none=True)
    ends_on = fields.Date(required=True, allow_none=True)
    stores = fields.List(fields.String(), required=True)
    formats = fields.List(fields.String(), required=True)


class PromotionQuery(PageArguments):
    code = fields.String(validate=validate.Length(1, CODE_MAX))
    method = fields.Enum(PromotionMethod, by_value=True)
    on = fields.Date(metadata={"description": "Those that run on this day"})
    q = SearchWords(metadata={"description": "Part of a name, or the beginning of a code"})


def _shares(promotion: Promotion) -> list[dict[str, str]]:
    return [
        {"funder": funder, "share": format((Decimal(part) / WHOLE).normalize(), "f")}
        for funder, part in promotion.funders.items()
    ]


def _promotion_wish(item: Mapping[str, Any]) -> PromotionWish:
    wish = {name: value for name, value in item.items() if name != "funder"}
    if "funder" in item:
        wish["funders"] = {item["funder"]: Decimal(1)}
    if "funders" in item:
        wish["funders"] = {share["funder"]: share["share"] for share in item["funders"]}
    for name in ("stores", "formats"):
        if name in item:
            wish[name] = tuple(item[name])
    return PromotionWish(**wish)


@catalogue_blueprint.route("/promotions/batch", methods=["PUT"])
@allow(permissions.CATALOGUE)
@transactional
@catalogue_blueprint.arguments(PromotionBatch)
@catalogue_blueprint.response(200, BatchResult)
def put_promotions_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 1,000 promotions, each on its own; unchanged content answers 200 and changes nothing."""
    out = PromotionOut()
    return answer_each(
        "promotions",
        [item if isinstance(item, DomainError) else _promotion_wish(item) for item in body["promotions"]],
        lambda wishes: put_promotions(tx, wishes),
        out.dump,
    )


@catalogue_blueprint.route("/promotions", methods=["GET"])
@allow(permissions.READ)
@transactional
@catalogue_blueprint.arguments(PromotionQuery, location="query")
@catalogue_blueprint.response(200, page_of(PromotionOut))
def get_promotions(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Promotions by code."""
    found = list_promotions(
        tx,
        after=_after(query),
        limit=query["limit"] + 1,
        code=query.get("code"),
        method=query.get("method"),
        on=query.get("on"),
        words=query.get("q"),
    )
    return paged(found[: query["limit"]], _next(found, query["limit"]))


# ---------------------------------------------------------------------------------------------- categories, brands


class CategoryIn(Schema):
    """A category, named by its path from the root; everything above it comes into being with it."""

    path = fields.List(Words(), required=True, validate=validate.Length(1, 8))
    name = Words()


class CategoryBatch(Schema):
    categories = EachItem(fields.Nested(CategoryIn), required=True, validate=validate.Length(1, BATCH_MAX))


class BrandIn(Schema):
    """A brand and what people call it."""

    code = Words(required=True)
    name = Words()


class BrandBatch(Schema):
    brands = EachItem(fields.Nested(BrandIn), required=True, validate=validate.Length(1, BATCH_MAX))


@catalogue_blueprint.route("/categories/batch", methods=["PUT"])
@allow(permissions.CATALOGUE)
@transactional
@catalogue_blueprint.arguments(CategoryBatch)
@catalogue_blueprint.response(200, BatchResult)
def put_categories_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make up to 1,000 categories and give them names."""
    return answer_each(
        "categories",
        [
            item if isinstance(item, DomainError) else (tuple(item["path"]), item.get("name"))
            for item in body["categories"]
        ],
        lambda names: put_categories(tx, names),
        lambda path: {"path": list(path)},
    )


@catalogue_blueprint.route("/brands/batch", methods=["PUT"])
@allow(permissions.CATALOGUE)
@transactional
@catalogue_blueprint.arguments(BrandBatch)
@catalogue_blueprint.response(200, BatchResult)
def put_brands_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make up to 1,000 brands and give them names."""
    return answer_each(
        "brands",
        [item if isinstance(item, DomainError) else (item["code"], item.get("name")) for item in body["brands"]],
        lambda names: put_brands(tx, names),
        lambda code: {"code": code},
    )


def _after(query: Mapping[str, Any]) -> str | None:
    return read_cursor(query["cursor"], str)[0] if query["cursor"] else None


def _next(found: Sequence[Any], limit: int) -> str | None:
    return make_cursor(found[limit - 1].code) if len(found) > limit else None
