"""Why a member is in, or is not: every condition of the filter with whether it holds, what was measured, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyroaring import BitMap

from foundation.conditions import Condition, Operator
from foundation.database import Tx
from foundation.pages import gettext
from marketing.target_lists.catalogue import Told, evidence_of_all
from marketing.target_lists.choosing import Question
from marketing.target_lists.chunks import Seen, evidence_table, seen_rows
from marketing.target_lists.filters import All, Any_, Filter, Node, Not
from marketing.target_lists.words import Wording


@dataclass(frozen=True, slots=True)
class Why:
    """One node of the filter, for one member.

    `kind` is all, any, none, not or condition; `value` what was measured and `shown` the same in words.
    """

    kind: str
    holds: bool
    words: str
    measure: str | None = None
    value: Any = None
    shown: str | None = None
    parts: tuple["Why", ...] = ()


def measure_members(tx: Tx, question: Question, told: Told, members: BitMap) -> pa.Table:
    """What was measured of these members, one row each (chunks.evidence_table)."""
    conditions = question.filter.conditions
    facts = evidence_of_all(tx, conditions, question.today, members)
    return evidence_table(members, told.selections, facts)


def seen_now(tx: Tx, question: Question, told: Told, member_ids: Sequence[int]) -> dict[int, Seen]:
    """The same of a few members, as values."""
    table = measure_members(tx, question, told, BitMap(member_ids))
    return {seen.member_id: seen for seen in seen_rows(table)}


def explain(filter_: Filter, seen: Seen, wording: Wording) -> Why:
    """The whole filter for one member."""
    return _Explainer(seen, wording).node(filter_.root)


def reasons(filter_: Filter, seen: Seen, wording: Wording) -> list[Why]:
    """Why a member is in: the conditions that carry the answer, each once, in the order of the filter.

    Of alternatives those that hold; below a "not" those that do not hold, said so.
    """
    carrying = _carrying(explain(filter_, seen, wording), holding=True)
    return list({why.words: why for why in carrying}.values())


def outline(filter_: Filter, wording: Wording) -> Why:
    """The filter in words as a tree, about nobody."""
    nobody = Seen(0, (True,) * len(filter_.conditions), (None,) * len(filter_.conditions))
    return explain(filter_, nobody, wording)


def flat_words(filter_: Filter, wording: Wording) -> list[str]:
    """The conditions in words, each once; those below a "not" say so."""
    return list(dict.fromkeys(why.words for why in _leaves(outline(filter_, wording), negated=False)))


# ------------------------------------------------------------------------------------------------ walking
def _carrying(why: Why, *, holding: bool) -> Iterator[Why]:
    """The conditions below a node that make it hold (or, if not `holding`, not hold)."""
    match why.kind:
        case "condition":
            if why.holds == holding:
                yield why if holding else _negated(why)
        case "not" | "none":
            for part in why.parts:
                if not holding and part.holds:
                    yield from _carrying(part, holding=True)
                elif holding:
                    yield from _carrying(part, holding=False)
        case _:
            for part in why.parts:
                if part.holds == holding:
                    yield from _carrying(part, holding=holding)


def _leaves(why: Why, *, negated: bool) -> Iterator[Why]:
    if why.kind == "condition":
        yield _negated(why) if negated else why
    for part in why.parts:
        yield from _leaves(part, negated=negated != (why.kind in ("not", "none")))


def _negated(why: Why) -> Why:
    words = str(gettext("Not: %(what)s", what=why.words))
    return Why("condition", not why.holds, words, why.measure, why.value, why.shown)


class _Explainer:
    """Walks the filter in the order in which its conditions are numbered."""

    def __init__(self, seen: Seen, wording: Wording) -> None:
        self._seen = seen
        self._wording = wording
        self._next = 0

    def node(self, node: Node) -> Why:
        match node:
            case All(parts):
                whys = self._parts(parts)
                return Why("all", all(why.holds for why in whys), str(gettext("All of these")), parts=whys)
            case Any_(parts):
                whys = self._parts(parts)
                return Why("any", any(why.holds for why in whys), str(gettext("Any of these")), parts=whys)
            case Not(Any_(parts)):
                whys = self._parts(parts)
                return Why("none", not any(why.holds for why in whys), str(gettext("None of these")), parts=whys)
            case Not(part):
                why = self.node(part)
                return Why("not", not why.holds, str(gettext("Not")), parts=(why,))
            case Condition():
                self._next += 1
                return _of_condition(node, self._seen, self._next - 1, self._wording)

    def _parts(self, parts: Sequence[Node]) -> tuple[Why, ...]:
        return tuple(self.node(part) for part in parts)


def _of_condition(condition: Condition, seen: Seen, n: int, wording: Wording) -> Why:
    value = seen.values[n]
    return Why(
        "condition",
        seen.holds[n],
        wording.condition(condition),
        condition.measure,
        value,
        None if isinstance(value, bool) or _goes_without_saying(condition) else wording.value(condition, value),
    )


def _goes_without_saying(condition: Condition) -> bool:
    """Whether the condition says the value already: one of a single code."""
    return condition.operator == Operator.ANY and isinstance(condition.value, tuple) and len(condition.value) == 1
