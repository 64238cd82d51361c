"""What filters, campaigns and pages may ask of scores: which are the latest, who is where on the map, and why.

Every function takes the open transaction first; all but `record_contact_costs` only read. Scores are those of one
finished run (`latest_scores`: of the latest as-of date); take it once and ask it as often as needed, so that all
answers are of one run. Sets are of member ids. Where a member buys in several currencies, any of them counts unless
`currency` names one. Who refused profiling is in no set. Money is in minor units.

Errors: ScoresUnknown (404), when nothing has been scored yet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap

from analytics.scores.contribution_rules import ContributionClass
from analytics.scores.direction import Direction
from analytics.scores.reading import (
    FormatScore,
    Heading,
    Score,
    ScoreSet,
    ScoresUnknown,
    Worth,
    formats_of,
    latest_scores,
    members_where,
    score_sets,
    scores_of,
)
from foundation.database import Tx

__all__ = [
    "ContactCost",
    "ContributionClass",
    "Direction",
    "FormatScore",
    "Heading",
    "Score",
    "ScoreSet",
    "ScoresUnknown",
    "Worth",
    "formats_of",
    "in_classes",
    "in_directions",
    "latest_scores",
    "record_contact_costs",
    "score_sets",
    "scored",
    "scores_of",
    "turned_since",
    "with_contribution_score",
    "with_contribution_value",
    "with_potential_score",
    "with_predicted_spend",
    "with_probability_alive",
]

Bound = float | int | None


def scored(scores: ScoreSet, currency: str | None = None) -> BitMap:
    """Everybody with a score in this run."""
    return members_where(scores, ["contribution_class"], lambda rows: pc.is_valid(rows["contribution_class"]), currency)


def in_classes(scores: ScoreSet, classes: Collection[str], currency: str | None = None) -> BitMap:
    """Members of these contribution classes (platinum, gold, iron, lead, new)."""
    return _among(scores, "contribution_class", classes, currency)


def in_directions(scores: ScoreSet, directions: Collection[str], currency: str | None = None) -> BitMap:
    """Members heading in these directions (rising, fading, steady, insufficient)."""
    return _among(scores, "direction", directions, currency)


def turned_since(before: ScoreSet, after: ScoreSet, directions: Collection[str]) -> BitMap:
    """Members who head in one of these directions in the later run and did not in the earlier one."""
    return in_directions(after, directions) - in_directions(before, directions)


def with_contribution_score(
    scores: ScoreSet, least: Bound = None, most: Bound = None, currency: str | None = None
) -> BitMap:
    """Members whose contribution score (0 to 100) lies between these, ends included; None is no end."""
    return _between(scores, "contribution_score", least, most, currency)


def with_contribution_value(
    scores: ScoreSet, least: Bound = None, most: Bound = None, currency: str | None = None
) -> BitMap:
    """Members whose contribution in money lies between these, ends included."""
    return _between(scores, "contribution_value", least, most, currency)


def with_potential_score(
    scores: ScoreSet, least: Bound = None, most: Bound = None, currency: str | None = None
) -> BitMap:
    """Members whose potential score (0 to 100) lies between these, ends included."""
    return _between(scores, "potential_score", least, most, currency)


def with_predicted_spend(
    scores: ScoreSet, least: Bound = None, most: Bound = None, currency: str | None = None
) -> BitMap:
    """Members predicted to spend between these in the run's horizon, ends included."""
    return _between(scores, "predicted_spend", least, most, currency)


def with_probability_alive(
    scores: ScoreSet, least: Bound = None, most: Bound = None, currency: str | None = None
) -> BitMap:
    """Members whose probability (0 to 1) of at least one purchase in the horizon lies between these, ends included."""
    return _between(scores, "probability_alive", least, most, currency)


@dataclass(frozen=True, slots=True)
class ContactCost:
    """What reaching a member has cost on a day: `amount` in minor units. `reference` names the contact."""

    reference: str
    member_id: int
    currency: str
    day: date
    amount: int


def record_contact_costs(tx: Tx, costs: Sequence[ContactCost]) -> int:
    """Say what reaching members has cost, once per reference, member and currency.

    Taken off the members' contribution in the runs whose window holds the day. Said again, nothing changes; returns how
    many were new.
    """
    if not costs:
        return 0
    facts = {
        "references": [cost.reference for cost in costs],
        "members": [cost.member_id for cost in costs],
        "currencies": [cost.currency for cost in costs],
        "days": [cost.day for cost in costs],
        "amounts": [cost.amount for cost in costs],
    }
    return tx.execute(RECORD_COSTS, facts).rowcount


RECORD_COSTS = """
INSERT INTO analytics.contact_cost (reference, member_id, currency, day, amount)
SELECT reference, member_id, currency, day, amount
FROM unnest(CAST(:references AS text[]), CAST(:members AS bigint[]), CAST(:currencies AS text[]),
    CAST(:days AS date[]), CAST(:amounts AS bigint[])) AS cost (reference, member_id, currency, day, amount)
ORDER BY reference, member_id, currency
ON CONFLICT DO NOTHING
"""


def _among(scores: ScoreSet, column: str, values: Collection[str], currency: str | None) -> BitMap:
    wanted = pa.array(sorted(values), pa.string())
    return members_where(scores, [column], lambda rows: pc.is_in(rows[column], value_set=wanted), currency)


def _between(scores: ScoreSet, column: str, least: Bound, most: Bound, currency: str | None) -> BitMap:
    def test(rows: pa.Table) -> pa.Array:
        inside = pc.is_valid(rows[column])
        if least is not None:
            inside = pc.and_(inside, pc.fill_null(pc.greater_equal(rows[column], least), False))
        if most is not None:
            inside = pc.and_(inside, pc.fill_null(pc.less_equal(rows[column], most), False))
        return inside

    return members_where(scores, [column], test, currency)
