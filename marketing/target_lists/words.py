"""A filter in words, and why a member is in: in the reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from foundation.conditions import LISTING, Condition, Measure, Operator, Span, Unit, Where
from foundation.database import Tx
from foundation.pages import gettext, lazy
from foundation.pages.formats import money, number
from foundation.settings import get_settings
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.options import PATH_JOINT, names_of

OPERATOR_WORDS: Mapping[Operator, Any] = {
    Operator.AT_LEAST: lazy("at least"),
    Operator.AT_MOST: lazy("at most"),
    Operator.MORE: lazy("more than"),
    Operator.LESS: lazy("less than"),
    Operator.EQUAL: lazy("exactly"),
    Operator.UNEQUAL: lazy("not exactly"),
    Operator.BETWEEN: lazy("between"),
    Operator.ANY: lazy("one of"),
    Operator.ALL: lazy("all of"),
    Operator.NONE: lazy("none of"),
}
WHERE_WORDS: Mapping[Where, Any] = {
    Where.CATEGORY: lazy("category"),
    Where.BRAND: lazy("brand"),
    Where.FORMAT: lazy("format"),
    Where.STORE: lazy("store"),
    Where.PROMOTION: lazy("promotion"),
}
MONTH_WORDS = (
    lazy("January"),
    lazy("February"),
    lazy("March"),
    lazy("April"),
    lazy("May"),
    lazy("June"),
    lazy("July"),
    lazy("August"),
    lazy("September"),
    lazy("October"),
    lazy("November"),
    lazy("December"),
)
NAMED_MAX = 6

Names = Mapping[tuple[str, Any], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """What sentences about some conditions need: the names of their codes."""

    names: Names

    # -------------------------------------------------------------------------------------- the condition
    def condition(self, condition: Condition) -> str:
        """One condition: "Spend at least ¥500.00, in the last 90 days, category: Dairy"."""
        measure = MEASURES[condition.measure]
        parts = [self._comparison(condition, measure), *self._days(condition, measure)]
        parts += [
            gettext("%(what)s: %(names)s", what=WHERE_WORDS[by], names=self._listed(str(by), values))
            for by, values in condition.where
        ]
        return str(gettext(", ")).join(part for part in parts if part)

    def _comparison(self, condition: Condition, measure: Measure) -> str:
        words = str(measure.words)
        if measure.unit == Unit.DATE:
            return words
        if measure.unit == Unit.YES:
            return words if condition.value else str(gettext("Not: %(what)s", what=words))
        operator = str(OPERATOR_WORDS[condition.operator])
        if condition.operator in LISTING:
            assert isinstance(condition.value, tuple)
            value = self._listed(measure.options or "", condition.value, measure)
            if condition.operator == Operator.ANY and len(condition.value) == 1:
                return str(gettext("%(what)s: %(names)s", what=words, names=value))
        elif condition.operator == Operator.BETWEEN:
            assert isinstance(condition.value, tuple)
            low, high = (self.value(condition, part) for part in condition.value)
            value = gettext("%(low)s and %(high)s", low=low, high=high)
        else:
            value = self.value(condition, condition.value)
        return str(gettext("%(what)s %(operator)s %(value)s", what=words, operator=operator, value=value))

    def _days(self, condition: Condition, measure: Measure) -> Iterable[str]:
        days, first, last = condition.within_days, condition.first, condition.last
        if days is not None and measure.span == Span.AHEAD:
            yield gettext("within %(days)s days from now", days=number(days))
        elif days is not None:
            yield gettext("in the last %(days)s days", days=number(days))
        elif first and last:
            yield gettext("from %(first)s to %(last)s", first=first.isoformat(), last=last.isoformat())
        elif first:
            yield gettext("since %(first)s", first=first.isoformat())
        elif last:
            yield gettext("until %(last)s", last=last.isoformat())

    def _listed(self, kind: str, values: Sequence[Any], measure: Measure | None = None) -> str:
        names = [self._name(kind, value, measure) for value in values]
        if len(names) > NAMED_MAX:
            more = gettext("%(count)s more", count=number(len(names) - NAMED_MAX + 1))
            names = [*names[: NAMED_MAX - 1], more]
        return " / ".join(names)

    def _name(self, kind: str, value: Any, measure: Measure | None) -> str:
        if measure is not None and measure.unit == Unit.MONTH:
            return str(MONTH_WORDS[value - 1])
        if measure is not None and measure.choices:
            return str(dict(measure.choices).get(value, value))
        known = self.names.get((kind, value))
        return known or (PATH_JOINT.join(value) if isinstance(value, tuple) else str(value))

    # -------------------------------------------------------------------------------------- the value
    def value(self, condition: Condition, value: Any) -> str:
        """A value of the condition's measure, as its reader writes such values; a dash where nothing is known."""
        measure = MEASURES[condition.measure]
        if value is None:
            return "–"
        if isinstance(value, bool):
            return str(gettext("yes") if value else gettext("no"))
        match measure.unit:
            case Unit.MONEY:
                return money(round(value), condition.currency or get_settings().company_currency)
            case Unit.SHARE:
                return f"{value * 100:.1f}".removesuffix(".0") + " %"
            case Unit.SCORE | Unit.RATIO | Unit.QUANTITY:
                return f"{value:.3f}".rstrip("0").rstrip(".")
            case Unit.CODE:
                return " / ".join(self._name(measure.options or "", code, measure) for code in str(value).split(" "))
            case _:
                return value.isoformat() if isinstance(value, date) else number(value)


def wording_for(tx: Tx, conditions: Iterable[Condition]) -> Wording:
    """The names that sentences about these conditions and their evidence need, each table read once."""
    wanted: dict[str, set[Any]] = {}
    for condition in conditions:
        measure = MEASURES[condition.measure]
        if measure.options and isinstance(condition.value, tuple):
            wanted.setdefault(measure.options, set()).update(condition.value)
        for by, values in condition.where:
            wanted.setdefault(str(by), set()).update(values)
    return Wording(names_of(tx, wanted))
