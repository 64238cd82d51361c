"""What can be asked of sales and scores. The figures are those of the roll-ups (analytics.lake.schema): goods lines
only, signed, so that what came back counts against what was bought.
"""

from collections.abc import Mapping

from foundation.conditions import AMONG, COMPARING, DATING, Measure, Operator, Span, Unit, Where
from foundation.pages import lazy

BOUGHT = lazy("What the member bought")
WORTH = lazy("What the member is worth")
HEADING = lazy("Where the member is heading")
ANYWHERE = (Where.CATEGORY, Where.BRAND, Where.FORMAT, Where.STORE, Where.PROMOTION)
CHOOSING = (Operator.ANY, Operator.ALL, Operator.NONE)

CLASS_CHOICES = (
    ("platinum", lazy("Platinum")),
    ("gold", lazy("Gold")),
    ("iron", lazy("Iron")),
    ("lead", lazy("Lead")),
    ("new", lazy("New")),
)
DIRECTION_CHOICES = (
    ("rising", lazy("Rising")),
    ("steady", lazy("Steady")),
    ("fading", lazy("Fading")),
    ("insufficient", lazy("Too little to tell")),
)


def _sum(
    name: str, words: object, unit: Unit, hint: object = "", lowest: int | None = None, highest: int | None = None
) -> Measure:
    return Measure(
        name,
        words,
        BOUGHT,
        unit,
        COMPARING,
        hint=hint,
        span=Span.PAST,
        where=ANYWHERE,
        currency=unit in (Unit.MONEY, Unit.SHARE),
        personal=True,
        lowest=lowest,
        highest=highest,
    )


def _score(
    name: str,
    words: object,
    group: object,
    unit: Unit,
    hint: object = "",
    lowest: int | None = None,
    highest: int | None = None,
) -> Measure:
    return Measure(
        name, words, group, unit, COMPARING, hint=hint, currency=True, personal=True, lowest=lowest, highest=highest
    )


_MEASURES = (
    _sum(
        "spend",
        lazy("Spend"),
        Unit.MONEY,
        lazy("Paid in money for goods, less returns; what points, e-coins and coupons paid is left out"),
    ),
    _sum("visits", lazy("Visits"), Unit.COUNT, lazy("Days on which the member bought, by format")),
    _sum("receipts", lazy("Receipts"), Unit.COUNT),
    _sum("average_ticket", lazy("Average ticket"), Unit.MONEY, lazy("Net sales divided by receipts")),
    _sum("quantity", lazy("Quantity"), Unit.QUANTITY),
    _sum("gross_profit", lazy("Gross profit"), Unit.MONEY, lazy("Without tax, where costs are known")),
    _sum(
        "regular_price_share",
        lazy("Share at regular prices"),
        Unit.SHARE,
        lazy("Net sales of what was not on promotion, of all net sales"),
        lowest=0,
        highest=1,
    ),
    _sum(
        "promotion_share",
        lazy("Share on promotion"),
        Unit.SHARE,
        lazy("Net sales of what was on promotion, of all net sales"),
        lowest=0,
        highest=1,
    ),
    Measure(
        "promotion_sensitivity",
        lazy("Sensitivity to promotions"),
        BOUGHT,
        Unit.RATIO,
        COMPARING,
        hint=lazy("Above 1: waits for promotions more than others do; of the last 365 days, from 5 receipts on"),
        currency=True,
        personal=True,
        lowest=0,
        highest=1_000,
    ),
    Measure(
        "days_since_last",
        lazy("Days since the last purchase"),
        BOUGHT,
        Unit.DAYS,
        COMPARING,
        hint=lazy("Whoever never bought is not found"),
        where=ANYWHERE,
        personal=True,
        lowest=0,
    ),
    Measure(
        "first_purchase",
        lazy("First purchase"),
        BOUGHT,
        Unit.DATE,
        DATING,
        span=Span.PAST,
        span_required=True,
        where=ANYWHERE,
        personal=True,
    ),
    Measure(
        "categories",
        lazy("Bought in categories"),
        BOUGHT,
        Unit.PATH,
        CHOOSING,
        hint=lazy("With everything below them"),
        span=Span.PAST,
        where=(Where.FORMAT,),
        options="category",
        personal=True,
    ),
    Measure(
        "brands",
        lazy("Bought brands"),
        BOUGHT,
        Unit.CODE,
        CHOOSING,
        span=Span.PAST,
        where=(Where.FORMAT, Where.STORE),
        options="brand",
        personal=True,
    ),
    Measure(
        "category_count",
        lazy("Number of categories"),
        BOUGHT,
        Unit.COUNT,
        COMPARING,
        hint=lazy("Different categories bought, at their lowest level"),
        span=Span.PAST,
        where=(Where.FORMAT,),
        personal=True,
    ),
    Measure(
        "brand_count",
        lazy("Number of brands"),
        BOUGHT,
        Unit.COUNT,
        COMPARING,
        span=Span.PAST,
        where=(Where.CATEGORY, Where.FORMAT, Where.STORE),
        personal=True,
    ),
    _score("contribution_score", lazy("Contribution score"), WORTH, Unit.SCORE, lowest=0, highest=100),
    Measure(
        "contribution_class",
        lazy("Contribution class"),
        WORTH,
        Unit.CODE,
        AMONG,
        choices=CLASS_CHOICES,
        currency=True,
        personal=True,
    ),
    _score(
        "contribution_value", lazy("Contribution in money"), WORTH, Unit.MONEY, lazy("Profit of a year, less points")
    ),
    _score("potential_score", lazy("Potential score"), HEADING, Unit.SCORE, lowest=0, highest=100),
    Measure(
        "potential_direction",
        lazy("Direction"),
        HEADING,
        Unit.CODE,
        AMONG,
        choices=DIRECTION_CHOICES,
        currency=True,
        personal=True,
    ),
    _score("predicted_spend", lazy("Predicted spend"), HEADING, Unit.MONEY, lazy("In the horizon of the last scores")),
    _score(
        "probability_alive",
        lazy("Probability of a purchase"),
        HEADING,
        Unit.SHARE,
        lazy("Of at least one in the horizon of the last scores"),
        lowest=0,
        highest=1,
    ),
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _MEASURES}
SCORES = frozenset(
    {
        "contribution_score", "contribution_class", "contribution_value", "potential_score", "potential_direction",
        "predicted_spend", "probability_alive",
    }
)  # fmt: skip
