"""Earning rules as a page: the versions in words, publishing one, trying a basket."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import gettext, lazy, render
from foundation.settings import get_settings
from member_api.earning.operations import RuleVersion, rule_versions, rules_at
from member_api.earning.rules import Life, Programme, Rate
from member_api.members.pages import names_of
from member_api.permissions import RULES_READ, RULES_WRITE

earning_pages = Pages("earning", __name__, url_prefix="/earning-rules")
SHOWN = 50
ROUNDING_WORDS: Mapping[str, Any] = {
    "floor": lazy("down to whole points"),
    "half_up": lazy("to the nearest point, halves up"),
    "half_even": lazy("to the nearest point, halves to the even one"),
}


@earning_pages.route("")
@allow(RULES_READ)
@transactional
def rules_page(tx: Tx) -> str:
    """Every version, the newest first, the one in force marked."""
    versions = sorted(rule_versions(tx), key=lambda version: -version.version)[:SHOWN]
    in_force = rules_at(tx, tx.now)
    return render(
        "earning/rules.html",
        versions=[_shown(version, in_force.version) for version in versions],
        names=names_of(tx, [version.created_by for version in versions]),
        may_write=current_principal().may(RULES_WRITE) and current_principal().places is None,
        document=msgspec.json.format(msgspec.json.encode(in_force.programme), indent=2).decode(),
    )


def _shown(version: RuleVersion, in_force: int) -> dict[str, Any]:
    programme = version.programme
    return {
        "version": version,
        "in_force": version.version == in_force,
        "rates": [_rate(rate) for rate in programme.rates],
        "offers": programme.thresholds,
        "rounding": ROUNDING_WORDS[programme.rounding],
        "base": _base(programme),
        "life": life_words(programme.points_life),
    }


def _rate(rate: Rate) -> dict[str, str]:
    """Points for a hundred minor units, and where."""
    per_hundred = Fraction(rate.micro_points, 10_000)
    where = [rate.format, " › ".join(rate.category), rate.brand, rate.counter, rate.tier, rate.currency]
    return {
        "points": f"{float(per_hundred):g}",
        "where": " · ".join(part for part in where if part) or gettext("everywhere"),
        "currency": rate.currency or get_settings().company_currency,
    }


def _base(programme: Programme) -> str:
    without = ", ".join(programme.base.without) or "–"
    if programme.base.net_of_tax:
        return str(gettext("without %(tenders)s, without tax", tenders=without))
    return str(gettext("without %(tenders)s", tenders=without))


def life_words(life: Life) -> str:
    """How long something lasts, in words."""
    if not life.months and not life.days:
        return str(gettext("for ever"))
    parts = []
    if life.months:
        parts.append(gettext("%(num)s months", num=life.months))
    if life.days:
        parts.append(gettext("%(num)s days", num=life.days))
    if life.to_end_of == "month":
        parts.append(gettext("to the end of the month"))
    elif life.to_end_of == "year":
        parts.append(gettext("to the end of the year"))
    return ", ".join(parts)
