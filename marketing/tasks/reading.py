"""See tasks: lists, one with its whole history, and how many wait for somebody."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString

from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.tasks.kinds import TaskKind, kinds_of
from marketing.tasks.rules import TaskState, What
from marketing.tasks.scope import Actor, TaskUnknown
from marketing.tasks.storage import COLUMNS, Task, read_tasks, task_of
from member_api.contract.service import read_notes
from organisation.contract import Colleague, staff_by_id

HISTORY_MAX = 500


class Which(StrEnum):
    """The lists that whoever works on tasks looks at."""

    TODAY = "today"
    OVERDUE = "overdue"
    LATER = "later"
    POOL = "pool"
    CALL_BACKS = "call_backs"


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """What a list is narrowed to. `assignee_id` -1: nobody can be meant; `pool`: without an assignee only."""

    assignee_id: int | None = None
    store: str | None = None
    state: TaskState | None = None
    kind: str | None = None
    member_id: int | None = None
    origin: str | None = None
    pool: bool = False
    overdue: bool = False
    escalated: bool = False
    which: Which | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The place in a list after which the next page begins."""

    due_on: date
    id: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to a task. Staff by id; `note` is opened, None where there is none or it is hidden."""

    id: int
    task_id: int
    at: datetime
    by: str
    what: What
    state: TaskState
    assignee_from: int | None
    assignee_to: int | None
    reason: str | None
    contact: str | None
    minutes: int | None
    has_note: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class CallBack:
    """What a member said about one completion."""

    round: int
    at: datetime
    by: str
    sampled: bool
    done: bool
    content: int | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """A task with everything that is known about it. `notes_hidden`: there are notes that this viewer may not read."""

    task: Task
    kind: TaskKind
    note: str | None
    history: Sequence[HistoryEntry]
    callbacks: Sequence[CallBack]
    notes_hidden: bool


_LIST: LiteralString = "SELECT " + COLUMNS + " FROM marketing.task AS t WHERE "  # noqa: S608
# Only what is asked for stands in the statement: an index answers it then.
_NARROWED: Mapping[str, LiteralString] = {
    "assignee_id": "AND t.assignee_id = %(assignee_id)s ",
    "store": "AND t.store = %(store)s ",
    "state": "AND t.state = %(state)s ",
    "kind": "AND t.kind_id = (SELECT id FROM marketing.task_kind WHERE code = %(kind)s) ",
    "member_id": "AND t.member_id = %(member_id)s ",
    "origin": "AND t.origin = %(origin)s ",
    "pool": "AND t.assignee_id IS NULL ",
    "overdue": "AND t.state IN ('open', 'started') AND t.due_on < %(today)s ",
    "escalated": "AND t.state IN ('open', 'started') AND t.escalated_at IS NOT NULL ",
}
_AFTER: LiteralString = "AND (t.due_on, t.id) > (%(after_day)s, %(after_id)s) "
_ORDER: LiteralString = "ORDER BY t.due_on, t.id LIMIT %(limit)s"
_WHICH: Mapping[Which, LiteralString] = {
    Which.TODAY: "AND t.assignee_id = %(me)s AND t.state IN ('open', 'started') AND t.due_on = %(today)s ",
    Which.OVERDUE: "AND t.assignee_id = %(me)s AND t.state IN ('open', 'started') AND t.due_on < %(today)s ",
    Which.LATER: "AND t.assignee_id = %(me)s AND t.state IN ('open', 'started') AND t.due_on > %(today)s ",
    Which.POOL: "AND t.assignee_id IS NULL AND t.state IN ('open', 'started') ",
    Which.CALL_BACKS: "AND t.state = 'done' AND t.sampled AND t.doer_id IS DISTINCT FROM %(me)s"
    " AND t.done_by <> %(by)s ",
}


_MINE: LiteralString = (
    "(SELECT count(*) FROM marketing.task AS t WHERE t.assignee_id = %(me)s AND t.state IN ('open', 'started') "
)
_ALL: LiteralString = "(SELECT count(*) FROM marketing.task AS t WHERE "


def list_tasks(
    tx: Tx, actor: Actor, query: TaskQuery, limit: int, after: Mark | None = None, today: date | None = None
) -> list[Task]:
    """The tasks that the actor sees, the earliest due first, at most `limit`. `today` is the company's if not said."""
    seen, facts = actor.seen()
    statement = _LIST + seen
    for name, condition in _NARROWED.items():
        if getattr(query, name):
            statement += condition
    if query.which is not None:
        statement += _WHICH[query.which]
    if after is not None:
        statement += _AFTER
    rows = tx.ask(
        statement + _ORDER,
        {
            **facts,
            **{name: getattr(query, name) for name in _NARROWED},
            "by": actor.by,
            "today": today or _today(tx),
            "after_day": after.due_on if after else None,
            "after_id": after.id if after else None,
            "limit": limit,
        },
    )
    return [task_of(row) for row in rows]


def count_waiting(tx: Tx, actor: Actor, today: date) -> dict[Which, int]:
    """How many wait for the actor in each of the lists: what the badges say."""
    seen, facts = actor.seen()
    row = tx.ask(
        "SELECT " + _MINE + "AND t.due_on = %(today)s), " + _MINE + "AND t.due_on < %(today)s), " + _MINE
        + "AND t.due_on > %(today)s), " + _ALL + seen + _WHICH[Which.POOL] + "), "
        + _ALL + seen + _WHICH[Which.CALL_BACKS] + ")",
        {**facts, "today": today, "by": actor.by},
    ).fetchone()  # fmt: skip
    assert row is not None
    return dict(zip(Which, row, strict=True))


def find_task(tx: Tx, actor: Actor, task_id: int) -> TaskDetail:
    """A task with its history, the newest last (at most 500 entries). Raises TaskUnknown."""
    task = read_tasks(tx, [task_id]).get(task_id)
    if task is None:
        raise TaskUnknown("there is no such task")
    actor.check_sees(task)
    readable = actor.may_read_notes(task)
    changes = tx.ask(_HISTORY + "WHERE task_id = %s ORDER BY id LIMIT %s", (task_id, HISTORY_MAX)).fetchall()
    calls = tx.ask(
        "SELECT round, at, by, sampled, done, content, note_id FROM marketing.task_callback WHERE task_id = %s"
        " ORDER BY round",
        (task_id,),
    ).fetchall()
    named = [row[11] for row in changes] + [row[6] for row in calls] + [task.note_id]
    ids = {note_id for note_id in named if note_id is not None}
    notes = read_notes(tx, ids) if readable else {}
    version = (task.kind_id, task.kind_version)
    return TaskDetail(
        task=task,
        kind=kinds_of(tx, [version])[version],
        note=notes.get(task.note_id) if task.note_id is not None else None,
        history=[_entry(row, notes) for row in changes],
        callbacks=[_call_back(row, notes) for row in calls],
        notes_hidden=not readable and bool(ids),
    )


_HISTORY: LiteralString = (
    "SELECT id, task_id, at, by, what, state, assignee_from, assignee_to, reason, contact, minutes, note_id"
    " FROM marketing.task_change "
)
_OF_MEMBER: LiteralString = """
WHERE task_id IN (SELECT id FROM marketing.task WHERE member_id = ANY(%s)) AND at <= %s AND what <> 'reminded'
ORDER BY at DESC, id DESC LIMIT %s
"""


def _entry(row: Sequence[Any], notes: Mapping[int, str]) -> HistoryEntry:
    id_, task_id, at, by, what, state, before, after, reason, contact, minutes, note_id = row
    return HistoryEntry(
        id_, task_id, at, by, What(what), TaskState(state), before, after, reason, contact, minutes,
        note_id is not None, notes.get(note_id),
    )  # fmt: skip


def _call_back(row: Sequence[Any], notes: Mapping[int, str]) -> CallBack:
    round_, at, by, sampled, done, content, note_id = row
    return CallBack(round_, at, by, sampled, done, content, notes.get(note_id))


def history_of_member(
    tx: Tx, member_ids: Collection[int], until: datetime, limit: int
) -> list[tuple[HistoryEntry, int | None]]:
    """What happened to all tasks of a member up to a moment, newest first, at most `limit`; with the ids of notes."""
    rows = tx.ask(_HISTORY + _OF_MEMBER, (list(member_ids), until, limit))
    return [(_entry(row, {}), row[11]) for row in rows]


def contents_of(tx: Tx, task_ids: Collection[int]) -> dict[tuple[int, datetime], int]:
    """How content members were, by task and moment of the call-back."""
    rows = tx.ask(
        "SELECT task_id, at, content FROM marketing.task_callback WHERE task_id = ANY(%s) AND content IS NOT NULL",
        (list(task_ids),),
    )
    return {(task_id, at): content for task_id, at, content in rows}


def people_in(tx: Tx, tasks: Collection[Task]) -> dict[int, Colleague]:
    """The staff that tasks name, by id."""
    ids = {task.assignee_id for task in tasks} | {task.doer_id for task in tasks}
    return staff_by_id(tx, [staff_id for staff_id in ids if staff_id is not None])


def people_who(history: Collection[HistoryEntry]) -> set[int]:
    """Ids of the staff that a history names."""
    ids = {entry.assignee_from for entry in history} | {entry.assignee_to for entry in history}
    by = {entry.by.removeprefix("person:") for entry in history}
    return {each for each in ids if each is not None} | {int(each) for each in by if each.isdigit()}


def _today(tx: Tx) -> date:
    return local_date(tx.now, get_settings().company_timezone)


def days_late(task: Task, today: date) -> int:
    """How many days over its day an unfinished task is; 0 if it is in time."""
    late = (today - task.due_on) // timedelta(days=1)
    return max(late, 0) if task.state in (TaskState.OPEN, TaskState.STARTED) else 0
