"""What a member of staff may become."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from organisation.dated import BEGINNING
from organisation.facts import StaffStatus
from organisation.staff.roles import Assignment, Role, Scope
from organisation.staff.rules import (
    Person,
    ScopeWrong,
    StaffCounterUnknown,
    StaffIncomplete,
    StaffLeft,
    StaffPlan,
    StaffWish,
    plan_staff,
)

TODAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
LATER = date(2026, 2, 1)
MANAGER = Assignment(Role.STORE_MANAGER, Scope.STORE)


def plan(before: Person | None, **wishes: Any) -> StaffPlan:
    return plan_staff(before, StaffWish("E7", **wishes), TODAY, NOW)


def a_manager() -> Person:
    return plan(None, name="Li", home_store="S01", role=Role.STORE_MANAGER, counters=("C1",)).person


def test_a_new_member_of_staff_needs_a_name() -> None:
    with pytest.raises(StaffIncomplete):
        plan(None, home_store="S01")


def test_a_role_comes_with_its_usual_scope() -> None:
    assert a_manager().role_on(TODAY) == MANAGER
    auditor = plan(None, name="Wu", role=Role.AUDITOR).person
    assert auditor.role_on(TODAY) == Assignment(Role.AUDITOR, Scope.COMPANY)


def test_naming_a_region_makes_the_scope_a_region() -> None:
    wide = plan(a_manager(), region="EAST").person
    assert wide.role_on(TODAY) == Assignment(Role.STORE_MANAGER, Scope.REGION, "EAST")


def test_the_scope_region_needs_a_region_and_no_other_scope_has_one() -> None:
    with pytest.raises(ScopeWrong):
        plan(a_manager(), scope=Scope.REGION)
    with pytest.raises(ScopeWrong):
        plan(a_manager(), scope=Scope.STORE, region="EAST")


def test_a_role_in_the_home_store_needs_a_home_store() -> None:
    with pytest.raises(ScopeWrong):
        plan(None, name="Li", role=Role.STORE_MANAGER)
    with pytest.raises(ScopeWrong):
        plan(a_manager(), home_store=None)


def test_a_move_has_a_date_and_takes_the_role_along() -> None:
    moved = plan(a_manager(), home_store="S02", effective_from=LATER).person
    assert (moved.home_on(TODAY), moved.home_on(LATER)) == ("S01", "S02")
    assert moved.role_on(LATER) == MANAGER


def test_a_move_leaves_the_counters_behind_on_its_day() -> None:
    assert plan(a_manager(), home_store="S02").person.counters == frozenset()
    assert plan(a_manager(), home_store="S02", counters=("C9",)).person.counters_on(TODAY) == ("C9",)
    assert plan(a_manager(), home_store="S01").person.counters_on(TODAY) == ("C1",)
    ahead = plan(a_manager(), home_store="S02", effective_from=LATER).person
    assert (ahead.counters_on(TODAY), ahead.counters_on(LATER)) == (("C1",), ())
    told = plan(ahead, counters=("C9",), effective_from=LATER).person
    assert (told.counters_on(TODAY), told.counters_on(LATER)) == (("C1",), ("C9",))


def test_counters_are_served_in_a_home_store() -> None:
    with pytest.raises(StaffCounterUnknown):
        plan(None, name="Li", counters=("C1",))


def test_a_role_may_change_on_a_day_ahead() -> None:
    after = plan(a_manager(), role=Role.SERVICE_DESK, effective_from=LATER)
    assert after.changes["role"] == ("store_manager@store", "service_desk@store")
    assert (after.person.role_on(TODAY), after.person.role_on(LATER)) == (
        MANAGER,
        Assignment(Role.SERVICE_DESK, Scope.STORE),
    )


def test_the_same_content_again_changes_nothing() -> None:
    again = plan(a_manager(), name="Li", home_store="S01", role=Role.STORE_MANAGER, scope=Scope.STORE, counters=("C1",))
    assert again.changes == {}


def test_who_leaves_has_no_role_from_now_on_and_nothing_ahead() -> None:
    moving = plan(a_manager(), home_store="S02", effective_from=LATER).person
    gone = plan(moving, status=StaffStatus.LEFT)
    assert gone.leaves
    assert (gone.person.left_at, gone.person.role_on(TODAY), gone.person.counters) == (NOW, None, frozenset())
    assert gone.person.homes == {BEGINNING: "S01"}


def test_who_has_left_gets_no_role() -> None:
    gone = plan(a_manager(), status=StaffStatus.LEFT).person
    with pytest.raises(StaffLeft):
        plan(gone, role=Role.STORE_MANAGER)


def test_who_comes_back_starts_without_a_role() -> None:
    gone = plan(a_manager(), status=StaffStatus.LEFT).person
    back = plan(gone, status=StaffStatus.ACTIVE).person
    assert (back.left_at, back.role_on(TODAY), back.home_on(TODAY)) == (None, None, "S01")


def test_the_trail_names_a_changed_name_without_repeating_it() -> None:
    assert plan(a_manager(), name="Li Na", username="li").changes == {"name": (), "username": ()}
