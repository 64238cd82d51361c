"""The page of the morning, for head office and marketers; whoever acts in some stores sees those stores' sales."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

import flask

from analytics.overview.operations import LatestRun, Morning, latest_run, morning, owed
from analytics.overview.rules import DaySales, change_of
from analytics.permissions import REPORTS, RUN, SCORES
from analytics.runs.findings import CurrencyFindings, Field
from analytics.scores.words import CLASS_MEANINGS, CLASS_WORDS, DIRECTION_WORDS
from foundation.access import Principal, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.money import exponent
from foundation.pages import gettext, render
from foundation.pages.charts import Cell, Chart, Point, bars, curve, heat_map
from foundation.pages.formats import money, number, short_money
from foundation.settings import get_settings
from organisation.contract import stores_within

overview_pages = Pages("today", __name__, url_prefix="/today")

EARLIEST = date(1970, 1, 1)
MOVES_SHOWN_MAX = 12
CLASSES = tuple(CLASS_WORDS)
DIRECTIONS = ("rising", "steady", "fading", "insufficient")
LISTS_WRITE = "lists.write"  # a permission of the package above: its page is linked, nothing of it is imported


@overview_pages.route("")
@allow(REPORTS)
@transactional
def today_page(tx: Tx) -> str:
    """How sales went, how the members are, where they are heading."""
    viewer = current_principal()
    stores = None if viewer.places is None else stores_within(tx, viewer)
    found = morning(tx, _asked_day(), None if stores is None else [store.id for store in stores])
    everywhere = viewer.places is None and viewer.may(SCORES)
    latest = latest_run(tx) if everywhere else None
    return render(
        "today/page.html",
        found=found,
        today=local_date(tx.now, get_settings().company_timezone),
        sales=[(each, _sales_chart(each)) for each in found.sales] if found else [],
        stores=stores,
        owed=owed(tx) if viewer.places is None and viewer.may("accounts.read") else [],
        latest=latest,
        health=_health(latest) if latest else [],
        boards=[_board(each, latest, viewer) for each in latest.findings.currencies] if latest else [],
        everywhere=everywhere,
        may_run=viewer.may(RUN),
        may_see_overview=viewer.may("sales.read"),
    )


def _asked_day() -> date | None:
    try:
        asked = date.fromisoformat(flask.request.args.get("day", ""))
    except ValueError:
        return None
    return asked if asked >= EARLIEST else None


def _sales_chart(sales: DaySales) -> Chart:
    """Net sales by day, members' and others' upon each other."""
    unit = 10 ** exponent(sales.currency)
    members, others = gettext("Members"), gettext("Others")
    points = [
        Point(f"{day.day:%m-%d}", value / unit, series, f"{day.day} · {series} · {money(value, sales.currency)}")
        for day in sales.days
        for series, value in ((members, day.members), (others, day.others))
    ]
    return bars(
        gettext("Net sales by day"),
        gettext("The last four weeks, members and others upon each other"),
        points,
        say=lambda value: money(round(value * unit), sales.currency),
        columns=(gettext("Day"), gettext("Net sales")),
        stacked=True,
        full=True,
        height=230,
    )


def _health(latest: LatestRun) -> list[dict[str, Any]]:
    """The five states and the repurchase rate, with what changed since the run before."""
    now, before = latest.findings.health, latest.before.health if latest.before else None
    rows = (
        ("new", gettext("New"), gettext("first purchase in the last 90 days"), ""),
        ("active", gettext("Active"), gettext("bought in the last 90 days"), "good"),
        ("won_back", gettext("Won back"), gettext("came again after 180 days or more"), "good"),
        ("sleeping", gettext("Sleeping"), gettext("not for 90 days"), "warn"),
        ("lost", gettext("Lost"), gettext("not for a year"), "danger"),
    )
    return [
        {
            "label": label,
            "value": getattr(now, name),
            "meaning": meaning,
            "kind": kind if getattr(now, name) else "",
            "change": change_of(getattr(now, name), getattr(before, name) if before else None),
        }
        for name, label, meaning, kind in rows
    ]


def _board(found: CurrencyFindings, latest: LatestRun, viewer: Principal) -> dict[str, Any]:
    """Everything about the scores of one currency."""
    currency = found.facts.currency
    return {
        "currency": currency,
        "facts": found.facts,
        "map": _map(found, latest, link=viewer.may(LISTS_WRITE)),
        "curve": _curve(found) if len(found.curve) > 1 else None,
        "top_fifth": _share_at(found.curve, 20),
        "classes": _classes(found, link=viewer.may(LISTS_WRITE)),
        "moves": _moves(found),
    }


def _map(found: CurrencyFindings, latest: LatestRun, *, link: bool) -> Chart:
    currency, days = found.facts.currency, latest.run.horizon_days
    fields = {(field.contribution_class, field.direction): field for field in found.fields}
    cells = []
    for name in CLASSES:
        for direction in DIRECTIONS:
            field = fields.get((name, direction), Field(name, direction, 0, 0, 0, 0))
            row, column = str(CLASS_WORDS[name][0]), str(DIRECTION_WORDS[direction][0])
            words = gettext(
                "%(row)s, %(column)s: %(members)s members, contribution %(value)s, expected spend %(spend)s",
                row=row,
                column=column,
                members=number(field.members),
                value=money(field.value, currency),
                spend=money(field.predicted_spend, currency),
            )
            text = f"{number(field.members)}\n{short_money(field.value, currency)}" if field.members else "–"
            href = filter_address(contribution_class=[name], potential_direction=[direction])
            cells.append(Cell(row, column, field.members, text, words, href if link and field.members else ""))
    return heat_map(
        gettext("Contribution by potential"),
        gettext("Members and their contribution in money by class and direction; %(days)s days ahead", days=days),
        cells,
        rows=[str(CLASS_WORDS[name][0]) for name in CLASSES],
        columns=[str(DIRECTION_WORDS[direction][0]) for direction in DIRECTIONS],
        axes=(gettext("Class"), gettext("Direction")),
    )


def _curve(found: CurrencyFindings) -> Chart:
    points = [(x / 100, y / 100) for x, y in found.curve]
    return curve(
        gettext("How concentrated profit is"),
        gettext("The share of profit that the best members bring together"),
        points,
        axes=(gettext("Members, the best first"), gettext("Share of profit")),
        diagonal=True,
    )


def _share_at(points: Sequence[tuple[float, float]], percent: float) -> float | None:
    return next((y for x, y in points if x >= percent), None)


def _classes(found: CurrencyFindings, *, link: bool) -> list[dict[str, Any]]:
    rows = []
    for name, (words, kind) in CLASS_WORDS.items():
        of_class = [field for field in found.fields if field.contribution_class == name]
        rows.append(
            {
                "words": words,
                "kind": kind,
                "meaning": CLASS_MEANINGS[name],
                "members": sum(field.members for field in of_class),
                "value": sum(field.value for field in of_class),
                "spend": sum(field.spend for field in of_class),
                "predicted": sum(field.predicted_spend for field in of_class),
                "href": filter_address(contribution_class=[name]) if link else "",
            }
        )
    return rows


def _moves(found: CurrencyFindings) -> list[dict[str, Any]]:
    """Who changed class since the run before, most members first; newcomers to the scores stand first."""
    moved = [move for move in found.moves if move.before != move.after]
    moved.sort(key=lambda move: (-move.members, move.before or "", move.after or ""))
    return [
        {
            "before": CLASS_WORDS[move.before] if move.before else None,
            "after": CLASS_WORDS[move.after] if move.after else None,
            "up": _is_up(move.before, move.after),
            "members": move.members,
            "value_before": move.value_before,
            "value_after": move.value_after,
        }
        for move in moved[:MOVES_SHOWN_MAX]
    ]


def _is_up(before: str | None, after: str | None) -> bool | None:
    """Whether a move leads to a better class; None where it cannot be said."""
    order = [str(name) for name in CLASSES if name != "new"]
    if before not in order or after not in order:
        return None
    return order.index(after) < order.index(before)


def filter_address(**conditions: Sequence[str]) -> str:
    """The target-list builder with a filter already in it: one condition a measure, one of the values each."""
    wanted: Mapping[str, Any] = {
        "all": [{"measure": measure, "op": "in", "value": list(values)} for measure, values in conditions.items()]
    }
    return f"/target-lists/new?filter={quote(json.dumps(wanted, separators=(',', ':')))}"


__all__ = ["Morning", "overview_pages"]
