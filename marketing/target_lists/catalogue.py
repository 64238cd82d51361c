"""Every measure that a filter may ask, and who answers it: analytics, member_api, and what marketing itself did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pyroaring import BitMap

import analytics.contract.conditions as of_sales
import member_api.contract.conditions as of_members
from foundation.conditions import Condition, Facts, Measure, Selection
from foundation.database import Tx
from marketing.target_lists import history as of_marketing


@dataclass(frozen=True, slots=True)
class Told:
    """Answers in the order of the conditions, and how far the facts reach that they were taken from."""

    selections: tuple[Selection, ...]
    position: int | None = None
    complete_until: datetime | None = None
    scores_as_of: date | None = None
    scoring_run: int | None = None
    unknown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answerer:
    """A package that answers its own conditions."""

    measures: Mapping[str, Measure]
    answer: Callable[[Tx, Sequence[Condition], date], Told]
    evidence: Callable[[Tx, Sequence[Condition], date, BitMap], list[Facts]]


def _sales(tx: Tx, conditions: Sequence[Condition], today: date) -> Told:
    told = of_sales.answer(tx, conditions, today)
    return Told(told.selections, told.position, told.complete_until, told.scores_as_of, told.scoring_run, told.unknown)


ANSWERERS = (
    Answerer(of_sales.MEASURES, _sales, of_sales.evidence),
    Answerer(
        of_members.MEASURES,
        lambda tx, asked, today: Told(tuple(of_members.answer(tx, asked, today))),
        of_members.evidence,
    ),
    Answerer(
        of_marketing.MEASURES,
        lambda tx, asked, today: Told(tuple(of_marketing.answer(tx, asked, today))),
        of_marketing.evidence,
    ),
)
MEASURES: Mapping[str, Measure] = {
    name: measure for answerer in ANSWERERS for name, measure in answerer.measures.items()
}


def answer_all(tx: Tx, conditions: Sequence[Condition], today: date) -> Told:
    """Every condition, each package asked once for all of its own."""
    found: dict[int, Selection] = {}
    told = Told(())
    for answerer, mine in _shares(conditions):
        part = answerer.answer(tx, [conditions[n] for n in mine], today)
        found |= dict(zip(mine, part.selections, strict=True))
        if answerer.measures is of_sales.MEASURES:
            told = part
    return Told(
        tuple(found[n] for n in range(len(conditions))),
        told.position,
        told.complete_until,
        told.scores_as_of,
        told.scoring_run,
        told.unknown,
    )


def evidence_of_all(tx: Tx, conditions: Sequence[Condition], today: date, members: BitMap) -> list[Facts]:
    """For every condition, what was measured of these members."""
    found: dict[int, Facts] = {}
    for answerer, mine in _shares(conditions):
        facts = answerer.evidence(tx, [conditions[n] for n in mine], today, members)
        found |= dict(zip(mine, facts, strict=True))
    return [found[n] for n in range(len(conditions))]


def _shares(conditions: Sequence[Condition]) -> list[tuple[Answerer, list[int]]]:
    shares = [
        (answerer, [n for n, condition in enumerate(conditions) if condition.measure in answerer.measures])
        for answerer in ANSWERERS
    ]
    return [(answerer, mine) for answerer, mine in shares if mine]
