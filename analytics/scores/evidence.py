"""Why a member has the scores: what they came from, in figures and in sentences, and how they went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from analytics.scores.reading import (
    FormatScore,
    Score,
    ScoreSet,
    formats_of,
    latest_scores,
    score_sets,
    scores_of,
)
from analytics.scores.words import reasons
from foundation.database import Tx
from foundation.pages import gettext
from pos_adapter.contract.catalogue import all_categories

HISTORY_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True)
class MemberScores:
    """What is known of one member. `scores`: one for each currency; empty where the member has none, and `reason` says
    why. `history` are earlier scores, the latest date first; `words` the evidence in sentences, by currency."""

    member_id: int
    of: ScoreSet | None
    scores: Sequence[Score]
    formats: Sequence[FormatScore]
    history: Sequence[tuple[ScoreSet, Score]]
    category_words: Mapping[int, str]
    words: Mapping[str, list[str]]
    reason: str | None = None


def member_scores(tx: Tx, member_id: int, as_of: date | None = None) -> MemberScores:
    """The scores of one member by the latest run, or by the latest as of a date, with their evidence.

    Who refuses profiling has none, neither now nor of earlier runs. Raises ScoresUnknown when nothing was scored.
    """
    current = latest_scores(tx, as_of)
    if member_id in current.refused:
        return _without(member_id, current, gettext("This member has refused profiling: nothing is worked out."))
    scores = scores_of(current, [member_id]).get(member_id, [])
    if not scores:
        return _without(member_id, current, gettext("This member had bought nothing before that date."))
    earlier = [each for each in score_sets(tx, HISTORY_SHOWN_MAX + 1, one_a_date=True) if each.as_of < current.as_of][
        :HISTORY_SHOWN_MAX
    ]
    formats = formats_of(current, [member_id]).get(member_id, [])
    categories = _category_words(tx, scores)
    return MemberScores(
        member_id,
        current,
        scores,
        formats,
        [(each, score) for each in earlier for score in scores_of(each, [member_id]).get(member_id, [])],
        categories,
        {score.currency: reasons(score, current, categories) for score in scores},
    )


def _without(member_id: int, of: ScoreSet, reason: str) -> MemberScores:
    return MemberScores(member_id, of, (), (), (), {}, {}, reason)


def _category_words(tx: Tx, scores: Sequence[Score]) -> dict[int, str]:
    wanted = {
        category
        for score in scores
        for names in (
            score.potential.categories_entered,
            score.potential.categories_left,
            score.potential.categories_grown,
        )
        for category in names
    }
    return {each.id: each.name for each in all_categories(tx) if each.id in wanted} if wanted else {}
