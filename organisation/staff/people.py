"""Say who a person is to the access rules, and make the first one."""

from foundation.access import Principal, PrincipalKind, declared_permissions, set_login
from foundation.database import Tx
from foundation.errors import DomainError
from organisation.places import place_of
from organisation.staff.listing import people_today
from organisation.staff.operations import put_staff
from organisation.staff.roles import Assignment, Role, Scope, reach_of
from organisation.staff.rules import StaffWish

RESOLVE = """
SELECT s.id, s.name, held.role, held.scope, home.code AS home_store,
       (SELECT array_agg(t.code) FROM organisation.store AS t WHERE t.region_id = held.region_id) AS region_stores
FROM organisation.staff AS s
LEFT JOIN LATERAL (
    SELECT role, scope, region_id FROM organisation.staff_role
    WHERE staff_id = s.id AND valid_from <= :today ORDER BY valid_from DESC LIMIT 1) AS held ON true
LEFT JOIN LATERAL (
    SELECT t.code FROM organisation.staff_home AS h LEFT JOIN organisation.store AS t ON t.id = h.store_id
    WHERE h.staff_id = s.id AND h.valid_from <= :today ORDER BY h.valid_from DESC LIMIT 1) AS home ON true
WHERE s.id = :id AND s.status = 'active'
"""


def resolve_person(tx: Tx, person_id: str) -> Principal | None:
    """Who a person is to the access rules today; None once they have left or if there is no such person."""
    if not (person_id.isascii() and person_id.isdigit()):
        return None
    row = tx.execute(RESOLVE, {"id": int(person_id), "today": people_today(tx)}).one_or_none()
    if row is None:
        return None
    held = Assignment(Role(row.role), Scope(row.scope)) if row.role is not None else None
    reach = reach_of(held, row.home_store, row.region_stores or (), declared_permissions())
    return Principal(
        kind=PrincipalKind.PERSON,
        id=person_id,
        name=row.name,
        permissions=reach.permissions,
        places=None if reach.stores is None else frozenset(map(place_of, reach.stores)),
    )


def hire_administrator(tx: Tx, username: str, password: str, name: str = "Administrator") -> str:
    """Make the first administrator of the company, with a log-in; returns the person's id. For the command line.

    Raises UsernameInvalid, UsernameTaken, NameTaken, PasswordTooWeak.
    """
    wish = StaffWish(
        number=username.upper(), name=name, username=username, role=Role.ADMINISTRATOR, scope=Scope.COMPANY
    )
    outcome = put_staff(tx, None, [wish])[0]
    if isinstance(outcome, DomainError):
        raise outcome
    person_id = str(outcome.value.id)
    set_login(tx, person_id, username, password)
    return person_id
