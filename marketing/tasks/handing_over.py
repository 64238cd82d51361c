"""Hand over what somebody has to do: when a clerk leaves, is away, or has too much. The history stays with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.settings import get_settings
from marketing.permissions import TASKS_MANAGE
from marketing.tasks.assignment import Wanted, assign
from marketing.tasks.kinds import settings_now
from marketing.tasks.operations import AssigneeUnknown, clerks_of, known_by_whom, rota_of, workers_by_number
from marketing.tasks.rules import UNFINISHED, HandOverReason, What
from marketing.tasks.scope import Actor
from marketing.tasks.storage import Change, Task, keep_changes, lock_tasks
from organisation.contract import staff_by_number

TASKS_MAX = 5_000


class NothingNamed(Invalid):
    """Somebody whose tasks are handed over is named, or the tasks are."""

    code = "nothing_named"


@dataclass(frozen=True, slots=True)
class HandOver:
    """Whose tasks (a number) or which ones, and where to: a number, or shared out among the clerks of each store who
    have room (`spread`), or the pool."""

    reason: HandOverReason
    from_staff: str | None = None
    tasks: Sequence[int] = ()
    to_staff: str | None = None
    spread: bool = False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How many moved to somebody, how many into the pool, and how many could not: finished, or not yours to move."""

    assigned: int
    pooled: int
    left: int
    more: bool


def hand_over(tx: Tx, actor: Actor, wish: HandOver) -> HandedOver:
    """Move what is not finished, at most 5,000 tasks at a time (`more`: call again), in the stores of the actor.

    What was started begins again with the next one. Locks the tasks in order of id.
    Raises PermissionMissing, PlaceForbidden, AssigneeUnknown, NothingNamed.
    """
    actor.principal.require(TASKS_MANAGE)
    ids = _ids(tx, wish)
    tasks = list(lock_tasks(tx, ids[:TASKS_MAX]).values())
    movable = [task for task in tasks if task.state in UNFINISHED and actor.manages(task.store)]
    given = _receivers(tx, actor, wish, movable)
    _write(tx, movable, given, Change(What.HANDED_OVER, actor.by, reason=wish.reason))
    assigned = sum(1 for clerk in given if clerk is not None)
    return HandedOver(
        assigned, len(given) - assigned, left=len(ids[:TASKS_MAX]) - len(movable), more=len(ids) > TASKS_MAX
    )


def release_those_of(tx: Tx, staff_ids: Collection[int], by: str) -> int:
    """Put everything unfinished of people who left into the pools of its stores; how many tasks."""
    released = 0
    while True:
        rows = tx.ask(
            "SELECT id FROM marketing.task WHERE assignee_id = ANY(%s) AND state IN ('open', 'started')"
            " ORDER BY id LIMIT %s",
            (list(staff_ids), TASKS_MAX),
        ).fetchall()
        if not rows:
            return released
        tasks = [task for task in lock_tasks(tx, [row[0] for row in rows]).values() if task.state in UNFINISHED]
        _write(tx, tasks, [None] * len(tasks), Change(What.HANDED_OVER, by, reason=HandOverReason.LEFT))
        released += len(tasks)


_OF_STAFF: LiteralString = (
    "SELECT id FROM marketing.task WHERE assignee_id = %s AND state IN ('open', 'started') ORDER BY due_on, id LIMIT %s"
)


def _ids(tx: Tx, wish: HandOver) -> list[int]:
    if wish.tasks:
        return list(dict.fromkeys(wish.tasks))
    if wish.from_staff is None:
        raise NothingNamed("say whose tasks, or which ones", errors=[FieldError("/from", "missing")])
    person = staff_by_number(tx, [wish.from_staff]).get(wish.from_staff)
    if person is None:
        raise AssigneeUnknown(
            f"there is nobody with the number {wish.from_staff}", errors=[FieldError("/from", "unknown")]
        )
    return [task_id for (task_id,) in tx.ask(_OF_STAFF, (person.id, TASKS_MAX + 1))]


def _receivers(tx: Tx, actor: Actor, wish: HandOver, tasks: Sequence[Task]) -> list[int | None]:
    if wish.to_staff is not None:
        person = workers_by_number(tx, [wish.to_staff], pointer="/to")[wish.to_staff]
        actor.check_manages(person.home_store)
        return [person.id] * len(tasks)
    return _spread(tx, tasks) if wish.spread else [None] * len(tasks)


def _spread(tx: Tx, tasks: Sequence[Task]) -> list[int | None]:
    """Among the others of each store, as new tasks are: who knows the member, then who has the least to do."""
    settings = settings_now(tx)
    today = local_date(tx.now, get_settings().company_timezone)
    givers = {task.assignee_id for task in tasks}
    clerks: Mapping[str, Sequence[int]] = {
        store: [clerk for clerk in here if clerk not in givers]
        for store, here in clerks_of(tx, {task.store for task in tasks if task.store is not None}).items()
    }
    rota = rota_of(tx, [clerk for here in clerks.values() for clerk in here], today, settings)
    known_by = known_by_whom(tx, [task.member_id for task in tasks])
    wanted = [
        Wanted(task.store or "", task.due_on, task.standard_minutes, known_by.get(task.member_id, ())) for task in tasks
    ]
    return assign(wanted, clerks, rota)


def _write(tx: Tx, tasks: Sequence[Task], given: Sequence[int | None], change: Change) -> None:
    if not tasks:
        return
    tx.ask(
        "UPDATE marketing.task AS t SET assignee_id = w.clerk, state = 'open', reminded_at = NULL"
        " FROM unnest(%s::bigint[], %s::integer[]) AS w(id, clerk) WHERE t.id = w.id",
        ([task.id for task in tasks], list(given)),
    )
    after = lock_tasks(tx, [task.id for task in tasks])
    keep_changes(tx, change, [(task, after[task.id]) for task in tasks])
