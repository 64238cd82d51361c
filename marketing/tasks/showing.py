"""Tasks as lists on pages show them: members by masked names, colleagues by name, states in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.database import Tx
from foundation.pages import gettext
from marketing.tasks import words
from marketing.tasks.days import today_of
from marketing.tasks.kinds import TaskKind, kinds_of
from marketing.tasks.reading import days_late
from marketing.tasks.storage import Task
from member_api.contract.members import masked_names
from organisation.contract import staff_names, stores_by_code


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task as a list shows it: the member by masked name, whoever has it by name."""

    task: Task
    kind: TaskKind
    member: str
    assignee: str | None
    doer: str | None
    store: str | None
    late: int
    state: tuple[Any, str]


def shown_tasks(tx: Tx, tasks: Sequence[Task]) -> list[ShownTask]:
    """Tasks with the words that a page needs; five statements for any number."""
    kinds = kinds_of(tx, [(task.kind_id, task.kind_version) for task in tasks])
    names = masked_names(tx, {task.member_id for task in tasks})
    ids = {task.assignee_id for task in tasks} | {task.doer_id for task in tasks}
    people = staff_names(tx, [each for each in ids if each is not None])
    stores = stores_by_code(tx, {task.store for task in tasks if task.store is not None})
    return [
        ShownTask(
            task=task,
            kind=kinds[(task.kind_id, task.kind_version)],
            member=names.get(task.member_id) or str(gettext("Member %(id)s", id=task.member_id)),
            assignee=people.get(task.assignee_id) if task.assignee_id is not None else None,
            doer=people.get(task.doer_id) if task.doer_id is not None else None,
            store=stores[task.store].name if task.store in stores else task.store,
            late=days_late(task, today_of(tx, task.store)),
            state=words.state_words(task.state, complaint=task.complaint),
        )
        for task in tasks
    ]


def who_words(names: Mapping[int, str]) -> Callable[[str | None], str]:
    """Names for who did something: a colleague, a machine, or the house itself."""

    def named(by: str | None) -> str:
        kind, _, name = (by or "").partition(":")
        if kind == "person" and name.isdigit():
            return names.get(int(name), name)
        return str(gettext("a device") if kind == "machine" else gettext("the system"))

    return named
