"""Stores by code, as every posting asks for them."""

from collections.abc import Collection, Mapping

from foundation.database import Tx
from foundation.reference_cache import ReferenceCache
from organisation.facts import StoreFacts, StoreStatus

BY_CODE = """
SELECT s.id, s.code, s.name, f.code AS format, r.code AS region, u.code AS legal_unit,
       s.currency, s.currency_fixed, s.timezone, s.status
FROM organisation.store AS s
JOIN organisation.format AS f ON f.id = s.format_id
JOIN organisation.legal_unit AS u ON u.id = s.legal_unit_id
LEFT JOIN organisation.region AS r ON r.id = s.region_id
WHERE s.code = ANY(:codes)
"""


def load_stores(tx: Tx, codes: Collection[str]) -> Mapping[str, StoreFacts]:
    """The facts of those stores that exist, read from the database."""
    rows = tx.execute(BY_CODE, {"codes": list(codes)}).mappings()
    return {row["code"]: StoreFacts(**{**row, "status": StoreStatus(row["status"])}) for row in rows}


stores: ReferenceCache[str, StoreFacts] = ReferenceCache("organisation.stores", load_stores, max_entries=20_000)
