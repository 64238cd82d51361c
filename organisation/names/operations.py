"""Bring named things into being when something first mentions them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Table, or_, select
from sqlalchemy.dialects.postgresql import insert

from foundation.access import PlaceForbidden, Principal
from foundation.database import Tx
from foundation.http.puts import Done, Outcome
from organisation.changes.operations import Subject, record_change
from organisation.locking import lock_master_data
from organisation.names.tables import format_, legal_unit, region, supplier

# The company's own legal unit and the format of a store that names none.
DEFAULT_LEGAL_UNIT = "COMPANY"
DEFAULT_FORMAT = "general"
LIST_MAX = 1000


class NameKind(StrEnum):
    """What a name is given to."""

    LEGAL_UNIT = "legal_unit"
    REGION = "region"
    FORMAT = "format"
    SUPPLIER = "supplier"


TABLES: Mapping[NameKind, Table] = {
    NameKind.LEGAL_UNIT: legal_unit,
    NameKind.REGION: region,
    NameKind.FORMAT: format_,
    NameKind.SUPPLIER: supplier,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A code and what people call it; until somebody names it, its code."""

    code: str
    name: str


def legal_unit_ids(tx: Tx, codes: Iterable[str | None]) -> Mapping[str, int]:
    """Ids by code; those that are new come into being."""
    return _ids(tx, legal_unit, codes)


def region_ids(tx: Tx, codes: Iterable[str | None]) -> Mapping[str, int]:
    """Ids by code; those that are new come into being."""
    return _ids(tx, region, codes)


def format_ids(tx: Tx, codes: Iterable[str | None]) -> Mapping[str, int]:
    """Ids by code; those that are new come into being."""
    return _ids(tx, format_, codes)


def supplier_ids(tx: Tx, codes: Iterable[str | None]) -> Mapping[str, int]:
    """Ids by code; those that are new come into being."""
    return _ids(tx, supplier, codes)


def regions(tx: Tx) -> Sequence[Named]:
    """All regions by code, at most 1000."""
    return _all(tx, region)


def formats(tx: Tx) -> Sequence[Named]:
    """All formats by code, at most 1000."""
    return _all(tx, format_)


def legal_units(tx: Tx) -> Sequence[Named]:
    """All legal units by code, at most 1000."""
    return _all(tx, legal_unit)


def suppliers(tx: Tx) -> Sequence[Named]:
    """All suppliers by code, at most 1000."""
    return _all(tx, supplier)


def list_names(
    tx: Tx, kind: NameKind, *, after: str | None = None, limit: int = 50, search: str | None = None
) -> Sequence[Named]:
    """The names of a kind by code above `after`, at most `limit`; `search` looks into code and name."""
    columns = TABLES[kind].c
    query = select(columns.code, columns.name).order_by(columns.code).limit(limit)
    if after is not None:
        query = query.where(columns.code > after)
    if search:
        found = (column.icontains(search, autoescape=True) for column in (columns.code, columns.name))
        query = query.where(or_(*found))
    return [Named(row.code, row.name) for row in tx.execute(query)]


def put_names(tx: Tx, actor: Principal | None, kind: NameKind, wishes: Sequence[Named]) -> list[Outcome[Named]]:
    """Name things of a kind, each on its own; those that are new come into being. Names are the whole company's.

    Each refusal is PlaceForbidden. Writers of master data take turns until the commit.
    """
    if actor is not None and actor.places is not None:
        return [PlaceForbidden("names are given for the whole company") for _ in wishes]
    lock_master_data(tx)
    table = TABLES[kind]
    codes = [wish.code for wish in wishes]
    query = select(table.c.code, table.c.id, table.c.name).where(table.c.code.in_(codes))
    known = {row.code: row.name for row in tx.execute(query)}
    changed: dict[str, Named] = {}
    outcomes: list[Outcome[Named]] = []
    for wish in wishes:
        outcomes.append(Done(wish, created=wish.code not in known))
        if known.get(wish.code) != wish.name:
            fields = {"name": (known.get(wish.code), wish.name)}
            record_change(
                tx, actor, Subject(kind.value), wish.code, "changed" if wish.code in known else "created", fields
            )
            changed[wish.code] = wish
        known[wish.code] = wish.name
    if changed:
        write = insert(table)
        write = write.on_conflict_do_update(index_elements=[table.c.code], set_={"name": write.excluded.name})
        tx.execute(write, [{"code": wish.code, "name": wish.name} for wish in changed.values()])
    return outcomes


def _all(tx: Tx, table: Table) -> Sequence[Named]:
    rows = tx.execute(select(table.c.code, table.c.name).order_by(table.c.code).limit(LIST_MAX))
    return [Named(row.code, row.name) for row in rows]


def _ids(tx: Tx, table: Table, codes: Iterable[str | None]) -> Mapping[str, int]:
    wanted = sorted({code for code in codes if code is not None})
    known = _known(tx, table, wanted)
    missing = [code for code in wanted if code not in known]
    if not missing:
        return known
    # Somebody else may bring the same one into being just now: theirs is as good as ours.
    tx.execute(insert(table).on_conflict_do_nothing(), [{"code": code, "name": code} for code in missing])
    return {**known, **_known(tx, table, missing)}


def _known(tx: Tx, table: Table, codes: Collection[str]) -> dict[str, int]:
    if not codes:
        return {}
    return {row.code: row.id for row in tx.execute(select(table.c.code, table.c.id).where(table.c.code.in_(codes)))}
