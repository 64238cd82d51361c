"""What the rest of the house may ask of organisation.

Every function takes the open transaction first and never commits it. Look-ups answer from a cache of the process that
is dropped everywhere on change (foundation.reference_cache): about a microsecond a call once a code has been seen.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Conflict
from organisation.counters.lookup import counters, load_all_counters, load_counters_of, load_with_open_counters
from organisation.counters.lookup import counters_by_id as counters_known_by_id
from organisation.devices.operations import DeviceWish, make_device
from organisation.facts import (
    AreaDays,
    CounterFacts,
    CounterMode,
    CounterStatus,
    CounterTerms,
    PromotionRate,
    StaffFacts,
    StaffStatus,
    StoreFacts,
    StoreStatus,
)
from organisation.names.operations import Named, formats
from organisation.places import codes_within
from organisation.staff.duty import Colleague, colleagues, on_duty
from organisation.staff.listing import names_of
from organisation.staff.lookup import staff_numbers
from organisation.staff.people import hire_administrator
from organisation.stores.areas import area_days
from organisation.stores.lookup import load_currencies, load_stores_within, stores
from organisation.stores.lookup import stores_by_id as stores_known_by_id

__all__ = [
    "AreaDays",
    "Colleague",
    "CounterFacts",
    "CounterMode",
    "CounterStatus",
    "CounterTerms",
    "CurrencyMoved",
    "DeviceWish",
    "Named",
    "PromotionRate",
    "StaffFacts",
    "StaffStatus",
    "StoreFacts",
    "StoreStatus",
    "all_counters",
    "all_stores",
    "areas_between",
    "counters_by_code",
    "counters_by_id",
    "counters_of",
    "currencies_of",
    "fix_currency",
    "format_names",
    "hire_administrator",
    "make_device",
    "place_of",
    "staff_by_id",
    "staff_by_number",
    "staff_names",
    "staff_on_duty",
    "stores_by_code",
    "stores_by_id",
    "stores_with_open_counters",
    "stores_within",
]

STORES_WITHIN_MAX = 5_000
COUNTERS_OF_MAX = 5_000
ALL_MAX = 200_000


class CurrencyMoved(Conflict):
    """The store's currency was changed while its first sale was on the way."""

    code = "currency_moved"


def place_of(store: str) -> str:
    """The place that a store is to access rules: `principal.require("sales.post", place_of("S01"))`."""
    return f"store/{store}"


def stores_by_code(tx: Tx, codes: Collection[str]) -> dict[str, StoreFacts]:
    """The stores with these codes; an unknown code is left out."""
    return stores.get(tx, codes)


def stores_by_id(tx: Tx, ids: Collection[int]) -> dict[int, StoreFacts]:
    """The stores with these ids; an unknown id is left out."""
    return stores_known_by_id.get(tx, ids)


def stores_within(tx: Tx, principal: Principal) -> list[StoreFacts]:
    """The stores a principal acts in, by code, at most 5,000; reads the database."""
    return load_stores_within(tx, codes_within(principal), STORES_WITHIN_MAX)


def all_stores(tx: Tx) -> list[StoreFacts]:
    """Every store by code, at most 200,000; reads the database."""
    return load_stores_within(tx, None, ALL_MAX)


def currencies_of(
    tx: Tx, codes: Collection[str] | None = None, formats: Collection[str] | None = None
) -> frozenset[str]:
    """The currencies of the stores with these codes and of these formats, where given; reads the database."""
    return load_currencies(tx, codes, formats)


def all_counters(tx: Tx) -> list[CounterFacts]:
    """Every counter with its dated terms, by id, at most 200,000; reads the database."""
    return load_all_counters(tx, ALL_MAX)


def format_names(tx: Tx) -> Sequence[Named]:
    """The formats and what people call them, by code, at most 1,000; reads the database."""
    return formats(tx)


def areas_between(tx: Tx, since: date, until: date) -> list[AreaDays]:
    """Area x open days in [since, until) of every store, counter and category of a store, at most 200,000."""
    return area_days(tx, since, until, ALL_MAX)


def counters_by_code(tx: Tx, store_id: int, codes: Collection[str]) -> dict[str, CounterFacts]:
    """The counters of one store with these codes; an unknown code is left out."""
    found = counters.get(tx, [(store_id, code) for code in codes])
    return {code: facts for (_, code), facts in found.items()}


def counters_by_id(tx: Tx, ids: Collection[int]) -> dict[int, CounterFacts]:
    """The counters with these ids; an unknown id is left out."""
    return counters_known_by_id.get(tx, ids)


def counters_of(tx: Tx, store_id: int) -> list[CounterFacts]:
    """The counters of one store by code, closed ones too, at most 5,000; reads the database."""
    return load_counters_of(tx, store_id, COUNTERS_OF_MAX)


def stores_with_open_counters(tx: Tx, store_ids: Collection[int]) -> set[int]:
    """Those of these stores that have an open counter; reads the database."""
    return load_with_open_counters(tx, store_ids)


def staff_by_number(tx: Tx, numbers: Collection[str]) -> dict[str, StaffFacts]:
    """The members of staff with these numbers, also those who left; an unknown number is left out."""
    return staff_numbers.get(tx, numbers)


def staff_by_id(tx: Tx, ids: Collection[int]) -> dict[int, Colleague]:
    """Members of staff by id, with home store and permissions of today, also those who left."""
    return colleagues(tx, ids)


def staff_on_duty(tx: Tx, stores: Collection[str]) -> list[Colleague]:
    """The active staff whose home store is one of these codes today, by id, at most 20,000; reads the database."""
    return on_duty(tx, stores)


def staff_names(tx: Tx, ids: Sequence[int]) -> Mapping[int, str]:
    """Names of members of staff by id, for pages that show who did something; unknown ids are left out."""
    return names_of(tx, ids)


def fix_currency(tx: Tx, store: StoreFacts) -> None:
    """Say that something is being posted in the store's currency, which stays from now on.

    Call it when `store.currency_fixed` is False, before writing. Locks the store's row until the commit.
    Raises CurrencyMoved if the store has another currency by now: the posting may be tried again.
    """
    if store.currency_fixed:
        return
    fixed = tx.execute(
        "UPDATE organisation.store SET currency_fixed = true WHERE id = :id AND currency = :currency",
        {"id": store.id, "currency": store.currency},
    )
    if fixed.rowcount != 1:
        raise CurrencyMoved(f"store {store.code} no longer has the currency {store.currency}")
    stores.changed(tx)
