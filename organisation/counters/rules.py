"""What a counter may become: pure decisions over what it is and what is wished for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from foundation.errors import FieldError, Invalid
from foundation.wishes import LEFT_OUT, LeftOut, or_else
from organisation.dated import BEGINNING, Step, step_to, value_on
from organisation.facts import CounterMode, CounterStatus

Area = Decimal | None
Rate = Decimal | None


class CounterIncomplete(Invalid):
    """A new counter needs a name."""

    code = "counter_incomplete"


class CounterDatesWrong(Invalid):
    """A counter closes after it has opened."""

    code = "counter_dates_wrong"


class CounterStoreUnknown(Invalid):
    """A counter stands in a store that exists."""

    code = "store_unknown"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed with a counter: `rate` is the share of the contract base that the store keeps (扣率, 0 to 1),
    `guaranteed_minimum` what it gets at least in a month (保底, minor units of the store's currency)."""

    mode: CounterMode
    rate: Rate = None
    guaranteed_minimum: int | None = None


@dataclass(frozen=True, slots=True)
class CounterWish:
    """What somebody wants of the counter with this code in this store.

    What is left out stays (a new counter sells the store's own goods, takes part in everything, and is open). Mode,
    rate, minimum, promotion rates and area hold from `effective_from`: by default from the store's today, the first
    ones since ever.
    """

    store: str
    code: str
    name: str | LeftOut = LEFT_OUT
    mode: CounterMode | LeftOut = LEFT_OUT
    rate: Decimal | LeftOut | None = LEFT_OUT
    guaranteed_minimum: int | LeftOut | None = LEFT_OUT
    promotion_rates: Mapping[str, Rate] = field(default_factory=lambda: MappingProxyType({}))
    supplier: str | LeftOut | None = LEFT_OUT
    legal_unit: str | LeftOut | None = LEFT_OUT
    format: str | LeftOut | None = LEFT_OUT
    category: tuple[str, ...] | LeftOut = LEFT_OUT
    brand: str | LeftOut | None = LEFT_OUT
    floor: str | LeftOut | None = LEFT_OUT
    area_m2: Decimal | LeftOut | None = LEFT_OUT
    takes_points: bool | LeftOut = LEFT_OUT
    takes_ecoins: bool | LeftOut = LEFT_OUT
    takes_coupons: bool | LeftOut = LEFT_OUT
    opened_on: date | LeftOut | None = LEFT_OUT
    closed_on: date | LeftOut | None = LEFT_OUT
    status: CounterStatus | LeftOut = LEFT_OUT
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter as it stands; terms, promotion rates and areas with all their history.

    `legal_unit` and `format` are None where they are the store's.
    """

    store: str
    code: str
    name: str
    supplier: str | None = None
    legal_unit: str | None = None
    format: str | None = None
    category: tuple[str, ...] = ()
    brand: str | None = None
    floor: str | None = None
    takes_points: bool = True
    takes_ecoins: bool = True
    takes_coupons: bool = True
    opened_on: date | None = None
    closed_on: date | None = None
    status: CounterStatus = CounterStatus.OPEN
    terms: Mapping[date, Terms] = field(default_factory=lambda: MappingProxyType({}))
    promotion_rates: Mapping[str, Mapping[date, Rate]] = field(default_factory=lambda: MappingProxyType({}))
    areas: Mapping[date, Area] = field(default_factory=lambda: MappingProxyType({}))

    def terms_on(self, day: date) -> Terms:
        """The terms of a day; before the first ones, the first."""
        return value_on(self.terms, day) or self.terms[min(self.terms)]

    def promotion_rates_on(self, day: date) -> Mapping[str, Rate]:
        return {promotion: value_on(history, day) for promotion, history in sorted(self.promotion_rates.items())}

    def area_on(self, day: date) -> Area:
        return value_on(self.areas, day)


@dataclass(frozen=True, slots=True)
class CounterPlan:
    """What becomes of the counter: its new state, the changed fields, and the dated steps to write."""

    counter: Counter
    changes: Mapping[str, tuple[Any, Any]]
    terms: Step[Terms] | None
    promotion_rates: Mapping[str, Step[Rate]]
    area: Step[Area] | None


def plan_counter(before: Counter | None, wish: CounterWish, today: date) -> CounterPlan:
    """Decide what becomes of a counter. `today` is the date at its store.

    Raises CounterIncomplete, CounterDatesWrong.
    """
    base = before or _new(wish)
    plain = {name: or_else(getattr(wish, name), getattr(base, name)) for name in PLAIN}
    after = replace(base, **plain)
    if after.opened_on and after.closed_on and after.closed_on < after.opened_on:
        raise CounterDatesWrong(
            "a counter closes after it has opened", errors=[FieldError("/closed_on", "lies before the opening day")]
        )
    names = PLAIN if before is not None else [name for name in PLAIN if plain[name] is not None]
    changes = {name: (getattr(before, name, None), plain[name]) for name in names}
    changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
    terms = _step_of_terms(after, wish, today)
    rates = {
        promotion: step
        for promotion, rate in wish.promotion_rates.items()
        if (step := step_to(after.promotion_rates.get(promotion, {}), rate, wish.effective_from, today)) is not None
    }
    area = None
    if wish.area_m2 is not LEFT_OUT:
        area = step_to(after.areas, wish.area_m2, wish.effective_from, today)
    return _with_steps(after, changes, terms, rates, area)


PLAIN = tuple(
    field.name for field in fields(Counter) if field.name not in ("store", "code", "terms", "promotion_rates", "areas")
)


def _new(wish: CounterWish) -> Counter:
    if wish.name is LEFT_OUT:
        raise CounterIncomplete("a new counter needs a name", errors=[FieldError("/name", "a name is needed")])
    return Counter(store=wish.store, code=wish.code, name=wish.name)


def _step_of_terms(counter: Counter, wish: CounterWish, today: date) -> Step[Terms] | None:
    day = wish.effective_from or today
    agreed = counter.terms_on(day) if counter.terms else Terms(CounterMode.OWN)
    wished = Terms(
        mode=or_else(wish.mode, agreed.mode),
        rate=or_else(wish.rate, agreed.rate),
        guaranteed_minimum=or_else(wish.guaranteed_minimum, agreed.guaranteed_minimum),
    )
    if counter.terms and wished == agreed:
        return None
    return step_to(counter.terms, wished, wish.effective_from, today)


def _with_steps(
    after: Counter,
    changes: dict[str, tuple[Any, Any]],
    terms: Step[Terms] | None,
    rates: Mapping[str, Step[Rate]],
    area: Step[Area] | None,
) -> CounterPlan:
    if terms is not None:
        old = value_on(after.terms, terms.valid_from)
        for name in ("mode", "rate", "guaranteed_minimum"):
            pair = (getattr(old, name, None), getattr(terms.value, name))
            if pair[0] != pair[1]:
                changes[name] = pair
        after = replace(after, terms={**after.terms, terms.valid_from: terms.value})
    for promotion, step in rates.items():
        history = after.promotion_rates.get(promotion, {})
        changes[f"rate {promotion}"] = (value_on(history, step.valid_from), step.value)
        grown = {**after.promotion_rates, promotion: {**history, step.valid_from: step.value}}
        after = replace(after, promotion_rates=grown)
    if area is not None:
        changes["area_m2"] = (value_on(after.areas, area.valid_from), area.value)
        after = replace(after, areas={**after.areas, area.valid_from: area.value})
    dated = [step.valid_from for step in (terms, area, *rates.values()) if step is not None]
    if dated and max(dated) != BEGINNING:
        changes["effective_from"] = (None, max(dated))
    return CounterPlan(after, changes, terms, rates, area)
