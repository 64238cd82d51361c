"""Conditions on scores: answered from the last finished scoring run. Whoever has no score fulfils none of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap

from analytics.scores.reading import ScoreSet, ScoresUnknown, latest_scores, members_where
from foundation.bitmaps import ids_of
from foundation.conditions import Condition, Facts, Operator, Selection
from foundation.database import Tx
from foundation.settings import get_settings

COLUMNS: Mapping[str, str] = {
    "contribution_score": "contribution_score",
    "contribution_class": "contribution_class",
    "contribution_value": "contribution_value",
    "potential_score": "potential_score",
    "potential_direction": "direction",
    "predicted_spend": "predicted_spend",
    "probability_alive": "probability_alive",
}
AMOUNTS = frozenset({"contribution_value", "predicted_spend"})
_TESTS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.AT_LEAST: pc.greater_equal,
    Operator.AT_MOST: pc.less_equal,
    Operator.MORE: pc.greater,
    Operator.LESS: pc.less,
    Operator.EQUAL: pc.equal,
    Operator.UNEQUAL: pc.not_equal,
}


@dataclass(frozen=True, slots=True)
class ScoreAnswers:
    """The answers, and the run they come from; None while there is none: nobody has a score."""

    selections: tuple[Selection, ...]
    run: int | None
    as_of: date | None


def answer_scores(tx: Tx, conditions: Sequence[Condition]) -> ScoreAnswers:
    """Who fulfils conditions on scores, all of one run."""
    scores = _latest(tx)
    if scores is None:
        return ScoreAnswers(tuple(Selection(BitMap()) for _ in conditions), None, None)
    selections = tuple(Selection(_who(scores, condition)) for condition in conditions)
    return ScoreAnswers(selections, scores.run_id, scores.as_of)


def score_evidence(tx: Tx, conditions: Sequence[Condition], members: BitMap) -> list[Facts]:
    """The scores of these members: in the condition's currency, the company's if it names none, else any."""
    scores = _latest(tx)
    if scores is None:
        return [Facts(pa.array([], pa.uint32()), pa.array([], pa.float64())) for _ in conditions]
    return [_facts(scores, condition, members) for condition in conditions]


def _latest(tx: Tx) -> ScoreSet | None:
    try:
        return latest_scores(tx)
    except ScoresUnknown:
        return None


def _currency(condition: Condition) -> str | None:
    """Amounts of different currencies are never compared; ranks are, whatever currency they come from."""
    if condition.currency is None and condition.measure in AMOUNTS:
        return get_settings().company_currency
    return condition.currency


def _who(scores: ScoreSet, condition: Condition) -> BitMap:
    column = COLUMNS[condition.measure]

    def test(rows: Any) -> Any:
        return compared(_plain(rows[column]), condition)

    return members_where(scores, [column], test, _currency(condition))


def compared(values: Any, condition: Condition) -> Any:
    """Which of these Arrow values pass the condition; null where nothing is known."""
    match condition.operator, condition.value:
        case Operator.ANY, tuple() as codes:
            return pc.is_in(values, value_set=pa.array(codes, pa.string()))
        case Operator.NONE, tuple() as codes:
            among = pc.is_in(values, value_set=pa.array(codes, pa.string()))
            return pc.and_(pc.is_valid(values), pc.invert(among))
        case Operator.BETWEEN, (low, high):
            return pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
        case operator, value:
            return _TESTS[operator](values, value)


def _facts(scores: ScoreSet, condition: Condition, members: BitMap) -> Facts:
    column = COLUMNS[condition.measure]
    table = pq.read_table(scores.members, columns=["member_id", "currency", column], memory_map=True)
    table = table.filter(pc.is_in(pc.cast(table["member_id"], pa.uint32()), value_set=ids_of(members)))
    wanted = _currency(condition) or get_settings().company_currency
    # Of several currencies the wanted one comes first, and the first of a member is kept.
    order = pc.if_else(pc.equal(table["currency"], wanted), 0, 1)
    table = table.append_column("order", order).sort_by([("member_id", "ascending"), ("order", "ascending")])
    ids = pc.cast(table["member_id"].combine_chunks(), pa.uint32())
    first = pa.array([True], pa.bool_()) if len(ids) else pa.array([], pa.bool_())
    if len(ids) > 1:
        first = pa.concat_arrays([first, pc.not_equal(ids[1:], ids[:-1])])
    return Facts(ids.filter(first), _plain(table[column]).combine_chunks().filter(first))


def _plain(values: Any) -> Any:
    """Words as texts, whatever way the file keeps them."""
    return pc.cast(values, pa.string()) if pa.types.is_dictionary(values.type) else values
