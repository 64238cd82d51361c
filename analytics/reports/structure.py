"""The structure of sales: at regular prices and on promotion, by category, level by level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

from analytics.lake.reading import open_lake
from analytics.measures.catalogue import measure
from analytics.measures.facts import sales
from analytics.reports.asking import Asked
from analytics.reports.kept import Kept
from foundation.database import Tx
from foundation.errors import NotFound
from pos_adapter.contract.catalogue import CategoryFacts, all_categories

MEASURES = (
    "net_sales", "regular_sales", "promoted_sales", "promotion_share", "member_share", "gross_profit",
    "profit_coverage", "receipts",
)  # fmt: skip
Mark = tuple[str, int, str]


class CategoryUnknown(NotFound):
    """There is no category with this id."""

    code = "category_unknown"


@dataclass(frozen=True, slots=True)
class StructureRow:
    """What one category sold, everything below it included. Money in minor units, shares 0 to 1.

    `category` is its id; None: what belongs to none below the one that was asked for. `deeper` says whether there are
    categories below it.
    """

    currency: str
    category: int | None
    path: tuple[str, ...]
    name: str
    deeper: bool
    net_sales: int
    regular_sales: int
    promoted_sales: int
    promotion_share: float | None
    member_share: float | None
    gross_profit: int | None
    profit_coverage: float | None
    receipts: int

    @property
    def mark(self) -> Mark:
        """Where it stands: by currency, who sold most first."""
        return (self.currency, -self.net_sales, str(self.category or ""))


@dataclass(frozen=True, slots=True)
class Structure:
    """The rows below one category (`above`: its id and names from the top; empty for everything), and their totals."""

    above: tuple[tuple[int, str], ...]
    totals: Sequence[StructureRow]
    rows: Sequence[StructureRow]


structure_kept: Kept[tuple[Asked, int | None], Structure] = Kept()


def sales_structure(tx: Tx, asked: Asked, category: int | None = None) -> Structure:
    """Sales by the categories below one, or by the topmost ones. Raises CategoryUnknown, LakeDamaged."""
    return structure_kept.ask(tx, (asked, category), lambda: _find(tx, asked, category))


def _find(tx: Tx, asked: Asked, category: int | None) -> Structure:
    known = {each.path: each for each in all_categories(tx)}
    above = _path_of(category, known)
    depth = len(above) + 1
    inside = {path: each for path, each in known.items() if path[: len(above)] == above}
    below = {each.id: known[path[:depth]] for path, each in inside.items() if path[:depth] in known and path != above}
    with_parts = {path[:depth] for path in known if len(path) > depth}
    rows = _laid_out(tx, asked, below, [each.id for each in inside.values()] if above else None)
    return Structure(
        tuple((known[above[:n]].id, known[above[:n]].name) for n in range(1, depth)),
        [_row(row, None, with_parts) for row in rows if row["total"]],
        sorted(
            (_row(row, below.get(row["place"]), with_parts) for row in rows if not row["total"]),
            key=lambda row: row.mark,
        ),
    )


def _path_of(category: int | None, known: Mapping[tuple[str, ...], CategoryFacts]) -> tuple[str, ...]:
    if category is None:
        return ()
    for path, each in known.items():
        if each.id == category:
            return path
    raise CategoryUnknown("There is no such category")


def _laid_out(
    tx: Tx, asked: Asked, below: Mapping[int, CategoryFacts], inside: Sequence[int] | None
) -> list[dict[str, Any]]:
    """The measures by currency and category of the level, and once more by currency alone (`total`)."""
    of = pa.table(
        {"of": pa.array(list(below), pa.int64()), "place": pa.array([c.id for c in below.values()], pa.int64())}
    )
    with open_lake(tx) as lake:
        lines = sales(lake, asked.period, asked.where)
        if inside is not None:
            lines = lines.filter(lines.category_id.isin(inside))
        level = ibis.memtable(of)
        lines = lines.left_join(level, lines.category_id.cast("int64") == level.of)
        values = {name: measure(name).expression(lines) for name in MEASURES}
        rows = lines.group_by("currency", "place").aggregate(**values).to_pyarrow().to_pylist()
        totals = lines.group_by("currency").aggregate(**values).to_pyarrow().to_pylist()
    return [row | {"total": False} for row in rows] + [row | {"total": True, "place": None} for row in totals]


def _row(found: Mapping[str, Any], of: CategoryFacts | None, with_parts: set[tuple[str, ...]]) -> StructureRow:
    path = of.path if of is not None else ()
    return StructureRow(
        found["currency"],
        of.id if of is not None else None,
        path,
        of.name if of is not None else "",
        path in with_parts,
        *(found[name] for name in MEASURES),
    )
