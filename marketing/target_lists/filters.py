"""The filter language: and, or, not over conditions, read from JSON into a tree.

    {"all": [{"measure": "spend", "op": ">=", "value": 50000, "within_days": 90, "where": {"category": ["DAIRY"]}},
             {"any": [...]}, {"not": {...}}]}

`{"all": []}` is everybody. Depth, width and size are bounded. Every fault is named by a JSON pointer. What a condition
may ask stands in a catalogue of measures (foundation.conditions.Measure) that the packages fill; nothing here knows
what a measure means.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.conditions import EVERYBODY, NOBODY, Condition, Measure, Selection
from foundation.errors import FieldError, Invalid
from marketing.target_lists.condition_reading import Faults, read_condition, written_condition

DEPTH_MAX = 8
WIDTH_MAX = 50
CONDITIONS_MAX = 60
BYTES_MAX = 64 * 1024
FAULTS_MAX = 50


class FilterUnreadable(Invalid):
    """The filter is not one; `errors` point at what is wrong with it."""

    code = "filter_unreadable"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; of no parts: everybody."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - `Any` is taken
    """At least one part holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Node"


Node = All | Any_ | Not | Condition


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read. `conditions` are its leaves from left to right, as often as they stand there."""

    root: Node
    conditions: tuple[Condition, ...]

    @property
    def body(self) -> dict[str, Any]:
        """The filter as JSON, in the order in which it was written, with nothing that goes without saying."""
        return written(self.root)

    @property
    def hash(self) -> bytes:
        """The same 32 bytes for filters that say the same in another order."""
        return hashlib.sha256(_text(_sorted(self.body)).encode()).digest()


# ------------------------------------------------------------------------------------------------ reading
def read_filter(body: Any, measures: Mapping[str, Measure], pointer: str = "/filter") -> Filter:
    """The filter that a JSON value spells. Raises FilterUnreadable with a pointer for each fault (at most 50)."""
    faults = Faults(FAULTS_MAX)
    if len(_text(body)) > BYTES_MAX:
        raise FilterUnreadable(
            "The filter is too large", errors=[FieldError(pointer, f"at most {BYTES_MAX // 1024} KiB")]
        )
    conditions: list[Condition] = []
    root = _Reader(measures, faults, conditions).node(body, pointer, 1)
    if len(conditions) > CONDITIONS_MAX:
        faults.add(pointer, f"at most {CONDITIONS_MAX} conditions")
    if faults.found or root is None:
        raise FilterUnreadable("The filter cannot be read", errors=faults.found)
    return Filter(root, tuple(conditions))


@dataclass(frozen=True, slots=True)
class _Reader:
    measures: Mapping[str, Measure]
    faults: Faults
    conditions: list[Condition]

    def node(self, body: Any, pointer: str, depth: int) -> Node | None:
        if depth > DEPTH_MAX:
            self.faults.add(pointer, f"nested deeper than {DEPTH_MAX}")
            return None
        if not isinstance(body, dict):
            self.faults.add(pointer, 'an object: {"all": [...]}, {"any": [...]}, {"not": ...} or a condition')
            return None
        joining = [name for name in ("all", "any", "not") if name in body]
        if not joining:
            return self._condition(body, pointer)
        if len(body) != 1:
            self.faults.add(pointer, f"{joining[0]} stands alone in its object")
            return None
        name = joining[0]
        if name == "not":
            part = self.node(body["not"], f"{pointer}/not", depth + 1)
            return None if part is None else Not(part)
        parts = self._parts(body[name], f"{pointer}/{name}", depth)
        if parts is None:
            return None
        if name == "any" and not parts:
            self.faults.add(f"{pointer}/any", "at least one part")
            return None
        return All(parts) if name == "all" else Any_(parts)

    def _parts(self, body: Any, pointer: str, depth: int) -> tuple[Node, ...] | None:
        if not isinstance(body, list):
            self.faults.add(pointer, "a list of parts")
            return None
        if len(body) > WIDTH_MAX:
            self.faults.add(pointer, f"at most {WIDTH_MAX} parts")
            return None
        parts = [self.node(part, f"{pointer}/{n}", depth + 1) for n, part in enumerate(body)]
        readable = tuple(part for part in parts if part is not None)
        return readable if len(readable) == len(parts) else None

    def _condition(self, body: Mapping[str, Any], pointer: str) -> Condition | None:
        condition = read_condition(body, self.measures, pointer, self.faults)
        if condition is not None:
            self.conditions.append(condition)
        return condition


def changed(filter_: Filter, change: Callable[[Condition], Condition]) -> Filter:
    """The same filter with every condition changed; in the same order."""
    conditions: list[Condition] = []

    def over(node: Node) -> Node:
        match node:
            case All(parts):
                return All(tuple(map(over, parts)))
            case Any_(parts):
                return Any_(tuple(map(over, parts)))
            case Not(part):
                return Not(over(part))
            case Condition():
                conditions.append(change(node))
                return conditions[-1]

    root = over(filter_.root)
    return Filter(root, tuple(conditions))


# ------------------------------------------------------------------------------------------------ writing
def written(node: Node) -> dict[str, Any]:
    """A node as JSON."""
    match node:
        case All(parts):
            return {"all": [written(part) for part in parts]}
        case Any_(parts):
            return {"any": [written(part) for part in parts]}
        case Not(part):
            return {"not": written(part)}
        case Condition():
            return written_condition(node)


def _text(body: Any) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sorted(body: dict[str, Any]) -> dict[str, Any]:
    """The parts of every group once each and in one order: `and` and `or` know no order."""
    for name in ("all", "any"):
        if name in body:
            parts = {_text(part): part for part in map(_sorted, body[name])}
            return {name: [parts[text] for text in sorted(parts)]}
    if "not" in body:
        return {"not": _sorted(body["not"])}
    return body


# ------------------------------------------------------------------------------------------------ deciding
def evaluate(node: Node, answer: Callable[[Condition], Selection]) -> Selection:
    """Who the filter picks, from the answers to its conditions."""
    match node:
        case All(parts):
            return _fold(parts, answer, EVERYBODY, lambda a, b: a & b)
        case Any_(parts):
            return _fold(parts, answer, NOBODY, lambda a, b: a | b)
        case Not(part):
            return ~evaluate(part, answer)
        case Condition():
            return answer(node)


def _fold(
    parts: tuple[Node, ...],
    answer: Callable[[Condition], Selection],
    start: Selection,
    join: Callable[[Selection, Selection], Selection],
) -> Selection:
    for part in parts:
        start = join(start, evaluate(part, answer))
    return start


def parts_of(node: Node) -> Iterator[Node]:
    """The node and everything below it, from the top."""
    yield node
    match node:
        case All(parts) | Any_(parts):
            for part in parts:
                yield from parts_of(part)
        case Not(part):
            yield from parts_of(part)
        case _:
            return
