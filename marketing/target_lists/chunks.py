"""How a frozen list lies in the database: chunks of 16,384 ids, each a roaring bitmap beside what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
from pyroaring import BitMap

from foundation.bitmaps import ids_of
from foundation.conditions import Facts, Selection
from foundation.database import Tx

CHUNK_BITS = 14
CHUNKS_AT_ONCE = 64
_OPTIONS = pyarrow.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one member: for each condition of the filter, whether it holds and what was measured."""

    member_id: int
    holds: tuple[bool, ...]
    values: tuple[Any, ...]


def evidence_table(members: BitMap, selections: Sequence[Selection], facts: Sequence[Facts]) -> pa.Table:
    """One row a member, ascending: member_id, then holds_0, value_0, holds_1 ... in the order of the conditions."""
    ids = ids_of(members)
    wanted = ids.to_numpy(zero_copy_only=False)
    columns: dict[str, pa.Array] = {"member_id": ids}
    for n, (selection, fact) in enumerate(zip(selections, facts, strict=True)):
        held = np.isin(wanted, np.frombuffer(selection.ids.to_array(), dtype=np.uint32), assume_unique=True)
        columns[f"holds_{n}"] = pa.array(held != selection.inverted)
        columns[f"value_{n}"] = _beside(wanted, fact)
    return pa.table(columns)


def _beside(wanted: Any, fact: Facts) -> pa.Array:
    """The values of these ids, null where nothing is known."""
    known = fact.ids.to_numpy(zero_copy_only=False)
    if not len(known):
        return pa.nulls(len(wanted), fact.values.type)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return pc.take(fact.values, pa.array(places, mask=known[places] != wanted))


def write_chunks(tx: Tx, list_id: int, evidence: pa.Table) -> None:
    """Store the members of a new list, the rows of an evidence table, a statement for each 64 chunks."""
    ids = evidence.column("member_id").to_numpy()
    numbers = ids >> CHUNK_BITS
    starts = np.flatnonzero(np.diff(numbers, prepend=-1)) if len(ids) else np.array([], int)
    ends = [*starts[1:], len(ids)]
    rows = []
    for start, end in zip(starts, ends, strict=True):
        part = evidence.slice(int(start), int(end - start))
        of_chunk = BitMap(ids[start:end].tolist())
        rows.append((list_id, int(numbers[start]), int(end - start), of_chunk.serialize(), _packed(part)))
    statement = (
        "INSERT INTO marketing.target_list_chunk (list_id, chunk, member_count, members, evidence) "
        "VALUES (%s, %s, %s, %s, %s)"
    )
    with tx.raw.cursor() as cursor:
        for first in range(0, len(rows), CHUNKS_AT_ONCE):
            cursor.executemany(statement, rows[first : first + CHUNKS_AT_ONCE])


def all_members(tx: Tx, list_id: int) -> BitMap:
    """The whole set: at most 1.25 MB for ten million members."""
    rows = tx.raw.execute(
        "SELECT members FROM marketing.target_list_chunk WHERE list_id = %s ORDER BY chunk", (list_id,), binary=True
    )
    found = BitMap()
    for (packed,) in rows:
        found |= BitMap.deserialize(packed)
    return found


def ids_after(tx: Tx, list_id: int, after: int, limit: int, within: BitMap | None = None) -> list[int]:
    """Up to `limit` members with ids above `after`, ascending; of those in `within` only, if said."""
    found: list[int] = []
    rows = tx.raw.execute(
        "SELECT members FROM marketing.target_list_chunk WHERE list_id = %s AND chunk >= %s ORDER BY chunk",
        (list_id, after >> CHUNK_BITS),
        binary=True,
    )
    for (packed,) in rows:
        members = BitMap.deserialize(packed)
        if within is not None:
            members &= within
        found += list(members.iter_equal_or_larger(after + 1))[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def seen_of(tx: Tx, list_id: int, member_ids: Sequence[int]) -> dict[int, Seen]:
    """What was measured of these members when the list was frozen; those who are not on it are left out."""
    numbers = sorted({id_ >> CHUNK_BITS for id_ in member_ids})
    rows = tx.raw.execute(
        "SELECT evidence FROM marketing.target_list_chunk WHERE list_id = %s AND chunk = ANY(%s)",
        (list_id, numbers),
        binary=True,
    )
    found: dict[int, Seen] = {}
    for (packed,) in rows:
        table = _unpacked(packed)
        mine = pc.is_in(table.column("member_id"), pa.array(list(member_ids), pa.uint32()))
        found |= {seen.member_id: seen for seen in seen_rows(table.filter(mine))}
    return found


def seen_rows(evidence: pa.Table) -> Iterator[Seen]:
    """The rows of an evidence table."""
    count = (evidence.num_columns - 1) // 2
    for row in evidence.to_pylist():
        yield Seen(
            row["member_id"],
            tuple(row[f"holds_{n}"] for n in range(count)),
            tuple(row[f"value_{n}"] for n in range(count)),
        )


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(packed: bytes) -> pa.Table:
    with pyarrow.ipc.open_stream(packed) as reader:
        return reader.read_all()
