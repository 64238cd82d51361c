"""Bring named things into being when something first mentions them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert

from foundation.database import Tx
from organisation.names.tables import format_, legal_unit, region, supplier

# The company's own legal unit and the format of a store that names none.
DEFAULT_LEGAL_UNIT = "COMPANY"
DEFAULT_FORMAT = "general"
LIST_MAX = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """A code and what people call it."""

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
