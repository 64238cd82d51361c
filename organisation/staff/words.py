"""Roles and scopes in words, for the pages."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import gettext, lazy
from organisation.staff.roles import Assignment, Role, Scope

ROLE_WORDS: Mapping[Role, Any] = {
    Role.ADMINISTRATOR: lazy("Administrator"),
    Role.HEAD_OFFICE: lazy("Head office"),
    Role.STORE_MANAGER: lazy("Store manager"),
    Role.SERVICE_DESK: lazy("Service desk"),
    Role.COUNTER_STAFF: lazy("Counter staff"),
    Role.MARKETER: lazy("Marketer"),
    Role.AUDITOR: lazy("Auditor"),
}
ROLE_HINTS: Mapping[Role, Any] = {
    Role.ADMINISTRATOR: lazy("everything"),
    Role.HEAD_OFFICE: lazy("stores, rules, members and approvals"),
    Role.STORE_MANAGER: lazy("runs a store: staff, devices, approvals"),
    Role.SERVICE_DESK: lazy("members' accounts, late points, repairs"),
    Role.COUNTER_STAFF: lazy("looks members up, issues sales"),
    Role.MARKETER: lazy("rules and promotions; sees members and sales"),
    Role.AUDITOR: lazy("reads everything, changes nothing"),
}
SCOPE_WORDS: Mapping[Scope, Any] = {
    Scope.COMPANY: lazy("Whole company"),
    Scope.REGION: lazy("One region"),
    Scope.STORE: lazy("Home store"),
}


def where_words(held: Assignment | None) -> str:
    """Where a role counts."""
    if held is None:
        return "–"
    return str(gettext("Region %(region)s", region=held.region) if held.region else SCOPE_WORDS[held.scope])


def role_words(held: Assignment | None) -> str:
    """A role and where it counts."""
    return str(gettext("No role")) if held is None else f"{ROLE_WORDS[held.role]} · {where_words(held)}"
