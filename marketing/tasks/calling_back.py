"""Call a member back: another person asks whether it was done, and how content the member is."""

from dataclasses import dataclass

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from marketing.tasks.days import today_of
from marketing.tasks.operations import workers_by_number
from marketing.tasks.rules import What, check_caller, state_after
from marketing.tasks.scope import Actor, TaskUnknown
from marketing.tasks.storage import Change, Task, change_task, lock_tasks
from member_api.contract.service import NewNote, keep_notes

COMMENT = "task/callback"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the member said: was it done, how content are they (1 to 5; None: not said), anything else."""

    done: bool
    content: int | None = None
    comment: str | None = None


def call_back(tx: Tx, actor: Actor, task_id: int, heard: Heard, staff: str | None = None) -> Task:
    """Keep what the member said. What was not done is opened again, for whoever had it, and counts against them.

    Any completed task may be asked about; those that the sample names are asked for. `staff` is the number of the
    caller, said by a machine. Raises TaskUnknown, TaskStateWrong, SamePerson, AssigneeUnknown, MemberErased.
    """
    task = lock_tasks(tx, [task_id]).get(task_id)
    if task is None or not (actor.works_in(task.store) or actor.manages(task.store) or actor.sees(task)):
        raise TaskUnknown("there is no such task")
    what = What.CALLED_BACK if heard.done else What.REOPENED
    after = state_after(task.state, what)
    caller = _caller(tx, actor, staff)
    check_caller(task.doer_id, task.done_by or "", caller, actor.by)
    note = keep_notes(tx, [NewNote(task.member_id, COMMENT, heard.comment)])[0] if heard.comment else None
    _keep(tx, actor, task, heard, caller, note)
    change = Change(what, actor.by, reason=None if heard.done else "not_done", note_id=note)
    if heard.done:
        return change_task(
            tx, task, change, state=after.value, content=heard.content, called_back_at=tx.now, ended_at=tx.now
        )
    return change_task(
        tx,
        task,
        change,
        state=after.value,
        content=heard.content,
        refuted=task.refuted + 1,
        due_on=max(task.due_on, today_of(tx, task.store)),
        started_at=None,
        reminded_at=None,
        escalated_at=None,
        sampled=False,
        steps_done=[],
    )


def _keep(tx: Tx, actor: Actor, task: Task, heard: Heard, caller: int | None, note: int | None) -> None:
    tx.ask(
        "INSERT INTO marketing.task_callback (task_id, round, at, by, caller_id, doer_id, store, sampled, done,"
        " content, note_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            task.id, task.rounds, tx.now, actor.by, caller, task.doer_id, task.store, task.sampled, heard.done,
            heard.content, note,
        ),
    )  # fmt: skip


def _caller(tx: Tx, actor: Actor, staff: str | None) -> int | None:
    if not actor.is_machine:
        if staff is not None:
            raise Invalid("only a machine says who it is", errors=[FieldError("/staff", "left out by a person")])
        return actor.staff_id
    return None if staff is None else workers_by_number(tx, [staff])[staff].id
