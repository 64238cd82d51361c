"""One factory per table of organisation: a plain example, varied by what the test is about."""

from typing import Any

from foundation.access import Principal, PrincipalKind, set_login
from foundation.database import Database, Tx
from foundation.errors import DomainError
from foundation.http.puts import Done, Outcome
from organisation.counters.operations import KeptCounter, put_counters
from organisation.counters.rules import CounterWish
from organisation.devices.operations import DeviceWish, make_device
from organisation.staff.operations import put_staff
from organisation.staff.people import resolve_person
from organisation.staff.rules import StaffWish
from organisation.staff.storage import KeptPerson
from organisation.stores.operations import put_stores
from organisation.stores.rules import Store, StoreWish

PASSWORD = "correct-horse-battery-7"


def made(outcome: Outcome[Any]) -> Any:
    """The value of an outcome that must have been done."""
    if isinstance(outcome, DomainError):
        raise outcome
    assert isinstance(outcome, Done)
    return outcome.value


def a_store(tx: Tx, code: str = "S01", **wishes: Any) -> Store:
    store: Store = made(put_stores(tx, None, [StoreWish(code, **{"name": f"Store {code}"} | wishes)])[0])
    return store


def a_counter(tx: Tx, store: str = "S01", code: str = "C1", **wishes: Any) -> KeptCounter:
    wish = CounterWish(store, code, **{"name": f"Counter {code}"} | wishes)
    counter: KeptCounter = made(put_counters(tx, None, [wish])[0])
    return counter


def a_person(tx: Tx, number: str = "E1", **wishes: Any) -> KeptPerson:
    person: KeptPerson = made(put_staff(tx, None, [StaffWish(number, **{"name": f"Person {number}"} | wishes)])[0])
    return person


def a_person_with_login(tx: Tx, number: str = "E1", **wishes: Any) -> KeptPerson:
    person = a_person(tx, number, **{"username": number.lower()} | wishes)
    set_login(tx, str(person.id), number.lower(), PASSWORD)
    return person


def a_device(tx: Tx, store: str | None = "S01", **wishes: Any) -> str:
    """A device's client id."""
    wish = DeviceWish(**{"name": "Till 1", "scopes": ("organisation.read",), "store": store, "terminal": "T1"} | wishes)
    return make_device(tx, None, wish).client_id


def principal_of(tx: Tx, person: KeptPerson) -> Principal:
    principal = resolve_person(tx, str(person.id))
    assert principal is not None
    return principal


def somebody(*permissions: str, stores: tuple[str, ...] | None = None) -> Principal:
    """A principal with these permissions, everywhere or in these stores."""
    places = None if stores is None else frozenset(f"store/{code}" for code in stores)
    return Principal(PrincipalKind.PERSON, "0", "Somebody", frozenset(permissions), places)


def committed_store(database: Database, code: str = "S01", **wishes: Any) -> None:
    with database.transaction() as tx:
        a_store(tx, code, **wishes)
