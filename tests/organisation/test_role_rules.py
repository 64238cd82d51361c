"""What a role may do, and where; and who may give it."""

from datetime import date, timedelta

import pytest

from organisation.staff.roles import (
    NOTHING,
    PERMISSIONS,
    Assignment,
    Reach,
    Role,
    Scope,
    has_administrator,
    permissions_of,
    reach_of,
)

DECLARED = frozenset().union(*PERMISSIONS.values(), {"metrics.later"})
ADMINISTRATOR = Assignment(Role.ADMINISTRATOR, Scope.COMPANY)
TODAY = date(2026, 1, 5)
TOMORROW = TODAY + timedelta(days=1)


def reach(role: Role, scope: Scope, home: str | None = "S01") -> Reach:
    region = "EAST" if scope is Scope.REGION else None
    return reach_of(Assignment(role, scope, region), home, {"S01", "S02"}, DECLARED)


def test_the_administrator_holds_whatever_is_declared() -> None:
    assert permissions_of(Role.ADMINISTRATOR, DECLARED) == DECLARED


def test_the_auditor_reads_everything_and_changes_nothing() -> None:
    assert all(name.endswith((".read", ".verify")) for name in PERMISSIONS[Role.AUDITOR])


def test_the_scope_says_where_a_role_counts() -> None:
    assert reach(Role.STORE_MANAGER, Scope.COMPANY).stores is None
    assert reach(Role.STORE_MANAGER, Scope.REGION).stores == frozenset({"S01", "S02"})
    assert reach(Role.STORE_MANAGER, Scope.STORE).stores == frozenset({"S01"})
    assert reach(Role.STORE_MANAGER, Scope.STORE, home=None).stores == frozenset()


def test_without_a_role_nothing_is_allowed_anywhere() -> None:
    assert reach_of(None, "S01", (), DECLARED) == NOTHING


@pytest.mark.parametrize(
    ("giver", "given", "allowed"),
    [
        ((Role.STORE_MANAGER, Scope.STORE), (Role.COUNTER_STAFF, Scope.STORE), True),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.SERVICE_DESK, Scope.STORE), True),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.STORE_MANAGER, Scope.STORE), True),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.STORE_MANAGER, Scope.REGION), False),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.COUNTER_STAFF, Scope.COMPANY), False),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.AUDITOR, Scope.STORE), False),
        ((Role.STORE_MANAGER, Scope.STORE), (Role.MARKETER, Scope.STORE), False),
        ((Role.STORE_MANAGER, Scope.REGION), (Role.STORE_MANAGER, Scope.STORE), True),
        ((Role.HEAD_OFFICE, Scope.COMPANY), (Role.STORE_MANAGER, Scope.COMPANY), True),
        ((Role.HEAD_OFFICE, Scope.COMPANY), (Role.AUDITOR, Scope.COMPANY), True),
        ((Role.HEAD_OFFICE, Scope.COMPANY), (Role.ADMINISTRATOR, Scope.COMPANY), False),
        ((Role.HEAD_OFFICE, Scope.REGION), (Role.HEAD_OFFICE, Scope.COMPANY), False),
        ((Role.ADMINISTRATOR, Scope.COMPANY), (Role.ADMINISTRATOR, Scope.COMPANY), True),
    ],
)
def test_nobody_gives_a_role_or_a_scope_wider_than_their_own(
    giver: tuple[Role, Scope], given: tuple[Role, Scope], allowed: bool
) -> None:
    assert reach(*giver).covers(reach(*given)) is allowed


def test_whose_store_is_not_ours_is_beyond_our_reach() -> None:
    assert not reach(Role.STORE_MANAGER, Scope.STORE, home="S01").covers(reach(Role.COUNTER_STAFF, Scope.STORE, "S02"))


def test_an_administrator_of_a_region_is_not_one_of_the_company() -> None:
    assert not has_administrator([{TODAY: Assignment(Role.ADMINISTRATOR, Scope.REGION, "EAST")}], TODAY)


def test_there_must_be_an_administrator_on_every_day_that_is_known() -> None:
    leaves_tomorrow = {TODAY: ADMINISTRATOR, TOMORROW: None}
    comes_tomorrow = {TOMORROW: ADMINISTRATOR}
    comes_later = {TOMORROW + timedelta(days=1): ADMINISTRATOR}
    assert has_administrator([leaves_tomorrow, comes_tomorrow], TODAY)
    assert not has_administrator([leaves_tomorrow, comes_later], TODAY)
    assert not has_administrator([], TODAY)
