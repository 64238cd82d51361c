"""The promotion coefficient of a promotion in the lake: which node, which days, which control."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from analytics.lake.reading import Lake
from analytics.measures.computing import compute
from analytics.measures.facts import Period, Where
from analytics.promotions.holidays import chinese_holidays
from analytics.promotions.rules import NO_SETTINGS, CoefficientSettings, Control, Effect, NodeDay, effect_of
from foundation.errors import Invalid

# Another promotion with more than this part of a day's sales makes the day no baseline.
OTHER_PROMOTION_SHARE = 0.2
IDS_MAX = 100_000


class PromotionNotSold(Invalid):
    """Nothing was sold under this promotion in the period and currency."""

    code = "promotion_not_sold"


@dataclass(frozen=True, slots=True)
class Question:
    """Which promotion is asked about: its days, the currency, and the node if it is not all that it sold in.

    `stores` and `categories` by id; None: the stores in which it sold anything, and the categories.
    `cost` is what the store paid for it beside the prices, in minor units.
    """

    promotion_id: int
    period: Period
    currency: str
    stores: Collection[int] | None = None
    categories: Collection[int] | None = None
    cost: int = 0


def promotion_effect(
    lake: Lake,
    question: Question,
    holidays: Mapping[date, str] | None = None,
    settings: CoefficientSettings = NO_SETTINGS,
) -> Effect:
    """What the promotion did to the net sales of its node, by the rules of `effect_of`. Raises PromotionNotSold.

    The control is the same categories in stores where it did not sell; if there are none, the categories of its stores
    in which it did not sell; if there are none, nothing, which the answer says.
    """
    node = _node(lake, question)
    period = question.period
    known = Period(
        period.since - timedelta(weeks=settings.weeks_back + 1 + period.days // 7),
        period.until + timedelta(days=period.days),
    )
    if holidays is None:
        holidays = chinese_holidays()
    years_back = replace(known, since=min(known.since, _earliest_twin(period, holidays)))
    kind, control = _control(lake, question, node, years_back)
    return effect_of(
        _days(lake, node, years_back, control),
        [period.since + timedelta(days=n) for n in range(period.days)],
        _days_of_other_promotions(lake, question, node, years_back),
        holidays,
        kind,
        question.cost,
        settings,
    )


def _earliest_twin(period: Period, holidays: Mapping[date, str]) -> date:
    """The earliest day that has the name of one of the promotion's holidays; at most eight years back."""
    names = {name for day, name in holidays.items() if period.since <= day < period.until}
    return min((day for day, name in holidays.items() if name in names), default=period.since)


def _node(lake: Lake, question: Question) -> Where:
    sold = lake.sql(
        f"""SELECT DISTINCT store_id, category_id FROM lines WHERE kind = 'goods' AND promotion_id = $promotion
            AND currency = $currency AND business_date >= $since AND business_date < $until LIMIT {IDS_MAX}""",  # noqa: S608
        promotion=question.promotion_id,
        currency=question.currency,
        since=question.period.since,
        until=question.period.until,
    ).to_pylist()
    if not sold:
        raise PromotionNotSold("nothing was sold under this promotion in these days")
    stores = question.stores if question.stores is not None else {row["store_id"] for row in sold}
    categories = {row["category_id"] for row in sold if row["category_id"] is not None}
    return Where(
        stores=sorted(stores),
        categories=sorted(question.categories if question.categories is not None else categories) or None,
        currency=question.currency,
    )


def _control(lake: Lake, question: Question, node: Where, known: Period) -> tuple[Control, Mapping[date, int]]:
    """What says how the days would have gone anyway, and its sales by day."""
    promoted = _node(lake, replace(question, stores=None, categories=None))
    shops = [
        row["store"]
        for row in compute(
            lake, ["net_sales"], question.period, ["store"], Where(categories=node.categories, currency=node.currency)
        ).to_pylist()
    ]
    others = sorted(set(shops) - set(promoted.stores or ()) - set(node.stores or ()))
    if others:
        sales = _sales(lake, known, replace(node, stores=others))
        if sales:
            return Control.OTHER_STORES, sales
    shelves = [
        row["category"]
        for row in compute(
            lake, ["net_sales"], question.period, ["category"], replace(node, categories=None)
        ).to_pylist()
    ]
    free = sorted(
        {each for each in shelves if each is not None} - set(promoted.categories or ()) - set(node.categories or ())
    )
    sales = _sales(lake, known, replace(node, categories=free)) if free and node.categories else {}
    return (Control.OTHER_CATEGORIES, sales) if sales else (Control.NONE, {})


def _sales(lake: Lake, period: Period, where: Where) -> dict[date, int]:
    return {row["day"]: row["net_sales"] for row in compute(lake, ["net_sales"], period, ["day"], where).to_pylist()}


def _days(lake: Lake, node: Where, known: Period, control: Mapping[date, int]) -> dict[date, NodeDay]:
    """The node's days. A day without sales of the control has 0 of it; without any control, none."""
    rows = compute(lake, ["net_sales", "receipts", "gross_profit"], known, ["day"], node).to_pylist()
    return {
        row["day"]: NodeDay(
            row["net_sales"], row["receipts"], row["gross_profit"], control.get(row["day"], 0) if control else None
        )
        for row in rows
    }


def _days_of_other_promotions(lake: Lake, question: Question, node: Where, known: Period) -> set[date]:
    """Days on which this promotion ran at other times, or another one had a large part of the node's sales."""
    whole = _sales(lake, known, node)
    parts = compute(lake, ["net_sales"], known, ["day", "promotion"], node, limit=1_000_000).to_pylist()
    return {
        row["day"]
        for row in parts
        if row["promotion"] == question.promotion_id
        or (row["promotion"] is not None and row["net_sales"] > OTHER_PROMOTION_SHARE * max(whole[row["day"]], 0))
    }
