"""Tasks for everybody on a target list, without a campaign: no offer, no control group, only the work."""

from dataclasses import dataclass, replace
from datetime import date

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from marketing.experiments.standing import company_control
from marketing.permissions import LISTS_READ, TASKS_MANAGE
from marketing.target_lists.operations import members_of, read_list, visible_members
from marketing.tasks.operations import TaskCounts, TaskWish, create_tasks
from marketing.tasks.scope import Actor

MEMBERS_MAX = 5_000
COMPANY_CONTROL = "company_control"


class ListTooLong(Invalid):
    """More members than tasks are made for at once: a campaign does it step by step, and measures what it brings."""

    code = "list_too_long"


@dataclass(frozen=True, slots=True)
class ListWish:
    """What is to be done for each member of a list, whose home stores the actor sees; `pool`: taken, not given out."""

    list_id: int
    kind: str
    due_on: date | None = None
    note: str | None = None
    pool: bool = False


def make_for_list(tx: Tx, actor: Actor, wish: ListWish) -> TaskCounts:
    """Make the tasks, at most 5,000. The same list and kind again makes none twice.

    Who is in the company's standing control group is left alone, and counted in `refused`.

    Raises PermissionMissing, TargetListUnknown, ListTooLong, and what create_tasks raises.
    """
    actor.principal.require(TASKS_MANAGE)
    actor.principal.require(LISTS_READ)
    found = read_list(tx, actor.principal, wish.list_id)
    members = members_of(tx, found.id, 0, MEMBERS_MAX + 1, visible_members(tx, actor.principal))
    if len(members) > MEMBERS_MAX:
        raise ListTooLong(
            f"tasks are made for at most {MEMBERS_MAX} members at once; a campaign reaches more",
            errors=[FieldError("/list", f"has {found.count} members")],
        )
    spared = company_control(tx, members)
    wishes = [
        TaskWish(
            member_id=member,
            kind=wish.kind,
            key=f"list/{found.id}/{wish.kind}/{member}",
            due_on=wish.due_on,
            note=wish.note,
            origin=f"list/{found.id}",
            pool=wish.pool,
        )
        for member in members
        if member not in spared
    ]
    counts = create_tasks(tx, wishes, actor.by)
    if not spared:
        return counts
    return replace(counts, refused={**counts.refused, COMPANY_CONTROL: len(spared)})
