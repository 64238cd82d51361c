"""Why a member is in, or is not: every condition of the filter with whether it holds, what was measured, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyroaring import BitMap

from foundation.conditions import Condition
from foundation.database import Tx
from foundation.pages import gettext
from marketing.target_lists.catalogue import Told, evidence_of_all
from marketing.target_lists.choosing import Question
from marketing.target_lists.chunks import Seen, evidence_table, seen_rows
from marketing.target_lists.filters import All, Any_, Filter, Node, Not
from marketing.target_lists.words import Wording


@dataclass(frozen=True, slots=True)
class Why:
    """One node of the filter, for one member: `kind` is all, any, not or condition; `shown` what was measured."""

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


def reasons(filter_: Filter, seen: Seen, wording: Wording) -> list[Why]:
    """The conditions that hold for a member, in the order of the filter: why it is in."""
    found = [
        _of_condition(condition, seen, n, wording) for n, condition in enumerate(filter_.conditions) if seen.holds[n]
    ]
    return list({why.words: why for why in found}.values())


def explain(filter_: Filter, seen: Seen, wording: Wording) -> Why:
    """The whole filter for one member."""
    return _Explainer(seen, wording).node(filter_.root)


class _Explainer:
    """Walks the filter in the order in which its conditions are numbered."""

    def __init__(self, seen: Seen, wording: Wording) -> None:
        self._seen = seen
        self._wording = wording
        self._next = 0

    def node(self, node: Node) -> Why:
        match node:
            case All(parts):
                whys = tuple(self.node(part) for part in parts)
                return Why("all", all(why.holds for why in whys), gettext("All of these"), parts=whys)
            case Any_(parts):
                whys = tuple(self.node(part) for part in parts)
                return Why("any", any(why.holds for why in whys), gettext("Any of these"), parts=whys)
            case Not(part):
                why = self.node(part)
                return Why("not", not why.holds, gettext("Not"), parts=(why,))
            case Condition():
                self._next += 1
                return _of_condition(node, self._seen, self._next - 1, self._wording)


def _of_condition(condition: Condition, seen: Seen, n: int, wording: Wording) -> Why:
    value = seen.values[n]
    return Why(
        "condition",
        seen.holds[n],
        wording.condition(condition),
        condition.measure,
        value,
        None if isinstance(value, bool) else wording.value(condition, value),
    )
