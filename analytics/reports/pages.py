"""The pages of reports: per square metre, structure, promotions; each with its period, store, pages and a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import flask

from analytics.measures.places import Place, RowKind
from analytics.permissions import REPORTS
from analytics.promotions.coefficient import PromotionNotSold
from analytics.promotions.rules import Control
from analytics.reports.areas import AreaRow, area_rows
from analytics.reports.asking import Asked, PeriodUnusable, asked_by
from analytics.reports.http import (
    AREA_MARK,
    PROMOTION_MARK,
    STRUCTURE_MARK,
    Row,
    category_of,
    page_from,
    promotion_id_of,
)
from analytics.reports.promoted import PromotionEffect, effect_of_promotion, promotion_rows
from analytics.reports.spreadsheet import Cell, spreadsheet, units
from analytics.reports.structure import sales_structure
from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import gettext, lazy, render
from foundation.settings import get_settings
from organisation.contract import StoreFacts, stores_within

reports_pages = Pages("reports", __name__, url_prefix="/reports")

SHOWN = 50
PLACE_WORDS: Mapping[Place, Any] = {
    Place.STORE: lazy("Stores"),
    Place.COUNTER: lazy("Counters"),
    Place.BRAND: lazy("Brands"),
    Place.CATEGORY: lazy("Categories"),
    Place.FORMAT: lazy("Formats"),
}
KIND_WORDS: Mapping[RowKind, Any] = {
    RowKind.NO_AREA: lazy("No area known"),
    RowKind.ONLINE: lazy("Online and delivery"),
}
# Figures are per day; a month has 30 days here and a year 365.
SPAN_WORDS: Mapping[int, Any] = {1: lazy("per day"), 30: lazy("per month"), 365: lazy("per year")}
CONTROL_WORDS: Mapping[Control, Any] = {
    Control.OTHER_STORES: lazy("The same categories in stores where it did not sell say how the days would have gone."),
    Control.OTHER_CATEGORIES: lazy("Categories of the same stores without it say how the days would have gone."),
    Control.NONE: lazy("Nothing could be compared with: the weeks before are taken as they were, without a trend."),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What a report page was asked, as its form shows it; `fault` says why the days could not be used."""

    asked: Asked
    stores: Sequence[StoreFacts]
    store: str
    fault: str

    def address(self, **changes: Any) -> str:
        """This page with other arguments; what is None or empty is left out, and so is where the list stood."""
        kept = {name: value for name, value in flask.request.args.items() if name != "cursor"}
        wanted = {name: value for name, value in {**kept, **changes}.items() if value not in (None, "")}
        return f"?{urlencode(wanted)}"


def _form(tx: Tx) -> Form:
    """The form of this request. A store that is not the viewer's is nobody's; unusable days are the usual ones."""
    viewer, arguments = current_principal(), flask.request.args
    stores = stores_within(tx, viewer)
    wanted = arguments.get("store")
    chosen = next((each.code for each in stores if each.code == wanted), None)
    since, until = _day("from"), _day("to")
    try:
        return Form(asked_by(tx, viewer, since, until, chosen, None), stores, chosen or "", "")
    except PeriodUnusable:
        fault = gettext("These days cannot be shown: at most 370 days, the first before the last.")
        return Form(asked_by(tx, viewer, None, None, chosen, None), stores, chosen or "", str(fault))


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(flask.request.args.get(name, ""))
    except ValueError:
        return None


def _file_wanted() -> bool:
    return flask.request.args.get("file") == "csv"


def _page(rows: Sequence[Row], form: Form, *types: Any) -> dict[str, Any]:
    """The rows of this page and the addresses around it, as templates take them."""
    cursor = flask.request.args.get("cursor")
    shown, following = page_from(rows, cursor, SHOWN, *types)
    return {
        "rows": shown,
        "count": len(rows),
        "following": form.address(cursor=following) if following else "",
        "first": form.address() if cursor else "",
    }


@reports_pages.route("")
@allow(REPORTS)
def first_page() -> Any:
    """The first of the reports."""
    return flask.redirect("/reports/areas")


# ------------------------------------------------------------------------------------------------ areas
@reports_pages.route("/areas")
@allow(REPORTS)
@transactional
def areas_page(tx: Tx) -> Any:
    """Sales, profit and receipts per square metre."""
    form, place, span = _form(tx), _place(), _span()
    rows = area_rows(tx, form.asked, place)
    if _file_wanted():
        return _areas_file(rows, form.asked, span)
    return render(
        "reports/areas.html",
        form=form,
        place=place,
        places=[(each.value, words) for each, words in PLACE_WORDS.items()],
        place_words=PLACE_WORDS[place],
        span=span,
        spans=[(str(days), words) for days, words in SPAN_WORDS.items()],
        span_words=SPAN_WORDS[span],
        kind_words=KIND_WORDS,
        totals=_area_totals(rows),
        **_page(rows, form, *AREA_MARK),
    )


def _place() -> Place:
    wanted = flask.request.args.get("by")
    return next((place for place in PLACE_WORDS if place.value == wanted), Place.STORE)


def _span() -> int:
    wanted = flask.request.args.get("per")
    return next((days for days in SPAN_WORDS if str(days) == wanted), 1)


def _area_totals(rows: Sequence[AreaRow]) -> list[dict[str, Any]]:
    """By currency: what was sold where, on which area; one figure for all places together."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = found.setdefault(row.currency, {"currency": row.currency, "area": 0.0} | dict.fromkeys(RowKind, 0))
        total[row.kind] += row.net_sales
        total["area"] += row.area_m2_days or 0.0
    for total in found.values():
        total["per_m2"] = total[RowKind.PLACE] / total["area"] if total["area"] else None
    return list(found.values())


def _areas_file(rows: Sequence[AreaRow], asked: Asked, span: int) -> flask.Response:
    per_m2 = (gettext("Sales per m²"), gettext("Profit per m²"), gettext("Receipts per 100 m²"))
    head = [
        gettext("Currency"), gettext("Code"), gettext("Name"), gettext("Store"), gettext("Net sales"),
        gettext("Gross profit"), gettext("Profit known of"), gettext("Receipts"), gettext("m² x days"),
        *(f"{words} ({SPAN_WORDS[span]})" for words in per_m2),
    ]  # fmt: skip
    return spreadsheet(f"areas-{asked.since}-{asked.until}", head, (_area_cells(row, span) for row in rows))


def _area_cells(row: AreaRow, span: int) -> list[Cell]:
    return [
        row.currency,
        row.code,
        row.name if row.kind is RowKind.PLACE else str(KIND_WORDS[row.kind]),
        row.within,
        units(row.net_sales, row.currency),
        units(row.gross_profit, row.currency),
        row.profit_known,
        row.receipts,
        row.area_m2_days,
        units(_times(row.sales_per_m2, span), row.currency),
        units(_times(row.profit_per_m2, span), row.currency),
        _times(row.receipts_per_100_m2, span),
    ]


def _times(value: float | None, span: int) -> float | None:
    return None if value is None else value * span


# ------------------------------------------------------------------------------------------------ structure
@reports_pages.route("/sales-structure")
@allow(REPORTS)
@transactional
def structure_page(tx: Tx) -> Any:
    """Regular and promotional sales by category, level by level."""
    form = _form(tx)
    found = sales_structure(tx, form.asked, category_of(flask.request.args.get("category") or None))
    if _file_wanted():
        head = [
            gettext("Currency"), gettext("Code"), gettext("Category"), gettext("Net sales"),
            gettext("Sales at regular prices"), gettext("Sales on promotion"), gettext("Promotion share"),
            gettext("Members' share"), gettext("Gross profit"), gettext("Profit known of"), gettext("Receipts"),
        ]  # fmt: skip
        rows = (
            [
                row.currency, "/".join(row.path), row.name or gettext("No category"),
                *(units(value, row.currency) for value in (row.net_sales, row.regular_sales, row.promoted_sales)),
                row.promotion_share, row.member_share, units(row.gross_profit, row.currency), row.profit_coverage,
                row.receipts,
            ]
            for row in found.rows
        )  # fmt: skip
        return spreadsheet(f"sales-structure-{form.asked.since}-{form.asked.until}", head, rows)
    return render(
        "reports/structure.html",
        form=form,
        above=found.above,
        totals=found.totals,
        **_page(found.rows, form, *STRUCTURE_MARK),
    )


# ------------------------------------------------------------------------------------------------ promotions
@reports_pages.route("/promotions")
@allow(REPORTS)
@transactional
def promotions_page(tx: Tx) -> Any:
    """What was sold under each promotion."""
    form = _form(tx)
    rows = promotion_rows(tx, form.asked)
    if _file_wanted():
        head = [
            gettext("Currency"), gettext("Code"), gettext("Promotion"), gettext("From"), gettext("To"),
            gettext("Net sales"), gettext("Share of sales"), gettext("Receipts"), gettext("Gross profit"),
            gettext("Profit known of"), gettext("Members' share"),
        ]  # fmt: skip
        lines = (
            [
                row.currency, row.promotion.code, row.promotion.name, _iso(row.promotion.starts_on),
                _iso(row.promotion.ends_on), units(row.net_sales, row.currency), row.share, row.receipts,
                units(row.gross_profit, row.currency), row.profit_coverage, row.member_share,
            ]
            for row in rows
        )  # fmt: skip
        return spreadsheet(f"promotions-{form.asked.since}-{form.asked.until}", head, lines)
    return render("reports/promotions.html", form=form, **_page(rows, form, *PROMOTION_MARK))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


@reports_pages.route("/promotions/<promotion>")
@allow(REPORTS)
@transactional
def effect_page(tx: Tx, promotion: str) -> str:
    """What one promotion did: its coefficient with an interval, what it gained, and the dip afterwards."""
    form = _form(tx)
    currency = flask.request.args.get("currency") or get_settings().company_currency
    days = (form.asked.since, form.asked.until) if _day("from") and _day("to") and not form.fault else None
    found: PromotionEffect | None = None
    why = ""
    try:
        found = effect_of_promotion(tx, form.asked, promotion_id_of(promotion), currency, days)
    except PromotionNotSold:
        why = gettext("Nothing was sold under this promotion in these days and stores.")
    return render(
        "reports/effect.html",
        form=form,
        found=found,
        effect=found.effect if found else None,
        why=why,
        control_words=CONTROL_WORDS,
        verdict=_verdict(found) if found else None,
    )


def _verdict(found: PromotionEffect) -> tuple[str, str]:
    """What K says in a sentence, and its colour."""
    effect = found.effect
    if not effect.told or effect.low is None or effect.high is None:
        return gettext("Too little to tell"), "info"
    if effect.low > 1:
        return gettext("It brought more than the days would have brought anyway"), "good"
    if effect.high < 1:
        return gettext("The days brought less than was to be expected"), "danger"
    return gettext("No effect can be told from chance"), "warn"
