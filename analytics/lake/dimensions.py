"""The small tables beside the lake: what the ids in its rows stand for, as it is now."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from foundation.database import Tx
from organisation.contract import all_counters, all_stores, format_names
from pos_adapter.contract.catalogue import all_brands, all_categories, all_promotions

_ID, _WORD, _DAY, _PATH = pa.int32(), pa.string(), pa.date32(), pa.list_(pa.string())
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "stores": {
        "id": _ID, "code": _WORD, "name": _WORD, "format": _WORD, "region": _WORD, "legal_unit": _WORD,
        "currency": _WORD, "timezone": _WORD, "status": _WORD,
    },
    "counters": {
        "id": _ID, "store_id": _ID, "code": _WORD, "name": _WORD, "format": _WORD, "category": _PATH, "brand": _WORD,
        "supplier": _WORD, "floor": _WORD, "status": _WORD,
    },
    "categories": {"id": _ID, "path": _PATH, "name": _WORD, "parent_id": _ID},
    "brands": {"id": _ID, "code": _WORD, "name": _WORD},
    "promotions": {
        "id": _ID, "code": _WORD, "name": _WORD, "method": _WORD, "starts_on": _DAY, "ends_on": _DAY,
    },
    "formats": {"code": _WORD, "name": _WORD},
}  # fmt: skip


def _table(name: str, rows: Iterable[Any]) -> pa.Table:
    shape = SHAPES[name]
    found = list(rows)
    columns = [pa.array([getattr(row, column) for row in found], kind) for column, kind in shape.items()]
    return pa.table(columns, names=list(shape))


DIMENSIONS: Mapping[str, Callable[[Tx], pa.Table]] = {
    "stores": lambda tx: _table("stores", all_stores(tx)),
    "counters": lambda tx: _table("counters", all_counters(tx)),
    "categories": lambda tx: _table("categories", all_categories(tx)),
    "brands": lambda tx: _table("brands", all_brands(tx)),
    "promotions": lambda tx: _table("promotions", all_promotions(tx)),
    "formats": lambda tx: _table("formats", format_names(tx)),
}
