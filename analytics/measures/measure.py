"""What a measure is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import ibis.expr.types as ir

Expression = Callable[[ir.Table], ir.Value]


class Unit(StrEnum):
    """What a measure's number counts."""

    MONEY = "money"  # integer, minor units of the row's currency
    SHARE = "share"  # 0 to 1 as a rule; below 0 or above 1 where more came back than was sold
    COUNT = "count"
    UNITS = "units"  # pieces, kilograms, as the till counts; with decimals
    POINTS = "points"
    MONEY_PER_M2_DAY = "money_per_m2_day"  # minor units per square metre and day
    COUNT_PER_100_M2_DAY = "count_per_100_m2_day"


class Source(StrEnum):
    """What a measure's expression is written over."""

    SALES = "sales"  # facts.sales(lake): goods lines, or facts.member_days(lake): the roll-up, in the same words
    AREAS = "areas"  # places.selling_areas(...): sales in places beside their area x days
    MEMBERS = "members"  # health.member_states(...): one row a member
    BUYERS = "buyers"  # health.buyers(...): one row a member who bought in a period


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: what it is called, what it means, and how it is worked out.

    `title` and `definition` are translations looked up when they are shown. `expression` takes a table of `source`
    and gives one value for a group of its rows; a ratio with nothing to divide by is null, which pages show as "-".
    Money is of one currency: whoever computes groups by currency. `adds_up` says whether the sum over groups is the
    value of the whole: distinct counts and ratios do not.
    """

    name: str
    title: Any
    definition: Any
    unit: Unit
    source: Source
    expression: Expression
    adds_up: bool = False
