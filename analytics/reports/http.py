"""Reports of sales over HTTP, in the caller's stores: by area, by structure, by promotion, and what a promotion did."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from marshmallow import fields, validate

from analytics.measures.places import Place, RowKind
from analytics.permissions import REPORTS
from analytics.promotions.rules import Control
from analytics.reports.areas import AreaRow, area_rows
from analytics.reports.asking import Asked, asked_by
from analytics.reports.promoted import (
    PromotionEffect,
    PromotionRow,
    PromotionUnknown,
    effect_of_promotion,
    promotion_rows,
)
from analytics.reports.structure import CategoryUnknown, StructureRow, sales_structure
from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    first_page,
    id_of,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.fields import CODE_MAX
from foundation.settings import get_settings

reports_blueprint = Blueprint("reports", __name__, description="Reports of sales")

COST_MAX = 10**12


class Marked(Protocol):
    """A row that knows where it stands in its report."""

    @property
    def mark(self) -> Any: ...


Row = TypeVar("Row", bound=Marked)


# ------------------------------------------------------------------------------------------------ what is asked
def _code(description: str) -> fields.String:
    return fields.String(
        load_default=None, validate=validate.Length(1, CODE_MAX), metadata={"description": description}
    )


class _Days(Schema):
    from_ = fields.Date(data_key="from", load_default=None, metadata={"description": "The first business date"})
    to = fields.Date(load_default=None, metadata={"description": "The last one; the last four weeks by default"})
    store = _code("A store's code; all that you act in by default")
    format = _code("A format's code")


class ReportQuery(_Days, PageArguments):
    """Business dates, both included; stores and formats."""


class AreaQuery(ReportQuery):
    by = fields.Enum(Place, by_value=True, load_default=Place.STORE, metadata={"description": "What a row stands for"})


class StructureQuery(ReportQuery):
    category = _code("The id of a category: the categories below it; the topmost ones by default")


class EffectQuery(_Days):
    currency = fields.String(load_default=None, validate=validate.Regexp(r"\A[A-Z]{3}\Z"))
    cost = fields.Integer(
        load_default=0,
        validate=validate.Range(0, COST_MAX),
        metadata={"description": "What the store paid for it beside the prices, in minor units"},
    )


def question_of(tx: Tx, query: Mapping[str, Any]) -> Asked:
    """The question in a query. Raises PeriodUnusable, StoreUnknown, PlaceForbidden."""
    return asked_by(tx, current_principal(), query["from_"], query["to"], query["store"], query["format"])


def category_of(text: str | None) -> int | None:
    """The id in a query, None where none is named. Raises CategoryUnknown for what cannot be one."""
    return None if text is None else id_of(text, CategoryUnknown("There is no such category"))


def page_from(rows: Sequence[Row], cursor: str | None, limit: int, *types: Any) -> tuple[Sequence[Row], str | None]:
    """The rows after a cursor, at most `limit`, and the cursor after them; None at the end. Raises CursorUnreadable."""
    after = read_cursor(cursor, *types) if cursor else None
    rest = [row for row in rows if row.mark > after] if after is not None else rows
    return first_page(rest, limit, lambda row: row.mark)


def _paged(rows: Sequence[Row], query: Mapping[str, Any], body: Callable[[Row], Any], *types: Any) -> Any:
    shown, following = page_from(rows, query["cursor"], query["limit"], *types)
    return paged([body(row) for row in shown], following)


AREA_MARK = (str, int, int, str)
STRUCTURE_MARK = (str, int, str)
PROMOTION_MARK = (str, int, int)


# ------------------------------------------------------------------------------------------------ areas
class AreaRowOut(Schema):
    """What a place sold on its area; `no_area` is everything sold where the area is not known, `online` what needs
    none. Money in minor units; per square metre and day; receipts per 100 square metres and day."""

    currency = fields.String(required=True)
    kind = fields.Enum(RowKind, by_value=True, required=True)
    code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    within = fields.String(required=True, allow_none=True, metadata={"description": "The store of a counter"})
    net_sales = fields.Integer(required=True)
    gross_profit = fields.Integer(required=True, allow_none=True)
    profit_known = fields.Float(required=True, allow_none=True)
    receipts = fields.Integer(required=True)
    area_m2_days = fields.Float(required=True, allow_none=True)
    sales_per_m2 = fields.Float(required=True, allow_none=True)
    profit_per_m2 = fields.Float(required=True, allow_none=True)
    receipts_per_100_m2 = fields.Float(required=True, allow_none=True)


@reports_blueprint.route("/reports/areas", methods=["GET"])
@allow(REPORTS)
@transactional
@reports_blueprint.arguments(AreaQuery, location="query")
@reports_blueprint.response(200, page_of(AreaRowOut))
def get_areas(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Sales, profit and receipts per square metre, who sold most first; the rows sum to all sales."""
    return _paged(area_rows(tx, question_of(tx, query), query["by"]), query, _area_body, *AREA_MARK)


def _area_body(row: AreaRow) -> dict[str, Any]:
    figures = ("net_sales", "gross_profit", "receipts", "area_m2_days")
    ratios = ("profit_known", "sales_per_m2", "profit_per_m2", "receipts_per_100_m2")
    return {
        "currency": row.currency,
        "kind": row.kind,
        **{name: getattr(row, name) or None for name in ("code", "name", "within")},
        **{name: getattr(row, name) for name in figures},
        **{name: rounded(getattr(row, name)) for name in ratios},
    }


def rounded(value: float | None) -> float | None:
    """A ratio to four decimals: finer than any figure of a shop is true."""
    return None if value is None else round(value, 4)


# ------------------------------------------------------------------------------------------------ structure
class StructureRowOut(Schema):
    """What a category sold, everything below it included; `category` null: what belongs to none of the level."""

    currency = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    path = fields.List(fields.String(), required=True)
    name = fields.String(required=True)
    deeper = fields.Boolean(required=True, metadata={"description": "Whether there are categories below it"})
    net_sales = fields.Integer(required=True)
    regular_sales = fields.Integer(required=True)
    promoted_sales = fields.Integer(required=True)
    promotion_share = fields.Float(required=True, allow_none=True)
    member_share = fields.Float(required=True, allow_none=True)
    gross_profit = fields.Integer(required=True, allow_none=True)
    profit_coverage = fields.Float(required=True, allow_none=True)
    receipts = fields.Integer(required=True)


@reports_blueprint.route("/reports/sales-structure", methods=["GET"])
@allow(REPORTS)
@transactional
@reports_blueprint.arguments(StructureQuery, location="query")
@reports_blueprint.response(200, page_of(StructureRowOut))
def get_sales_structure(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Sales at regular prices and on promotion by category, level by level; receipts are distinct in each row."""
    found = sales_structure(tx, question_of(tx, query), category_of(query["category"]))
    return _paged(found.rows, query, _structure_body, *STRUCTURE_MARK)


def _structure_body(row: StructureRow) -> dict[str, Any]:
    plain = ("currency", "name", "deeper", "net_sales", "regular_sales", "promoted_sales", "gross_profit", "receipts")
    ratios = ("promotion_share", "member_share", "profit_coverage")
    return {
        "category": None if row.category is None else str(row.category),
        "path": list(row.path),
        **{name: getattr(row, name) for name in plain},
        **{name: rounded(getattr(row, name)) for name in ratios},
    }


# ------------------------------------------------------------------------------------------------ promotions
class PromotionRowOut(Schema):
    """What was sold under a promotion; `share` of all net sales of the currency."""

    currency = fields.String(required=True)
    promotion = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    starts_on = fields.Date(required=True, allow_none=True)
    ends_on = fields.Date(required=True, allow_none=True)
    net_sales = fields.Integer(required=True)
    share = fields.Float(required=True, allow_none=True)
    receipts = fields.Integer(required=True)
    gross_profit = fields.Integer(required=True, allow_none=True)
    profit_coverage = fields.Float(required=True, allow_none=True)
    member_share = fields.Float(required=True, allow_none=True)


class EffectOut(Schema):
    """The coefficient K of a promotion: sales of its days over what was to be expected of them; 1 is no effect.

    `told` false: too little to tell, and K is null. `low` and `high` are its 95 % interval; `after` is K of as many
    days afterwards: below 1, sales were only brought forward. Money in minor units.
    """

    promotion = fields.String(required=True)
    currency = fields.String(required=True)
    from_ = fields.Date(data_key="from", required=True)
    to = fields.Date(required=True)
    told = fields.Boolean(required=True)
    coefficient = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    sales = fields.Integer(required=True)
    expected = fields.Integer(required=True)
    sales_gained = fields.Integer(required=True)
    profit_gained = fields.Integer(required=True, allow_none=True)
    cost = fields.Integer(required=True)
    after = fields.Float(required=True, allow_none=True)
    days = fields.Integer(required=True)
    days_unusable = fields.Integer(required=True)
    expected_receipts = fields.Integer(required=True)
    control = fields.Enum(Control, by_value=True, required=True)


@reports_blueprint.route("/reports/promotions", methods=["GET"])
@allow(REPORTS)
@transactional
@reports_blueprint.arguments(ReportQuery, location="query")
@reports_blueprint.response(200, page_of(PromotionRowOut))
def get_promotions_report(tx: Tx, query: Mapping[str, Any]) -> Any:
    """What was sold under each promotion, what sold most first."""
    return _paged(promotion_rows(tx, question_of(tx, query)), query, _promotion_body, *PROMOTION_MARK)


def _promotion_body(row: PromotionRow) -> dict[str, Any]:
    of = row.promotion
    return {
        "currency": row.currency,
        "promotion": str(of.id),
        **{name: getattr(of, name) for name in ("code", "name", "starts_on", "ends_on")},
        **{name: getattr(row, name) for name in ("net_sales", "receipts", "gross_profit")},
        **{name: rounded(getattr(row, name)) for name in ("share", "profit_coverage", "member_share")},
    }


@reports_blueprint.route("/reports/promotions/<promotion>/effect", methods=["GET"])
@allow(REPORTS)
@transactional
@reports_blueprint.arguments(EffectQuery, location="query")
@reports_blueprint.response(200, EffectOut)
def get_promotion_effect(tx: Tx, query: Mapping[str, Any], promotion: str) -> Any:
    """What a promotion did against what was to be expected, with an interval and the dip afterwards.

    Without `from` and `to`: all the days on which it sold.
    """
    asked = question_of(tx, query)
    days = (asked.since, asked.until) if query["from_"] or query["to"] else None
    currency = query["currency"] or get_settings().company_currency
    return _effect_body(effect_of_promotion(tx, asked, promotion_id_of(promotion), currency, days, query["cost"]))


def promotion_id_of(text: str) -> int:
    """The id in an address. Raises PromotionUnknown for what cannot be one."""
    return id_of(text, PromotionUnknown("There is no such promotion"))


def _effect_body(found: PromotionEffect) -> dict[str, Any]:
    effect = found.effect
    plain = (
        "told", "sales", "expected", "sales_gained", "profit_gained", "days", "days_unusable", "expected_receipts",
        "control",
    )  # fmt: skip
    return {
        "promotion": str(found.promotion.id),
        "currency": found.currency,
        "from_": found.since,
        "to": found.until,
        "cost": found.cost,
        **{name: getattr(effect, name) for name in plain},
        **{name: rounded(getattr(effect, name)) for name in ("coefficient", "low", "high", "after")},
    }
