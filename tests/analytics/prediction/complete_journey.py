"""The Complete Journey as lines of a lake, in its own year (offset 0): what the demo's receipts become there.

Business dates are those of New York, amounts what the store received, in cents; the format follows from the receipts of
a store; categories are the departments and their categories, numbered in order of name.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.lake.schema import LINES
from regulars.demo.dates import wall_times
from regulars.demo.source import Source, read_source

AS_OF = date(2017, 11, 6)
HORIZON_DAYS = 56
HOUSEHOLDS = 2456
CURRENCY = "USD"
FORMATS = ("convenience", "supermarket", "hypermarket")
RECEIPTS_OF_FORMATS = (100, 2000)


@cache
def source() -> Source:
    """Read once a session: it takes a few seconds."""
    return read_source()


def lines() -> pa.Table:
    """All 1,469,307 lines in the lake's schema, positions from 1."""
    baskets, lines = source().baskets, source().lines
    per_basket = np.diff(baskets.first_line)
    times = wall_times(baskets.at, 0)
    number = np.arange(len(lines.amount)) - np.repeat(baskets.first_line[:-1], per_basket) + 1
    receipts_of_store = np.bincount(baskets.store)[baskets.store]
    kind = np.digitize(receipts_of_store, RECEIPTS_OF_FORMATS)
    promoted = (lines.retail_discount > 0) & (4 * lines.retail_discount >= lines.regular_amount)
    count = len(lines.amount)
    columns = {
        "business_date": _each(times.local.astype("datetime64[D]"), per_basket),
        "store_id": _each(baskets.store, per_basket),
        "format": pa.DictionaryArray.from_arrays(pa.array(_each(kind, per_basket), pa.int32()), list(FORMATS)),
        "currency": pa.repeat(CURRENCY, count),
        "receipt": _each(baskets.id, per_basket),
        "line": number,
        "type": pa.repeat("sale", count),
        "receipt_sign": np.ones(count, dtype=np.int8),
        "occurred_at": pa.array(_each(baskets.at, per_basket).astype("datetime64[us]")),
        "member_id": _each(baskets.household, per_basket),
        "kind": pa.repeat("goods", count),
        "product_id": lines.product,
        "category_id": _categories()[np.searchsorted(source().products.id, lines.product) % len(_categories())],
        "quantity_milli": lines.quantity * 1000,
        "amount": lines.amount,
        "regular_amount": lines.regular_amount,
        "money": lines.amount,
        "benefit": np.zeros(count, dtype=np.int64),
        "promoted": promoted,
        "points": np.zeros(count, dtype=np.int64),
        "position": np.arange(count) + 1,
    }
    return pa.table([_column(columns.get(field.name), field, count) for field in LINES], schema=LINES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What each household known before AS_OF spent in the horizon, in cents, and whether it came; by number."""

    members: NDArray[np.int64]
    spend: NDArray[np.int64]
    came: NDArray[np.bool_]


def outcome() -> Outcome:
    """Worked out from the source, not from the lake."""
    baskets = source().baskets
    amount = np.add.reduceat(source().lines.amount, baskets.first_line[:-1])
    day = wall_times(baskets.at, 0).local.astype("datetime64[D]")
    start, stop = np.datetime64(AS_OF), np.datetime64(AS_OF + timedelta(days=HORIZON_DAYS))
    members = np.unique(baskets.household[day < start])
    after = (day >= start) & (day < stop) & np.isin(baskets.household, members)
    place = np.searchsorted(members, baskets.household[after])
    spend = np.bincount(place, weights=amount[after], minlength=len(members)).astype(np.int64)
    return Outcome(members, spend, np.bincount(place, minlength=len(members)) > 0)


@cache
def _categories() -> NDArray[np.int32]:
    products = source().products
    paths = list(zip(products.department, products.category, strict=True))
    numbers = {path: number for number, path in enumerate(sorted(set(paths)), start=1)}
    return np.array([numbers[path] for path in paths], dtype=np.int32)


def _each(values: NDArray[np.generic], times: NDArray[np.int64]) -> NDArray[np.generic]:
    return np.repeat(values, times)


def _column(values: object, field: pa.Field, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, field.type)
    return (values if isinstance(values, pa.Array) else pa.array(values)).cast(field.type)
