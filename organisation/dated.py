"""Facts that hold from a day on, until the next one: areas, terms, rates, home stores, roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

V = TypeVar("V")

# The first thing we hear of an area or a contract has always been so, unless a day is named.
BEGINNING = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Step(Generic[V]):
    """From this day on, this value."""

    valid_from: date
    value: V


def value_on(history: Mapping[date, V], day: date) -> V | None:
    """What holds on a day; None before the first step."""
    earlier = [step for step in history if step <= day]
    return history[max(earlier)] if earlier else None


def step_to(history: Mapping[date, V], value: V, named_day: date | None, today: date) -> Step[V] | None:
    """The step that makes `value` hold from the named day, or from today (the first one: since ever); None if it does.

    Later steps stay as they are.
    """
    day = named_day or (today if history else BEGINNING)
    if any(step <= day for step in history) and value_on(history, day) == value:
        return None
    return Step(day, value)
