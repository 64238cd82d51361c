"""Follow-up tasks over HTTP: make, list, work, call back, hand over; their kinds, settings and figures."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from foundation.access import PlaceForbidden, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.http import Blueprint, first_page, id_of, idempotent, page_of, paged, read_cursor, transactional
from foundation.settings import get_settings
from marketing.permissions import TASKS_MANAGE, TASKS_READ, TASKS_WORK
from marketing.tasks import bodies, calling_back, handing_over, working
from marketing.tasks.by_hand import make_by_hand
from marketing.tasks.days import today_in, today_of
from marketing.tasks.figures import Board, board
from marketing.tasks.from_list import ListWish, make_for_list
from marketing.tasks.kinds import (
    change_kind,
    change_settings,
    find_kind,
    kinds_of,
    list_kinds,
    make_kind,
    settings_now,
    versions_of,
)
from marketing.tasks.operations import TaskWish
from marketing.tasks.reading import (
    Mark,
    TaskQuery,
    Which,
    count_waiting,
    find_task,
    list_tasks,
    people_in,
    people_who,
)
from marketing.tasks.rules import Settings
from marketing.tasks.scope import Actor, TaskUnknown, actor_of
from marketing.tasks.storage import Task, read_tasks
from member_api.contract.members import read_ref, resolve_member
from organisation.contract import staff_by_id, staff_by_number

tasks_blueprint = Blueprint("tasks", __name__, description="Follow-up tasks: one thing that somebody does for a member")

FIGURES_DAYS = 28
FIGURES_DAYS_MAX = 366
NOBODY = -1


class PeriodWrong(Invalid):
    """A period begins before it ends, and is at most 366 days long."""

    code = "period_wrong"


class LogEmpty(Invalid):
    """A log entry has a note, a contact or minutes."""

    code = "log_empty"


def me() -> Actor:
    """Whoever sent the request."""
    return actor_of(current_principal())


def today_for(tx: Tx, actor: Actor) -> date:
    """The day where somebody works; of a machine, the company's."""
    person = staff_by_id(tx, [actor.staff_id]).get(actor.staff_id) if actor.staff_id is not None else None
    return today_of(tx, person.home_store if person is not None else None)


def task_id_of(text: str) -> int:
    """The id in an address. Raises TaskUnknown for what cannot be one."""
    return id_of(text, TaskUnknown("there is no such task"))


# ------------------------------------------------------------------------------------------------ making and seeing
@tasks_blueprint.route("/tasks", methods=["POST"])
@allow(TASKS_READ)
@idempotent
@tasks_blueprint.arguments(bodies.TaskIn)
@tasks_blueprint.response(201, bodies.TaskOut)
def post_task(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a task. Needs tasks.work in the store, and tasks.manage where somebody else is named as its assignee."""
    actor = me()
    member = resolve_member(tx, read_ref(body["member"]))
    wish = TaskWish(
        member.id,
        body["kind"],
        key=f"hand/{uuid4()}",
        due_on=body["due_on"],
        store=body["store"],
        assignee=body["assignee"],
        note=body["note"],
        pool=body["pool"],
    )
    return _shown(tx, make_by_hand(tx, actor, member, wish))


@tasks_blueprint.route("/tasks", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.arguments(bodies.TaskQueryIn, location="query")
@tasks_blueprint.response(200, page_of(bodies.TaskOut))
def get_tasks(tx: Tx, query: Mapping[str, Any]) -> Any:
    """The tasks that you may see, the earliest due first."""
    after = Mark(*_mark(query["cursor"])) if query["cursor"] else None
    found = list_tasks(tx, me(), _query(tx, query), query["limit"] + 1, after)
    shown, following = first_page(found, query["limit"], lambda task: (task.due_on, task.id))
    return paged(_bodies(tx, shown), following)


@tasks_blueprint.route("/tasks/waiting", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.WaitingOut)
def get_waiting(tx: Tx) -> dict[str, int]:
    """How many tasks wait for you: late, due today, later; in the pool; to be called back."""
    actor = me()
    waiting = count_waiting(tx, actor, today_for(tx, actor))
    return {"now": waiting[Which.OVERDUE] + waiting[Which.TODAY], **{which.value: n for which, n in waiting.items()}}


def _mark(cursor: str) -> tuple[date, int]:
    due_on, task_id = read_cursor(cursor, date, int)
    return due_on, task_id


@tasks_blueprint.route("/tasks/from-list", methods=["POST"])
@allow(TASKS_MANAGE)
@idempotent
@tasks_blueprint.arguments(bodies.ListTasksIn)
@tasks_blueprint.response(200, bodies.ListTasksOut)
def post_from_list(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Make a task for every member of a target list (at most 5,000) that you see; none twice."""
    wish = ListWish(int(body["list"]), body["kind"], body["due_on"], body["note"], body["pool"])
    return make_for_list(tx, me(), wish)


def _query(tx: Tx, query: Mapping[str, Any]) -> TaskQuery:
    assignee = None
    if query["assignee"] is not None:
        person = staff_by_number(tx, [query["assignee"]]).get(query["assignee"])
        assignee = person.id if person is not None else NOBODY
    return TaskQuery(
        assignee_id=assignee,
        store=query["store"],
        state=query["state"],
        kind=query["kind"],
        member_id=int(query["member"]) if query["member"] is not None else None,
        origin=f"campaign/{int(query['campaign'])}" if query["campaign"] is not None else query["origin"],
        pool=query["pool"],
        overdue=query["overdue"],
        escalated=query["escalated"],
    )


@tasks_blueprint.route("/tasks/<task>", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.TaskDetailOut)
def get_task(tx: Tx, task: str) -> dict[str, Any]:
    """One task: what is to be done, everything that happened, and what the member said."""
    detail = find_task(tx, me(), task_id_of(task))
    ids = people_who(detail.history) | {each for each in (detail.task.assignee_id, detail.task.doer_id) if each}
    return bodies.detail_body(detail, staff_by_id(tx, ids), today_of(tx, detail.task.store))


def _shown(tx: Tx, task: Task | int) -> dict[str, Any]:
    found = read_tasks(tx, [task])[task] if isinstance(task, int) else task
    return _bodies(tx, [found])[0]


def _bodies(tx: Tx, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    kinds = kinds_of(tx, [(task.kind_id, task.kind_version) for task in tasks])
    people = people_in(tx, tasks)
    days = today_in(tx, {task.store for task in tasks})
    return [
        bodies.task_body(task, kinds[(task.kind_id, task.kind_version)], people, days[task.store]) for task in tasks
    ]


# ------------------------------------------------------------------------------------------------ working
@tasks_blueprint.route("/tasks/<task>/take", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.response(200, bodies.TaskOut)
def post_take(tx: Tx, task: str) -> dict[str, Any]:
    """Take a task out of the pool of your store. Somebody else was quicker: 409."""
    return _shown(tx, working.take(tx, me(), task_id_of(task)))


@tasks_blueprint.route("/tasks/<task>/put-back", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.NoteIn, required=False)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_put_back(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Give a task back to the pool of its store."""
    return _shown(tx, working.put_back(tx, me(), task_id_of(task), body["note"]))


@tasks_blueprint.route("/tasks/<task>/start", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.StartIn, required=False)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_start(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Begin. A task of the pool becomes yours; somebody else has it: 409."""
    return _shown(tx, working.start(tx, me(), task_id_of(task), body["staff"]))


@tasks_blueprint.route("/tasks/<task>/steps", methods=["PUT"])
@allow(TASKS_WORK)
@transactional
@tasks_blueprint.arguments(bodies.StepsIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def put_steps(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Say which steps are done."""
    return _shown(tx, working.tick(tx, me(), task_id_of(task), body["done"]))


@tasks_blueprint.route("/tasks/<task>/log", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.LogIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_log(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Write into the work log: a note, whether the member was reached, minutes."""
    if not any(body.values()):
        raise LogEmpty("nothing is said", errors=[FieldError("/note", "a note, a contact or minutes")])
    return _shown(tx, working.log(tx, me(), task_id_of(task), working.Entry(**body)))


@tasks_blueprint.route("/tasks/<task>/complete", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.CompleteIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_complete(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """End a task that was started, with an outcome of its kind."""
    return _shown(tx, working.complete(tx, me(), task_id_of(task), working.Completion(**body)))


@tasks_blueprint.route("/tasks/<task>/callback", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.CallBackIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_callback(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What the member said to another person than the one who did it (403). Not done: the task is open again."""
    heard = calling_back.Heard(body["done"], body["content"], body["comment"])
    return _shown(tx, calling_back.call_back(tx, me(), task_id_of(task), heard, body["staff"]))


@tasks_blueprint.route("/tasks/<task>/cancel", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.CancelIn, required=False)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_cancel(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Say that it is not needed any more."""
    return _shown(tx, working.cancel(tx, me(), task_id_of(task), body["reason"], body["note"]))


@tasks_blueprint.route("/tasks/<task>/due", methods=["POST"])
@allow(TASKS_WORK)
@idempotent
@tasks_blueprint.arguments(bodies.DueIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_due(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Move it to another day."""
    return _shown(tx, working.move(tx, me(), task_id_of(task), body["due_on"]))


# ------------------------------------------------------------------------------------------------ handing out
@tasks_blueprint.route("/tasks/<task>/assign", methods=["POST"])
@allow(TASKS_MANAGE)
@idempotent
@tasks_blueprint.arguments(bodies.AssignIn)
@tasks_blueprint.response(200, bodies.TaskOut)
def post_assign(tx: Tx, body: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Give it to somebody, or into the pool of a store."""
    return _shown(tx, working.assign_to(tx, me(), task_id_of(task), body["assignee"], body["store"], body["note"]))


@tasks_blueprint.route("/tasks/handover", methods=["POST"])
@allow(TASKS_MANAGE)
@idempotent
@tasks_blueprint.arguments(bodies.HandOverIn)
@tasks_blueprint.response(200, bodies.HandedOverOut)
def post_handover(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Hand over what somebody has to do, or named tasks: to somebody, among the others of the store, or to the pool."""
    wish = handing_over.HandOver(
        reason=body["reason"],
        from_staff=body["from_"],
        tasks=[int(task) for task in body["tasks"]],
        to_staff=body["to"],
        spread=body["spread"],
    )
    return handing_over.hand_over(tx, me(), wish)


# ------------------------------------------------------------------------------------------------ kinds, settings
@tasks_blueprint.route("/task-kinds", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.TaskKindsOut)
def get_kinds(tx: Tx) -> Any:
    """Every kind of task, as its newest version says; at most 500."""
    return {"items": [bodies.kind_body(kind) for kind in list_kinds(tx, retired=True)], "next_cursor": None}


@tasks_blueprint.route("/task-kinds/<code>", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.TaskKindOut)
def get_kind(tx: Tx, code: str) -> Any:
    """One kind of task."""
    return bodies.kind_body(find_kind(tx, code))


@tasks_blueprint.route("/task-kinds/<code>/versions", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.TaskKindsOut)
def get_kind_versions(tx: Tx, code: str) -> Any:
    """Every version of a kind, the newest first; at most 500."""
    return {"items": [bodies.kind_body(kind) for kind in versions_of(tx, code)], "next_cursor": None}


@tasks_blueprint.route("/task-kinds", methods=["POST"])
@allow(TASKS_MANAGE)
@idempotent
@tasks_blueprint.arguments(bodies.NewTaskKindIn)
@tasks_blueprint.response(201, bodies.TaskKindOut)
def post_kind(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Make a kind of task. It holds for the whole company."""
    actor = _everywhere(me())
    return bodies.kind_body(
        make_kind(tx, body["code"], bodies.template_of(body), complaint=body["complaint"], by=actor.by)
    )


@tasks_blueprint.route("/task-kinds/<code>", methods=["PUT"])
@allow(TASKS_MANAGE)
@transactional
@tasks_blueprint.arguments(bodies.TaskKindChangeIn)
@tasks_blueprint.response(200, bodies.TaskKindOut)
def put_kind(tx: Tx, body: Mapping[str, Any], code: str) -> Any:
    """Change a kind of task: a new version, which new tasks follow; those that were made keep theirs."""
    actor = _everywhere(me())
    template = bodies.template_of(body)
    changed = change_kind(tx, code, template, retired=body["retired"], was=body["version"], by=actor.by)
    return bodies.kind_body(changed)


@tasks_blueprint.route("/task-settings", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.response(200, bodies.TaskSettingsIO)
def get_settings_of_tasks(tx: Tx) -> Any:
    """What holds for all tasks: capacity, cost, reminders, escalation."""
    return settings_now(tx)


@tasks_blueprint.route("/task-settings", methods=["PUT"])
@allow(TASKS_MANAGE)
@transactional
@tasks_blueprint.arguments(bodies.TaskSettingsIO)
@tasks_blueprint.response(200, bodies.TaskSettingsIO)
def put_settings_of_tasks(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Change what holds for all tasks, from now on."""
    return change_settings(tx, Settings(**body), _everywhere(me()).by)


def _everywhere(actor: Actor) -> Actor:
    if actor.principal.places is not None:
        raise PlaceForbidden("this holds for the whole company, beyond the stores that you act in")
    return actor


# ------------------------------------------------------------------------------------------------ figures
@tasks_blueprint.route("/task-figures", methods=["GET"])
@allow(TASKS_READ)
@transactional
@tasks_blueprint.arguments(bodies.FiguresQueryIn, location="query")
@tasks_blueprint.response(200, bodies.BoardOut)
def get_figures(tx: Tx, query: Mapping[str, Any]) -> Any:
    """How the follow-up goes in your stores, from a day to a day (by default the last 28): for each clerk and store."""
    found = figures_of(tx, me(), query["from_"], query["to"], query["store"])
    ids = {row.staff_id for row in found.clerks if row.staff_id is not None}
    return bodies.board_body(found, staff_by_id(tx, ids))


def figures_of(tx: Tx, actor: Actor, first: date | None, last: date | None, store: str | None) -> Board:
    """The board of a period. Raises PlaceForbidden for who sees the own work only, PeriodWrong."""
    if not actor.sees_all_of_stores:
        raise PlaceForbidden("the figures of a store are for whoever answers for it")
    if store is not None:
        actor.check_reaches(store)
    last = last or local_date(tx.now, get_settings().company_timezone)
    first = first or last - timedelta(days=FIGURES_DAYS - 1)
    if not timedelta(0) <= last - first <= timedelta(days=FIGURES_DAYS_MAX):
        raise PeriodWrong(
            "a period begins before it ends, and is at most 366 days long",
            errors=[FieldError("/from", "too early or late")],
        )
    return board(tx, actor, first, last, store)
