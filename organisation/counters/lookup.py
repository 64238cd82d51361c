"""Counters by store and code, as every posting asks for them."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from foundation.database import Tx
from foundation.reference_cache import ReferenceCache
from organisation.facts import CounterFacts, CounterMode, CounterStatus, CounterTerms, PromotionRate

CounterKey = tuple[int, str]

FACTS = """
SELECT c.id, c.code, c.name, c.store_id, u.code AS legal_unit, p.code AS supplier, f.code AS format,
       c.category, c.brand, c.floor, c.takes_points, c.takes_ecoins, c.takes_coupons, c.status,
       (SELECT json_agg(json_build_array(t.valid_from, t.mode, t.rate::text, t.guaranteed_minimum)
                        ORDER BY t.valid_from)
          FROM organisation.counter_terms AS t WHERE t.counter_id = c.id) AS terms,
       (SELECT json_agg(json_build_array(q.promotion, q.valid_from, q.rate::text) ORDER BY q.valid_from)
          FROM organisation.counter_promotion_rate AS q WHERE q.counter_id = c.id) AS promotion_rates
FROM {counters}
JOIN organisation.store AS s ON s.id = c.store_id
JOIN organisation.legal_unit AS u ON u.id = coalesce(c.legal_unit_id, s.legal_unit_id)
JOIN organisation.format AS f ON f.id = coalesce(c.format_id, s.format_id)
LEFT JOIN organisation.supplier AS p ON p.id = c.supplier_id
"""
BY_CODE = FACTS.format(
    counters="unnest(CAST(:stores AS integer[]), CAST(:codes AS text[])) AS wanted(store_id, code)"
    " JOIN organisation.counter AS c USING (store_id, code)"
)
BY_ID = FACTS.format(counters="organisation.counter AS c") + "WHERE c.id = ANY(:ids)"
ALL = FACTS.format(counters="organisation.counter AS c") + "ORDER BY c.id LIMIT :limit"
OF_STORE = FACTS.format(counters="organisation.counter AS c") + "WHERE c.store_id = :store ORDER BY c.code LIMIT :limit"

WITH_OPEN = """
SELECT s.id FROM unnest(CAST(:stores AS integer[])) AS s (id)
WHERE EXISTS (SELECT FROM organisation.counter AS c WHERE c.store_id = s.id AND c.status = :open)
"""


def _rate(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text).normalize()


def _terms(row: list[Any]) -> CounterTerms:
    valid_from, mode, rate, minimum = row
    return CounterTerms(date.fromisoformat(valid_from), CounterMode(mode), _rate(rate), minimum)


def _promotion_rate(row: list[Any]) -> PromotionRate:
    promotion, valid_from, rate = row
    return PromotionRate(promotion, date.fromisoformat(valid_from), _rate(rate))


def load_counters(tx: Tx, keys: Collection[CounterKey]) -> Mapping[CounterKey, CounterFacts]:
    """The facts of those counters that exist, read from the database."""
    wanted = {"stores": [store_id for store_id, _ in keys], "codes": [code for _, code in keys]}
    found = [_facts(row) for row in tx.execute(BY_CODE, wanted).mappings()]
    return {(facts.store_id, facts.code): facts for facts in found}


def load_counters_by_id(tx: Tx, ids: Collection[int]) -> Mapping[int, CounterFacts]:
    """The same by id."""
    return {facts.id: facts for facts in map(_facts, tx.execute(BY_ID, {"ids": list(ids)}).mappings())}


def load_all_counters(tx: Tx, limit: int) -> list[CounterFacts]:
    """Counters by id, at most `limit`, read from the database."""
    return [_facts(row) for row in tx.execute(ALL, {"limit": limit}).mappings()]


def load_counters_of(tx: Tx, store_id: int, limit: int) -> list[CounterFacts]:
    """The counters of one store by code, at most `limit`, read from the database."""
    return [_facts(row) for row in tx.execute(OF_STORE, {"store": store_id, "limit": limit}).mappings()]


def load_with_open_counters(tx: Tx, store_ids: Collection[int]) -> set[int]:
    """Those of these stores that have an open counter, read from the database."""
    return set(tx.execute(WITH_OPEN, {"stores": list(store_ids), "open": CounterStatus.OPEN.value}).scalars())


def _facts(row: RowMapping) -> CounterFacts:
    return CounterFacts(
        **{
            **row,
            "category": tuple(row["category"]),
            "status": CounterStatus(row["status"]),
            "terms": tuple(map(_terms, row["terms"])),
            "promotion_rates": tuple(map(_promotion_rate, row["promotion_rates"] or ())),
        }
    )


counters: ReferenceCache[CounterKey, CounterFacts] = ReferenceCache("organisation.counters", load_counters)
counters_by_id: ReferenceCache[int, CounterFacts] = ReferenceCache("organisation.counters", load_counters_by_id)
