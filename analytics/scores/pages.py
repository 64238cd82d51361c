"""The tab of a member's page that says what the member is worth and why."""

from collections.abc import Sequence
from typing import Any

from analytics.permissions import SCORES
from analytics.scores.evidence import MemberScores, member_scores
from analytics.scores.reading import Score, ScoresUnknown
from analytics.scores.words import CLASS_MEANINGS, CLASS_WORDS, DIRECTION_WORDS, model_words
from foundation.access import allow
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.money import exponent
from foundation.pages import gettext, lazy
from foundation.pages.charts import Chart, Point, bars, lines
from foundation.pages.formats import money
from member_api.contract.pages import MemberTab, add_tab, framed, render_member

scores_pages = Pages("scores", __name__)
add_tab(MemberTab("worth", lazy("Worth"), SCORES, 45))


@scores_pages.route("/members/<member>/worth")
@allow(SCORES)
@transactional
def worth_page(tx: Tx, member: str) -> str:
    """Contribution and potential of one member, in figures, pictures and sentences."""
    shown = framed(tx, member)
    try:
        found = member_scores(tx, shown.member.id)
    except ScoresUnknown:
        found = None
    return render_member(
        "scores/member.html",
        shown,
        found=found,
        reason=found.reason if found else gettext("Nothing has been scored yet."),
        boards=[_board(score, found) for score in found.scores] if found else [],
        class_words=CLASS_WORDS,
        class_meanings=CLASS_MEANINGS,
        direction_words=DIRECTION_WORDS,
        model_name=model_words,
    )


def _board(score: Score, found: MemberScores) -> dict[str, Any]:
    assert found.of is not None
    return {
        "score": score,
        "horizon_days": found.of.horizon_days,
        "words": found.words[score.currency],
        "periods": _periods(score) if score.potential.period_spend else None,
        "history": _history(score, found),
        "formats": [each for each in found.formats if each.currency == score.currency],
    }


def _periods(score: Score) -> Chart:
    """Spend in the six sub-periods, apart from the season."""
    unit = 10 ** exponent(score.currency)
    spend = score.potential.period_spend
    return bars(
        gettext("Spend every four weeks"),
        gettext("The last six periods of four weeks, apart from the season, oldest first"),
        [Point(_period_name(n, len(spend)), value / unit) for n, value in enumerate(spend)],
        say=lambda value: money(round(value * unit), score.currency),
        columns=(gettext("Period"), gettext("Spend")),
        height=190,
    )


def _period_name(n: int, count: int) -> str:
    back = count - n
    return str(gettext("last") if back == 1 else gettext("%(count)s back", count=back - 1))


def _history(score: Score, found: MemberScores) -> Chart | None:
    """The contribution score over the runs; None with a single one."""
    assert found.of is not None
    earlier: Sequence[tuple[Any, Score]] = [pair for pair in found.history if pair[1].currency == score.currency]
    told = [(of.as_of, each.contribution.score) for of, each in (*reversed(earlier), (found.of, score))]
    if len(told) < 2 or all(value is None for _, value in told):
        return None
    return lines(
        gettext("Contribution score over time"),
        gettext("By each run, 0 to 100"),
        [Point(day.isoformat(), value) for day, value in told],
        columns=(gettext("As of"), gettext("Score")),
        height=190,
    )
