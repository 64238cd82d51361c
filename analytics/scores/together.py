"""Contribution and potential of a run side by side: one row a member and currency, in order."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEY = ("member_id", "currency")


def beside(members: pa.Table, potential: pa.Table) -> pa.Table:
    """The columns of `potential` beside those of `members`, row by row of `members`; null where it has no row.

    Both are sorted by (member_id, currency), each pair once. Lists and words keep their types.
    """
    found = _places(members, potential)
    columns = {name: members[name] for name in members.column_names}
    for name in potential.column_names:
        if name not in KEY:
            columns[name] = potential[name].take(found)
    return pa.table(columns)


def _places(members: pa.Table, potential: pa.Table) -> pa.Array:
    """For each row of `members` the row of `potential` with the same key, null if there is none."""
    currencies = pa.array(
        sorted({*pc.unique(_words(members)).to_pylist(), *pc.unique(_words(potential)).to_pylist()}), pa.string()
    )
    ours, theirs = _numbers(members, currencies), _numbers(potential, currencies)
    if not len(theirs):
        return pa.nulls(len(ours), pa.int64())
    place = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
    return pa.array(place, pa.int64(), mask=theirs[place] != ours)


def _numbers(table: pa.Table, currencies: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """One number a row that orders as (member_id, currency) does."""
    codes = pc.index_in(_words(table), value_set=currencies).to_numpy().astype(np.int64)
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        table["member_id"].to_numpy().astype(np.int64) * len(currencies) + codes
    )
    return numbers


def _words(table: pa.Table) -> pa.ChunkedArray:
    return table["currency"].cast(pa.string())
