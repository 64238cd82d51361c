"""One condition of a filter: JSON into a Condition and back, checked against the catalogue of measures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from foundation.conditions import (
    DATING,
    DAYS_MAX,
    DECIMAL,
    LISTING,
    Condition,
    Measure,
    Operator,
    Span,
    Unit,
    Where,
)
from foundation.errors import FieldError
from foundation.http.fields import is_text
from foundation.money import is_currency

VALUES_MAX = 500
TEXT_MAX = 200
PATH_MAX = 8
AMOUNT_MAX = 10**15
NAMES = frozenset({"measure", "op", "value", "within_days", "from", "to", "where", "currency"})
FIRST_YEAR, LAST_YEAR = 1900, 2200

# A measure that is commonly named by its idea; the kind of the value says which of its measures is meant.
IDEAS: Mapping[str, tuple[str, str]] = {
    # idea: (when a number is asked for, when a text is)
    "contribution": ("contribution_score", "contribution_class"),
    "potential": ("potential_score", "potential_direction"),
    "points": ("points_balance", "points_balance"),
    "ecoins": ("ecoin_balance", "ecoin_balance"),
    "cash": ("cash_balance", "cash_balance"),
    "categories": ("category_count", "categories"),
    "brands": ("brand_count", "brands"),
    "store": ("home_store", "home_store"),
}


@dataclass(slots=True)
class Faults:
    """What is wrong, with pointers; collecting stops at `most`."""

    most: int
    found: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, detail: str) -> None:
        if len(self.found) < self.most:
            self.found.append(FieldError(pointer, detail))


class _Wrong(Exception):
    """A part of a condition that cannot be read."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(detail)
        self.part = part
        self.detail = detail


# ------------------------------------------------------------------------------------------------ reading
def read_condition(
    body: Mapping[str, Any], measures: Mapping[str, Measure], pointer: str, faults: Faults
) -> Condition | None:
    """The condition that an object spells; None, and a fault, where it spells none."""
    try:
        return _condition(body, measures, pointer)
    except _Wrong as wrong:
        faults.add(pointer + wrong.part, wrong.detail)
        return None


def _condition(body: Mapping[str, Any], measures: Mapping[str, Measure], pointer: str) -> Condition:
    for name in body:
        if name not in NAMES:
            raise _Wrong("/" + str(name)[:TEXT_MAX].replace("~", "~0").replace("/", "~1"), "no such field")
    measure = _measure(body, measures)
    if measure.unit == Unit.DATE and ("op" in body or "value" in body):
        body = _as_days(body, measure)
    operator = _operator(body, measure)
    within_days, first, last = _span(body, measure)
    return Condition(
        measure.name,
        operator,
        _value(body, measure, operator),
        within_days,
        first,
        last,
        _where(body, measure),
        _currency(body, measure),
        pointer,
    )


def _as_days(body: Mapping[str, Any], measure: Measure) -> dict[str, Any]:
    """{"op": ">=", "value": a day} says the same as {"from": a day}; both are kept as the latter."""
    rest = {name: value for name, value in body.items() if name not in ("op", "value")}
    if body.get("op") == Operator.EQUAL and body.get("value") is True:
        return rest
    taken = [name for name in ("within_days", "from", "to") if body.get(name) is not None]
    if taken:
        raise _Wrong(f"/{taken[0]}", "either days here, or a date as value")
    if body.get("op") not in (*DATING, Operator.EQUAL):
        raise _Wrong("/op", f"{measure.name} is compared by one of {', '.join(DATING)}, =")
    operator, value = Operator(body["op"]), body.get("value")
    if operator == Operator.BETWEEN:
        if not isinstance(value, list) or len(value) != 2:
            raise _Wrong("/value", "between takes two values: from and to")
        days = {"from": _date(value[0], "/value/0").isoformat(), "to": _date(value[1], "/value/1").isoformat()}
    else:
        day = _date(value, "/value").isoformat()
        days = {"from": day} if operator == Operator.AT_LEAST else {"to": day}
        if operator == Operator.EQUAL:
            days = {"from": day, "to": day}
    return rest | days


def _measure(body: Mapping[str, Any], measures: Mapping[str, Measure]) -> Measure:
    name = body.get("measure")
    if not isinstance(name, str):
        raise _Wrong("/measure", "a condition names its measure")
    if name in IDEAS:
        number, text = IDEAS[name]
        name = number if _asks_for_a_number(body.get("value")) else text
    if name not in measures:
        raise _Wrong("/measure", "there is no such measure; GET /v1/filters/measures lists them")
    return measures[name]


def _asks_for_a_number(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, int | float) and not isinstance(first, bool)


def _operator(body: Mapping[str, Any], measure: Measure) -> Operator:
    written = body.get("op")
    if written is None and measure.unit in (Unit.YES, Unit.DATE):
        return Operator.EQUAL
    allowed = ", ".join(measure.operators)
    if not isinstance(written, str) or written not in Operator.__members__.values():
        raise _Wrong("/op", f"one of {allowed}")
    operator = Operator(written)
    # One code is a list of one: {"op": "=", "value": "gold"}.
    if measure.unit in (Unit.CODE, Unit.PATH, Unit.MONTH) and operator in (Operator.EQUAL, Operator.UNEQUAL):
        operator = Operator.ANY if operator == Operator.EQUAL else Operator.NONE
    if operator not in measure.operators:
        raise _Wrong("/op", f"{measure.name} is compared by one of {allowed}")
    return operator


def _value(body: Mapping[str, Any], measure: Measure, operator: Operator) -> Any:
    if "value" not in body:
        if measure.unit in (Unit.YES, Unit.DATE):
            return True
        raise _Wrong("/value", "is needed")
    value = body["value"]
    if operator in LISTING:
        return _list(value, measure, "/value")
    if operator == Operator.BETWEEN:
        if not isinstance(value, list) or len(value) != 2:
            raise _Wrong("/value", "between takes two values: from and to")
        low, high = (_one(part, measure, f"/value/{n}") for n, part in enumerate(value))
        if low > high:
            raise _Wrong("/value", "the first value is above the second")
        return low, high
    return _one(value, measure, "/value")


def _one(value: Any, measure: Measure, part: str) -> Any:
    match measure.unit:
        case Unit.YES:
            if not isinstance(value, bool):
                raise _Wrong(part, "true or false")
            return value
        case Unit.CODE | Unit.PATH:
            return _code(value, measure, part)
        case unit if unit in DECIMAL:
            return _decimal(value, measure, part)
        case _:
            return _integer(value, measure, part)


def _integer(value: Any, measure: Measure, part: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        words = "in minor units of its currency" if measure.unit == Unit.MONEY else "not a text"
        raise _Wrong(part, f"a whole number, {words}")
    _check_range(value, measure, part)
    return value


def _decimal(value: Any, measure: Measure, part: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong(part, "a number")
    _check_range(value, measure, part)
    if measure.unit == Unit.QUANTITY and round(value, 3) != value:
        raise _Wrong(part, "at most three digits after the point")
    return float(value)


def _check_range(value: float, measure: Measure, part: str) -> None:
    lowest = -AMOUNT_MAX if measure.lowest is None else measure.lowest
    highest = AMOUNT_MAX if measure.highest is None else measure.highest
    if not lowest <= value <= highest:
        raise _Wrong(part, f"from {lowest} to {highest}")


def _date(value: Any, part: str) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _Wrong(part, f"a date such as 2026-11-21, {FIRST_YEAR} to {LAST_YEAR}")
    return day


def _list(value: Any, measure: Measure, part: str) -> tuple[Any, ...]:
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= VALUES_MAX:
        raise _Wrong(part, f"1 to {VALUES_MAX} values")
    if measure.unit == Unit.PATH:
        return _paths(values, part)
    read = {_one(entry, measure, f"{part}/{n}") for n, entry in enumerate(values)}
    return tuple(sorted(read))


def _code(value: Any, measure: Measure, part: str) -> Any:
    if measure.unit == Unit.PATH:
        return _paths([value], part)[0]
    code = _text(value, part)
    known = [choice for choice, _ in measure.choices]
    if known and code not in known:
        raise _Wrong(part, f"one of {', '.join(known)}")
    return code


def _text(value: Any, part: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # ids are texts in JSON; a number is taken for one
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX or not is_text(value):
        raise _Wrong(part, f"a text of 1 to {TEXT_MAX} visible characters")
    return value


def _paths(values: list[Any], part: str) -> tuple[Any, ...]:
    """Paths as lists; names alone stay one list of names, which is a path or names (`as_paths` settles which)."""
    names: list[str] = []
    paths: set[tuple[str, ...]] = set()
    for n, entry in enumerate(values):
        if isinstance(entry, list):
            if not 0 < len(entry) <= PATH_MAX:
                raise _Wrong(f"{part}/{n}", f"a path of 1 to {PATH_MAX} names")
            paths.add(tuple(_text(name, f"{part}/{n}/{m}") for m, name in enumerate(entry)))
        else:
            names.append(_text(entry, f"{part}/{n}"))
    if names and paths:
        raise _Wrong(part, "either names, or paths as lists of names")
    return tuple(names) if names else tuple(sorted(paths))


def _span(body: Mapping[str, Any], measure: Measure) -> tuple[int | None, date | None, date | None]:
    given = [name for name in ("within_days", "from", "to") if body.get(name) is not None]
    if measure.span == Span.NEVER:
        if given:
            raise _Wrong(f"/{given[0]}", f"{measure.name} knows no days")
        return None, None, None
    if not given and measure.span_required:
        raise _Wrong("/within_days", "is needed (or from and to)")
    if "within_days" in given:
        if len(given) > 1:
            raise _Wrong(f"/{given[1]}", "either within_days, or from and to")
        return _days(body["within_days"]), None, None
    first = _date(body["from"], "/from") if "from" in given else None
    last = _date(body["to"], "/to") if "to" in given else None
    if first and last and first > last:
        raise _Wrong("/to", "before from")
    return None, first, last


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= DAYS_MAX:
        raise _Wrong("/within_days", f"a whole number from 1 to {DAYS_MAX}")
    return value


def _where(body: Mapping[str, Any], measure: Measure) -> tuple[tuple[Where, tuple[Any, ...]], ...]:
    where = body.get("where")
    if where is None:
        return ()
    if not isinstance(where, dict):
        raise _Wrong("/where", "an object")
    allowed = ", ".join(measure.where) or "nothing"
    narrowed: list[tuple[Where, tuple[Any, ...]]] = []
    for name, values in where.items():
        if name not in measure.where:
            raise _Wrong(f"/where/{str(name)[:TEXT_MAX]}", f"{measure.name} is narrowed by {allowed}")
        by = Where(name)
        entries = values if isinstance(values, list) else [values]
        part = f"/where/{name}"
        if not 0 < len(entries) <= VALUES_MAX:
            raise _Wrong(part, f"1 to {VALUES_MAX} values")
        if by == Where.CATEGORY:
            narrowed.append((by, _paths(entries, part)))
        else:
            narrowed.append((by, tuple(sorted({_text(entry, f"{part}/{n}") for n, entry in enumerate(entries)}))))
    return tuple(sorted(narrowed))


def _currency(body: Mapping[str, Any], measure: Measure) -> str | None:
    currency = body.get("currency")
    if currency is None:
        return None
    if not measure.currency:
        raise _Wrong("/currency", f"{measure.name} knows no currency")
    if not isinstance(currency, str) or not is_currency(currency):
        raise _Wrong("/currency", "an ISO 4217 currency code")
    return currency


# ------------------------------------------------------------------------------------------------ writing
def written_condition(condition: Condition) -> dict[str, Any]:
    """A condition as JSON, without what goes without saying."""
    body: dict[str, Any] = {"measure": condition.measure}
    if condition.value is not True:
        body |= {"op": str(condition.operator), "value": _json(condition.value)}
    if condition.within_days is not None:
        body["within_days"] = condition.within_days
    if condition.first is not None:
        body["from"] = condition.first.isoformat()
    if condition.last is not None:
        body["to"] = condition.last.isoformat()
    if condition.where:
        body["where"] = {str(by): _json(values) for by, values in condition.where}
    if condition.currency is not None:
        body["currency"] = condition.currency
    return body


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value
