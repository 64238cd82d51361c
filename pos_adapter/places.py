"""Which stores somebody acts in, as access rules see them."""

from collections.abc import Collection
from datetime import date

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import NotFound
from foundation.settings import get_settings
from organisation.contract import StoreFacts, place_of, stores_by_code, stores_by_id, stores_within


class StoreUnknown(NotFound):
    """There is no store with this code."""

    code = "store_unknown"


def place_of_store(tx: Tx, store_id: int) -> str:
    """The place that the store with this id is to access rules."""
    return place_of(stores_by_id(tx, (store_id,))[store_id].code)


def store_codes(tx: Tx, ids: Collection[int]) -> dict[int, str]:
    """Codes of stores by id."""
    return {store_id: facts.code for store_id, facts in stores_by_id(tx, ids).items()}


def stores_to_show(tx: Tx, viewer: Principal, permission: str, code: str | None = None) -> list[StoreFacts]:
    """The stores that a board shows: the named one, or all that the viewer acts in.

    Raises StoreUnknown for a code that does not exist, PlaceForbidden or PermissionMissing for one that is not theirs.
    """
    if code is None:
        viewer.require(permission)
        return stores_within(tx, viewer)
    viewer.require(permission, place_of(code))
    found = stores_by_code(tx, (code,)).get(code)
    if found is None:
        raise StoreUnknown(f"there is no store {code}")
    return [found]


def where_a_rule_holds(
    tx: Tx, principal: Principal, permission: str, store: str | None, since: date | None
) -> tuple[int | None, date]:
    """The store (None: the whole company) and the first day (today unless named) of a dated rule that somebody sets.

    Raises StoreUnknown, PermissionMissing, and PlaceForbidden also for the company by whoever acts in some stores only.
    """
    first = since or local_date(tx.now, get_settings().company_timezone)
    if store is None:
        principal.require(permission)
        principal.require_everywhere()
        return None, first
    [shown] = stores_to_show(tx, principal, permission, store)
    return shown.id, first
