"""Make one task by hand: for whoever stands before a member, and for whoever hands out work."""

from dataclasses import replace

from foundation.access import PermissionMissing
from foundation.database import Tx
from foundation.errors import Conflict
from marketing.permissions import TASKS_MANAGE, TASKS_WORK
from marketing.tasks.operations import TaskWish, create_tasks, workers_by_number
from marketing.tasks.scope import Actor
from member_api.contract.members import MemberFacts
from organisation.contract import Colleague, stores_by_code, stores_within


class MemberNotServable(Conflict):
    """The membership is closed or erased: nothing is to be done for the member."""

    code = "member_not_servable"


def make_by_hand(tx: Tx, actor: Actor, member: MemberFacts, wish: TaskWish) -> int:
    """Make a task; its id.

    Whoever works on tasks makes them for the own store and for themselves; naming somebody else needs tasks.manage, in
    the store of the task and in that of the assignee. Raises PermissionMissing, PlaceForbidden, MemberNotServable, and
    what create_tasks raises.
    """
    assignee = workers_by_number(tx, [wish.assignee])[wish.assignee] if wish.assignee is not None else None
    wish = replace(wish, store=_store(tx, actor, member, wish, assignee))
    _check(actor, wish, assignee)
    counts = create_tasks(tx, [wish], actor.by)
    if counts.refused:
        raise MemberNotServable("nothing is to be done for a member who is no member any more")
    return counts.ids[wish.key]


def _store(tx: Tx, actor: Actor, member: MemberFacts, wish: TaskWish, assignee: Colleague | None) -> str | None:
    """Where it belongs: as named, or where the assignee works, or where the member is at home, or the actor."""
    if wish.store is not None:
        return wish.store
    if assignee is not None and assignee.home_store is not None:
        return assignee.home_store
    if member.home_store is not None and stores_by_code(tx, (member.home_store,)):
        return member.home_store
    own = stores_within(tx, actor.principal) if actor.principal.places else []
    return own[0].code if len(own) == 1 else None


def _check(actor: Actor, wish: TaskWish, assignee: Colleague | None) -> None:
    if assignee is not None and assignee.id != actor.staff_id:
        actor.check_manages(wish.store)
        if assignee.home_store is not None:
            actor.check_manages(assignee.home_store)
        return
    if not (actor.works_in(wish.store) or actor.manages(wish.store)):
        if not (actor.principal.may(TASKS_WORK) or actor.principal.may(TASKS_MANAGE)):
            raise PermissionMissing("a task is made by whoever works on tasks or hands them out", permission=TASKS_WORK)
        actor.check_reaches(wish.store)
