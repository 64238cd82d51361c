"""Who is at work in which store today, and what each may do there: for whoever hands out work."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from foundation.access import declared_permissions
from foundation.database import Tx
from organisation.facts import StaffStatus
from organisation.staff.listing import people_today
from organisation.staff.roles import Role, permissions_of

ON_DUTY_MAX = 20_000

HOMES = """
SELECT s.id, s.number, s.name, s.status, held.role, home.code AS home_store
FROM organisation.staff AS s
LEFT JOIN LATERAL (
    SELECT role FROM organisation.staff_role
    WHERE staff_id = s.id AND valid_from <= :today ORDER BY valid_from DESC LIMIT 1) AS held ON true
LEFT JOIN LATERAL (
    SELECT t.code FROM organisation.staff_home AS h LEFT JOIN organisation.store AS t ON t.id = h.store_id
    WHERE h.staff_id = s.id AND h.valid_from <= :today ORDER BY h.valid_from DESC LIMIT 1) AS home ON true
"""
ON_DUTY = HOMES + "WHERE s.status = 'active' AND home.code = ANY(:codes) ORDER BY s.id LIMIT :limit"
BY_ID = HOMES + "WHERE s.id = ANY(:ids)"


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff as others who hand out work see them; `home_store` is today's, a code.

    `permissions` are those of today's role; of somebody who has left there are none.
    """

    id: int
    number: str
    name: str
    status: StaffStatus
    home_store: str | None
    permissions: frozenset[str]

    @property
    def at_work(self) -> bool:
        return self.status is StaffStatus.ACTIVE


def on_duty(tx: Tx, stores: Collection[str]) -> list[Colleague]:
    """Those who work in these stores today, by id, at most 20,000."""
    today = people_today(tx)
    rows = tx.execute(ON_DUTY, {"codes": list(stores), "today": today, "limit": ON_DUTY_MAX})
    return [_colleague(row) for row in rows]


def colleagues(tx: Tx, ids: Collection[int]) -> dict[int, Colleague]:
    """Members of staff by id, those who left too; unknown ids are left out."""
    rows = tx.execute(BY_ID, {"ids": list(ids), "today": people_today(tx)})
    return {row.id: _colleague(row) for row in rows}


def _colleague(row: Any) -> Colleague:
    status = StaffStatus(row.status)
    role = row.role
    able = role is not None and status is StaffStatus.ACTIVE
    return Colleague(
        id=row.id,
        number=row.number,
        name=row.name,
        status=status,
        home_store=row.home_store,
        permissions=permissions_of(Role(role), declared_permissions()) if able else frozenset(),
    )
