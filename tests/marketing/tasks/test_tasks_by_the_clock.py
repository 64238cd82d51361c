"""What happens to tasks by themselves: reminders, escalation, and what a clerk who leaves leaves behind."""

from datetime import date, timedelta

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.events import consume, move_batch
from marketing.schema import metadata
from marketing.tasks import subscribers
from marketing.tasks.daily import remind_and_escalate
from marketing.tasks.storage import Task, read_tasks
from organisation.facts import StaffStatus
from tests.marketing.tasks.factories import a_member_of, a_shop, a_task
from tests.organisation.factories import a_person, a_store

TODAY = date(2026, 1, 5)
DAY = timedelta(days=1)


def whats(tx: Tx, task_id: int) -> list[str]:
    rows = tx.execute("SELECT what FROM marketing.task_change WHERE task_id = :id ORDER BY id", {"id": task_id})
    return [row.what for row in rows]


def topics(tx: Tx) -> list[str]:
    tx.flush()
    return [
        row.topic for row in tx.execute("SELECT topic FROM foundation.outbox WHERE topic LIKE 'task.%' ORDER BY id")
    ]


def the_task(tx: Tx, task_id: int) -> Task:
    return read_tasks(tx, [task_id])[task_id]


def test_who_has_a_task_is_reminded_once_a_day_before(tx: Tx) -> None:
    a_shop(tx)
    member = a_member_of(tx)
    soon = a_task(tx, member, key="soon", due_on=TODAY + DAY)
    later = a_task(tx, member, key="later", due_on=TODAY + 2 * DAY)
    assert remind_and_escalate(tx) == 1
    assert remind_and_escalate(tx) == 0
    assert whats(tx, soon) == ["made", "reminded"]
    assert whats(tx, later) == ["made"]
    assert topics(tx) == ["task.made", "task.made", "task.reminded"]


def test_the_manager_is_told_of_what_is_three_days_late(tx: Tx) -> None:
    a_shop(tx)
    member = a_member_of(tx)
    late = a_task(tx, member, key="late", due_on=TODAY - 3 * DAY)
    a_task(tx, member, key="less", due_on=TODAY - 2 * DAY)
    remind_and_escalate(tx)
    assert the_task(tx, late).escalated_at == tx.now
    assert whats(tx, late) == ["made", "escalated", "reminded"]
    assert topics(tx).count("task.escalated") == 1


def test_today_is_the_day_of_the_store(tx: Tx) -> None:
    """At 02:00 UTC it is the fifth in Shanghai and still the fourth in New York."""
    a_shop(tx)
    a_store(tx, "NYC", timezone="America/New_York", currency="USD")
    member = a_member_of(tx)
    here = a_task(tx, member, key="here", due_on=TODAY + DAY)
    there = a_task(tx, member, key="there", store="NYC", due_on=TODAY + DAY)
    remind_and_escalate(tx)
    assert the_task(tx, here).reminded_at is not None
    assert the_task(tx, there).reminded_at is None


def test_the_tasks_of_who_leaves_go_to_the_pool_of_their_store(database: Database, clock: FixedClock) -> None:
    assert subscribers is not None
    with database.transaction() as tx:
        a_shop(tx)
        member = a_member_of(tx)
        task = a_task(tx, member, assignee="E1")
        other = a_task(tx, member, assignee="E2", key="other")
    with database.transaction() as tx:
        a_person(tx, "E1", status=StaffStatus.LEFT)
    with database.transaction() as tx:
        move_batch(tx)
    consume(database, "marketing.staff_left")
    with database.transaction() as tx:
        left = the_task(tx, task)
        assert (left.assignee_id, left.store, left.state) == (None, "S01", "open")
        assert whats(tx, task) == ["made", "handed_over"]
        assert the_task(tx, other).assignee_id is not None


def test_tables_of_tasks_and_migration_agree(tx: Tx) -> None:
    names = {table.name for table in metadata.sorted_tables if table.name.startswith("task")}
    assert names == {"task", "task_callback", "task_change", "task_kind", "task_kind_version", "task_setting"}
    for name in names:
        rows = tx.execute(
            "SELECT column_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'marketing' AND table_name = :name ORDER BY ordinal_position",
            {"name": name},
        )
        mapped = metadata.tables[f"marketing.{name}"].c
        assert [(row.column_name, row.is_nullable) for row in rows] == [
            (column.name, "YES" if column.nullable else "NO") for column in mapped
        ]
