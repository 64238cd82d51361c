"""The names in conditions on sales, looked up: categories, brands, formats, stores, promotions become ids."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property

from analytics.conditions.catalogue import MEASURES
from analytics.conditions.questions import Asked, Narrowed
from foundation.conditions import Condition, Where
from foundation.database import Tx
from foundation.settings import get_settings
from organisation.contract import stores_by_code
from pos_adapter.contract.catalogue import all_brands, all_categories, promotions_by_code


class Names:
    """What the names of one filter stand for; each table is read once, and only if it is asked."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        # Names that stand for nothing, by the place where they were written.
        self.unknown: dict[str, list[str]] = {}

    @cached_property
    def _paths(self) -> dict[tuple[str, ...], int]:
        return {category.path: category.id for category in all_categories(self._tx)}

    @cached_property
    def _brands(self) -> dict[str, int]:
        return {brand.code: brand.id for brand in all_brands(self._tx)}

    def asked(self, condition: Condition, today: date) -> Asked:
        """The condition with its names looked up; what is unknown is noted and lets nothing pass."""
        currency = None
        if MEASURES[condition.measure].currency:
            currency = condition.currency or get_settings().company_currency
        among: tuple[tuple[int, ...], ...] = ()
        if condition.measure == "categories":
            assert isinstance(condition.value, tuple)
            among = self._categories(condition.value, condition.pointer + "/value")
        elif condition.measure == "brands":
            assert isinstance(condition.value, tuple)
            among = tuple(self._some_brands([code], condition.pointer + "/value") for code in condition.value)
        return Asked(condition, self._narrowed(condition), currency, today, among)

    def _narrowed(self, condition: Condition) -> Narrowed:
        where = {by: values for by, values in condition.where if values}

        def place(by: Where) -> str:
            return f"{condition.pointer}/where/{by}"

        categories = where.get(Where.CATEGORY)
        brands = where.get(Where.BRAND)
        stores = where.get(Where.STORE)
        promotions = where.get(Where.PROMOTION)
        return Narrowed(
            categories=categories and _joined(self._categories(categories, place(Where.CATEGORY))),
            brands=brands and self._some_brands(brands, place(Where.BRAND)),
            formats=where.get(Where.FORMAT),
            stores=stores and self._some_stores(stores, place(Where.STORE)),
            promotions=promotions and self._some_promotions(promotions, place(Where.PROMOTION)),
        )

    def _categories(self, written: Sequence[str | tuple[str, ...]], pointer: str) -> tuple[tuple[int, ...], ...]:
        """The categories at or below each path, as sets of ids.

        Names alone are a path from the top if there is such a path, else each is a category of that name at any level:
        ["FOOD", "DAIRY"] is the path where DAIRY lies below FOOD, and ["DAIRY"] finds it there, too.
        """
        names = tuple(name for name in written if isinstance(name, str))
        if not names:
            found = [self._below(tuple(path), pointer) for path in written]
        elif len(names) > 1 and any(path[: len(names)] == names for path in self._paths):
            found = [self._below(names, pointer)]
        else:
            found = [self._named(name, pointer) for name in names]
        return tuple(found)

    def _below(self, path: tuple[str, ...], pointer: str) -> tuple[int, ...]:
        ids = tuple(id_ for known, id_ in self._paths.items() if known[: len(path)] == path)
        return ids or self._note(pointer, " > ".join(path))

    def _named(self, name: str, pointer: str) -> tuple[int, ...]:
        ids = tuple(id_ for known, id_ in self._paths.items() if name in known)
        return ids or self._note(pointer, name)

    def _some_brands(self, codes: Sequence[str], pointer: str) -> tuple[int, ...]:
        for code in codes:
            if code not in self._brands:
                self._note(pointer, code)
        return tuple(sorted(self._brands[code] for code in codes if code in self._brands))

    def _some_stores(self, codes: Sequence[str], pointer: str) -> tuple[int, ...]:
        known = stores_by_code(self._tx, codes)
        for code in codes:
            if code not in known:
                self._note(pointer, code)
        return tuple(sorted(store.id for store in known.values()))

    def _some_promotions(self, codes: Sequence[str], pointer: str) -> tuple[int, ...]:
        known = promotions_by_code(self._tx, codes)
        for code in codes:
            if code not in known:
                self._note(pointer, code)
        return tuple(sorted(promotion.id for promotion in known.values()))

    def _note(self, pointer: str, name: str) -> tuple[int, ...]:
        self.unknown.setdefault(pointer, []).append(name)
        return ()


def _joined(sets: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted({id_ for ids in sets for id_ in ids}))
