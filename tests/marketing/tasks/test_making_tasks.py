"""Making tasks: who gets them, and that the same wish twice makes one."""

from datetime import date, timedelta

import pytest

from foundation.database import Tx
from marketing.tasks.kinds import TaskKindNotUsable, change_settings
from marketing.tasks.operations import (
    AssigneeUnknown,
    TaskStoreUnknown,
    TaskWish,
    create_tasks,
    open_complaints,
    task_outcomes,
)
from marketing.tasks.rules import Settings, TaskState
from member_api.members.rules import Joined
from organisation.facts import StaffStatus
from tests.marketing.tasks.factories import DESK, a_clerk, a_member_of, a_shop, a_task, a_wish
from tests.organisation.factories import a_person, a_store

TODAY = date(2026, 1, 5)


def column(tx: Tx, name: str, task_id: int) -> object:
    return tx.execute(f"SELECT {name} FROM marketing.task WHERE id = :id", {"id": task_id}).scalar_one()


def number_of(tx: Tx, task_id: int) -> str | None:
    number: str | None = tx.execute(
        "SELECT s.number FROM marketing.task AS t LEFT JOIN organisation.staff AS s ON s.id = t.assignee_id"
        " WHERE t.id = :id",
        {"id": task_id},
    ).scalar_one()
    return number


def test_the_same_wish_twice_makes_one_task(tx: Tx) -> None:
    a_shop(tx)
    member = a_member_of(tx)
    wish = a_wish(member, key="campaign/7/member/1", origin="campaign/7")
    first = create_tasks(tx, [wish, wish])
    again = create_tasks(tx, [wish])
    assert (first.made, first.already) == (1, 1)
    assert (again.made, again.already) == (0, 1)
    assert again.ids == first.ids
    assert tx.execute("SELECT count(*) FROM marketing.task").scalar_one() == 1


def test_a_task_goes_to_the_home_store_of_the_member_and_is_due_as_its_kind_says(tx: Tx) -> None:
    a_shop(tx)
    task = a_task(tx, a_member_of(tx))
    assert column(tx, "store", task) == "S01"
    assert column(tx, "due_on", task) == TODAY + timedelta(days=7)


def test_who_enrolled_the_member_gets_the_task(tx: Tx) -> None:
    a_shop(tx, clerks=("E1", "E2", "E7"))
    member = a_member_of(tx, joined=Joined(store="S01", staff="E7"))
    assert number_of(tx, a_task(tx, member)) == "E7"


def test_otherwise_whoever_has_the_least_to_do(tx: Tx) -> None:
    a_shop(tx)
    members = [a_member_of(tx, f"1380013800{n}") for n in range(4)]
    counts = create_tasks(tx, [a_wish(member) for member in members])
    assert (counts.made, counts.assigned) == (4, 4)
    got = [number_of(tx, counts.ids[f"test/{member}"]) for member in members]
    assert sorted(got, key=str) == ["E1", "E1", "E2", "E2"]


def test_without_room_a_task_stays_in_the_pool(tx: Tx) -> None:
    a_shop(tx, clerks=("E1",))
    change_settings(tx, Settings(minutes_per_day=6), "test")
    members = [a_member_of(tx, f"1380013800{n}") for n in range(3)]
    counts = create_tasks(tx, [a_wish(member, due_on=TODAY + timedelta(days=1)) for member in members])
    assert (counts.assigned, counts.pooled) == (2, 1)


def test_the_manager_gets_nothing_without_being_named(tx: Tx) -> None:
    a_shop(tx, clerks=(), manager="M1")
    member = a_member_of(tx)
    assert number_of(tx, a_task(tx, member)) is None
    assert number_of(tx, a_task(tx, member, key="by name", assignee="M1")) == "M1"


def test_who_has_left_gets_nothing(tx: Tx) -> None:
    a_shop(tx, clerks=("E1",))
    a_person(tx, "E1", status=StaffStatus.LEFT)
    member = a_member_of(tx, joined=Joined(staff="E1"))
    assert number_of(tx, a_task(tx, member)) is None
    with pytest.raises(AssigneeUnknown):
        a_task(tx, member, key="by name", assignee="E1")


def test_a_member_without_a_store_waits_for_head_office(tx: Tx) -> None:
    a_shop(tx)
    task = a_task(tx, a_member_of(tx, store=None))
    assert column(tx, "store", task) is None
    assert number_of(tx, task) is None


def test_an_assignee_of_another_store_takes_the_task_there(tx: Tx) -> None:
    a_shop(tx)
    a_store(tx, "S02")
    a_clerk(tx, "E9", home_store="S02", **DESK)
    task = a_task(tx, a_member_of(tx), assignee="E9")
    assert column(tx, "store", task) == "S02"


def test_mistakes_of_the_caller_write_nothing(tx: Tx) -> None:
    a_shop(tx)
    member = a_member_of(tx)
    for wrong, error in (
        ({"kind": "nonsense"}, TaskKindNotUsable),
        ({"store": "S99"}, TaskStoreUnknown),
        ({"assignee": "E99"}, AssigneeUnknown),
    ):
        with pytest.raises(error):
            create_tasks(tx, [a_wish(member, key="good"), a_wish(member, **wrong)])
    assert tx.execute("SELECT count(*) FROM marketing.task").scalar_one() == 0


def test_members_that_cannot_be_served_are_counted(tx: Tx) -> None:
    a_shop(tx)
    counts = create_tasks(tx, [a_wish(a_member_of(tx)), a_wish(999_999)])
    assert counts.made == 1
    assert counts.refused == {"member_unknown": 1}


def test_a_complaint_is_open_from_the_first_moment(tx: Tx) -> None:
    a_shop(tx)
    member = a_member_of(tx)
    a_task(tx, member, kind="complaint")
    content = a_member_of(tx, "13900139000")
    a_task(tx, content, kind="call")
    assert list(open_complaints(tx, [member, content])) == [member]
    assert not open_complaints(tx, [content])


def test_the_note_is_kept_sealed_in_the_schema_of_members(tx: Tx) -> None:
    a_shop(tx)
    a_task(tx, a_member_of(tx), note="Prefers calls after six")
    sealed = tx.execute("SELECT sealed FROM member.note").scalar_one()
    assert b"after six" not in bytes(sealed)


def test_a_campaign_sees_its_tasks(tx: Tx) -> None:
    a_shop(tx)
    members = [a_member_of(tx, f"1380013800{n}") for n in range(2)]
    create_tasks(tx, [a_wish(member, origin="campaign/7") for member in members])
    create_tasks(tx, [TaskWish(members[0], "call", "hand/1")])
    outcomes = task_outcomes(tx, 7)
    assert (outcomes.total, outcomes.by_state) == (2, {TaskState.OPEN: 2})
    assert (outcomes.standard_minutes, outcomes.minutes, outcomes.cost, outcomes.currency) == (12, 0, 0, "CNY")
