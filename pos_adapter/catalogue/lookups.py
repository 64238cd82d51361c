"""What the posting path asks of the catalogue.

Categories and promotions are few and stand in memory; products are many and are asked for in the posting's own
pipeline, so that they cost no round trip of their own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg.rows import TupleRow

from foundation.database import Tx
from foundation.reference_cache import ReferenceCache
from pos_adapter.catalogue.rules import PromotionMethod


@dataclass(frozen=True, slots=True)
class PromotionFacts:
    """A promotion as a posting needs it. `funders` are hundredths of a percent by funder, summing to 10,000.

    A sale is judged by its own date: whether that lies within `starts_on` and `ends_on` (both included, None open)
    and whether the store takes part is said by `applies`, and nothing is refused because of it.
    """

    id: int
    code: str
    method: PromotionMethod
    funders: Mapping[str, int]
    starts_on: date | None
    ends_on: date | None
    stores: frozenset[str]
    formats: frozenset[str]

    def applies(self, day: date, store: str, format_code: str) -> bool:
        return (
            (self.starts_on is None or self.starts_on <= day)
            and (self.ends_on is None or day <= self.ends_on)
            and (not self.stores or store in self.stores)
            and (not self.formats or format_code in self.formats)
        )


def _load_paths(tx: Tx, ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    rows = tx.execute("SELECT id, path FROM pos.category WHERE id = ANY(:ids)", {"ids": list(ids)})
    return {row.id: tuple(row.path) for row in rows}


def _load_brands(tx: Tx, ids: Collection[int]) -> dict[int, str]:
    rows = tx.execute("SELECT id, code FROM pos.brand WHERE id = ANY(:ids)", {"ids": list(ids)})
    return {row.id: row.code for row in rows}


def _load_promotions(tx: Tx, codes: Collection[str]) -> dict[str, PromotionFacts]:
    rows = tx.execute(
        "SELECT id, code, method, funders, starts_on, ends_on, stores, formats"
        " FROM pos.promotion WHERE code = ANY(:codes)",
        {"codes": list(codes)},
    )
    return {
        row.code: PromotionFacts(
            row.id,
            row.code,
            PromotionMethod(row.method),
            row.funders,
            row.starts_on,
            row.ends_on,
            frozenset(row.stores),
            frozenset(row.formats),
        )
        for row in rows
    }


category_paths: ReferenceCache[int, tuple[str, ...]] = ReferenceCache("pos.category", _load_paths)
brand_codes: ReferenceCache[int, str] = ReferenceCache("pos.brand", _load_brands)
promotions: ReferenceCache[str, PromotionFacts] = ReferenceCache("pos.promotion", _load_promotions)


def category_path(tx: Tx, category_id: int | None) -> tuple[str, ...]:
    """Codes from the root down to this category; () for None. About a microsecond once known."""
    if category_id is None:
        return ()
    return category_paths.one(tx, category_id) or ()


def brand_code(tx: Tx, brand_id: int | None) -> str | None:
    """The code of a brand, which never changes; None for none. About a microsecond once known."""
    return brand_codes.one(tx, brand_id) if brand_id is not None else None


def promotions_by_code(tx: Tx, codes: Collection[str]) -> dict[str, PromotionFacts]:
    """The promotions among `codes` that exist. About a microsecond once known."""
    return promotions.get(tx, codes) if codes else {}


def ask_products(tx: Tx, codes: Collection[str]) -> psycopg.Cursor[TupleRow]:
    """Ask for products within a pipeline: rows (code, id, category_id, brand_id) of those that exist.

    Discontinued products are answered too: what a till has sold is sold.
    """
    return tx.ask("SELECT code, id, category_id, brand_id FROM pos.product WHERE code = ANY(%s)", (list(codes),))
