"""Tasks for tests: a shop with people who work in it, members, and wishes varied by what the test is about."""

from typing import Any

from foundation.access import Principal
from foundation.database import Tx
from marketing.tasks.operations import TaskWish, create_tasks
from organisation.staff.roles import Role, Scope
from organisation.staff.storage import KeptPerson
from tests.member_api.people import enrolled
from tests.organisation.factories import a_person_with_login, a_store, principal_of

CLERK = {"role": Role.COUNTER_STAFF, "scope": Scope.STORE}
DESK = {"role": Role.SERVICE_DESK, "scope": Scope.STORE}
MANAGER = {"role": Role.STORE_MANAGER, "scope": Scope.STORE}


def a_shop(tx: Tx, code: str = "S01", clerks: tuple[str, ...] = ("E1", "E2"), manager: str | None = "M1") -> None:
    """A store with clerks, and a manager."""
    a_store(tx, code)
    for number in clerks:
        a_clerk(tx, number, home_store=code)
    if manager is not None:
        a_clerk(tx, manager, home_store=code, **MANAGER)


def a_clerk(tx: Tx, number: str = "E1", **wishes: Any) -> KeptPerson:
    return a_person_with_login(tx, number, **{"home_store": "S01", **CLERK} | wishes)


def acting(tx: Tx, person: KeptPerson) -> Principal:
    return principal_of(tx, person)


def a_member_of(tx: Tx, phone: str = "13800138000", store: str | None = "S01", **facts: Any) -> int:
    return enrolled(tx, phone, home_store=store, **facts)


def a_wish(member_id: int, **facts: Any) -> TaskWish:
    usual: dict[str, Any] = {"member_id": member_id, "kind": "call", "key": f"test/{member_id}"}
    return TaskWish(**usual | facts)


def a_task(tx: Tx, member_id: int, **facts: Any) -> int:
    """A task that was made; its id."""
    wish = a_wish(member_id, **facts)
    return create_tasks(tx, [wish], "test").ids[wish.key]
