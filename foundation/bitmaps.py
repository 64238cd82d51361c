"""Sets of ids on their way out of PostgreSQL and into Arrow, without a Python object for each id.

Ids are integers from 1 to 2**31 - 1. Out of a table they cost about 90 ns each, packed into one value by the server.
"""
# ruff: noqa: S608 - queries are joined of literals only

import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from foundation.database import Tx

PACKED: LiteralString = "string_agg(int4send(id::int4), ''::bytea)"


def bitmap_of(packed: bytes | None) -> BitMap:
    """The ids that lie packed as 32-bit integers in network order, as PostgreSQL's int4send writes them."""
    if not packed:
        return BitMap()
    ids = array("I", packed)
    if sys.byteorder == "little":
        ids.byteswap()
    return BitMap(ids)


def ids_of(selected: BitMap) -> pa.Array:
    """A set of ids as an ascending Arrow column (uint32)."""
    return pa.array(np.frombuffer(selected.to_array(), dtype=np.uint32))


def ids_where(tx: Tx, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> BitMap:
    """The ids that a query with a column named `id` finds."""
    row = tx.raw.execute(f"SELECT {PACKED} FROM ({query}) AS found", parameters, binary=True).fetchone()
    return bitmap_of(row[0] if row else None)


def ids_by(tx: Tx, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> dict[Any, BitMap]:
    """The ids of a query with columns `key` and `id`, by key."""
    rows = tx.raw.execute(f"SELECT key, {PACKED} FROM ({query}) AS found GROUP BY key", parameters, binary=True)
    return {key: bitmap_of(packed) for key, packed in rows}
