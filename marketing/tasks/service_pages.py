"""The service file as a tab of the member's page, and what tasks tell it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import flask
from flask_babel import get_locale

from analytics.contract.shares import LakeDamaged, MemberShare, shares_of_member
from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Pages, id_of, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.paging import PageArguments
from foundation.pages import lazy
from marketing.permissions import TASKS_MANAGE, TASKS_READ, TASKS_WORK
from marketing.tasks import bodies, service_sources
from marketing.tasks.reading import HistoryEntry, contents_of, history_of_member
from marketing.tasks.rules import What
from marketing.tasks.scope import Actor, actor_of
from marketing.tasks.service_file import Entry, Mark, read_file, register_source
from marketing.tasks.showing import ShownTask, shown_tasks, who_words
from marketing.tasks.storage import read_tasks
from marketing.tasks.words import CONTACT_WORDS, WHAT_WORDS, reason_words
from member_api.contract.members import MemberUnknown, resolve_member
from member_api.contract.pages import MemberTab, add_tab, framed, render_member
from member_api.contract.service import read_notes
from organisation.contract import staff_names

service_pages = Pages("service", __name__, url_prefix="/members")
service_blueprint = Blueprint("service", __name__, description="Everything ever done for a member")
add_tab(MemberTab("service", lazy("Service"), TASKS_READ, 40))
SHOWN = 40
MEMBERS_PERSONAL = "members.personal"
SCORES_READ = "scores.read"  # of analytics
SOURCE = "tasks"
# Imported for what they register: everybody else who does something for members.
SOURCES = (service_sources,)


# ------------------------------------------------------------------------------------------------ what tasks tell
def _tasks(tx: Tx, member_id: int, until: datetime, limit: int) -> Sequence[Entry]:
    found = history_of_member(tx, [member_id], until, limit)
    asked = {change.task_id for change, _ in found if change.what in (What.CALLED_BACK, What.REOPENED)}
    contents = contents_of(tx, asked) if asked else {}
    return [_entry(change, note_id, contents.get((change.task_id, change.at))) for change, note_id in found]


def _entry(change: HistoryEntry, note_id: int | None, content: int | None) -> Entry:
    return Entry(
        at=change.at,
        source=SOURCE,
        id=change.id,
        words=WHAT_WORDS[change.what],
        by=change.by,
        href=f"/tasks/{change.task_id}",
        kind=change.what.value,
        note_id=note_id,
        facts={
            "task": str(change.task_id),
            "reason": change.reason,
            "contact": change.contact,
            "minutes": change.minutes,
            "content": content if change.what in (What.CALLED_BACK, What.REOPENED) else None,
        },
    )


register_source(SOURCE, _tasks)


# ------------------------------------------------------------------------------------------------ what is shown
def _notes(tx: Tx, actor: Actor, entries: Sequence[Entry]) -> dict[int, str]:
    """The notes that the viewer may read: all, for whoever sees members whole or hands out tasks; else of own ones."""
    if actor.principal.may(MEMBERS_PERSONAL) or actor.principal.may(TASKS_MANAGE):
        return read_notes(tx, {entry.note_id for entry in entries if entry.note_id is not None})
    if not actor.principal.may(TASKS_WORK):
        return {}
    with_note = [entry for entry in entries if entry.note_id is not None and entry.source == SOURCE]
    tasks = read_tasks(tx, {int(entry.facts["task"]) for entry in with_note})
    mine = {task.id for task in tasks.values() if actor.may_read_notes(task)}
    return read_notes(
        tx, {entry.note_id for entry in with_note if int(entry.facts["task"]) in mine and entry.note_id is not None}
    )


def _after(cursor: str | None) -> Mark | None:
    if not cursor:
        return None
    at, source, id_ = read_cursor(cursor, datetime, str, int)
    return Mark(at, source, id_)


def _cursor(entries: Sequence[Entry], *, more: bool) -> str | None:
    return make_cursor(entries[-1].at, entries[-1].source, entries[-1].id) if more else None


@service_blueprint.route("/members/<member>/service", methods=["GET"])
@allow(TASKS_READ)
@transactional
@service_blueprint.arguments(PageArguments, location="query")
@service_blueprint.response(200, page_of(bodies.ServiceEntryOut))
def get_service_file(tx: Tx, query: dict[str, Any], member: str) -> Any:
    """Everything ever done for a member, the newest first: tasks, work logs, call-backs, messages, campaigns."""
    facts = resolve_member(tx, _member_id(member))
    viewer = current_principal()
    found = read_file(tx, viewer, facts.id, query["limit"] + 1, _after(query["cursor"]))
    entries = found[: query["limit"]]
    notes = _notes(tx, actor_of(viewer), entries)
    items = [
        {
            "at": entry.at,
            "source": entry.source,
            "id": str(entry.id),
            "what": entry.kind,
            "by": entry.by,
            "facts": entry.facts,
            "note": notes.get(entry.note_id) if entry.note_id is not None else None,
        }
        for entry in entries
    ]
    return paged(items, _cursor(entries, more=len(found) > len(entries)))


def _member_id(text: str) -> int:
    return id_of(text, MemberUnknown("There is no such member"))


@service_pages.route("/<member>/service")
@allow(TASKS_READ)
@transactional
def service_page(tx: Tx, member: str) -> str:
    """Everything ever done for a member, newest first."""
    frame = framed(tx, member)
    actor = actor_of(current_principal())
    cursor = flask.request.args.get("cursor")
    found = read_file(tx, actor.principal, frame.member.id, SHOWN + 1, _after(cursor))
    entries = found[:SHOWN]
    following = _cursor(entries, more=len(found) > len(entries))
    task_ids = {int(entry.facts["task"]) for entry in entries if entry.source == SOURCE}
    tasks = read_tasks(tx, task_ids)
    return render_member(
        "tasks/service.html",
        frame,
        entries=entries,
        notes=_notes(tx, actor, entries),
        tasks={shown.task.id: shown for shown in shown_tasks(tx, list(tasks.values()))},
        visible={task.id for task in tasks.values() if actor.sees(task)},
        who=who_words(staff_names(tx, _people(entries))),
        contact_words=CONTACT_WORDS,
        reason_of=_reason_of,
        following=f"?cursor={following}" if following else "",
        first="?" if cursor else "",
        shares=_shares(tx, actor, frame.member.id) if not cursor else [],
        may_make=actor.principal.may(TASKS_WORK) or actor.principal.may(TASKS_MANAGE),
    )


def _shares(tx: Tx, actor: Actor, member_id: int) -> list[MemberShare]:
    """What the member could still buy here, for whoever sees scores; nothing while the lake is being mended."""
    if not actor.principal.may(SCORES_READ):
        return []
    try:
        return shares_of_member(tx, member_id)
    except LakeDamaged:
        return []


def _reason_of(shown: ShownTask, reason: str) -> str:
    """Why something happened; a completion tells its outcome."""
    language = str(get_locale() or "en")
    known = {each.code: each.words.in_language(language) for each in shown.kind.template.outcomes}
    return known.get(reason) or reason_words(reason)


def _people(entries: Sequence[Entry]) -> list[int]:
    people = {(entry.by or "").removeprefix("person:") for entry in entries}
    return [int(person) for person in people if person.isdigit()]
