"""Scores in words: names of classes, directions and models, and the sentences that say why."""

from collections.abc import Mapping, Sequence
from typing import Any

from analytics.scores.contribution_rules import ContributionClass
from analytics.scores.direction import Direction
from analytics.scores.reading import Heading, Score, ScoreSet, Worth
from foundation.pages import gettext, lazy, ngettext
from foundation.pages.formats import money

CLASS_WORDS: Mapping[str, tuple[Any, str]] = {
    ContributionClass.PLATINUM: (lazy("Platinum"), "info"),
    ContributionClass.GOLD: (lazy("Gold"), "warn"),
    ContributionClass.IRON: (lazy("Iron"), ""),
    ContributionClass.LEAD: (lazy("Lead"), ""),
    ContributionClass.NEW: (lazy("New"), "good"),
}
CLASS_MEANINGS: Mapping[str, Any] = {
    ContributionClass.PLATINUM: lazy("brings the first half of all profit"),
    ContributionClass.GOLD: lazy("brings the next part, up to 80 %"),
    ContributionClass.IRON: lazy("brings little, but is rising or expected to bring profit"),
    ContributionClass.LEAD: lazy("brings little, and nothing speaks for more"),
    ContributionClass.NEW: lazy("has been buying for less than 90 days"),
}
DIRECTION_WORDS: Mapping[str, tuple[Any, str]] = {
    Direction.RISING: (lazy("Rising"), "good"),
    Direction.STEADY: (lazy("Steady"), ""),
    Direction.FADING: (lazy("Fading"), "danger"),
    Direction.INSUFFICIENT: (lazy("Too little known"), ""),
}
MODEL_WORDS: Mapping[str, Any] = {
    "last_window": lazy("what the last window brought"),
    "pace_13_weeks": lazy("the pace of the last 13 weeks"),
    "pace_26_weeks": lazy("the pace of the last 26 weeks"),
    "pace_ever": lazy("the pace since the first purchase"),
    "bg_nbd": lazy("BG/NBD with Gamma-Gamma"),
    "linear": lazy("a linear model of behaviour"),
    "boosted": lazy("boosted trees over behaviour"),
    "blend": lazy("linear model and boosted trees together"),
}


def reasons(score: Score, of: ScoreSet, categories: Mapping[int, str]) -> list[str]:
    """The evidence of one score in sentences, the weightiest first, in the reader's language."""
    return [
        *_worth_reasons(score.contribution, score.currency),
        *_heading_reasons(score.potential, score.currency, of.horizon_days),
        *_category_reasons(score.potential, categories),
    ]


def _worth_reasons(worth: Worth, currency: str) -> list[str]:
    said = [
        gettext(
            "In the year before, %(visits)s brought %(spend)s.",
            visits=ngettext("%(num)s visit", "%(num)s visits", worth.visits),
            spend=money(worth.spend, currency),
        )
    ]
    if worth.value is None:
        said.append(gettext("What was bought has no known cost, so the profit is unknown."))
    else:
        said.append(
            gettext(
                "Profit %(profit)s less points %(points)s and contacts %(contacts)s leaves %(value)s.",
                profit=money(worth.profit or 0, currency),
                points=money(worth.points_cost, currency),
                contacts=money(worth.contact_cost, currency),
                value=money(worth.value, currency),
            )
        )
    if worth.score is not None:
        said.append(
            gettext("That is more than %(percent)s %% of the members who bought.", percent=f"{worth.score:.0f}")
        )
    else:
        said.append(gettext("There are too few active members to rank."))
    if worth.regular_ratio is not None:
        said.append(
            gettext(
                "For each 1 spent at promotions, %(ratio)s was spent at regular prices.",
                ratio=f"{worth.regular_ratio:.2f}",
            )
        )
    return said


def _heading_reasons(heading: Heading, currency: str, horizon_days: int) -> list[str]:
    if heading.direction == Direction.INSUFFICIENT:
        said = [gettext("A direction needs six periods of four weeks and four visits; there is less than that.")]
    else:
        trends = [
            (gettext("spend"), heading.slope_spend),
            (gettext("visits"), heading.slope_visits),
            (gettext("average ticket"), heading.slope_ticket),
        ]
        told = str(gettext(", ")).join(f"{name} {slope:+.1f} %" for name, slope in trends if slope is not None)
        said = [gettext("Every four weeks, apart from the season: %(trends)s.", trends=told)]
    if heading.predicted_spend is not None:
        said.append(
            gettext(
                "In the next %(days)s days about %(spend)s is expected (by %(model)s).",
                days=horizon_days,
                spend=money(heading.predicted_spend, currency),
                model=model_words(heading.model),
            )
        )
    if heading.probability_alive is not None:
        said.append(
            gettext(
                "A purchase in them has a probability of %(percent)s %%.",
                percent=f"{100 * heading.probability_alive:.0f}",
            )
        )
    return said


def _category_reasons(heading: Heading, categories: Mapping[int, str]) -> list[str]:
    groups = (
        (heading.categories_entered, gettext("Newly bought: %(names)s.")),
        (heading.categories_left, gettext("No longer bought: %(names)s.")),
        (heading.categories_grown, gettext("Bought more: %(names)s.")),
    )
    return [sentence % {"names": _listed(named, categories)} for named, sentence in groups if named]


def _listed(named: Sequence[int], categories: Mapping[int, str]) -> str:
    return str(gettext(", ")).join(categories.get(category, str(category)) for category in named)


def model_words(model: str | None) -> str:
    """The name of a model; its code where it has none yet."""
    return str(MODEL_WORDS.get(model or "", model or "–"))
