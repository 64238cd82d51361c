"""Who did what to a parked or flagged receipt: written once, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import json

from foundation.access import Principal
from foundation.database import Tx
from foundation.identifiers import day_of

HISTORY_MAX = 200
SYSTEM = "system"
GIVEN = "given_to_member"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done. `actor` is `person:<id>`, `machine:<id>` or `system`; `detail` holds ids and words."""

    action: str
    detail: Mapping[str, Any]
    actor: str
    at: datetime


def actor_name(actor: Principal | None) -> str:
    return SYSTEM if actor is None else actor.actor


def note(
    tx: Tx,
    actor: Principal | None,
    store_id: int,
    action: str,
    *,
    parked: int | None = None,
    sale: tuple[date, UUID] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Put one deed on record, in the transaction that does it."""
    tx.execute(
        "INSERT INTO pos.repair (store_id, parked_id, business_date, sale_id, action, detail, actor, at)"
        " VALUES (:store_id, :parked, :day, :sale, :action, CAST(:detail AS json), :actor, :now)",
        {
            "store_id": store_id,
            "parked": parked,
            "day": sale[0] if sale else None,
            "sale": sale[1] if sale else None,
            "action": action,
            "detail": json.encode(detail or {}).decode(),
            "actor": actor_name(actor),
            "now": tx.now,
        },
    )


def deeds_on_parked(tx: Tx, parked: int) -> list[Deed]:
    """What was done to a parked receipt, oldest first, at most 200."""
    return _deeds(tx, "parked_id = :id", parked)


def deeds_on_sale(tx: Tx, sale: UUID) -> list[Deed]:
    """What was done to a recorded receipt, oldest first, at most 200 repairs and 200 times given to a member."""
    given = tx.execute(
        "SELECT to_member, reason, actor, at FROM pos.sale_correction WHERE sale_id = :id AND business_date = :day"
        " ORDER BY id LIMIT :limit",
        {"id": sale, "day": day_of(sale), "limit": HISTORY_MAX},
    )
    gifts = [
        Deed(GIVEN, {"reason": row.reason, "member": str(row.to_member)}, f"person:{row.actor}", row.at)
        for row in given
    ]
    return sorted([*_deeds(tx, "sale_id = :id", sale), *gifts], key=lambda deed: deed.at)


def _deeds(tx: Tx, condition: str, subject: int | UUID) -> list[Deed]:
    rows = tx.execute(
        f"SELECT action, detail, actor, at FROM pos.repair WHERE {condition} ORDER BY id LIMIT :limit",  # noqa: S608
        {"id": subject, "limit": HISTORY_MAX},
    )
    return [Deed(row.action, row.detail, row.actor, row.at) for row in rows]
