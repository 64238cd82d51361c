"""Who sees which tasks, and who may do what with one.

Whoever works on tasks sees the own ones, the pool of the store, and what waits there for a call-back. Whoever hands
tasks out sees and moves all of the own stores; whoever only reads (an auditor) sees them. A task without a store is
seen by whoever acts everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

from foundation.access import PlaceForbidden, Principal, PrincipalKind
from foundation.errors import Forbidden, NotFound
from marketing.permissions import TASKS_MANAGE, TASKS_READ, TASKS_WORK
from marketing.tasks.rules import UNFINISHED, TaskState
from marketing.tasks.storage import Task
from organisation.contract import place_of


class TaskUnknown(NotFound):
    """There is no such task, or it is not yours to see."""

    code = "task_unknown"


class NotYourTask(Forbidden):
    """Only whoever has the task, or hands tasks out in its store, can do this."""

    code = "not_your_task"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something with tasks. `staff_id` is None for a machine; `by` is kept in the history."""

    principal: Principal
    by: str
    staff_id: int | None

    @property
    def sees_all_of_stores(self) -> bool:
        """Whether everything of the own stores is seen, not the own work only."""
        return self.principal.may(TASKS_MANAGE) or not self.principal.may(TASKS_WORK)

    @property
    def is_machine(self) -> bool:
        return self.principal.kind is PrincipalKind.MACHINE

    def reaches(self, store: str | None) -> bool:
        """Whether a store is one that the actor acts in; no store: only for whoever acts everywhere."""
        places = self.principal.places
        return places is None or (store is not None and place_of(store) in places)

    def manages(self, store: str | None) -> bool:
        return self.principal.may(TASKS_MANAGE) and self.reaches(store)

    def works_in(self, store: str | None) -> bool:
        return self.principal.may(TASKS_WORK) and self.reaches(store)

    def is_mine(self, task: Task) -> bool:
        return self.staff_id is not None and task.assignee_id == self.staff_id

    def sees(self, task: Task) -> bool:
        """Whether the actor may see a task."""
        if not self.principal.may(TASKS_READ):
            return False
        if self.staff_id is not None and self.staff_id in (task.assignee_id, task.doer_id):
            return True
        if not self.reaches(task.store):
            return False
        in_pool = task.assignee_id is None and task.state in UNFINISHED
        return self.sees_all_of_stores or in_pool or (task.state is TaskState.DONE and task.sampled)

    def may_read_notes(self, task: Task) -> bool:
        """Notes are what people wrote about a member: for whoever does the work, or answers for it."""
        mine = self.staff_id is not None and self.staff_id in (task.assignee_id, task.doer_id)
        return mine or (self.works_in(task.store) and self.sees(task)) or self.manages(task.store)

    def check_sees(self, task: Task) -> None:
        """Raise TaskUnknown where the actor may not see the task."""
        if not self.sees(task):
            raise TaskUnknown("there is no such task")

    def check_manages(self, store: str | None) -> None:
        """Raise PermissionMissing or PlaceForbidden unless the actor hands out tasks in this store."""
        self.principal.require(TASKS_MANAGE)
        self.check_reaches(store)

    def check_reaches(self, store: str | None) -> None:
        """Raise PlaceForbidden unless the actor acts in this store."""
        if not self.reaches(store):
            raise PlaceForbidden("this store is outside of what you may see and do")

    def seen(self) -> tuple[LiteralString, Mapping[str, Any]]:
        """The condition over marketing.task t that narrows a list to what the actor sees, and its parameters.

        Each kind of actor has a condition of its own, so that each is answered by indexes.
        """
        places = self.principal.places
        codes = None if places is None else sorted(place.partition("/")[2] for place in places)
        facts = {"codes": codes, "me": self.staff_id}
        if self.sees_all_of_stores:
            return (_EVERYTHING if codes is None else _OWN_STORES), facts
        return (_OWN_WORK if codes is not None else _OWN_WORK_ANYWHERE), facts


_EVERYTHING: LiteralString = " true "
_OWN_STORES: LiteralString = " (t.store = ANY(%(codes)s) OR t.assignee_id = %(me)s OR t.doer_id = %(me)s) "
_OWN_WORK: LiteralString = """ (
    t.assignee_id = %(me)s OR t.doer_id = %(me)s
    OR (t.store = ANY(%(codes)s) AND t.assignee_id IS NULL AND t.state IN ('open', 'started'))
    OR (t.store = ANY(%(codes)s) AND t.state = 'done' AND t.sampled)
) """
_OWN_WORK_ANYWHERE: LiteralString = """ (
    t.assignee_id = %(me)s OR t.doer_id = %(me)s
    OR (t.assignee_id IS NULL AND t.state IN ('open', 'started')) OR (t.state = 'done' AND t.sampled)
) """


def actor_of(principal: Principal) -> Actor:
    """Who acts, as tasks know them."""
    is_person = principal.kind is PrincipalKind.PERSON
    staff_id = int(principal.id) if is_person and principal.id.isdigit() else None
    return Actor(principal, principal.actor, staff_id)
