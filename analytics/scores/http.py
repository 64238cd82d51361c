"""Scores over HTTP: everybody's by page, one member's with what they came from and how they went."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate
from pyroaring import BitMap

from analytics.permissions import SCORES
from analytics.runs.rules import HORIZON_MAX
from analytics.scores.evidence import MemberScores, member_scores
from analytics.scores.reading import (
    FormatScore,
    Heading,
    Score,
    ScoreSet,
    ScoresUnknown,
    Worth,
    latest_scores,
    page_of_scores,
    scores_of_run,
)
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
from member_api.contract.conditions import of_home_stores
from member_api.contract.members import MemberUnknown, resolve_member
from organisation.contract import stores_within

scores_blueprint = Blueprint("scores", __name__, description="What members have been worth and where they are heading")


class ScoresQuery(PageArguments):
    as_of = fields.Date(load_default=None, metadata={"description": "The latest as-of date by default"})
    horizon_days = fields.Integer(load_default=None, validate=validate.Range(1, HORIZON_MAX))


class FormatOut(Schema):
    """Contribution and prediction in one format; the percentiles (0 to 100) that its score was made of."""

    format = fields.String(required=True)
    score = fields.Float(required=True, allow_none=True)
    value = fields.Integer(required=True, allow_none=True)
    spend = fields.Integer(required=True)
    visits = fields.Integer(required=True)
    profit = fields.Integer(required=True, allow_none=True)
    regular_share = fields.Float(required=True, allow_none=True)
    format_share = fields.Float(required=True, allow_none=True)
    percentiles = fields.Dict(required=True)
    predicted_spend = fields.Integer(required=True, allow_none=True)
    probability_alive = fields.Float(required=True, allow_none=True)
    model = fields.String(required=True, allow_none=True)


class ContributionOut(Schema):
    """`score` 0 to 100, null where too few members are active to rank; `value` in minor units over the window."""

    score = fields.Float(required=True, allow_none=True)
    class_ = fields.String(required=True, attribute="class", data_key="class")
    value = fields.Integer(required=True, allow_none=True)


class ContributionEvidenceOut(ContributionOut):
    spend = fields.Integer(required=True)
    visits = fields.Integer(required=True)
    profit = fields.Integer(required=True, allow_none=True)
    points_cost = fields.Integer(required=True)
    contact_cost = fields.Integer(required=True)
    regular_ratio = fields.Float(required=True, allow_none=True)
    first_purchase = fields.Date(required=True, allow_none=True)
    last_purchase = fields.Date(required=True, allow_none=True)


class PotentialOut(Schema):
    """`predicted_spend` (minor units) and `probability_alive` look at the horizon_days after as_of."""

    score = fields.Float(required=True, allow_none=True)
    direction = fields.String(required=True)
    predicted_spend = fields.Integer(required=True, allow_none=True)
    probability_alive = fields.Float(required=True, allow_none=True)


class SlopesOut(Schema):
    """Growth in percent a sub-period of 28 days, the season taken out."""

    spend = fields.Float(required=True, allow_none=True)
    visits = fields.Float(required=True, allow_none=True)
    average_ticket = fields.Float(required=True, allow_none=True)


class PeriodsOut(Schema):
    """The six sub-periods of 28 days before as_of, oldest first, the season taken out."""

    spend = fields.List(fields.Float(), required=True)
    visits = fields.List(fields.Float(), required=True)
    average_ticket = fields.List(fields.Float(allow_none=True), required=True)


class CategoriesOut(Schema):
    entered = fields.List(fields.String(), required=True)
    left = fields.List(fields.String(), required=True)
    grown = fields.List(fields.String(), required=True)


class PotentialEvidenceOut(PotentialOut):
    predicted_profit = fields.Integer(required=True, allow_none=True)
    predicted_visits = fields.Float(required=True, allow_none=True)
    slopes = fields.Nested(SlopesOut, required=True)
    periods = fields.Nested(PeriodsOut, required=True)
    model = fields.String(required=True, allow_none=True)
    probability_model = fields.String(required=True, allow_none=True)
    categories = fields.Nested(CategoriesOut, required=True)


class ScoreOut(Schema):
    member = fields.String(required=True)
    currency = fields.String(required=True)
    as_of = fields.Date(required=True)
    horizon_days = fields.Integer(required=True)
    run = fields.String(required=True)
    contribution = fields.Nested(ContributionOut, required=True)
    potential = fields.Nested(PotentialOut, required=True)


class ScoreEvidenceOut(ScoreOut):
    contribution = fields.Nested(ContributionEvidenceOut, required=True)
    potential = fields.Nested(PotentialEvidenceOut, required=True)
    formats = fields.List(fields.Nested(FormatOut), required=True)
    why = fields.List(fields.String(), required=True, metadata={"description": "The evidence in sentences"})


class MemberScoresOut(Schema):
    """`items`: one for each currency the member buys in, of the latest run (or that of as_of). `history`: what earlier
    runs said, the latest date first. `scored` false: the member has no scores, `reason` says why."""

    member = fields.String(required=True)
    scored = fields.Boolean(required=True)
    reason = fields.String(required=True, allow_none=True)
    items = fields.List(fields.Nested(ScoreEvidenceOut), required=True)
    history = fields.List(fields.Nested(ScoreOut), required=True)


class MemberScoresQuery(Schema):
    as_of = fields.Date(load_default=None, metadata={"description": "The latest as-of date by default"})


@scores_blueprint.route("/scores", methods=["GET"])
@allow(SCORES)
@transactional
@scores_blueprint.arguments(ScoresQuery, location="query")
@scores_blueprint.response(200, page_of(ScoreOut))
def get_scores(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Scores as of a date, by member and currency. Who acts in some stores only sees the members at home there.

    A cursor belongs to the run of its first page: a run that ends meanwhile does not mix in.
    """
    after = None
    if query["cursor"]:
        run, member, currency = read_cursor(query["cursor"], int, int, str)
        scores, after = _run_of_cursor(tx, run), (member, currency)
    else:
        scores = latest_scores(tx, query["as_of"], query["horizon_days"])
    rows = page_of_scores(scores, after, query["limit"] + 1, _seen_members(tx))
    shown, cursor = first_page(rows, query["limit"], lambda row: (scores.run_id, row.member_id, row.currency))
    return paged([score_body(score, scores) for score in shown], cursor)


@scores_blueprint.route("/members/<member>/scores", methods=["GET"])
@allow(SCORES)
@transactional
@scores_blueprint.arguments(MemberScoresQuery, location="query")
@scores_blueprint.response(200, MemberScoresOut)
def get_member_scores(tx: Tx, query: Mapping[str, Any], member: str) -> dict[str, Any]:
    """One member's scores with what they came from, in figures and in sentences, and how they went."""
    found = member_scores(tx, resolve_member(tx, member_id_of(member)).id, query["as_of"])
    return {
        "member": str(found.member_id),
        "scored": bool(found.scores),
        "reason": found.reason,
        "items": [_evidence_body(score, found) for score in found.scores],
        "history": [score_body(score, of) for of, score in found.history],
    }


def member_id_of(text: str) -> int:
    """The id in an address. Raises MemberUnknown for what cannot be one."""
    return id_of(text, MemberUnknown("There is no such member"))


def _run_of_cursor(tx: Tx, run: int) -> ScoreSet:
    """The run that a cursor goes on with. Raises ScoresUnknown when its files are no longer kept."""
    scores = scores_of_run(tx, run)
    if scores is None:
        raise ScoresUnknown("The scores that this cursor goes on with are no longer kept")
    return scores


def _seen_members(tx: Tx) -> BitMap | None:
    """Whom this principal may go through: all (None), or those at home in the principal's stores."""
    principal = current_principal()
    if principal.places is None:
        return None
    return of_home_stores(tx, [store.code for store in stores_within(tx, principal)])


def score_body(score: Score, of: ScoreSet) -> dict[str, Any]:
    """A score as lists show it."""
    return {
        "member": str(score.member_id),
        "currency": score.currency,
        "as_of": of.as_of,
        "horizon_days": of.horizon_days,
        "run": str(of.run_id),
        "contribution": _contribution(score.contribution),
        "potential": _potential(score.potential),
    }


def _contribution(worth: Worth) -> dict[str, Any]:
    return {"score": _points(worth.score), "class": worth.contribution_class, "value": worth.value}


def _potential(heading: Heading) -> dict[str, Any]:
    return {
        "score": _points(heading.score),
        "direction": heading.direction,
        "predicted_spend": heading.predicted_spend,
        "probability_alive": _share(heading.probability_alive),
    }


def _evidence_body(score: Score, found: MemberScores) -> dict[str, Any]:
    worth, heading = score.contribution, score.potential
    assert found.of is not None
    named = found.category_words
    return {
        **score_body(score, found.of),
        "contribution": {
            **_contribution(worth),
            "spend": worth.spend,
            "visits": worth.visits,
            "profit": worth.profit,
            "points_cost": worth.points_cost,
            "contact_cost": worth.contact_cost,
            "regular_ratio": _points(worth.regular_ratio),
            "first_purchase": worth.first_purchase,
            "last_purchase": worth.last_purchase,
        },
        "potential": {
            **_potential(heading),
            "predicted_profit": heading.predicted_profit,
            "predicted_visits": _points(heading.predicted_visits),
            "slopes": {
                "spend": _points(heading.slope_spend),
                "visits": _points(heading.slope_visits),
                "average_ticket": _points(heading.slope_ticket),
            },
            "periods": {
                "spend": [_points(value) for value in heading.period_spend],
                "visits": [_points(value) for value in heading.period_visits],
                "average_ticket": [_points(value) for value in heading.period_ticket],
            },
            "model": heading.model,
            "probability_model": heading.probability_model,
            "categories": {
                "entered": _named(heading.categories_entered, named),
                "left": _named(heading.categories_left, named),
                "grown": _named(heading.categories_grown, named),
            },
        },
        "formats": [_format_body(each) for each in found.formats if each.currency == score.currency],
        "why": found.words[score.currency],
    }


def _format_body(each: FormatScore) -> dict[str, Any]:
    names = ("spend", "visits", "profit", "regular")
    return {
        "format": each.format,
        "score": _points(each.score),
        "value": each.value,
        "spend": each.spend,
        "visits": each.visits,
        "profit": each.profit,
        "regular_share": _share(each.regular_share),
        "format_share": _share(each.format_share),
        "percentiles": {
            name: None if rank is None else round(100 * rank, 2) for name, rank in zip(names, each.ranks, strict=True)
        },
        "predicted_spend": each.predicted_spend,
        "probability_alive": _share(each.probability_alive),
        "model": each.model,
    }


def _named(categories: Sequence[int], words: Mapping[int, str]) -> list[str]:
    return [words.get(category, str(category)) for category in categories]


def _points(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
