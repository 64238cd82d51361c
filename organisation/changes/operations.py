"""Who changed what, and when: written with every change, read by the pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import select

from foundation.access import Principal
from foundation.database import Tx
from foundation.rows import Write
from organisation.changes.tables import change

FieldChanges = Mapping[str, tuple[Any, Any] | tuple[()]]


class Subject(StrEnum):
    STORE = "store"
    COUNTER = "counter"
    STAFF = "staff"
    DEVICE = "device"
    LEGAL_UNIT = "legal_unit"
    REGION = "region"
    FORMAT = "format"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing. `fields` name what changed, from what to what; nothing personal is repeated: ()."""

    at: datetime
    actor_kind: str
    actor_id: str
    subject: Subject
    subject_id: str
    action: str
    fields: FieldChanges


class ChangeRow(msgspec.Struct, frozen=True):
    at: datetime
    actor_kind: str
    actor_id: str
    subject: str
    subject_id: str
    action: str
    fields: Any


RECORD = Write(change, ChangeRow)


def record_change(
    tx: Tx, actor: Principal | None, subject: Subject, subject_id: int | str, action: str, fields: FieldChanges
) -> None:
    """Write the trail of a change, with the rest of the transaction. `actor` None: the command line."""
    kind, name = ("system", "command line") if actor is None else (actor.kind.value, actor.id)
    shown = {field: [_plain(value) for value in values] for field, values in fields.items()}
    tx.rows.add(RECORD, ChangeRow(tx.now, kind, name, subject.value, str(subject_id), action, shown))


def changes_of(tx: Tx, subject: Subject, subject_id: int | str, limit: int = 50) -> Sequence[Change]:
    """The newest changes of one thing, newest first, at most `limit` (200); those of this transaction too."""
    tx.flush()
    query = (
        select(change)
        .where(change.c.subject == subject.value, change.c.subject_id == str(subject_id))
        .order_by(change.c.id.desc())
        .limit(min(limit, 200))
    )
    return [
        Change(row.at, row.actor_kind, row.actor_id, Subject(row.subject), row.subject_id, row.action, row.fields)
        for row in tx.execute(query)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
