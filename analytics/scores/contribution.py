"""Contribution: what each member has been worth, per format and overall, in points and in money.

    G = profit of the member's lines - expected cost of the points earned - cost of contacting the member

All money is in minor units of the row's currency, and exact: over all members whose profit is known,
value + points_cost + contact_cost is the profit of member sales to the cent. Read from the lake's day roll-up in one
pass, then worked out by member id, so the same facts give the same bytes in whatever files they lie.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.lake.reading import Lake
from analytics.measures.measure import Expression
from analytics.measures.sales import money_received, points_issued, receipts, turnover, visits
from analytics.scores.contribution_settings import ContributionSettings
from analytics.scores.contribution_tables import (
    NOWHERE,
    SUMS,
    CompanyProfit,
    Contribution,
    contribution_of,
    with_classes,
)

__all__ = ["Contribution", "class_moves", "classify", "contribution", "window_sums"]

NO_SETTINGS = ContributionSettings()
RISING = "rising"
# What the measures define; the other sums are their parts.
MEASURED: Mapping[str, Expression] = {
    "receipts": receipts,
    "visits": visits,
    "spend": turnover,
    "money": money_received,
    "points": points_issued,
}


def contribution(
    lake: Lake, as_of: date, settings: ContributionSettings = NO_SETTINGS, contact_costs: pa.Table | None = None
) -> Contribution:
    """Score everybody who bought before `as_of` (exclusive), by what they bought in the window before it.

    `contact_costs` has member_id, currency and amount (int64, minor units spent on reaching the member in the window);
    those of people who never bought are nobody's contribution and are left out. The classes are those of members from
    whom nothing is expected; `classify` gives the real ones, once potential is known.
    """
    return contribution_of(
        window_sums(lake, as_of, settings), anonymous_profit(lake, as_of, settings), as_of, settings, contact_costs
    )


def classify(
    members: pa.Table, potential: pa.Table, as_of: date, settings: ContributionSettings = NO_SETTINGS
) -> pa.Table:
    """The members with their class in the light of `potential` (member_id, currency, direction, predicted_profit).

    A member without a row there is one from whom nothing is expected.
    """
    promising = potential.filter(
        pc.or_kleene(
            pc.equal(potential["direction"].cast(pa.string()), RISING),
            pc.greater(pc.fill_null(potential["predicted_profit"], 0), 0),
        )
    )
    expected = np.zeros(len(members), dtype=bool)
    for currency in pc.unique(members["currency"]).to_pylist():
        hopeful = promising.filter(pc.equal(promising["currency"].cast(pa.string()), currency))["member_id"]
        named = pc.is_in(members["member_id"], value_set=hopeful.combine_chunks().cast(pa.int64())).to_numpy()
        expected |= named & pc.equal(members["currency"], currency).to_numpy()
    return with_classes(members, expected, as_of, settings)


MOVES = pa.schema(
    {
        "currency": pa.string(),
        "class_before": pa.string(),
        "class_after": pa.string(),
        "members": pa.int64(),
        "value_before": pa.int64(),
        "value_after": pa.int64(),
    }
)


def class_moves(before: pa.Table, after: pa.Table) -> pa.Table:
    """How many members went from which class to which between two runs, with their contribution in each.

    Null stands for not being in that run: those who came (before) and those who are gone (after). Sorted by currency
    and classes, nulls first. Unknown contributions count as nothing.
    """
    columns = ["member_id", "currency", "contribution_class", "contribution_value"]
    both = before.select(columns).join(
        after.select(columns), ["member_id", "currency"], join_type="full outer", left_suffix="_before",
        right_suffix="_after",
    )  # fmt: skip
    counted = both.group_by(["currency", "contribution_class_before", "contribution_class_after"]).aggregate(
        [("member_id", "count"), ("contribution_value_before", "sum"), ("contribution_value_after", "sum")]
    )
    named = counted.select(
        [
            "currency", "contribution_class_before", "contribution_class_after", "member_id_count",
            "contribution_value_before_sum", "contribution_value_after_sum",
        ]
    ).rename_columns(MOVES.names)  # fmt: skip
    rows = [row | {name: row[name] or 0 for name in ("value_before", "value_after")} for row in named.to_pylist()]
    rows.sort(key=lambda row: (row["currency"], row["class_before"] or "", row["class_after"] or ""))
    return pa.Table.from_pylist(rows, MOVES)


def window_sums(lake: Lake, as_of: date, settings: ContributionSettings) -> pa.Table:
    """Sums over the window by member, currency and format, `days` rows of the roll-up each.

    And one row more for each member and currency, without a format or any sum, with the first and last day of
    purchase of all time: who bought nothing in the window is there, too.
    """
    since = as_of - timedelta(days=settings.window_days)
    day = lake.member_day
    known = day.filter(day.business_date < as_of)
    window = known.filter(known.business_date >= since)
    measured = {name: MEASURED[name](window) for name in SUMS if name in MEASURED}
    sums = {name: window[name].sum().cast("int64") for name in SUMS if name not in MEASURED}
    inside = window.group_by("member_id", "currency", "format").aggregate(
        days=window.count().cast("int64"),
        points_micro=(window.points * _point_cost(window, since, settings)).sum().cast("int64"),
        **measured,
        **sums,
    )
    bought = known.filter(known.receipts > 0)
    dates = bought.group_by("member_id", "currency").aggregate(
        first_purchase=bought.business_date.min(), last_purchase=bought.business_date.max()
    )
    nothing = {name: ibis.literal(0, "int64") for name in ("days", "points_micro", *SUMS)}
    never = {name: ibis.null("date") for name in ("first_purchase", "last_purchase")}
    columns = ["member_id", "currency", "format", *nothing, *never]
    ever = dates.mutate(format=ibis.literal(NOWHERE), **nothing)
    return inside.mutate(**never).select(columns).union(ever.select(columns)).to_pyarrow()


def _point_cost(day: ir.Table, since: date, settings: ContributionSettings) -> ir.Value:
    """What a point cost when it was earned, in millionths of a minor unit: the latest of its currency, else of any."""
    dated = sorted(
        settings.costs_of_points, key=lambda cost: (cost.currency is not None, cost.valid_from), reverse=True
    )
    cases: list[tuple[ir.Value, int]] = []
    for cost in dated:
        everywhere, always = cost.currency is None, cost.valid_from <= since
        if everywhere and always and not cases:
            return ibis.literal(cost.micro, "int64")
        holds = day.business_date >= cost.valid_from
        cases.append((holds if everywhere else holds & (day.currency == cost.currency), cost.micro))
    return ibis.cases(*cases, else_=0).cast("int64") if cases else ibis.literal(0, "int64")


def anonymous_profit(lake: Lake, as_of: date, settings: ContributionSettings) -> CompanyProfit:
    """Profit of the goods lines in the window that belong to nobody, by (currency, format); None: none is known.

    The lake keeps them apart from members' lines, so that reading them leaves out the most of it.
    """
    if settings.format_shares is not None:
        return {}
    lines = lake.lines
    sold = lines.filter(
        lines.member_id.isnull()
        & (lines.kind == "goods")
        & (lines.business_date >= as_of - timedelta(days=settings.window_days))
        & (lines.business_date < as_of)
    )
    rows = sold.group_by("currency", "format").aggregate(profit=sold.profit.sum().cast("int64")).to_pyarrow()
    return {(row["currency"], row["format"]): row["profit"] for row in rows.to_pylist()}
