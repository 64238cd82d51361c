"""Which stores somebody acts in, as access rules see them."""

from collections.abc import Collection

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import NotFound
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
