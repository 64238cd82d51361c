"""The pages of follow-up: my tasks on a phone, one task, the board of whoever answers for a store, the kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import flask
from flask_babel import get_locale
from werkzeug.utils import redirect

from foundation.access import allow
from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.http.fields import is_text
from foundation.money import exponent
from foundation.pages import render
from foundation.settings import get_settings
from marketing.permissions import LISTS_READ, TASKS_MANAGE, TASKS_READ, TASKS_WORK
from marketing.target_lists.http import list_id_of
from marketing.target_lists.operations import read_list
from marketing.tasks import words
from marketing.tasks.figures import Figures
from marketing.tasks.from_list import MEMBERS_MAX
from marketing.tasks.http import FIGURES_DAYS, figures_of, me, task_id_of, today_for
from marketing.tasks.kinds import find_kind, list_kinds, settings_now, versions_of
from marketing.tasks.reading import (
    Mark,
    TaskDetail,
    TaskQuery,
    Which,
    count_waiting,
    find_task,
    list_tasks,
    people_who,
)
from marketing.tasks.rules import UNFINISHED, TaskState
from marketing.tasks.scope import Actor
from marketing.tasks.showing import ShownTask, shown_tasks, who_words
from marketing.tasks.storage import Task
from member_api.contract.contacts import Channel, contacts, reach
from member_api.contract.members import masked_names, read_ref, resolve_member
from organisation.contract import (
    Colleague,
    StoreFacts,
    staff_by_id,
    staff_by_number,
    staff_names,
    staff_on_duty,
    stores_within,
)

tasks_pages = Pages("tasks", __name__)
SHOWN = 50
ATTENTION = 8
CLERKS_SHOWN = 60
STORES_MAX = 200
SAID_MAX = 1_024
KEPT = ("assignee", "store", "state", "kind", "pool", "overdue", "escalated", "call_backs")
MEMBERS_PERSONAL = "members.personal"


# ------------------------------------------------------------------------------------------------ my tasks
@tasks_pages.route("/tasks")
@allow(TASKS_READ)
@transactional
def mine_page(tx: Tx) -> Any:
    """What is mine to do: today, overdue, later; the pool; whom to call back."""
    actor = me()
    if not actor.principal.may(TASKS_WORK):
        return redirect("/follow-up", 303)
    today = today_for(tx, actor)
    waiting = count_waiting(tx, actor, today)
    which = _which(waiting)
    after = _mark(_said("cursor"))
    found = list_tasks(tx, actor, TaskQuery(which=which), SHOWN + 1, after, today)
    rows = shown_tasks(tx, found[:SHOWN])
    return render(
        "tasks/mine.html",
        rows=rows,
        which=which,
        waiting=waiting,
        today=today,
        several_stores=len({row.task.store for row in rows}) > 1,
        which_words=words.WHICH_WORDS,
        nothing=words.NOTHING_WORDS[which],
        late_words=words.late_words,
        following=_following(f"/tasks?which={which}", rows) if len(found) > SHOWN else "",
        first=f"/tasks?which={which}" if after else "",
    )


def _which(waiting: Mapping[Which, int]) -> Which:
    asked = _said("which")
    if asked in list(Which):
        return Which(asked)
    return Which.OVERDUE if waiting[Which.OVERDUE] and not waiting[Which.TODAY] else Which.TODAY


def _mark(cursor: str | None) -> Mark | None:
    if not cursor:
        return None
    due_on, task_id = read_cursor(cursor, date, int)
    return Mark(due_on, task_id)


def _following(address: str, rows: Sequence[ShownTask]) -> str:
    return f"{address}&cursor={make_cursor(rows[-1].task.due_on, rows[-1].task.id)}"


# ------------------------------------------------------------------------------------------------ one task
@tasks_pages.route("/tasks/<task>")
@allow(TASKS_READ)
@transactional
def task_page(tx: Tx, task: str) -> str:
    """One task: the script and the steps, whom to call, how it ended, what happened."""
    actor = me()
    detail = find_task(tx, actor, task_id_of(task))
    row = detail.task
    names = staff_names(tx, list(people_who(detail.history)))
    can = _can(actor, row)
    return render(
        "tasks/task.html",
        shown=shown_tasks(tx, [row])[0],
        detail=detail,
        can=can,
        reach=_reach(tx, actor, row, wanted=can["work"] or can["call_back"]),
        elapsed=_elapsed(tx, detail),
        names=names,
        who=who_words(names),
        made_on=row.made_at,
        clerks=_assignable(tx, row) if can["manage"] else [],
        contact_words=words.CONTACT_WORDS,
        cancel_words=words.CANCEL_WORDS,
        what_words=words.WHAT_WORDS,
        reason_words=_reasons(detail),
        origin=words.origin_words(row.origin),
        outcome_words=_outcome_words(detail),
        receivers_of=receivers_of,
        late_words=words.late_words,
    )


def receivers_of(people: Sequence[Colleague]) -> list[tuple[str, str]]:
    """Colleagues as a choice: number, and name with number."""
    return [(person.number, f"{person.name} · {person.number}") for person in people]


def _outcome_words(detail: TaskDetail) -> str:
    known = {each.code: each.words.in_language(_language()) for each in detail.kind.template.outcomes}
    return known.get(detail.task.outcome or "", detail.task.outcome or "")


def _can(actor: Actor, task: Task) -> dict[str, bool]:
    """What the viewer may do with a task now; the routes decide again."""
    mine, manages = actor.is_mine(task), actor.manages(task.store)
    works = actor.principal.may(TASKS_WORK)
    unfinished = task.state in UNFINISHED
    by_another = actor.staff_id != task.doer_id and actor.by != task.done_by
    in_reach = actor.works_in(task.store)
    return {
        "take": works and in_reach and task.assignee_id is None and task.state is TaskState.OPEN,
        "start": works and (mine or (in_reach and task.assignee_id is None)) and task.state is TaskState.OPEN,
        "work": works and mine and unfinished,
        "complete": works and (mine or manages) and task.state is TaskState.STARTED,
        "log": works and (mine or manages) and task.state not in (TaskState.OPEN, TaskState.CANCELLED),
        "put_back": works and mine and unfinished,
        "move": works and (mine or manages) and unfinished,
        "cancel": works and (mine or manages) and unfinished,
        "call_back": works and task.state is TaskState.DONE and by_another and (in_reach or manages),
        "manage": manages and unfinished,
    }


@dataclass(frozen=True, slots=True)
class Reachable:
    """How a member is called. `dial` is the number, only for whoever may see it and has something to say."""

    dial: str | None
    has_phone: bool
    may_see: bool
    wants_no_marketing: bool


def _reach(tx: Tx, actor: Actor, task: Task, *, wanted: bool) -> Reachable:
    standing = reach(tx, [task.member_id], [Channel.PHONE]).get(task.member_id)
    has_phone = standing is not None and Channel.PHONE in standing.addresses
    may_see = actor.principal.may(MEMBERS_PERSONAL)
    dial = None
    if has_phone and may_see and wanted:
        found = contacts(tx, [task.member_id], Channel.PHONE).get(task.member_id)
        dial = found.address if found is not None else None
    consents = standing is not None and standing.words.get(Channel.PHONE, False)
    return Reachable(dial, has_phone, may_see, not consents)


def _elapsed(tx: Tx, detail: TaskDetail) -> int:
    """Minutes to propose for the work: since the start, within reason."""
    task = detail.task
    if task.started_at is None or task.minutes:
        return 0 if task.minutes else task.standard_minutes
    passed = max(1, -(-int((tx.now - task.started_at).total_seconds()) // 60))
    return passed if passed <= 4 * task.standard_minutes else task.standard_minutes


def _reasons(detail: TaskDetail) -> dict[int, str]:
    """Why each thing happened, in words; a completion tells its outcome."""
    language = _language()
    outcomes = {each.code: each.words.in_language(language) for each in detail.kind.template.outcomes}
    return {entry.id: outcomes.get(entry.reason or "") or words.reason_words(entry.reason) for entry in detail.history}


def _assignable(tx: Tx, task: Task) -> list[Colleague]:
    """Who may be given the task: whoever does tasks in its store, the manager too."""
    if task.store is None:
        return []
    return [person for person in staff_on_duty(tx, [task.store]) if TASKS_WORK in person.permissions]


# ------------------------------------------------------------------------------------------------ supervision
@tasks_pages.route("/follow-up")
@allow(TASKS_READ)
@transactional
def board_page(tx: Tx) -> str:
    """How the follow-up goes in the viewer's stores, and what needs somebody now."""
    actor = me()
    store, first, last = _said("store"), _day(_said("from")), _day(_said("to"))
    found = figures_of(tx, actor, first, last, store)
    stores = stores_within(tx, actor.principal)[:STORES_MAX]
    clerks = [row for row in found.clerks if row.staff_id is not None]
    if len(clerks) > CLERKS_SHOWN:
        clerks.sort(key=lambda row: (-row.overdue, -row.open))
    people = staff_by_id(tx, [row.staff_id for row in clerks[:CLERKS_SHOWN] if row.staff_id is not None])
    attention = list_tasks(tx, actor, TaskQuery(store=store, overdue=True), ATTENTION + 1)
    pool = list_tasks(tx, actor, TaskQuery(store=store, which=Which.POOL), ATTENTION + 1)
    return render(
        "tasks/board.html",
        board=found,
        clerks=clerks[:CLERKS_SHOWN],
        fewer=len(clerks) > CLERKS_SHOWN,
        people=people,
        stores=stores,
        store_names={home.code: home.name for home in stores},
        store=store,
        late=shown_tasks(tx, attention[:ATTENTION]),
        pool=shown_tasks(tx, pool[:ATTENTION]),
        waiting=sum(found.waiting.values()),
        pooled=sum(row.open for row in found.clerks if row.staff_id is None),
        may_manage=actor.principal.may(TASKS_MANAGE),
        receivers=_receivers(tx, actor, store, stores),
        hand_over_words=words.HAND_OVER_WORDS,
        settings=settings_now(tx),
        currency=get_settings().company_currency,
        days=FIGURES_DAYS,
        late_words=words.late_words,
        receivers_of=receivers_of,
        load=_load,
    )


def _load(row: Figures, minutes_per_day: int) -> float:
    """Days of work that somebody has."""
    return row.minutes_open / minutes_per_day


def _receivers(tx: Tx, actor: Actor, store: str | None, stores: Sequence[StoreFacts]) -> list[Colleague]:
    """To whom tasks may be handed: whoever works on tasks in the stores that are shown."""
    if not actor.principal.may(TASKS_MANAGE):
        return []
    codes = [store] if store is not None else [home.code for home in stores]
    return [person for person in staff_on_duty(tx, codes) if TASKS_WORK in person.permissions][:STORES_MAX]


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest("a day is written as 2026-01-31") from None


@tasks_pages.route("/follow-up/tasks")
@allow(TASKS_READ)
@transactional
def list_page(tx: Tx) -> str:
    """The tasks of the viewer's stores, narrowed as wished; to be given to somebody in bulk."""
    actor = me()
    query = _query(tx)
    after = _mark(_said("cursor"))
    found = list_tasks(tx, actor, query, SHOWN + 1, after)
    rows = shown_tasks(tx, found[:SHOWN])
    kept = {name: value for name in KEPT if (value := _said(name)) is not None}
    address = f"/follow-up/tasks?{urlencode(kept)}"
    stores = stores_within(tx, actor.principal)[:STORES_MAX]
    return render(
        "tasks/list.html",
        rows=rows,
        kept=kept,
        kinds=list_kinds(tx, retired=True),
        stores=stores,
        states=[(state.value, words.STATE_WORDS[state][0]) for state in TaskState],
        may_manage=actor.principal.may(TASKS_MANAGE),
        receivers=_receivers(tx, actor, query.store, stores),
        hand_over_words=words.HAND_OVER_WORDS,
        late_words=words.late_words,
        receivers_of=receivers_of,
        following=_following(address, rows) if len(found) > SHOWN else "",
        first=address if after else "",
    )


def _said(name: str) -> str | None:
    """A query argument as a person typed or chose it. Raises BadRequest for what cannot be stored or shown."""
    value = flask.request.args.get(name) or None
    if value is not None and (len(value) > SAID_MAX or not is_text(value)):
        raise BadRequest(f"{name} cannot be read")
    return value


def _query(tx: Tx) -> TaskQuery:
    number, state = _said("assignee"), _said("state")
    person = staff_by_number(tx, [number]).get(number) if number is not None else None
    return TaskQuery(
        assignee_id=(person.id if person is not None else -1) if number is not None else None,
        store=_said("store"),
        state=TaskState(state) if state in list(TaskState) else None,
        kind=_said("kind"),
        pool=_said("pool") == "1",
        overdue=_said("overdue") == "1",
        escalated=_said("escalated") == "1",
        which=Which.CALL_BACKS if _said("call_backs") == "1" else None,
    )


# ------------------------------------------------------------------------------------------------ a new one
@tasks_pages.route("/follow-up/new")
@allow(TASKS_READ)
@transactional
def new_page(tx: Tx) -> str:
    """Make a task by hand; ?member= names whom it is for."""
    actor = me()
    named = _said("member")
    member = resolve_member(tx, read_ref(named)) if named else None
    stores = stores_within(tx, actor.principal)[:STORES_MAX]
    codes = [home.code for home in stores]
    own = staff_by_id(tx, [actor.staff_id]).get(actor.staff_id) if actor.staff_id is not None else None
    return render(
        "tasks/new.html",
        member=member,
        member_name=masked_names(tx, [member.id]).get(member.id) if member is not None else None,
        kinds_of_page=[(kind.code, kind.template.name.in_language(_language())) for kind in list_kinds(tx)],
        store_choices=[(home.code, home.name) for home in stores],
        kind=_said("kind") or "call",
        stores=stores,
        store=_first_store(member.home_store if member is not None else None, codes),
        clerks=_receivers(tx, actor, None, stores) if codes else [],
        own=own,
        receivers_of=receivers_of,
        today=today_for(tx, actor),
    )


@tasks_pages.route("/follow-up/from-list")
@allow(TASKS_MANAGE)
@transactional
def from_list_page(tx: Tx) -> str:
    """Make a task for every member of a target list; ?list= names it."""
    actor = me()
    actor.principal.require(LISTS_READ)
    found = read_list(tx, actor.principal, list_id_of(_said("list") or ""))
    return render(
        "tasks/from_list.html",
        list=found,
        members_max=MEMBERS_MAX,
        kinds_of_page=[(kind.code, kind.template.name.in_language(_language())) for kind in list_kinds(tx)],
    )


def _first_store(home: str | None, codes: Sequence[str]) -> str:
    if home in codes:
        return str(home)
    return codes[0] if len(codes) == 1 else ""


# ------------------------------------------------------------------------------------------------ kinds
@tasks_pages.route("/follow-up/kinds")
@allow(TASKS_READ)
@transactional
def kinds_page(tx: Tx) -> str:
    """The kinds of tasks, and what holds for all."""
    actor = me()
    return render(
        "tasks/kinds.html",
        kinds=list_kinds(tx, retired=True),
        settings=settings_now(tx),
        cost=_typed(settings_now(tx).cost_per_minute, get_settings().company_currency),
        may_change=_may_change(actor),
        currency=get_settings().company_currency,
    )


def _typed(amount: int, currency: str) -> str:
    """Minor units as somebody types them into a field."""
    digits = exponent(currency)
    whole, part = divmod(amount, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


@tasks_pages.route("/follow-up/kinds/new")
@allow(TASKS_MANAGE)
@transactional
def new_kind_page(tx: Tx) -> str:  # noqa: ARG001 - a page without questions
    """Make a kind of task."""
    return render("tasks/kind.html", kind=None, versions=[], may_change=_may_change(me()), who=who_words({}))


@tasks_pages.route("/follow-up/kinds/<code>")
@allow(TASKS_READ)
@transactional
def kind_page(tx: Tx, code: str) -> str:
    """One kind of task: its newest version, to be changed, and the versions before."""
    kind, versions = find_kind(tx, code), versions_of(tx, code)
    ids = [version.made_by.removeprefix("person:") for version in versions]
    names = staff_names(tx, [int(id_) for id_ in ids if id_.isdigit()])
    return render("tasks/kind.html", kind=kind, versions=versions, may_change=_may_change(me()), who=who_words(names))


def _may_change(actor: Actor) -> bool:
    return actor.principal.may(TASKS_MANAGE) and actor.principal.places is None


def _language() -> str:
    return str(get_locale() or "en")
