"""Days are the store's: what is due today, and what is late, depends on where."""

from collections.abc import Collection
from datetime import date

from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from organisation.contract import stores_by_code


def zone_of(tx: Tx, store: str | None) -> str:
    """The time zone of a store; of no store, the company's."""
    home = stores_by_code(tx, (store,)).get(store) if store is not None else None
    return home.timezone if home is not None else get_settings().company_timezone


def today_of(tx: Tx, store: str | None) -> date:
    """The calendar day in a store; without a store, the company's."""
    return local_date(tx.now, zone_of(tx, store))


def today_in(tx: Tx, stores: Collection[str | None]) -> dict[str | None, date]:
    """The calendar day in each of these stores."""
    return {store: today_of(tx, store) for store in stores}
