"""Staff as they lie in the database: read whole, written whole."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from foundation.database import Tx
from organisation.counters.tables import counter
from organisation.facts import StaffStatus
from organisation.names.tables import region
from organisation.staff.roles import Assignment, Role, Scope
from organisation.staff.rules import Person, StaffPlan
from organisation.staff.tables import staff, staff_counter, staff_home, staff_role
from organisation.stores.tables import store


@dataclass(frozen=True, slots=True)
class KeptPerson:
    """A member of staff and their id; as a string the id is what access rules call the person."""

    id: int
    person: Person


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of what staff rows point to, by code; counters by store code and code."""

    stores: Mapping[str, int]
    regions: Mapping[str, int]
    counters: Mapping[tuple[str, str], int]


def load_people(tx: Tx, numbers: Collection[str]) -> dict[str, KeptPerson]:
    """Those members of staff that exist, by number, with all their history."""
    return read(tx, select_staff().where(staff.c.number.in_(numbers)))


def load_administrators(tx: Tx) -> dict[str, KeptPerson]:
    """Everybody at work who is, was or will be administrator."""
    ever = select(staff_role.c.staff_id).where(staff_role.c.role == Role.ADMINISTRATOR.value)
    return read(tx, select_staff().where(staff.c.id.in_(ever), staff.c.status == StaffStatus.ACTIVE.value))


def username_owners(tx: Tx, usernames: Collection[str]) -> dict[str, str]:
    """Who has which of these user names: number by user name."""
    query = select(staff.c.username, staff.c.number).where(staff.c.username.in_(usernames))
    return {row.username: row.number for row in tx.execute(query)}


def select_staff() -> Select[Any]:
    """The query of people with their history; add conditions to it."""
    home = (
        select(func.json_agg(func.json_build_array(staff_home.c.valid_from, store.c.code)))
        .select_from(staff_home.join(store, store.c.id == staff_home.c.store_id, isouter=True))
        .where(staff_home.c.staff_id == staff.c.id)
        .scalar_subquery()
    )
    held = staff_role.c
    role = (
        select(func.json_agg(func.json_build_array(held.valid_from, held.role, held.scope, region.c.code)))
        .select_from(staff_role.join(region, region.c.id == held.region_id, isouter=True))
        .where(held.staff_id == staff.c.id)
        .scalar_subquery()
    )
    served = (
        select(func.json_agg(func.json_build_array(store.c.code, counter.c.code)))
        .select_from(staff_counter.join(counter, counter.c.id == staff_counter.c.counter_id).join(store))
        .where(staff_counter.c.staff_id == staff.c.id)
        .scalar_subquery()
    )
    return select(staff, home.label("homes"), role.label("roles"), served.label("counters"))


def read(tx: Tx, query: Select[Any]) -> dict[str, KeptPerson]:
    """People by number, in the order of the query."""
    return {row.number: KeptPerson(row.id, _person(row)) for row in tx.execute(query)}


def _person(row: Any) -> Person:
    return Person(
        number=row.number,
        name=row.name,
        username=row.username,
        status=StaffStatus(row.status),
        joined_on=row.joined_on,
        left_at=row.left_at,
        homes={date.fromisoformat(day): code for day, code in row.homes or ()},
        roles={
            date.fromisoformat(day): Assignment(Role(role), Scope(scope), place) if role else None
            for day, role, scope, place in row.roles or ()
        },
        counters=frozenset((home, code) for home, code in row.counters or ()),
    )


def write_people(tx: Tx, people: Mapping[str, Person], known: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Insert and update the rows; returns the ids of all, by number."""
    rows = {
        number: {
            "number": number,
            "name": person.name,
            "username": person.username,
            "status": person.status.value,
            "joined_on": person.joined_on,
            "left_at": person.left_at,
            "changed_at": now,
        }
        for number, person in people.items()
    }
    old = [{**row, "staff_id": known[number]} for number, row in rows.items() if number in known]
    new = [row for number, row in rows.items() if number not in known]
    if old:
        # A user name may pass from one to another in the same batch: all are let go before any is taken.
        tx.execute(update(staff).where(staff.c.id.in_([row["staff_id"] for row in old])).values(username=None))
        changed: dict[str, Any] = {name: bindparam(name) for name in old[0] if name not in ("staff_id", "number")}
        tx.execute(update(staff).where(staff.c.id == bindparam("staff_id")).values(changed), old)
    ids = dict(known)
    if new:
        ids.update({row.number: row.id for row in tx.execute(insert(staff).returning(staff.c.number, staff.c.id), new)})
    return ids


def write_steps(tx: Tx, ids: Mapping[str, int], plans: Iterable[StaffPlan], of: Ids, today: date) -> None:
    """Write the dated steps of plans and drop those that a departure made void."""
    plans = list(plans)
    gone = [ids[plan.person.number] for plan in plans if plan.leaves]
    if gone:
        for table in (staff_home, staff_role):
            tx.execute(delete(table).where(table.c.staff_id.in_(gone), table.c.valid_from > today))
    homes = [
        {
            "staff_id": ids[plan.person.number],
            "valid_from": plan.home.valid_from,
            "store_id": of.stores[plan.home.value] if plan.home.value is not None else None,
        }
        for plan in plans
        if plan.home is not None
    ]
    roles = [
        _role_row(ids[plan.person.number], plan.role.valid_from, plan.role.value, of)
        for plan in plans
        if plan.role is not None
    ]
    roles += [_role_row(staff_id, today, None, of) for staff_id in gone]
    _upsert(tx, staff_home, homes)
    _upsert(tx, staff_role, roles)


def _role_row(staff_id: int, day: date, held: Assignment | None, of: Ids) -> dict[str, Any]:
    return {
        "staff_id": staff_id,
        "valid_from": day,
        "role": held.role.value if held else None,
        "scope": held.scope.value if held else None,
        "region_id": of.regions[held.region] if held and held.region is not None else None,
    }


def write_counters(tx: Tx, served: Mapping[int, Sequence[int]]) -> None:
    """Set which counters these people serve: counter ids by staff id."""
    if not served:
        return
    tx.execute(delete(staff_counter).where(staff_counter.c.staff_id.in_(served)))
    rows = [{"staff_id": staff_id, "counter_id": counter_id} for staff_id, ids in served.items() for counter_id in ids]
    if rows:
        tx.execute(insert(staff_counter), rows)


def _upsert(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    # One step a person and day: the last one wished for stands.
    last = {(row["staff_id"], row["valid_from"]): row for row in rows}
    if not last:
        return
    write = upsert(table)
    key = list(table.primary_key.columns)
    rest = {column.name: write.excluded[column.name] for column in table.c if column not in key}
    tx.execute(write.on_conflict_do_update(index_elements=key, set_=rest), list(last.values()))
