"""Tasks as they lie in the database: read whole, locked in order of id, and every change written into the history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.events import announce
from marketing.tasks.rules import TaskState, What


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it is now; the fields are the columns of marketing.task."""

    id: int
    member_id: int
    kind_id: int
    kind_version: int
    complaint: bool
    origin: str
    state: TaskState
    store: str | None
    assignee_id: int | None
    due_on: date
    standard_minutes: int
    note_id: int | None
    made_by: str
    made_at: datetime
    reminded_at: datetime | None
    escalated_at: datetime | None
    started_at: datetime | None
    steps_done: Sequence[int]
    minutes: int
    rounds: int
    done_by: str | None
    doer_id: int | None
    done_at: datetime | None
    outcome: str | None
    success: bool | None
    sampled: bool
    refuted: int
    content: int | None
    called_back_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


# Names of columns come from the dataclass above, never from outside.
COLUMNS: LiteralString = ", ".join(f"t.{field.name}" for field in fields(Task))
_SELECT: LiteralString = "SELECT " + COLUMNS + " FROM marketing.task AS t "  # noqa: S608
_STATE_AT = [field.name for field in fields(Task)].index("state")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a task, as the history keeps it. `reason` is a code, never prose: prose is a note."""

    what: What
    by: str
    reason: str | None = None
    contact: str | None = None
    minutes: int | None = None
    note_id: int | None = None


def task_of(row: Sequence[Any]) -> Task:
    """A row of COLUMNS."""
    values = list(row)
    values[_STATE_AT] = TaskState(values[_STATE_AT])
    return Task(*values)


def read_tasks(tx: Tx, task_ids: Collection[int]) -> dict[int, Task]:
    """Tasks by id; unknown ids are left out."""
    rows = tx.ask(_SELECT + "WHERE t.id = ANY(%s) ORDER BY t.id", (list(task_ids),))
    return {task.id: task for task in map(task_of, rows)}


def lock_tasks(tx: Tx, task_ids: Collection[int]) -> dict[int, Task]:
    """The same, each row locked in order of id until the commit."""
    rows = tx.ask(_SELECT + "WHERE t.id = ANY(%s) ORDER BY t.id FOR UPDATE", (list(task_ids),))
    return {task.id: task for task in map(task_of, rows)}


_SETTABLE = frozenset(field.name for field in fields(Task)) - {"id", "member_id", "origin", "made_by", "made_at"}


def change_task(tx: Tx, task: Task, change: Change, **values: Any) -> Task:
    """Set columns of a locked task, keep the change in its history and announce it; the task as it is then.

    Events carry ids and states, no words.
    """
    unknown = values.keys() - _SETTABLE
    if unknown:
        raise ValueError(f"no columns that may change: {sorted(unknown)}")
    if values:
        pairs: LiteralString = ", ".join(f"{name} = %({name})s" for name in values)
        tx.ask("UPDATE marketing.task SET " + pairs + " WHERE id = %(id)s", {**values, "id": task.id})  # noqa: S608
    after = read_tasks(tx, [task.id])[task.id] if values else task
    keep_changes(tx, change, [(task, after)])
    return after


def keep_changes(tx: Tx, change: Change, tasks: Sequence[tuple[Task, Task]]) -> None:
    """Keep one change of many tasks (each as it was and as it is) in their histories, and announce it."""
    tx.ask(
        "INSERT INTO marketing.task_change (task_id, at, by, what, state, assignee_from, assignee_to, reason, contact,"
        " minutes, note_id) SELECT w.task, %s, %s, %s, w.state, w.before, w.after, %s, %s, %s, %s"
        " FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::integer[]) AS w(task, state, before, after)",
        (
            tx.now,
            change.by,
            change.what.value,
            change.reason,
            change.contact,
            change.minutes,
            change.note_id,
            [after.id for _, after in tasks],
            [after.state.value for _, after in tasks],
            [before.assignee_id for before, _ in tasks],
            [after.assignee_id for _, after in tasks],
        ),
    )
    for _, after in tasks:
        announce(tx, f"task.{change.what}", event_facts(after))


def event_facts(task: Task) -> Mapping[str, Any]:
    """What an event tells of a task: ids only."""
    return {
        "task": str(task.id),
        "member": str(task.member_id),
        "state": task.state.value,
        "store": task.store,
        "assignee": None if task.assignee_id is None else str(task.assignee_id),
    }
