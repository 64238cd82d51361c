"""Staff on the real database: who may change whom, what ends when somebody leaves, who is who."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from foundation.access import PlaceForbidden, Principal, declared_permissions
from foundation.access.clients import find_client
from foundation.access.people import LoginRefused, UsernameInvalid, log_in, with_login
from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.http.puts import Done
from organisation.changes.operations import Subject, changes_of
from organisation.contract import hire_administrator, staff_by_number
from organisation.facts import StaffStatus
from organisation.staff.listing import StaffUnknown, find_staff, list_staff, people_today
from organisation.staff.operations import LoginImpossible, issue_password, put_staff
from organisation.staff.people import resolve_person
from organisation.staff.roles import Assignment, Role, Scope
from organisation.staff.rules import (
    HomeStoreUnknown,
    LastAdministrator,
    NameTaken,
    RegionUnknown,
    RoleNotYours,
    StaffCounterUnknown,
    StaffWish,
)
from organisation.staff.storage import load_people
from tests.organisation.factories import (
    PASSWORD,
    a_counter,
    a_device,
    a_person,
    a_person_with_login,
    a_store,
    principal_of,
    somebody,
)

MANAGER = {"role": Role.STORE_MANAGER}
READER = somebody("organisation.read")


def put(tx: Tx, actor: Principal | None, number: str, **wishes: Any) -> Any:
    """The outcome of one wish."""
    return put_staff(tx, actor, [StaffWish(number, **wishes)])[0]


@pytest.fixture
def house(app: Any, tx: Tx) -> Tx:
    """Two stores of a region and one elsewhere, in an application that knows all permissions."""
    a_store(tx, "S01", region="EAST")
    a_store(tx, "S02", region="EAST")
    a_store(tx, "S03", region="WEST")
    return tx


def a_manager(tx: Tx, number: str = "M1", store: str = "S01", **wishes: Any) -> Principal:
    return principal_of(tx, a_person(tx, number, **{"home_store": store, **MANAGER} | wishes))


# ---------------------------------------------------------------------------------------------- who is who


def test_a_person_is_to_the_rules_what_their_role_says_in_their_home_store(house: Tx) -> None:
    manager = a_manager(house)
    assert manager.places == frozenset({"store/S01"})
    assert manager.may("staff.write", "store/S01")
    assert not manager.may("staff.write", "store/S02")
    assert not manager.may("organisation.write")


def test_a_role_in_a_region_counts_in_its_stores_as_they_are_today(house: Tx) -> None:
    person = a_person(house, "M1", role=Role.STORE_MANAGER, region="EAST")
    assert principal_of(house, person).places == frozenset({"store/S01", "store/S02"})
    a_store(house, "S03", region="EAST")
    assert principal_of(house, person).places == frozenset({"store/S01", "store/S02", "store/S03"})


def test_the_administrator_may_everything_everywhere(house: Tx) -> None:
    person_id = hire_administrator(house, "root", PASSWORD)
    administrator = resolve_person(house, person_id)
    assert administrator is not None
    assert administrator.permissions == frozenset(declared_permissions())
    assert administrator.places is None


@pytest.mark.parametrize("person_id", ["", "0", "99999", "abc", "²", "9" * 40])
def test_nobody_is_nobody(house: Tx, person_id: str) -> None:
    assert resolve_person(house, person_id) is None


def test_a_move_and_a_new_role_count_from_their_day(database: Database, clock: FixedClock, app: Any) -> None:
    with database.transaction() as tx:
        a_store(tx, "S01")
        a_store(tx, "S02")
        person = a_person(tx, "M1", home_store="S01", **MANAGER)
        tomorrow = people_today(tx) + timedelta(days=1)
        assert isinstance(put(tx, None, "M1", home_store="S02", effective_from=tomorrow), Done)
        assert isinstance(put(tx, None, "M1", role=Role.SERVICE_DESK, effective_from=tomorrow), Done)
        assert principal_of(tx, person).places == frozenset({"store/S01"})
    clock.advance(timedelta(days=1))
    with database.transaction() as tx:
        moved = principal_of(tx, person)
        assert moved.places == frozenset({"store/S02"})
        assert not moved.may("staff.write")


# ---------------------------------------------------------------------------------------------- who may


def test_a_manager_hires_for_the_own_store_and_no_other(house: Tx) -> None:
    manager = a_manager(house)
    assert isinstance(put(house, manager, "E1", name="A", home_store="S01", role=Role.COUNTER_STAFF), Done)
    assert isinstance(put(house, manager, "E2", name="B", home_store="S02"), PlaceForbidden)
    assert isinstance(put(house, manager, "E3", name="C"), PlaceForbidden)
    assert set(load_people(house, ["E1", "E2", "E3"])) == {"E1"}


def test_a_manager_gives_no_role_beyond_the_own(house: Tx) -> None:
    manager = a_manager(house)
    for wishes in (
        {"role": Role.ADMINISTRATOR},
        {"role": Role.HEAD_OFFICE},
        {"role": Role.AUDITOR},
        {"role": Role.STORE_MANAGER, "scope": Scope.COMPANY},
        {"role": Role.STORE_MANAGER, "region": "EAST"},
        {"role": Role.ADMINISTRATOR, "scope": Scope.STORE},
    ):
        assert isinstance(put(house, manager, "E1", name="A", home_store="S01", **wishes), RoleNotYours)
    assert load_people(house, ["E1"]) == {}


def test_a_manager_gives_no_greater_role_on_a_later_day_either(house: Tx) -> None:
    manager = a_manager(house)
    a_person(house, "E1", home_store="S01", role=Role.COUNTER_STAFF)
    later = people_today(house) + timedelta(days=30)
    assert isinstance(put(house, manager, "E1", role=Role.ADMINISTRATOR, effective_from=later), RoleNotYours)


def test_a_manager_does_not_touch_who_reaches_further(house: Tx) -> None:
    manager = a_manager(house)
    a_person(house, "H1", home_store="S01", role=Role.HEAD_OFFICE)
    for wishes in ({"status": StaffStatus.LEFT}, {"role": None}, {"name": "X"}, {"username": "x"}):
        assert isinstance(put(house, manager, "H1", **wishes), RoleNotYours)
    assert load_people(house, ["H1"])["H1"].person.name == "Person H1"


def test_a_manager_neither_takes_from_nor_gives_to_another_store(house: Tx) -> None:
    manager = a_manager(house)
    a_person(house, "E1", home_store="S01")
    a_person(house, "E2", home_store="S02")
    assert isinstance(put(house, manager, "E1", home_store="S02"), PlaceForbidden)
    assert isinstance(put(house, manager, "E2", home_store="S01"), PlaceForbidden)
    assert isinstance(put(house, manager, "E2", status=StaffStatus.LEFT), PlaceForbidden)


def test_a_manager_of_a_region_moves_staff_within_it(house: Tx) -> None:
    manager = principal_of(house, a_person(house, "M1", role=Role.STORE_MANAGER, region="EAST"))
    a_person(house, "E1", home_store="S01", role=Role.COUNTER_STAFF)
    assert isinstance(put(house, manager, "E1", home_store="S02"), Done)
    assert isinstance(put(house, manager, "E1", home_store="S03"), PlaceForbidden)


def test_what_does_not_exist_is_refused_to_who_may_know(house: Tx) -> None:
    assert isinstance(put(house, None, "E1", name="A", home_store="S99"), HomeStoreUnknown)
    assert isinstance(put(house, None, "E1", name="A", role=Role.AUDITOR, region="MARS"), RegionUnknown)
    a_counter(house, "S02", "C9")
    assert isinstance(put(house, None, "E1", name="A", home_store="S01", counters=("C9",)), StaffCounterUnknown)
    assert isinstance(put(house, a_manager(house), "E1", name="A", home_store="S99"), PlaceForbidden)


# ---------------------------------------------------------------------------------------------- the last administrator


def test_the_last_administrator_stays(house: Tx) -> None:
    hire_administrator(house, "root", PASSWORD)
    a_person(house, "A2", role=Role.ADMINISTRATOR)  # without a log-in: cannot administer anything
    later = people_today(house) + timedelta(days=9)
    for wishes in (
        {"status": StaffStatus.LEFT},
        {"role": None},
        {"role": Role.HEAD_OFFICE},
        {"role": None, "effective_from": later},
        {"role": Role.ADMINISTRATOR, "region": "EAST"},
        {"username": None},
    ):
        assert isinstance(put(house, None, "ROOT", **wishes), LastAdministrator)
    assert load_people(house, ["ROOT"])["ROOT"].person.role_on(people_today(house)) == Assignment(
        Role.ADMINISTRATOR, Scope.COMPANY
    )


def test_with_a_second_one_an_administrator_may_leave(house: Tx) -> None:
    hire_administrator(house, "root", PASSWORD)
    hire_administrator(house, "second", PASSWORD)
    assert isinstance(put(house, None, "ROOT", status=StaffStatus.LEFT), Done)
    assert isinstance(put(house, None, "SECOND", status=StaffStatus.LEFT), LastAdministrator)


def test_one_batch_cannot_dismiss_all_administrators(house: Tx) -> None:
    hire_administrator(house, "root", PASSWORD)
    hire_administrator(house, "second", PASSWORD)
    gone = [StaffWish(number, status=StaffStatus.LEFT) for number in ("ROOT", "SECOND")]
    outcomes = put_staff(house, None, gone)
    assert isinstance(outcomes[0], Done)
    assert isinstance(outcomes[1], LastAdministrator)


def test_two_administrators_who_dismiss_each_other_at_the_same_time_do_not_both_go(
    app: Any, database: Database
) -> None:
    with database.transaction() as tx:
        hire_administrator(tx, "root", PASSWORD)
        hire_administrator(tx, "second", PASSWORD)
    start, outcomes = threading.Barrier(2), []

    def dismiss(number: str) -> None:
        with database.transaction() as tx:
            start.wait(5)
            outcomes.append(put(tx, None, number, status=StaffStatus.LEFT))

    threads = [threading.Thread(target=dismiss, args=(number,)) for number in ("ROOT", "SECOND")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "LastAdministrator"]


# ---------------------------------------------------------------------------------------------- leaving


def test_who_leaves_is_out_at_once(app: Any, database: Database) -> None:
    with database.transaction() as tx:
        a_store(tx)
        person = a_person_with_login(tx, "E1", home_store="S01", role=Role.SERVICE_DESK)
        handheld = a_device(tx, terminal=None, counter=None, staff="E1")
        till = a_device(tx)
    log_in(database, "e1", PASSWORD)
    with database.transaction() as tx:
        assert isinstance(put(tx, None, "E1", status=StaffStatus.LEFT), Done)
    with pytest.raises(LoginRefused):
        log_in(database, "e1", PASSWORD)
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM foundation.session").scalar_one() == 0
        assert resolve_person(tx, str(person.id)) is None
        assert find_client(tx, handheld).revoked_at == tx.now
        assert find_client(tx, till).revoked_at is None
        assert staff_by_number(tx, ["E1"])["E1"].status is StaffStatus.LEFT
        topics = {row.topic for row in tx.execute("SELECT topic FROM foundation.outbox")}
        assert {"staff.left", "device.revoked"} <= topics
        assert [change.action for change in changes_of(tx, Subject.STAFF, person.id)] == ["left", "created"]


def test_no_event_carries_a_name(app: Any, database: Database) -> None:
    with database.transaction() as tx:
        a_store(tx)
        a_person(tx, "E1", name="Zhang Wei", username="zhangwei", home_store="S01")
    with database.transaction() as tx:
        everything = str(tx.execute("SELECT topic, facts FROM foundation.outbox").all())
        everything += str(tx.execute("SELECT fields FROM organisation.change").all())
    assert "zhang" not in everything.lower()


# ---------------------------------------------------------------------------------------------- log-ins


def test_a_password_is_issued_once_and_opens_the_door(app: Any, database: Database) -> None:
    with database.transaction() as tx:
        a_person(tx, "E1", username="Wei")
        first = issue_password(tx, None, "E1")
    log_in(database, "WEI", first)
    with database.transaction() as tx:
        second = issue_password(tx, None, "E1")
    log_in(database, "wei", second)
    with pytest.raises(LoginRefused):
        log_in(database, "wei", first)


def test_a_password_is_issued_by_who_may_and_to_who_can_log_in(house: Tx) -> None:
    manager = a_manager(house)
    a_person(house, "E1", home_store="S01", username="e1")
    a_person(house, "E2", home_store="S02", username="e2")
    a_person(house, "E3", home_store="S01")
    a_person(house, "H1", home_store="S01", username="h1", role=Role.HEAD_OFFICE)
    assert issue_password(house, manager, "E1")
    for number, refusal in (("E2", PlaceForbidden), ("E3", LoginImpossible), ("H1", RoleNotYours), ("X", StaffUnknown)):
        with pytest.raises(refusal):
            issue_password(house, manager, number)


def test_a_user_name_belongs_to_one_person_whatever_its_case_and_width(house: Tx) -> None:
    a_person(house, "E1", username="Wei")
    assert isinstance(put(house, None, "E2", name="B", username="ＷＥＩ"), NameTaken)
    assert isinstance(put(house, None, "E2", name="B", username="two words"), UsernameInvalid)


def test_user_names_may_be_exchanged_through_a_third(house: Tx) -> None:
    a_person(house, "E1", username="a")
    a_person(house, "E2", username="b")
    wishes = [StaffWish("E1", username="c"), StaffWish("E2", username="a"), StaffWish("E1", username="b")]
    assert all(isinstance(outcome, Done) for outcome in put_staff(house, None, wishes))
    people = load_people(house, ["E1", "E2"])
    assert (people["E1"].person.username, people["E2"].person.username) == ("b", "a")


def test_a_renamed_log_in_keeps_its_password(app: Any, database: Database) -> None:
    with database.transaction() as tx:
        a_person_with_login(tx, "E1")
        put(tx, None, "E1", username="newname")
    log_in(database, "newname", PASSWORD)
    with database.transaction() as tx:
        put(tx, None, "E1", username=None)
        assert with_login(tx, [str(load_people(tx, ["E1"])["E1"].id)]) == frozenset()


# ---------------------------------------------------------------------------------------------- lists


def test_a_manager_sees_the_staff_of_the_own_store_of_today(house: Tx) -> None:
    manager = a_manager(house)
    a_person(house, "E1", home_store="S01")
    a_person(house, "E2", home_store="S02")
    a_person(house, "E3", home_store="S01")
    put(house, None, "E3", home_store="S02")
    a_person(house, "H1")
    assert [each.person.number for each in list_staff(house, manager)] == ["E1", "M1"]
    assert [each.person.number for each in list_staff(house, READER)] == ["E1", "E2", "E3", "H1", "M1"]
    with pytest.raises(StaffUnknown):
        find_staff(house, manager, "E2")


def test_staff_are_found_by_part_of_number_name_or_log_in(house: Tx) -> None:
    a_person(house, "E1", name="张伟", username="zhangwei")
    a_person(house, "E2", name="Li Na")
    assert [each.person.number for each in list_staff(house, READER, search="伟")] == ["E1"]
    assert [each.person.number for each in list_staff(house, READER, search="ZHANG")] == ["E1"]
    assert [each.person.number for each in list_staff(house, READER, search="e2")] == ["E2"]
    assert list_staff(house, READER, search="_") == []
