"""Who fulfils conditions on sales and scores, and what was measured of them."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from analytics.conditions import habits
from analytics.conditions.catalogue import SCORES
from analytics.conditions.lake_session import LakeSession, lake_session
from analytics.conditions.looking_up import Names
from analytics.conditions.questions import Asked, Source, answer_query, evidence_query, source_of
from analytics.conditions.scores import answer_scores, score_evidence
from foundation.bitmaps import ids_of
from foundation.conditions import Condition, Facts, Selection
from foundation.database import Tx

CHOSEN = "chosen_members"
CURRENCIES = "SELECT min(currency) AS first, max(currency) AS last FROM member_day"
# Of so few members the ids stand in the query, so that DuckDB skips what cannot hold them.
NAMED_MAX = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers, in the order of the conditions.

    `position` and `complete_until`: how far the sales are that were asked; None if none were. `scores_as_of`: of which
    day the scores are that were asked. `unknown`: names that stand for nothing, by the pointer where they were written.
    """

    selections: tuple[Selection, ...]
    position: int | None = None
    complete_until: datetime | None = None
    scores_as_of: date | None = None
    scoring_run: int | None = None
    unknown: tuple[tuple[str, str], ...] = ()


def answer(tx: Tx, conditions: Sequence[Condition], today: date) -> Answers:
    """Who fulfils each of these conditions as of `today`, its sales included. Raises LakeDamaged."""
    names = Names(tx)
    of_sales = {n: names.asked(c, today) for n, c in enumerate(conditions) if c.measure not in SCORES}
    of_habits = {n: of_sales.pop(n) for n, c in enumerate(conditions) if c.measure == habits.MEASURE}
    of_scores = {n: c for n, c in enumerate(conditions) if c.measure in SCORES}
    found: dict[int, Selection] = {}
    position = complete_until = run = as_of = None
    if of_sales or of_habits:
        with lake_session(tx) as lake:
            for source, group in _groups(_untested(lake, of_sales)):
                found |= _answer_group(lake, source, group)
            for n, each in of_habits.items():
                found[n] = habits.who(lake, each)
            position, complete_until = lake.position, lake.complete_until
    if of_scores:
        scores = answer_scores(tx, list(of_scores.values()))
        found |= dict(zip(of_scores, scores.selections, strict=True))
        run, as_of = scores.run, scores.as_of
    unknown = tuple((pointer, name) for pointer, some in names.unknown.items() for name in some)
    return Answers(tuple(found[n] for n in range(len(conditions))), position, complete_until, as_of, run, unknown)


def evidence(tx: Tx, conditions: Sequence[Condition], today: date, members: BitMap) -> list[Facts]:
    """For each condition, what was measured of these members. Raises LakeDamaged."""
    names = Names(tx)
    of_sales = {n: names.asked(c, today) for n, c in enumerate(conditions) if c.measure not in SCORES}
    of_habits = {n: of_sales.pop(n) for n, c in enumerate(conditions) if c.measure == habits.MEASURE}
    of_scores = {n: c for n, c in enumerate(conditions) if c.measure in SCORES}
    facts: dict[int, Facts] = {}
    if of_habits:
        with lake_session(tx) as lake:
            facts |= {n: habits.facts(lake, each, members) for n, each in of_habits.items()}
    if of_sales:
        with lake_session(tx) as lake, _chosen(lake, members) as chosen:
            for source, group in _groups(_untested(lake, of_sales)):
                table = lake.sql(evidence_query(list(group.values()), source, chosen))
                ids = table.column("member_id").combine_chunks()
                for place, n in enumerate(group):
                    facts[n] = Facts(ids, table.column(f"m{place}").combine_chunks())
    if of_scores:
        facts |= dict(zip(of_scores, score_evidence(tx, list(of_scores.values()), members), strict=True))
    return [facts[n] for n in range(len(conditions))]


def _untested(lake: LakeSession, asked: dict[int, Asked]) -> dict[int, Asked]:
    """The same, without a test that every row passes: where all sales are of the one currency asked for."""
    if all(each.currency is None for each in asked.values()):
        return asked
    only = lake.table("currency", lambda whole: whole.sql(CURRENCIES)).to_pylist()[0]
    return {
        n: replace(each, currency=None) if only["first"] == only["last"] == each.currency else each
        for n, each in asked.items()
    }


def _groups(asked: dict[int, Asked]) -> Iterator[tuple[Source, dict[int, Asked]]]:
    """Conditions that look at the same rows, by their place in the filter."""
    groups: dict[Source, dict[int, Asked]] = {}
    for n, each in asked.items():
        groups.setdefault(source_of(each), {})[n] = each
    yield from groups.items()


def _answer_group(lake: LakeSession, source: Source, group: dict[int, Asked]) -> dict[int, Selection]:
    """Asks the lake what it has not been asked before."""
    questions = {n: answer_query([asked], source) for n, asked in group.items()}
    found = {n: kept for n, question in questions.items() if (kept := lake.kept(question)) is not None}
    new = {n: asked for n, asked in group.items() if n not in found}
    if not new:
        return found
    table = lake.sql(answer_query(list(new.values()), source))
    ids = table.column("member_id").to_numpy()
    for place, (n, asked) in enumerate(new.items()):
        sought = ids[table.column(f"c{place}").to_numpy()] if len(new) > 1 else ids
        found[n] = Selection(_bitmap(sought), asked.inverted)
        lake.keep(questions[n], found[n])
    return found


def _bitmap(ids: Any) -> BitMap:
    return BitMap(array("I", np.sort(ids.astype(np.uint32, copy=False)).tobytes()))


class _chosen:  # noqa: N801 - used as a verb in a with statement
    """A subquery that names some members, for as long as the block lasts."""

    def __init__(self, lake: LakeSession, members: BitMap) -> None:
        self._lake = lake
        self._members = members
        self._registered = False

    def __enter__(self) -> str:
        if len(self._members) <= NAMED_MAX:
            return ", ".join(map(str, self._members)) or "NULL"
        self._lake.register(CHOSEN, pa.table({"id": ids_of(self._members)}))
        self._registered = True
        return f"SELECT id FROM {CHOSEN}"  # noqa: S608 - a constant

    def __exit__(self, *_: object) -> None:
        if self._registered:
            self._lake.unregister(CHOSEN)
