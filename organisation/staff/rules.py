"""What a member of staff may become: pure decisions over who they are and what is wished for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from foundation.errors import Conflict, FieldError, Forbidden, Invalid
from foundation.wishes import LEFT_OUT, LeftOut, or_else
from organisation.dated import Step, step_to, value_on
from organisation.facts import StaffStatus
from organisation.staff.roles import USUAL_SCOPE, Assignment, Role, Roles, Scope


class StaffIncomplete(Invalid):
    """A new member of staff needs a name."""

    code = "staff_incomplete"


class HomeStoreUnknown(Invalid):
    """Staff work in a store that exists."""

    code = "store_unknown"


class StaffCounterUnknown(Invalid):
    """Staff serve counters of their home store."""

    code = "counter_unknown"


class RegionUnknown(Invalid):
    """A role counts in a region that exists."""

    code = "region_unknown"


class ScopeWrong(Invalid):
    """The scope does not fit: a region's needs the region, a store's a home store."""

    code = "scope_wrong"


class NameTaken(Conflict):
    """Somebody else has this user name."""

    code = "username_taken"


class StaffLeft(Conflict):
    """Who has left has no role and no log-in."""

    code = "staff_left"


class RoleNotYours(Forbidden):
    """Nobody gives a role or a scope beyond their own, nor changes those who have one."""

    code = "role_not_yours"


class LastAdministrator(Conflict):
    """Somebody must be able to administer the company, at every time."""

    code = "last_administrator"


@dataclass(frozen=True, slots=True)
class StaffWish:
    """What somebody wants of the member of staff with this number.

    What is left out stays. Home store and role hold from `effective_from`, by default from today (in the company's
    time zone), the first ones since ever. A role without a scope gets its usual one; role None ends it. Status `left`
    acts at once.
    """

    number: str
    name: str | LeftOut = LEFT_OUT
    username: str | LeftOut | None = LEFT_OUT
    home_store: str | LeftOut | None = LEFT_OUT
    counters: tuple[str, ...] | LeftOut = LEFT_OUT
    status: StaffStatus | LeftOut = LEFT_OUT
    role: Role | LeftOut | None = LEFT_OUT
    scope: Scope | LeftOut = LEFT_OUT
    region: str | LeftOut | None = LEFT_OUT
    joined_on: date | LeftOut | None = LEFT_OUT
    effective_from: date | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as they stand; home stores (codes) and roles with all their history.

    `counters` are (store, counter) codes: those of the day's home store count, others lie ahead of a move.
    """

    number: str
    name: str
    username: str | None = None
    status: StaffStatus = StaffStatus.ACTIVE
    joined_on: date | None = None
    left_at: datetime | None = None
    homes: Mapping[date, str | None] = field(default_factory=lambda: MappingProxyType({}))
    roles: Roles = field(default_factory=lambda: MappingProxyType({}))
    counters: frozenset[tuple[str, str]] = frozenset()

    def counters_on(self, day: date) -> tuple[str, ...]:
        """The codes of the counters served on a day."""
        home = self.home_on(day)
        return tuple(sorted(code for store, code in self.counters if store == home))

    def home_on(self, day: date) -> str | None:
        return value_on(self.homes, day)

    def role_on(self, day: date) -> Assignment | None:
        return None if self.status is StaffStatus.LEFT else value_on(self.roles, day)


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """What becomes of a person: the new state, the changed fields, and the dated steps to write.

    `leaves`: from now on gone; steps after today are dropped, sessions and devices end.
    """

    person: Person
    changes: Mapping[str, tuple[Any, Any] | tuple[()]]
    home: Step[str | None] | None
    role: Step[Assignment | None] | None
    leaves: bool = False


def plan_staff(before: Person | None, wish: StaffWish, today: date, now: datetime) -> StaffPlan:
    """Decide what becomes of a person. Raises StaffIncomplete, ScopeWrong, StaffLeft."""
    base = before or _new(wish)
    status = or_else(wish.status, base.status)
    leaves = status is StaffStatus.LEFT and base.status is StaffStatus.ACTIVE
    after = replace(
        base,
        name=or_else(wish.name, base.name),
        username=or_else(wish.username, base.username),
        joined_on=or_else(wish.joined_on, base.joined_on),
        status=status,
        left_at=None if status is StaffStatus.ACTIVE else base.left_at or now,
    )
    if status is StaffStatus.LEFT:
        return _gone(before, after, wish, today, leaves=leaves)
    home = None if wish.home_store is LEFT_OUT else step_to(base.homes, wish.home_store, wish.effective_from, today)
    if home is not None:
        after = replace(after, homes={**after.homes, home.valid_from: home.value})
    after = replace(after, counters=_counters(after, wish, today))
    role = _step_of_role(after, wish, today)
    if role is not None:
        after = replace(after, roles={**after.roles, role.valid_from: role.value})
    _check_store_scope(after, home, role, today)
    return StaffPlan(after, _changes(before, after, home, role), home, role)


def _new(wish: StaffWish) -> Person:
    if wish.name is LEFT_OUT:
        raise StaffIncomplete("a new member of staff needs a name", errors=[FieldError("/name", "a name is needed")])
    return Person(number=wish.number, name=wish.name)


def _gone(before: Person | None, after: Person, wish: StaffWish, today: date, *, leaves: bool) -> StaffPlan:
    if wish.role is not LEFT_OUT and wish.role is not None:
        raise StaffLeft("who has left has no role", errors=[FieldError("/role", "who has left has no role")])
    homes = {day: store for day, store in after.homes.items() if day <= today}
    roles = {day: role for day, role in after.roles.items() if day < today}
    if roles or value_on(after.roles, today) is not None:
        roles[today] = None
    after = replace(after, homes=homes, roles=roles, counters=frozenset())
    return StaffPlan(after, _changes(before, after, None, None), None, None, leaves=leaves)


def _counters(person: Person, wish: StaffWish, today: date) -> frozenset[tuple[str, str]]:
    """What is wished for replaces the counters of the home store of that day; stores that were left are left behind."""
    counters = person.counters
    if wish.counters is not LEFT_OUT:
        home = person.home_on(wish.effective_from or today)
        if home is None and wish.counters:
            raise StaffCounterUnknown(
                "counters are served in a home store", errors=[FieldError("/home_store", "counters need a home store")]
            )
        counters = frozenset(each for each in counters if each[0] != home)
        counters |= {(home, code) for code in wish.counters if home is not None}
    still = {person.home_on(today)} | {home for day, home in person.homes.items() if day > today}
    return frozenset(each for each in counters if each[0] in still)


def _step_of_role(person: Person, wish: StaffWish, today: date) -> Step[Assignment | None] | None:
    if wish.role is LEFT_OUT and wish.scope is LEFT_OUT and wish.region is LEFT_OUT:
        return None
    current = value_on(person.roles, wish.effective_from or today)
    wished = _assignment(current, wish)
    if wished is None and not person.roles:
        return None
    return step_to(person.roles, wished, wish.effective_from, today)


def _assignment(current: Assignment | None, wish: StaffWish) -> Assignment | None:
    role = or_else(wish.role, current.role if current else None)
    if role is None:
        return None
    region = or_else(wish.region, None)
    if wish.scope is not LEFT_OUT:
        scope = wish.scope
    elif region is not None:
        scope = Scope.REGION
    else:
        scope = current.scope if current and current.role is role else USUAL_SCOPE[role]
    if scope is Scope.REGION and wish.region is LEFT_OUT and current is not None:
        region = current.region
    if (scope is Scope.REGION) != (region is not None):
        raise ScopeWrong(
            "a region belongs to the scope region, and to no other",
            errors=[FieldError("/region", "belongs to the scope “one region”, and only to it")],
        )
    return Assignment(role, scope, region)


def _check_store_scope(
    person: Person, home: Step[str | None] | None, role: Step[Assignment | None] | None, today: date
) -> None:
    if home is None and role is None:
        return
    day = role.valid_from if role is not None and role.valid_from > today else today
    held = role.value if role is not None else person.role_on(day)
    if held is not None and held.scope is Scope.STORE and person.home_on(day) is None:
        raise ScopeWrong(
            "a role in the home store needs a home store",
            errors=[FieldError("/home_store", "this role needs a home store")],
        )


def _changes(
    before: Person | None,
    after: Person,
    home: Step[str | None] | None,
    role: Step[Assignment | None] | None,
) -> dict[str, tuple[Any, Any] | tuple[()]]:
    """What changed; a name and a log-in are only named, for the trail repeats nothing personal."""
    changes: dict[str, tuple[Any, Any] | tuple[()]] = {}
    for name in ("name", "username"):
        if getattr(before, name, None) != getattr(after, name):
            changes[name] = ()
    for name in ("status", "joined_on"):
        pair = (getattr(before, name, None), getattr(after, name))
        if pair[0] != pair[1]:
            changes[name] = pair
    old = before.counters if before is not None else frozenset()
    if old != after.counters:
        changes["counters"] = (_counter_words(old), _counter_words(after.counters))
    if home is not None:
        changes["home_store"] = (before.home_on(home.valid_from) if before else None, home.value)
    if role is not None:
        earlier = value_on(before.roles, role.valid_from) if before else None
        changes["role"] = (words_of(earlier), words_of(role.value))
    dated = [step.valid_from for step in (home, role) if step is not None]
    if dated and before is not None:
        changes["effective_from"] = (None, max(dated))
    return changes


def _counter_words(counters: frozenset[tuple[str, str]]) -> list[str]:
    return [f"{store} {code}" for store, code in sorted(counters)]


def words_of(assignment: Assignment | None) -> str | None:
    """An assignment in one word for the trail: `store_manager@store`, `head_office@region:EAST`."""
    if assignment is None:
        return None
    where = f"{assignment.scope}:{assignment.region}" if assignment.region else assignment.scope.value
    return f"{assignment.role}@{where}"
