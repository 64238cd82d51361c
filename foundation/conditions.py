"""Conditions: typed questions that pick ids out of a dense set, each answered by the package that owns the facts.

A package describes what it can be asked (`Measure`) and answers a `Condition` with a `Selection`. Whoever combines
the answers knows nothing of their meaning: and, or, not. Ids are integers from 1 to 2**32 - 1.

    spend = Condition("spend", Operator.AT_LEAST, 50_000, within_days=90)
    (answer(spend) & ~answer(other)).within(everybody)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
from pyroaring import BitMap

from foundation.errors import DomainError, FieldError, Invalid

DAYS_MAX = 3_660


class Operator(StrEnum):
    """How a value is compared. `between` takes a pair and includes both ends; the last three take lists."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "="
    UNEQUAL = "!="
    BETWEEN = "between"
    ANY = "in"
    ALL = "all"
    NONE = "not in"


COMPARING = (
    Operator.AT_LEAST,
    Operator.AT_MOST,
    Operator.MORE,
    Operator.LESS,
    Operator.EQUAL,
    Operator.UNEQUAL,
    Operator.BETWEEN,
)
AMONG = (Operator.ANY, Operator.NONE)
DATING = (Operator.AT_LEAST, Operator.AT_MOST, Operator.BETWEEN)
LISTING = frozenset({Operator.ANY, Operator.ALL, Operator.NONE})


class Unit(StrEnum):
    """What a value is: how it is written in JSON, typed on a page and shown."""

    MONEY = "money"  # integer minor units of the condition's currency
    COUNT = "count"  # an integer
    QUANTITY = "quantity"  # a number with up to three digits after the point
    SHARE = "share"  # 0 to 1
    SCORE = "score"  # 0 to 100
    RATIO = "ratio"  # 1 is what others do
    DAYS = "days"  # an integer
    YEARS = "years"  # an integer
    DATE = "date"  # asked by its days (from, to, within_days); {"op": ">=", "value": a day} is read as from
    CODE = "code"  # texts out of `options`
    PATH = "path"  # paths from the top: ["FOOD", "DAIRY"]
    MONTH = "month"  # 1 to 12
    YES = "yes"  # true or false


DECIMAL = frozenset({Unit.QUANTITY, Unit.SHARE, Unit.SCORE, Unit.RATIO})


class Span(StrEnum):
    """Which days a measure looks at."""

    NEVER = "never"  # it knows no days
    PAST = "past"  # within_days or from / to; neither: ever since
    AHEAD = "ahead"  # within_days from today on, or from / to


class Where(StrEnum):
    """By what a measure can be narrowed."""

    CATEGORY = "category"
    BRAND = "brand"
    FORMAT = "format"
    STORE = "store"
    PROMOTION = "promotion"


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that can be asked.

    `words` and `hint` are lazy translations. `unit` says what a value is; `options` names the list that its codes come
    from. `currency` says that amounts belong to one. `personal` measures are computed from what somebody did, and are
    not used of those who refused that. `lowest` and `highest` bound a value.
    """

    name: str
    words: Any
    group: Any
    unit: Unit
    operators: tuple[Operator, ...]
    hint: Any = ""
    span: Span = Span.NEVER
    span_required: bool = False
    where: tuple[Where, ...] = ()
    currency: bool = False
    options: str | None = None
    choices: tuple[tuple[str, Any], ...] = ()
    personal: bool = False
    lowest: int | None = None
    highest: int | None = None


Value = int | float | bool | date | str | tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One question. `value` is of the measure's unit: an int, a float, a date, a bool, a pair for `between`, a tuple of
    codes or paths for lists. `first` and `last` are days, both included.
    """

    measure: str
    operator: Operator
    value: Value
    within_days: int | None = None
    first: date | None = None
    last: date | None = None
    where: tuple[tuple[Where, tuple[Any, ...]], ...] = ()
    currency: str | None = None
    pointer: str = field(default="", compare=False)

    def narrowed(self, by: Where) -> tuple[Any, ...]:
        """What it is narrowed to by one thing; empty if not."""
        return next((values for name, values in self.where if name == by), ())

    def past(self, today: date) -> tuple[date | None, date]:
        """The days it looks back on as of `today`, both included; None: ever since."""
        if self.within_days is not None:
            return today - timedelta(days=self.within_days - 1), today
        return self.first, self.last or today

    def ahead(self, today: date) -> tuple[date, date]:
        """The days it looks forward to as of `today`, both included: within 1 day is today and tomorrow."""
        if self.within_days is not None:
            return today, today + timedelta(days=self.within_days)
        return self.first or today, self.last or today + timedelta(days=DAYS_MAX)


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of ids, or (`inverted`) everything but these. `&`, `|` and `~` as sets have them."""

    ids: BitMap
    inverted: bool = False

    def __invert__(self) -> "Selection":
        return Selection(self.ids, not self.inverted)

    def __and__(self, other: "Selection") -> "Selection":
        match self.inverted, other.inverted:
            case False, False:
                return Selection(self.ids & other.ids)
            case False, True:
                return Selection(self.ids - other.ids)
            case True, False:
                return Selection(other.ids - self.ids)
            case _:
                return Selection(self.ids | other.ids, inverted=True)

    def __or__(self, other: "Selection") -> "Selection":
        return ~(~self & ~other)

    def within(self, everybody: Callable[[], BitMap]) -> BitMap:
        """The ids as a plain set; `everybody` is asked for only if it is needed."""
        return everybody() - self.ids if self.inverted else self.ids

    def __contains__(self, id_: int) -> bool:
        return (id_ in self.ids) != self.inverted


NOBODY = Selection(BitMap())
EVERYBODY = Selection(BitMap(), inverted=True)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured: `ids` ascending and `values` beside them. Of an id that is missing nothing is known."""

    ids: pa.Array
    values: pa.Array

    def of(self, wanted: Sequence[int]) -> list[Any]:
        """The values of these ids as Python has them, None where nothing is known."""
        known = dict(zip(self.ids.to_pylist(), self.values.to_pylist(), strict=True))
        return [known.get(id_) for id_ in wanted]


@dataclass(frozen=True, slots=True)
class Option:
    """A code that a condition may name, with its words. A path's code is its names, from the top."""

    code: Any
    words: str


class ConditionRefused(Invalid):
    """A condition asks what cannot be answered; `errors` point into it."""

    code = "condition_refused"


def refuse(condition: Condition, detail: str, part: str = "") -> DomainError:
    """The error for one part of a condition (a pointer inside of it, such as /where/category)."""
    return ConditionRefused(detail, errors=[FieldError(condition.pointer + part, detail)])


def compare(operator: Operator, value: Any) -> Callable[[Any], bool]:
    """The test that a comparing operator makes of one measured value."""
    tests: Mapping[Operator, Callable[[Any], bool]] = {
        Operator.AT_LEAST: lambda measured: bool(measured >= value),
        Operator.AT_MOST: lambda measured: bool(measured <= value),
        Operator.MORE: lambda measured: bool(measured > value),
        Operator.LESS: lambda measured: bool(measured < value),
        Operator.EQUAL: lambda measured: bool(measured == value),
        Operator.UNEQUAL: lambda measured: bool(measured != value),
        Operator.BETWEEN: lambda measured: bool(value[0] <= measured <= value[1]),
    }
    return tests[operator]
