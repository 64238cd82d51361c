"""Work on a task: take it, start it, write down what happened, complete it; and what a manager does with one.

Every operation locks the task's row first, so that of two people who reach for it one gets it and the other is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics.contract.scores import ContactCost, record_contact_costs
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Forbidden, Invalid
from foundation.settings import get_settings
from marketing.tasks.kinds import kinds_of, settings_now
from marketing.tasks.operations import TaskStoreUnknown, workers_by_number
from marketing.tasks.rules import (
    UNFINISHED,
    CancelReason,
    Contact,
    TaskTaken,
    Template,
    What,
    asks_call_back,
    minutes_of,
    state_after,
)
from marketing.tasks.scope import Actor, NotYourTask, TaskUnknown
from marketing.tasks.storage import Change, Task, change_task, keep_changes, lock_tasks, read_tasks
from member_api.contract.service import NewNote, keep_notes
from organisation.contract import stores_by_code

LOG, REASON = "task/log", "task/reason"
CANCELLED_AT_ONCE = 1_000


class StepUnknown(Invalid):
    """The kind of task has no such step; steps count from 0."""

    code = "step_unknown"


class NotAPerson(Forbidden):
    """A machine cannot have a task."""

    code = "not_a_person"


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody writes into the work log; at least one of the three. `minutes` were spent beyond those logged."""

    note: str | None = None
    contact: Contact | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """How a task ended. `minutes` None: what the log says, or the time since the start."""

    outcome: str
    note: str | None = None
    minutes: int | None = None
    steps_done: Sequence[int] | None = None


def take(tx: Tx, actor: Actor, task_id: int) -> Task:
    """Take a task out of the pool of the own store. Raises TaskUnknown, TaskTaken, TaskStateWrong."""
    task = _within_reach(tx, actor, task_id)
    if task.assignee_id is not None:
        raise TaskTaken("you have it" if actor.is_mine(task) else "somebody else has taken it")
    if actor.staff_id is None:
        raise NotAPerson("a person takes a task; a machine names whom it is given to (assign, start)")
    after = state_after(task.state, What.TAKEN)
    return change_task(
        tx, task, Change(What.TAKEN, actor.by), state=after.value, assignee_id=actor.staff_id, reminded_at=None
    )


def put_back(tx: Tx, actor: Actor, task_id: int, note: str | None = None) -> Task:
    """Give a task back to the pool of its store. Raises TaskUnknown, NotYourTask, TaskStateWrong."""
    task = _mine(tx, actor, task_id)
    after = state_after(task.state, What.PUT_BACK)
    change = Change(What.PUT_BACK, actor.by, note_id=_keep(tx, task, REASON, note))
    return change_task(tx, task, change, state=after.value, assignee_id=None)


def start(tx: Tx, actor: Actor, task_id: int, staff: str | None = None) -> Task:
    """Begin to work. A task of the pool becomes one's own.

    `staff` is the number of whoever begins, said by a machine. Raises TaskUnknown, TaskTaken, NotYourTask,
    TaskStateWrong, AssigneeUnknown.
    """
    task = _within_reach(tx, actor, task_id)
    doer = _doer(tx, actor, staff)
    if task.assignee_id is None:
        assignee = doer
    elif doer is None or doer == task.assignee_id or actor.manages(task.store):
        assignee = task.assignee_id
    else:
        raise TaskTaken("somebody else has taken it")
    after = state_after(task.state, What.STARTED)
    return change_task(
        tx, task, Change(What.STARTED, actor.by), state=after.value, assignee_id=assignee, started_at=tx.now
    )


def tick(tx: Tx, actor: Actor, task_id: int, steps: Sequence[int]) -> Task:
    """Say which steps are done, all of them. Raises TaskUnknown, NotYourTask, TaskStateWrong, StepUnknown."""
    task = _mine(tx, actor, task_id)
    state_after(task.state, What.MOVED)  # only what is not finished
    ticked = _checked_steps(steps, _template(tx, task))
    tx.ask("UPDATE marketing.task SET steps_done = %s WHERE id = %s", (ticked, task.id))
    return lock_tasks(tx, [task.id])[task.id]


def log(tx: Tx, actor: Actor, task_id: int, entry: Entry) -> Task:
    """Write into the work log. Raises TaskUnknown, NotYourTask, TaskStateWrong, MemberErased."""
    task = _mine(tx, actor, task_id)
    state_after(task.state, What.LOGGED)
    change = Change(
        What.LOGGED,
        actor.by,
        contact=entry.contact,
        minutes=entry.minutes,
        note_id=_keep(tx, task, LOG, entry.note),
    )
    values = {"minutes": task.minutes + entry.minutes} if entry.minutes else {}
    _tell_cost(tx, task, entry.minutes or 0)
    return change_task(tx, task, change, **values)


def complete(tx: Tx, actor: Actor, task_id: int, done: Completion) -> Task:
    """End a task with an outcome of its kind, and decide whether the member is called back.

    Raises TaskUnknown, NotYourTask, TaskStateWrong, OutcomeUnknown, StepUnknown, MemberErased.
    """
    task = _mine(tx, actor, task_id)
    after = state_after(task.state, What.COMPLETED)
    template = _template(tx, task)
    outcome = template.outcome(done.outcome)
    assert task.started_at is not None
    minutes = minutes_of(done.minutes, task.minutes, task.started_at, tx.now, task.standard_minutes)
    percent = 100 if task.complaint else template.callback_percent
    values: dict[str, Any] = {
        "state": after.value,
        "minutes": task.minutes + minutes,
        "rounds": task.rounds + 1,
        "done_by": actor.by,
        "doer_id": task.assignee_id,
        "done_at": tx.now,
        "outcome": outcome.code,
        "success": outcome.success,
        "sampled": asks_call_back(get_settings().secret_key, task.id, task.rounds + 1, percent),
    }
    if done.steps_done is not None:
        values["steps_done"] = _checked_steps(done.steps_done, template)
    change = Change(
        What.COMPLETED,
        actor.by,
        reason=outcome.code,
        minutes=minutes,
        note_id=_keep(tx, task, LOG, done.note),
    )
    _tell_cost(tx, task, minutes)
    return change_task(tx, task, change, **values)


def cancel(tx: Tx, actor: Actor, task_id: int, reason: CancelReason, note: str | None = None) -> Task:
    """Say that a task is not needed any more. Raises TaskUnknown, NotYourTask, TaskStateWrong, MemberErased."""
    task = _mine(tx, actor, task_id)
    after = state_after(task.state, What.CANCELLED)
    change = Change(What.CANCELLED, actor.by, reason=reason, note_id=_keep(tx, task, REASON, note))
    return change_task(tx, task, change, state=after.value, ended_at=tx.now, end_reason=reason.value)


def cancel_of(tx: Tx, origin: str, reason: CancelReason, by: str) -> int:
    """Cancel what is not finished of one origin (a campaign that was stopped): at most CANCELLED_AT_ONCE; how many.

    Whoever calls goes on, in another transaction, while it was any.
    """
    rows = tx.ask(
        "SELECT id FROM marketing.task WHERE origin = %s AND state IN ('open', 'started') ORDER BY id LIMIT %s",
        (origin, CANCELLED_AT_ONCE),
    ).fetchall()
    tasks = [task for task in lock_tasks(tx, [row[0] for row in rows]).values() if task.state in UNFINISHED]
    tx.ask(
        "UPDATE marketing.task SET state = 'cancelled', ended_at = %s, end_reason = %s WHERE id = ANY(%s)",
        (tx.now, reason.value, [task.id for task in tasks]),
    )
    after = read_tasks(tx, [task.id for task in tasks])
    keep_changes(tx, Change(What.CANCELLED, by, reason=reason), [(task, after[task.id]) for task in tasks])
    return len(tasks)


def move(tx: Tx, actor: Actor, task_id: int, due_on: date) -> Task:
    """Another day. Reminder and escalation count from there. Raises TaskUnknown, NotYourTask, TaskStateWrong."""
    task = _mine(tx, actor, task_id)
    state_after(task.state, What.MOVED)
    if due_on == task.due_on:
        return task
    change = Change(What.MOVED, actor.by, reason=f"{task.due_on}/{due_on}")
    return change_task(tx, task, change, due_on=due_on, reminded_at=None, escalated_at=None)


def assign_to(
    tx: Tx, actor: Actor, task_id: int, assignee: str | None, store: str | None, note: str | None = None
) -> Task:
    """Give a task to somebody by number, or into the pool of a store (its own if none is named).

    Raises TaskUnknown, PermissionMissing, PlaceForbidden, AssigneeUnknown, StoreUnknown, TaskStateWrong.
    """
    task = _seen(tx, actor, task_id)
    actor.check_manages(task.store)
    after = state_after(task.state, What.ASSIGNED)
    clerk_id, place = None, store or task.store
    if assignee is not None:
        clerk = workers_by_number(tx, [assignee])[assignee]
        clerk_id, place = clerk.id, store or clerk.home_store or task.store
    if place != task.store:
        _check_store(tx, place)
        actor.check_manages(place)
    if clerk_id == task.assignee_id and place == task.store:
        return task
    change = Change(What.ASSIGNED, actor.by, note_id=_keep(tx, task, REASON, note))
    return change_task(
        tx, task, change, state=after.value, assignee_id=clerk_id, store=place, reminded_at=None, escalated_at=None
    )


# ------------------------------------------------------------------------------------------------ whose task
def _seen(tx: Tx, actor: Actor, task_id: int) -> Task:
    task = lock_tasks(tx, [task_id]).get(task_id)
    if task is None:
        raise TaskUnknown("there is no such task")
    actor.check_sees(task)
    return task


def _within_reach(tx: Tx, actor: Actor, task_id: int) -> Task:
    """The task, locked, if it is the actor's own or of a store that the actor works in.

    Who reaches for a task of the pool a moment late is told that it is taken, not that there is none.
    """
    task = lock_tasks(tx, [task_id]).get(task_id)
    if task is None or not (actor.is_mine(task) or actor.works_in(task.store) or actor.manages(task.store)):
        raise TaskUnknown("there is no such task")
    return task


def _mine(tx: Tx, actor: Actor, task_id: int) -> Task:
    """The task, locked, if the actor has it, answers for it, or is a machine that reports for whoever has it."""
    task = _seen(tx, actor, task_id)
    reports = actor.is_machine and actor.works_in(task.store)
    if not (actor.is_mine(task) or actor.manages(task.store) or reports):
        raise NotYourTask("only whoever has the task can do this; take it first")
    return task


def _doer(tx: Tx, actor: Actor, staff: str | None) -> int | None:
    """Who begins: the person who asks, or whom a machine names; None: a machine that names nobody."""
    if not actor.is_machine:
        if staff is not None:
            raise Invalid("only a machine says who it is", errors=[FieldError("/staff", "left out by a person")])
        return actor.staff_id
    return None if staff is None else workers_by_number(tx, [staff])[staff].id


def _check_store(tx: Tx, store: str | None) -> None:
    if store is not None and not stores_by_code(tx, (store,)):
        raise TaskStoreUnknown(f"there is no store {store}", errors=[FieldError("/store", "there is no such store")])


# ------------------------------------------------------------------------------------------------ parts
def _template(tx: Tx, task: Task) -> Template:
    version = (task.kind_id, task.kind_version)
    return kinds_of(tx, [version])[version].template


def _checked_steps(steps: Sequence[int], template: Template) -> list[int]:
    known = range(len(template.steps))
    if any(step not in known for step in steps):
        raise StepUnknown("there is no such step", errors=[FieldError("/steps_done", f"0 to {len(known) - 1}")])
    return sorted(set(steps))


def _tell_cost(tx: Tx, task: Task, minutes: int) -> None:
    """Tell what so many more minutes for a member cost. A complaint is work of our own making: no member bears it."""
    cost = settings_now(tx).cost(minutes)
    if cost <= 0 or task.complaint:
        return
    settings = get_settings()
    contact = ContactCost(
        # The work so far grows with every entry: it names this one.
        f"task/{task.id}/{task.minutes + minutes}",
        task.member_id,
        settings.company_currency,
        local_date(tx.now, settings.company_timezone),
        cost,
    )
    record_contact_costs(tx, [contact])


def _keep(tx: Tx, task: Task, about: str, text: str | None) -> int | None:
    return keep_notes(tx, [NewNote(task.member_id, about, text)])[0] if text else None
