"""Conditions on scores: answered from the last finished scoring run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pyroaring import BitMap

from foundation.conditions import Condition, Facts, Selection
from foundation.database import Tx


@dataclass(frozen=True, slots=True)
class ScoreAnswers:
    """The answers, and the run they come from; None while there is none: nobody has a score."""

    selections: tuple[Selection, ...]
    run: int | None
    as_of: date | None


def answer_scores(tx: Tx, conditions: Sequence[Condition]) -> ScoreAnswers:  # noqa: ARG001 - no run yet
    """Who fulfils conditions on scores. Whoever has no score fulfils none."""
    return ScoreAnswers(tuple(Selection(BitMap()) for _ in conditions), None, None)


def score_evidence(tx: Tx, conditions: Sequence[Condition], members: BitMap) -> list[Facts]:  # noqa: ARG001 - likewise
    """The scores of these members."""
    return [Facts(pa.array([], pa.uint32()), pa.array([], pa.float64())) for _ in conditions]
