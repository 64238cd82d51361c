"""Hire, move, give roles, dismiss; and say who a person is to the access rules."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import func, select

from foundation.access import Principal, access_changed, declared_permissions, remove_login, set_login
from foundation.access.people import normal_username, rename_login, with_login
from foundation.database import Tx
from foundation.errors import DomainError, FieldError, Invalid
from foundation.events import announce
from foundation.http.puts import Done, Outcome
from foundation.wishes import LEFT_OUT
from organisation.changes.operations import Subject, record_change
from organisation.counters.lookup import counters
from organisation.devices.operations import revoke_devices_of
from organisation.facts import StaffStatus
from organisation.locking import lock_master_data
from organisation.names.tables import region
from organisation.staff.authority import Authority
from organisation.staff.listing import StaffUnknown, people_today
from organisation.staff.lookup import staff_numbers
from organisation.staff.roles import Roles, has_administrator
from organisation.staff.rules import (
    HomeStoreUnknown,
    LastAdministrator,
    NameTaken,
    Person,
    RegionUnknown,
    StaffCounterUnknown,
    StaffPlan,
    StaffWish,
    plan_staff,
)
from organisation.staff.storage import (
    Ids,
    KeptPerson,
    load_administrators,
    load_people,
    username_owners,
    write_counters,
    write_people,
    write_steps,
)
from organisation.stores.lookup import stores
from organisation.stores.tables import store

WRITE = "staff.write"
# Without signs that are taken for one another: 2^75 possibilities.
PASSWORD_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105
PASSWORD_GROUPS, PASSWORD_GROUP_LENGTH = 4, 4


class LoginImpossible(Invalid):
    """Only who works here and has a user name can log in."""

    code = "login_impossible"


# ---------------------------------------------------------------------------------------------- change


def put_staff(tx: Tx, actor: Principal | None, wishes: Sequence[StaffWish]) -> list[Outcome[KeptPerson]]:
    """Make or change members of staff, each on their own: a refused wish changes nothing and stops nobody.

    Returns one outcome a wish, in order. Refusals: PlaceForbidden, RoleNotYours, LastAdministrator, StaffIncomplete,
    HomeStoreUnknown, StaffCounterUnknown, RegionUnknown, ScopeWrong, UsernameInvalid, NameTaken, StaffLeft.
    `actor` None: the command line, which may do all. Writers of master data take turns until the commit.
    """
    lock_master_data(tx)
    desk = _Desk(tx, actor, wishes)
    decided: list[tuple[str, bool] | DomainError] = []
    for wish in wishes:
        try:
            created = desk.decide(wish)
        except DomainError as refusal:
            decided.append(refusal)
        else:
            decided.append((wish.number, created))
    ids = desk.write()
    return [
        outcome
        if isinstance(outcome, DomainError)
        else Done(KeptPerson(ids[outcome[0]], desk.people[outcome[0]]), created=outcome[1])
        for outcome in decided
    ]


class _Desk:
    """One batch of wishes on the desk: what is known, what has been decided, and then the writing of it."""

    def __init__(self, tx: Tx, actor: Principal | None, wishes: Sequence[StaffWish]) -> None:
        self.tx, self.actor, self.today = tx, actor, people_today(tx)
        self.kept = load_people(tx, {wish.number for wish in wishes})
        self.people: dict[str, Person] = {number: known.person for number, known in self.kept.items()}
        self.plans: dict[str, list[StaffPlan]] = {}
        wished = [_normal(wish.username) for wish in wishes if isinstance(wish.username, str)]
        self.owners = username_owners(tx, [name for name in wished if name is not None])
        codes = {wish.home_store for wish in wishes if isinstance(wish.home_store, str)}
        codes |= {code for person in self.people.values() for code in person.homes.values() if code is not None}
        self.stores = stores.get(tx, codes)
        self.regions, region_stores = _regions(tx)
        self.authority = Authority(actor, self.today, region_stores, declared_permissions()) if actor else None
        self.counters = self._counter_ids(wishes)
        keepers = load_administrators(tx)
        able = with_login(tx, [str(known.id) for known in keepers.values()])
        self.keepers: dict[str, Roles] = {
            number: known.person.roles for number, known in keepers.items() if str(known.id) in able
        }

    def _counter_ids(self, wishes: Sequence[StaffWish]) -> dict[tuple[str, str], int]:
        wanted = {code for wish in wishes if wish.counters is not LEFT_OUT for code in wish.counters}
        wanted |= {code for person in self.people.values() for _, code in person.counters}
        found = counters.get(self.tx, [(home.id, code) for home in self.stores.values() for code in wanted])
        names = {home.id: home.code for home in self.stores.values()}
        return {(names[facts.store_id], facts.code): facts.id for facts in found.values()}

    def decide(self, wish: StaffWish) -> bool:
        """Decide one wish and remember the plan; returns whether somebody new came. Raises what put_staff lists."""
        before = self.people.get(wish.number)
        if isinstance(wish.username, str):
            wish = replace(wish, username=normal_username(wish.username))
        plan = plan_staff(before, wish, self.today, self.tx.now)
        # Who may not do this learns nothing about what exists.
        if self.authority is not None:
            self.authority.check(before, plan.person)
        self._check_exists(wish)
        self._check_counters(plan.person)
        self._check_username(plan.person)
        self._keep_an_administrator(plan.person)
        self._remember(before, plan)
        return before is None

    def _check_exists(self, wish: StaffWish) -> None:
        if isinstance(wish.home_store, str) and wish.home_store not in self.stores:
            raise HomeStoreUnknown(
                f"there is no store {wish.home_store}", errors=[FieldError("/home_store", "there is no such store")]
            )
        if isinstance(wish.region, str) and wish.region not in self.regions:
            raise RegionUnknown(
                f"there is no region {wish.region}", errors=[FieldError("/region", "there is no such region")]
            )

    def _check_username(self, person: Person) -> None:
        if person.username is not None and self.owners.get(person.username, person.number) != person.number:
            raise NameTaken("somebody else has this user name", errors=[FieldError("/username", "taken")])

    def _check_counters(self, person: Person) -> None:
        unknown = sorted(person.counters - self.counters.keys())
        if unknown:
            raise StaffCounterUnknown(
                f"there is no counter {unknown[0][1]} in store {unknown[0][0]}",
                errors=[FieldError("/counters", "there is no such counter in the home store")],
            )

    def _keep_an_administrator(self, person: Person) -> None:
        if person.number not in self.keepers:
            return
        after = {**self.keepers, person.number: person.roles}
        if person.status is StaffStatus.LEFT or person.username is None:
            del after[person.number]
        if has_administrator(self.keepers.values(), self.today) and not has_administrator(after.values(), self.today):
            raise LastAdministrator("nobody could administer the company any more")
        self.keepers = after

    def _remember(self, before: Person | None, plan: StaffPlan) -> None:
        if not plan.changes:
            return
        number = plan.person.number
        self.people[number] = plan.person
        self.plans.setdefault(number, []).append(plan)
        if before is not None and before.username is not None:
            self.owners.pop(before.username, None)
        if plan.person.username is not None:
            self.owners[plan.person.username] = number

    def write(self) -> dict[str, int]:
        """Write what was decided; returns the ids of everybody known, by number."""
        known = {number: kept.id for number, kept in self.kept.items()}
        if not self.plans:
            return known
        tx = self.tx
        ids = write_people(tx, {number: self.people[number] for number in self.plans}, known, tx.now)
        of = Ids({code: facts.id for code, facts in self.stores.items()}, self.regions, self.counters)
        write_steps(tx, ids, (plan for several in self.plans.values() for plan in several), of, self.today)
        self._write_counters(ids)
        for number, several in self.plans.items():
            self._record(number, ids[number], several)
        staff_numbers.changed(tx)
        return ids

    def _write_counters(self, ids: Mapping[str, int]) -> None:
        served = {}
        for number, several in self.plans.items():
            if any("counters" in plan.changes for plan in several):
                served[ids[number]] = [self.counters[each] for each in sorted(self.people[number].counters)]
        write_counters(self.tx, served)

    def _record(self, number: str, staff_id: int, plans: Sequence[StaffPlan]) -> None:
        tx, known = self.tx, number in self.kept
        for plan in plans:
            action = "left" if plan.leaves else "changed" if known else "created"
            record_change(tx, self.actor, Subject.STAFF, staff_id, action, plan.changes)
            known = True
        announce(tx, "staff.changed", {"staff_id": staff_id, "staff": number})
        if any(plan.leaves for plan in plans):
            remove_login(tx, str(staff_id))
            revoke_devices_of(tx, self.actor, staff_id)
            announce(tx, "staff.left", {"staff_id": staff_id, "staff": number})
        elif number in self.kept:
            _adjust_login(tx, str(staff_id), self.people[number], plans)
        access_changed(tx, str(staff_id))


def _adjust_login(tx: Tx, person_id: str, person: Person, plans: Sequence[StaffPlan]) -> None:
    if not any("username" in plan.changes for plan in plans):
        return
    if person.username is None:
        remove_login(tx, person_id)
    else:
        rename_login(tx, person_id, person.username)


def _normal(username: str) -> str | None:
    try:
        return normal_username(username)
    except Invalid:
        return None


def _regions(tx: Tx) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
    """Ids of all regions, and the stores in each, by code."""
    query = (
        select(region.c.code, region.c.id, func.array_remove(func.array_agg(store.c.code), None).label("stores"))
        .join(store, store.c.region_id == region.c.id, isouter=True)
        .group_by(region.c.id)
    )
    rows = tx.execute(query).all()
    return {row.code: row.id for row in rows}, {row.code: frozenset(row.stores) for row in rows}


# ---------------------------------------------------------------------------------------------- log in


def issue_password(tx: Tx, actor: Principal | None, number: str) -> str:
    """Give a person a log-in with a new password, to be shown once; their sessions end.

    Raises StaffUnknown, PlaceForbidden, RoleNotYours, LoginImpossible, UsernameTaken.
    """
    lock_master_data(tx)
    desk = _Desk(tx, actor, [StaffWish(number)])
    kept = desk.kept.get(number)
    if kept is None:
        raise StaffUnknown(f"there is nobody with the number {number}")
    if desk.authority is not None:
        desk.authority.check(kept.person, kept.person)
    if kept.person.status is StaffStatus.LEFT or kept.person.username is None:
        raise LoginImpossible("only who works here and has a user name can log in")
    password = new_password()
    set_login(tx, str(kept.id), kept.person.username, password)
    record_change(tx, actor, Subject.STAFF, kept.id, "password issued", {})
    return password


def new_password() -> str:
    """A password that nobody guesses and everybody can type: four groups of four letters and digits."""
    groups = (
        "".join(secrets.choice(PASSWORD_SIGNS) for _ in range(PASSWORD_GROUP_LENGTH)) for _ in range(PASSWORD_GROUPS)
    )
    return "-".join(groups)
