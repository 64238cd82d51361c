"""Ready-made filters: a question that marketers ask every week, with the numbers left open."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.conditions import DAYS_MAX, Unit
from foundation.errors import FieldError, Invalid, NotFound
from foundation.pages import lazy

AMOUNT_MAX = 10**12


class FilterModelUnknown(NotFound):
    """There is no such ready-made filter."""

    code = "filter_model_unknown"


class ParametersUnreadable(Invalid):
    """A number of a ready-made filter is missing, unknown or out of its range."""

    code = "parameters_unreadable"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number left open: where it goes in the filter (JSON pointers), and what stands there if nothing is said."""

    name: str
    words: Any
    unit: Unit
    default: int
    pointers: tuple[str, ...]
    lowest: int = 0
    highest: int = AMOUNT_MAX


@dataclass(frozen=True, slots=True)
class Model:
    """A ready-made filter. `filter` has the defaults in it."""

    name: str
    words: Any
    hint: Any
    filter: Mapping[str, Any]
    parameters: tuple[Parameter, ...] = ()


DAYS = lazy("Days")


def _days(default: int, *pointers: str, words: Any = DAYS, name: str = "days") -> Parameter:
    return Parameter(name, words, Unit.DAYS, default, pointers, 1, DAYS_MAX)


_MODELS = (
    Model(
        "recent_spend",
        lazy("Spent a lot lately"),
        lazy("Spent at least an amount in the last days"),
        {"all": [{"measure": "spend", "op": ">=", "value": 50_000, "within_days": 90}]},
        (
            Parameter("amount", lazy("Amount"), Unit.MONEY, 50_000, ("/all/0/value",)),
            _days(90, "/all/0/within_days"),
        ),
    ),
    Model(
        "receipts",
        lazy("Came often"),
        lazy("At least so many receipts in the last days"),
        {"all": [{"measure": "receipts", "op": ">=", "value": 5, "within_days": 90}]},
        (
            Parameter("count", lazy("Receipts"), Unit.COUNT, 5, ("/all/0/value",), 1, 100_000),
            _days(90, "/all/0/within_days"),
        ),
    ),
    Model(
        "average_ticket",
        lazy("Large baskets"),
        lazy("An average ticket of at least an amount in the last days"),
        {"all": [{"measure": "average_ticket", "op": ">=", "value": 20_000, "within_days": 180}]},
        (
            Parameter("amount", lazy("Amount"), Unit.MONEY, 20_000, ("/all/0/value",)),
            _days(180, "/all/0/within_days"),
        ),
    ),
    Model(
        "sleeping",
        lazy("Sleeping"),
        lazy("Bought once, but not for so many days; not those who have been away for longer than the second number"),
        {"all": [{"measure": "days_since_last", "op": "between", "value": [90, 365]}]},
        (
            _days(90, "/all/0/value/0", words=lazy("Not for so many days"), name="from"),
            _days(365, "/all/0/value/1", words=lazy("But within so many days"), name="to"),
        ),
    ),
    Model(
        "rising",
        lazy("Rising"),
        lazy("Members who come more often or spend more from month to month"),
        {"all": [{"measure": "potential_direction", "op": "in", "value": ["rising"]}]},
    ),
    Model(
        "fading_regulars",
        lazy("Good customers who are fading"),
        lazy("Platinum or gold by contribution, and heading down"),
        {
            "all": [
                {"measure": "contribution_class", "op": "in", "value": ["gold", "platinum"]},
                {"measure": "potential_direction", "op": "in", "value": ["fading"]},
            ]
        },
    ),
    Model(
        "birthday",
        lazy("Birthday soon"),
        lazy("Members whose birthday is within the coming days"),
        {"all": [{"measure": "birthday", "within_days": 14}]},
        (_days(14, "/all/0/within_days"),),
    ),
    Model(
        "points_expiring",
        lazy("Points expire soon"),
        lazy("At least so many points whose last day lies within the coming days"),
        {"all": [{"measure": "points_expiring", "op": ">=", "value": 100, "within_days": 30}]},
        (
            Parameter("points", lazy("Points"), Unit.COUNT, 100, ("/all/0/value",), 1),
            _days(30, "/all/0/within_days"),
        ),
    ),
    Model(
        "joined_lately",
        lazy("New, and not back yet"),
        lazy("Became a member in the last days and has at most so many visits since"),
        {
            "all": [
                {"measure": "joined", "within_days": 60},
                {"measure": "visits", "op": "<=", "value": 1, "within_days": 60},
            ]
        },
        (
            _days(60, "/all/0/within_days", "/all/1/within_days"),
            Parameter("visits", lazy("Visits"), Unit.COUNT, 1, ("/all/1/value",), 0, 1_000),
        ),
    ),
)
MODELS: Mapping[str, Model] = {model.name: model for model in _MODELS}


def filter_of(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The filter of a model with its numbers filled in. Raises FilterModelUnknown, ParametersUnreadable."""
    model = MODELS.get(name)
    if model is None:
        raise FilterModelUnknown("There is no such ready-made filter; GET /v1/filters/models lists them")
    known = {parameter.name: parameter for parameter in model.parameters}
    faults = [FieldError(f"/parameters/{given}", "no such number") for given in values if given not in known]
    filled = copy.deepcopy(dict(model.filter))
    for parameter in model.parameters:
        value = values.get(parameter.name, parameter.default)
        if isinstance(value, bool) or not isinstance(value, int) or not parameter.lowest <= value <= parameter.highest:
            words = f"a whole number from {parameter.lowest} to {parameter.highest}"
            faults.append(FieldError(f"/parameters/{parameter.name}", words))
            continue
        for pointer in parameter.pointers:
            _put(filled, pointer, value)
    if faults:
        raise ParametersUnreadable("The numbers of the ready-made filter cannot be read", errors=faults[:50])
    return filled


def _put(body: Any, pointer: str, value: int) -> None:
    *steps, last = pointer.removeprefix("/").split("/")
    for step in steps:
        body = body[int(step)] if isinstance(body, list) else body[step]
    body[int(last) if isinstance(body, list) else last] = value
