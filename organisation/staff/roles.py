"""Roles, what each may do, and where: pure decisions.

A role is a fixed set of permissions; its scope says where they count. Permissions are named here as other packages
declare them; the administrator holds whatever is declared.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from organisation.dated import value_on


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    HEAD_OFFICE = "head_office"
    STORE_MANAGER = "store_manager"
    SERVICE_DESK = "service_desk"
    COUNTER_STAFF = "counter_staff"
    MARKETER = "marketer"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """Where a role counts: everywhere, in the stores of a region, or in the home store of the day."""

    COMPANY = "company"
    REGION = "region"
    STORE = "store"


_READ_ALL = frozenset(
    {
        "sales.read",
        "members.read",
        "accounts.read",
        "organisation.read",
        "rules.read",
        "ledger.verify",
        "events.read",
        "reports.read",
        "scores.read",
        "lists.read",
        "campaigns.read",
        "messages.read",
        "tasks.read",
        "coupons.read",
        "tickets.read",
        "payments.read",
        "floor.read",
        "day.read",
    }
)
_COUNTER = frozenset(
    {
        "sales.post",
        "sales.read",
        "members.read",
        "members.write",
        "accounts.read",
        "coupons.read",
        "tasks.read",
        "tasks.work",
        "tickets.read",
        "tickets.write",
        "settlements.write",
        "returns.issue",
    }
)
_DESK = _COUNTER | {
    "members.personal",
    "accounts.grant",
    "accounts.redeem",
    "accounts.adjust",
    "holds.write",
    "organisation.read",
    "rules.read",
    "receipts.repair",
    "desk.use",
    "messages.read",
    "payments.read",
    "payments.resolve",
    "topups.write",
    "returns.refund",
    "parcels.write",
    "shifts.work",
}
_MANAGER = _DESK | {
    "accounts.approve",
    "receipts.approve",
    "staff.write",
    "clients.write",
    "floor.read",
    "reports.read",
    "scores.read",
    "tasks.manage",
    "returns.approve",
    "discounts.approve",
    "payments.approve",
    "day.read",
    "day.close",
}
_MARKETER = frozenset(
    {
        "sales.read",
        "members.read",
        "accounts.read",
        "organisation.read",
        "rules.read",
        "rules.write",
        "catalogue.write",
        "reports.read",
        "scores.read",
        "scores.run",
        "lists.read",
        "lists.write",
        "campaigns.read",
        "campaigns.write",
        "campaigns.approve",
        "messages.read",
        "messages.write",
        "tasks.read",
        "tasks.manage",
        "coupons.read",
        "coupons.write",
    }
)

PERMISSIONS: Mapping[Role, frozenset[str]] = {
    Role.HEAD_OFFICE: _MANAGER | _MARKETER | _READ_ALL | {"organisation.write"},
    Role.STORE_MANAGER: _MANAGER,
    Role.SERVICE_DESK: _DESK,
    Role.COUNTER_STAFF: _COUNTER,
    Role.MARKETER: _MARKETER,
    Role.AUDITOR: _READ_ALL,
}
USUAL_SCOPE: Mapping[Role, Scope] = {
    Role.ADMINISTRATOR: Scope.COMPANY,
    Role.HEAD_OFFICE: Scope.COMPANY,
    Role.STORE_MANAGER: Scope.STORE,
    Role.SERVICE_DESK: Scope.STORE,
    Role.COUNTER_STAFF: Scope.STORE,
    Role.MARKETER: Scope.COMPANY,
    Role.AUDITOR: Scope.COMPANY,
}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role and where it counts; `region` is the code of a region if the scope is one."""

    role: Role
    scope: Scope
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may do, and in which stores (codes); `stores` None: in all, also in those to come."""

    permissions: frozenset[str]
    stores: frozenset[str] | None

    def covers(self, other: "Reach") -> bool:
        """Whether nothing of the other lies beyond this. Who may do nothing is covered by everybody."""
        if not other.permissions:
            return True
        if not other.permissions <= self.permissions:
            return False
        return self.stores is None or (other.stores is not None and other.stores <= self.stores)


NOTHING = Reach(frozenset(), frozenset())


def permissions_of(role: Role, declared: Collection[str]) -> frozenset[str]:
    """What a role may do; `declared` are all permissions there are."""
    return frozenset(declared) if role is Role.ADMINISTRATOR else PERMISSIONS[role] & frozenset(declared)


def reach_of(
    assignment: Assignment | None,
    home_store: str | None,
    stores_of_region: Collection[str],
    declared: Collection[str],
) -> Reach:
    """What an assignment lets a person do, and where. `stores_of_region` are the stores of its region."""
    if assignment is None:
        return NOTHING
    permissions = permissions_of(assignment.role, declared)
    if assignment.scope is Scope.COMPANY:
        return Reach(permissions, None)
    if assignment.scope is Scope.REGION:
        return Reach(permissions, frozenset(stores_of_region))
    return Reach(permissions, frozenset({home_store} if home_store is not None else ()))


Roles = Mapping[date, Assignment | None]


def is_administrator(assignment: Assignment | None) -> bool:
    return assignment == Assignment(Role.ADMINISTRATOR, Scope.COMPANY)


def has_administrator(people: Collection[Roles], today: date) -> bool:
    """Whether today, and on every later day that is known, somebody among `people` is administrator of the company."""
    days = {today} | {day for roles in people for day in roles if day > today}
    return all(any(is_administrator(value_on(roles, day)) for roles in people) for day in days)
