"""Stores by code, as every posting asks for them."""

from collections.abc import Collection, Mapping

from sqlalchemy import RowMapping

from foundation.database import Tx
from foundation.reference_cache import ReferenceCache
from organisation.facts import StoreFacts, StoreStatus

FACTS = """
SELECT s.id, s.code, s.name, f.code AS format, r.code AS region, u.code AS legal_unit,
       s.currency, s.currency_fixed, s.timezone, s.status
FROM organisation.store AS s
JOIN organisation.format AS f ON f.id = s.format_id
JOIN organisation.legal_unit AS u ON u.id = s.legal_unit_id
LEFT JOIN organisation.region AS r ON r.id = s.region_id
"""
BY_CODE = FACTS + "WHERE s.code = ANY(:codes)"
BY_ID = FACTS + "WHERE s.id = ANY(:ids)"
WITHIN = FACTS + "WHERE CAST(:codes AS text[]) IS NULL OR s.code = ANY(:codes) ORDER BY s.code LIMIT :limit"

CURRENCIES = """
SELECT DISTINCT s.currency FROM organisation.store AS s JOIN organisation.format AS f ON f.id = s.format_id
WHERE (CAST(:codes AS text[]) IS NULL OR s.code = ANY(:codes))
    AND (CAST(:formats AS text[]) IS NULL OR f.code = ANY(:formats))
"""


def load_stores(tx: Tx, codes: Collection[str]) -> Mapping[str, StoreFacts]:
    """The facts of those stores that exist, read from the database."""
    return {row["code"]: _facts(row) for row in tx.execute(BY_CODE, {"codes": list(codes)}).mappings()}


def load_stores_by_id(tx: Tx, ids: Collection[int]) -> Mapping[int, StoreFacts]:
    """The same by id."""
    return {row["id"]: _facts(row) for row in tx.execute(BY_ID, {"ids": list(ids)}).mappings()}


def load_stores_within(tx: Tx, codes: Collection[str] | None, limit: int) -> list[StoreFacts]:
    """Stores by code, at most `limit`; None: all."""
    rows = tx.execute(WITHIN, {"codes": None if codes is None else list(codes), "limit": limit}).mappings()
    return [_facts(row) for row in rows]


def load_currencies(tx: Tx, codes: Collection[str] | None, formats: Collection[str] | None) -> frozenset[str]:
    """The currencies of the stores that pass both tests; None: every store passes."""
    wanted = {
        "codes": None if codes is None else list(codes),
        "formats": None if formats is None else list(formats),
    }
    return frozenset(row.currency for row in tx.execute(CURRENCIES, wanted))


def _facts(row: RowMapping) -> StoreFacts:
    return StoreFacts(**{**dict(row), "status": StoreStatus(row["status"])})


stores: ReferenceCache[str, StoreFacts] = ReferenceCache("organisation.stores", load_stores, max_entries=20_000)
stores_by_id: ReferenceCache[int, StoreFacts] = ReferenceCache(
    "organisation.stores", load_stores_by_id, max_entries=20_000
)
