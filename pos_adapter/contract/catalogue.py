"""The catalogue's small tables: what the ids on sale lines stand for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from foundation.database import Tx
from pos_adapter.catalogue.lookups import PromotionFacts, promotions_by_code

__all__ = [
    "BrandFacts",
    "CategoryFacts",
    "PromotionFacts",
    "PromotionName",
    "all_brands",
    "all_categories",
    "all_promotions",
    "brands_by_code",
    "categories_by_path",
    "promotions_by_code",
]

ROWS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class CategoryFacts:
    """A node of the category tree; `path` are the codes from the top, its own last."""

    id: int
    path: tuple[str, ...]
    name: str
    parent_id: int | None


@dataclass(frozen=True, slots=True)
class BrandFacts:
    id: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PromotionName:
    """A promotion with its days (None: open) and who bears it, in hundredths of a percent that sum to 10,000."""

    id: int
    code: str
    name: str
    method: str
    funders: Mapping[str, int]
    starts_on: date | None
    ends_on: date | None


def all_categories(tx: Tx) -> list[CategoryFacts]:
    """The category tree by id, at most 200,000 nodes."""
    rows = tx.execute(
        "SELECT id, path, name, parent_id FROM pos.category ORDER BY id LIMIT :limit", {"limit": ROWS_MAX}
    )
    return [CategoryFacts(row.id, tuple(row.path), row.name, row.parent_id) for row in rows]


def all_brands(tx: Tx) -> list[BrandFacts]:
    """Brands by id, at most 200,000."""
    rows = tx.execute("SELECT id, code, name FROM pos.brand ORDER BY id LIMIT :limit", {"limit": ROWS_MAX})
    return [BrandFacts(*row) for row in rows]


def all_promotions(tx: Tx) -> list[PromotionName]:
    """Promotions by id, at most 200,000."""
    rows = tx.execute(
        "SELECT id, code, name, method, funders, starts_on, ends_on FROM pos.promotion ORDER BY id LIMIT :limit",
        {"limit": ROWS_MAX},
    )
    return [PromotionName(*row) for row in rows]


def categories_by_path(tx: Tx, paths: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """The ids of the categories with these paths; an unknown path is left out."""
    rows = tx.execute(
        "SELECT id, path FROM pos.category WHERE array_to_string(path, chr(31)) = ANY(:paths)",
        {"paths": ["\x1f".join(path) for path in paths]},
    )
    return {tuple(row.path): row.id for row in rows}


def brands_by_code(tx: Tx, codes: Collection[str]) -> dict[str, int]:
    """The ids of the brands with these codes; an unknown code is left out."""
    rows = tx.execute("SELECT id, code FROM pos.brand WHERE code = ANY(:codes)", {"codes": list(codes)})
    return {row.code: row.id for row in rows}
