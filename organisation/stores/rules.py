"""What a store may become: pure decisions over what it is and what is wished for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from foundation.errors import Conflict, FieldError, Invalid
from foundation.wishes import LEFT_OUT, LeftOut, or_else
from organisation.dated import BEGINNING, Step, step_to, value_on
from organisation.facts import StoreStatus

Category = tuple[str, ...]
Area = Decimal | None


class CurrencyFixed(Conflict):
    """Something was posted in the store's currency; it stays."""

    code = "currency_fixed"


class StoreIncomplete(Invalid):
    """A new store needs a name."""

    code = "store_incomplete"


class StoreDatesWrong(Invalid):
    """A store closes after it has opened."""

    code = "store_dates_wrong"


@dataclass(frozen=True, slots=True)
class StoreWish:
    """What somebody wants of the store with this code.

    What is left out stays (a new store takes the company's currency and time zone, the format `general`, the company's
    own legal unit, and is open). Areas are square metres that hold from `effective_from`: by default from the store's
    today, the first one since ever; None: not known. A category is named by its path from the top.
    """

    code: str
    name: str | LeftOut = LEFT_OUT
    format: str | LeftOut = LEFT_OUT
    region: str | LeftOut | None = LEFT_OUT
    legal_unit: str | LeftOut = LEFT_OUT
    currency: str | LeftOut = LEFT_OUT
    timezone: str | LeftOut = LEFT_OUT
    opened_on: date | LeftOut | None = LEFT_OUT
    closed_on: date | LeftOut | None = LEFT_OUT
    status: StoreStatus | LeftOut = LEFT_OUT
    area_m2: Area | LeftOut = LEFT_OUT
    category_areas: Mapping[Category, Area] = field(default_factory=lambda: MappingProxyType({}))
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """A store as it stands; `areas` and `category_areas` with all their history."""

    code: str
    name: str
    format: str
    region: str | None
    legal_unit: str
    currency: str
    currency_fixed: bool
    timezone: str
    opened_on: date | None
    closed_on: date | None
    status: StoreStatus
    areas: Mapping[date, Area] = field(default_factory=lambda: MappingProxyType({}))
    category_areas: Mapping[Category, Mapping[date, Area]] = field(default_factory=lambda: MappingProxyType({}))

    def area_on(self, day: date) -> Area:
        return value_on(self.areas, day)

    def category_areas_on(self, day: date) -> Mapping[Category, Decimal]:
        """The categories that have a known area on a day."""
        areas = {category: value_on(history, day) for category, history in sorted(self.category_areas.items())}
        return {category: area for category, area in areas.items() if area is not None}


@dataclass(frozen=True, slots=True)
class Company:
    """What a new store takes from the company."""

    format: str
    legal_unit: str
    currency: str
    timezone: str


@dataclass(frozen=True, slots=True)
class StorePlan:
    """What becomes of the store: its new state, the changed fields, and the dated steps to write."""

    store: Store
    changes: Mapping[str, tuple[Any, Any]]
    area: Step[Area] | None
    category_areas: Mapping[Category, Step[Area]]


def plan_store(before: Store | None, wish: StoreWish, company: Company, today: date) -> StorePlan:
    """Decide what becomes of a store. `today` is the date at the store.

    Raises CurrencyFixed, StoreIncomplete, StoreDatesWrong.
    """
    base = before or _new(wish, company)
    after = replace(
        base,
        name=or_else(wish.name, base.name),
        format=or_else(wish.format, base.format),
        region=or_else(wish.region, base.region),
        legal_unit=or_else(wish.legal_unit, base.legal_unit),
        currency=or_else(wish.currency, base.currency),
        timezone=or_else(wish.timezone, base.timezone),
        opened_on=or_else(wish.opened_on, base.opened_on),
        closed_on=or_else(wish.closed_on, base.closed_on),
        status=or_else(wish.status, base.status),
    )
    if after.currency != base.currency and base.currency_fixed:
        raise CurrencyFixed(
            f"sales were posted in {base.currency}; the currency of store {base.code} stays",
            errors=[FieldError("/currency", "stays: sales were posted in it")],
        )
    if after.opened_on and after.closed_on and after.closed_on < after.opened_on:
        raise StoreDatesWrong(
            "a store closes after it has opened", errors=[FieldError("/closed_on", "lies before the opening day")]
        )
    return _with_areas(before, after, wish, today)


def _new(wish: StoreWish, company: Company) -> Store:
    if wish.name is LEFT_OUT:
        raise StoreIncomplete("a new store needs a name", errors=[FieldError("/name", "a name is needed")])
    return Store(
        code=wish.code,
        name=wish.name,
        format=company.format,
        region=None,
        legal_unit=company.legal_unit,
        currency=company.currency,
        currency_fixed=False,
        timezone=company.timezone,
        opened_on=None,
        closed_on=None,
        status=StoreStatus.OPEN,
    )


def _with_areas(before: Store | None, after: Store, wish: StoreWish, today: date) -> StorePlan:
    changes = changed_fields(before, after)
    day = wish.effective_from
    area = None if wish.area_m2 is LEFT_OUT else step_to(after.areas, wish.area_m2, day, today)
    steps = {
        category: step
        for category, wished in wish.category_areas.items()
        if (step := step_to(after.category_areas.get(category, {}), wished, day, today)) is not None
    }
    if area is not None:
        changes["area_m2"] = (value_on(after.areas, area.valid_from), area.value)
        after = replace(after, areas={**after.areas, area.valid_from: area.value})
    for category, step in steps.items():
        history = after.category_areas.get(category, {})
        changes[f"area_m2 {' / '.join(category)}"] = (value_on(history, step.valid_from), step.value)
        grown = {**after.category_areas, category: {**history, step.valid_from: step.value}}
        after = replace(after, category_areas=grown)
    dated = [step.valid_from for step in (area, *steps.values()) if step is not None]
    if dated and max(dated) != BEGINNING:
        changes["effective_from"] = (None, max(dated))
    return StorePlan(after, changes, area, steps)


def changed_fields(before: Store | None, after: Store) -> dict[str, tuple[Any, Any]]:
    """The plain fields that differ, from what to what; of a new store those that are set."""
    dated = ("areas", "category_areas", "currency_fixed")
    names = [field.name for field in fields(Store) if field.name not in dated]
    pairs = {name: (getattr(before, name, None), getattr(after, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
