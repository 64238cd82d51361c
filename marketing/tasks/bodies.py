"""Tasks in JSON: the shapes that come in and go out. Answers to POSTs carry ids and no notes: they are kept."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.http import PageArguments, Schema
from foundation.http.fields import Code, Words, is_text
from marketing.tasks.figures import Board, Figures
from marketing.tasks.kinds import TaskKind
from marketing.tasks.reading import HistoryEntry, TaskDetail, days_late
from marketing.tasks.rules import (
    CONTENT_MAX,
    CONTENT_MIN,
    CancelReason,
    Contact,
    HandOverReason,
    Outcome,
    TaskState,
    Template,
)
from marketing.tasks.rules import Words as Named
from marketing.tasks.storage import Task
from member_api.contract.service import NOTE_MAX
from organisation.contract import Colleague

BULK_MAX = 500
STEPS_MAX, OUTCOMES_MAX, SCRIPT_MAX, MINUTES_MAX = 30, 12, 4_000, 1_440
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


class Note(fields.String):
    """What somebody writes about a member; kept sealed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, NOTE_MAX), _check_prose], **options)


class Script(fields.String):
    """A text of several lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, SCRIPT_MAX), _check_prose], **options)


class Day(fields.Date):
    """A calendar day of this century."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(EARLIEST, LATEST, error="must lie in this century"), **options)


class TaskId(fields.String):
    """The id of a task: digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Regexp(r"[0-9]{1,18}\Z", error="must be the id of a task"), **options)


class MemberName(fields.Field[Any]):
    """A member: an id ("123"), or {"kind", "value"}; read by member_api.contract.members.read_ref."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        named = isinstance(value, str | int) and not isinstance(value, bool)
        if not named and not isinstance(value, Mapping):
            raise ValidationError('must be an id or {"kind", "value"}')
        return value


def _check_prose(text: str) -> None:
    if not text.strip() or not is_text(text.replace("\r", "").replace("\n", " ")):
        raise ValidationError("must have visible characters only")


def _content() -> fields.Integer:
    return fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(CONTENT_MIN, CONTENT_MAX),
        metadata={"description": "How content the member is, 1 to 5; null: not said"},
    )


def _minutes(**options: Any) -> fields.Integer:
    return fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, MINUTES_MAX), **options
    )


def _staff() -> Code:
    return Code(
        load_default=None,
        allow_none=True,
        metadata={"description": "Number of the member of staff for whom a machine reports; a person leaves it out"},
    )


# ------------------------------------------------------------------------------------------------ what comes in
class TaskIn(Schema):
    """Something to be done for a member, by somebody or by whoever of a store has room."""

    member = MemberName(required=True, metadata={"description": 'An id, or {"kind", "value"}'})
    kind = Code(required=True, metadata={"description": "Code of a kind of task, as call or complaint"})
    due_on = Day(load_default=None, allow_none=True, metadata={"description": "By default as the kind says"})
    assignee = Code(load_default=None, allow_none=True, metadata={"description": "Number of a member of staff"})
    store = Code(load_default=None, allow_none=True, metadata={"description": "By default the member's home store"})
    pool = fields.Boolean(
        load_default=False, metadata={"description": "Leave it in the pool of the store, to be taken by a clerk"}
    )
    note = Note(load_default=None, allow_none=True)


class ListTasksIn(Schema):
    """Something to be done for every member of a target list."""

    list = TaskId(required=True, metadata={"description": "Id of a target list"})
    kind = Code(required=True)
    due_on = Day(load_default=None, allow_none=True)
    note = Note(load_default=None, allow_none=True)
    pool = fields.Boolean(load_default=False)


class ListTasksOut(Schema):
    made = fields.Integer(required=True)
    already = fields.Integer(required=True, metadata={"description": "Made before, for the same list and kind"})
    assigned = fields.Integer(required=True)
    pooled = fields.Integer(required=True)
    refused = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class TaskQueryIn(PageArguments):
    assignee = Code(load_default=None, metadata={"description": "Number of a member of staff"})
    store = Code(load_default=None)
    state = fields.Enum(TaskState, by_value=True, load_default=None)
    kind = Code(load_default=None)
    member = TaskId(load_default=None, metadata={"description": "Id of a member"})
    origin = Words(load_default=None, metadata={"description": "Where it comes from: hand, list/3, trigger/birthday"})
    campaign = TaskId(load_default=None, metadata={"description": "Id of the campaign that made it"})
    pool = fields.Boolean(load_default=False, metadata={"description": "Only what nobody has"})
    overdue = fields.Boolean(load_default=False)
    escalated = fields.Boolean(load_default=False)


class StartIn(Schema):
    body_optional = True
    staff = _staff()


class NoteIn(Schema):
    body_optional = True
    note = Note(load_default=None, allow_none=True)


class StepsIn(Schema):
    done = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, STEPS_MAX)),
        required=True,
        validate=validate.Length(0, STEPS_MAX),
        metadata={"description": "Every step that is done, counted from 0"},
    )


class LogIn(Schema):
    """At least one of the three."""

    note = Note(load_default=None, allow_none=True)
    contact = fields.Enum(Contact, by_value=True, load_default=None, allow_none=True)
    minutes = _minutes(metadata={"description": "Spent beyond what the log says so far"})


class CompleteIn(Schema):
    outcome = Code(required=True, metadata={"description": "One of the outcomes of the kind"})
    note = Note(load_default=None, allow_none=True)
    minutes = _minutes(metadata={"description": "By default the time since the start, unless the log has minutes"})
    steps_done = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, STEPS_MAX)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(0, STEPS_MAX),
    )


class CallBackIn(Schema):
    """What the member said to another person than the one who did it."""

    done = fields.Boolean(required=True, truthy={True}, falsy={False})
    content = _content()
    comment = Note(load_default=None, allow_none=True)
    staff = _staff()


class CancelIn(Schema):
    body_optional = True
    reason = fields.Enum(CancelReason, by_value=True, load_default=CancelReason.NOT_NEEDED)
    note = Note(load_default=None, allow_none=True)


class AssignIn(Schema):
    """To somebody by number, or (assignee null) into the pool of a store."""

    assignee = Code(load_default=None, allow_none=True)
    store = Code(load_default=None, allow_none=True)
    note = Note(load_default=None, allow_none=True)


class DueIn(Schema):
    due_on = Day(required=True)


class HandOverIn(Schema):
    """Whose tasks or which ones, and where to: somebody, spread among the others of the store, or the pool."""

    from_ = Code(data_key="from", load_default=None, allow_none=True, metadata={"description": "Number of a clerk"})
    tasks = fields.List(TaskId(), load_default=list, validate=validate.Length(0, BULK_MAX))
    to = Code(load_default=None, allow_none=True, metadata={"description": "Number of a clerk; null: the pool"})
    spread = fields.Boolean(
        load_default=False, metadata={"description": "Among the others of each store who have room"}
    )
    reason = fields.Enum(HandOverReason, by_value=True, load_default=HandOverReason.OTHER)


class NamedIn(Schema):
    """The same in English and Chinese."""

    en = Words(required=True)
    zh = Words(required=True)


class ScriptIn(Schema):
    en = Script(required=True)
    zh = Script(required=True)


class OutcomeIn(Schema):
    code = fields.String(
        required=True, validate=validate.Regexp(r"[a-z][a-z0-9_-]{0,39}\Z", error="lower case letters and digits")
    )
    en = Words(required=True)
    zh = Words(required=True)
    success = fields.Boolean(required=True, truthy={True}, falsy={False})


class TaskKindIn(Schema):
    """What a kind of task asks for."""

    name = fields.Nested(NamedIn, required=True)
    script = fields.Nested(ScriptIn, required=True)
    steps = fields.List(fields.Nested(NamedIn), required=True, validate=validate.Length(1, STEPS_MAX))
    outcomes = fields.List(fields.Nested(OutcomeIn), required=True, validate=validate.Length(1, OUTCOMES_MAX))
    standard_minutes = fields.Integer(required=True, strict=True, validate=validate.Range(1, 480))
    due_in_days = fields.Integer(required=True, strict=True, validate=validate.Range(0, 365))
    callback_percent = fields.Integer(required=True, strict=True, validate=validate.Range(0, 100))


class NewTaskKindIn(TaskKindIn):
    code = fields.String(
        required=True, validate=validate.Regexp(r"[a-z][a-z0-9_-]{0,39}\Z", error="lower case letters and digits")
    )
    complaint = fields.Boolean(load_default=False)


class TaskKindChangeIn(TaskKindIn):
    retired = fields.Boolean(load_default=False)
    version = fields.Integer(
        load_default=None, strict=True, metadata={"description": "The version that was changed; 409 if it is old"}
    )


class TaskSettingsIO(Schema):
    """What holds for all tasks."""

    minutes_per_day = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1440),
        metadata={"description": "How much follow-up one clerk can do on a day"},
    )
    cost_per_minute = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, 1_000_000),
        metadata={"description": "Minor units of the company's currency"},
    )
    remind_days = fields.Integer(required=True, strict=True, validate=validate.Range(0, 60))
    escalate_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 60))
    earned_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 365))


class FiguresQueryIn(Schema):
    from_ = Day(data_key="from", load_default=None)
    to = Day(load_default=None)
    store = Code(load_default=None)


# ------------------------------------------------------------------------------------------------ what goes out
class TaskOut(Schema):
    """One task. Whoever has it stands by number."""

    id = fields.String(required=True)
    member = fields.String(required=True)
    kind = fields.String(required=True)
    kind_version = fields.Integer(required=True)
    complaint = fields.Boolean(required=True)
    origin = fields.String(required=True)
    state = fields.Enum(TaskState, by_value=True, required=True)
    store = fields.String(required=True, allow_none=True)
    assignee = fields.String(required=True, allow_none=True)
    due_on = fields.Date(required=True)
    days_late = fields.Integer(required=True)
    standard_minutes = fields.Integer(required=True)
    minutes = fields.Integer(required=True)
    steps_done = fields.List(fields.Integer(), required=True)
    made_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    escalated_at = fields.AwareDateTime(required=True, allow_none=True)
    done_at = fields.AwareDateTime(required=True, allow_none=True)
    done_by = fields.String(required=True, allow_none=True, metadata={"description": "Number of who did it"})
    outcome = fields.String(required=True, allow_none=True)
    success = fields.Boolean(required=True, allow_none=True)
    callback_asked = fields.Boolean(required=True, metadata={"description": "The sample asks for a call-back"})
    content = fields.Integer(required=True, allow_none=True)
    called_back_at = fields.AwareDateTime(required=True, allow_none=True)
    refuted = fields.Integer(required=True, metadata={"description": "Call-backs that found it was not done"})
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)


class HistoryOut(Schema):
    at = fields.AwareDateTime(required=True)
    by = fields.String(required=True)
    what = fields.String(required=True)
    state = fields.Enum(TaskState, by_value=True, required=True)
    assignee_from = fields.String(required=True, allow_none=True)
    assignee_to = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    contact = fields.String(required=True, allow_none=True)
    minutes = fields.Integer(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class CallBackOut(Schema):
    round = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    by = fields.String(required=True)
    sampled = fields.Boolean(required=True)
    done = fields.Boolean(required=True)
    content = fields.Integer(required=True, allow_none=True)
    comment = fields.String(required=True, allow_none=True)


class NamedOut(Schema):
    en = fields.String(required=True)
    zh = fields.String(required=True)


class OutcomeOut(NamedOut):
    code = fields.String(required=True)
    success = fields.Boolean(required=True)


class TaskKindOut(Schema):
    """A kind of task, as one of its versions says."""

    code = fields.String(required=True)
    version = fields.Integer(required=True)
    complaint = fields.Boolean(required=True)
    retired = fields.Boolean(required=True)
    name = fields.Nested(NamedOut, required=True)
    script = fields.Nested(NamedOut, required=True)
    steps = fields.List(fields.Nested(NamedOut), required=True)
    outcomes = fields.List(fields.Nested(OutcomeOut), required=True)
    standard_minutes = fields.Integer(required=True)
    due_in_days = fields.Integer(required=True)
    callback_percent = fields.Integer(required=True)
    made_by = fields.String(required=True)
    made_at = fields.AwareDateTime(required=True)


class TaskKindsOut(Schema):
    items = fields.List(fields.Nested(TaskKindOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class TaskDetailOut(TaskOut):
    """A task with its template, its history, the oldest first, and its call-backs."""

    note = fields.String(required=True, allow_none=True)
    notes_hidden = fields.Boolean(required=True)
    template = fields.Nested(TaskKindOut, required=True)
    history = fields.List(fields.Nested(HistoryOut), required=True)
    callbacks = fields.List(fields.Nested(CallBackOut), required=True)


class WaitingOut(Schema):
    """How many tasks wait for whoever asks. `now` is what a badge shows: late and due today."""

    now = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    today = fields.Integer(required=True)
    later = fields.Integer(required=True)
    pool = fields.Integer(required=True)
    call_backs = fields.Integer(required=True)


class HandedOverOut(Schema):
    assigned = fields.Integer(required=True)
    pooled = fields.Integer(required=True)
    left = fields.Integer(required=True, metadata={"description": "Finished, or not yours to move"})
    more = fields.Boolean(required=True, metadata={"description": "There is more: call again"})


class FiguresOut(Schema):
    store = fields.String(required=True, allow_none=True)
    staff = fields.String(required=True, allow_none=True)
    open = fields.Integer(required=True)
    overdue = fields.Integer(required=True)
    escalated = fields.Integer(required=True)
    minutes_open = fields.Integer(required=True)
    due = fields.Integer(required=True)
    due_done = fields.Integer(required=True)
    done = fields.Integer(required=True)
    successes = fields.Integer(required=True)
    on_time = fields.Integer(required=True)
    minutes = fields.Integer(required=True)
    standard_minutes = fields.Integer(required=True)
    asked = fields.Integer(required=True, metadata={"description": "Call-backs of the sample"})
    confirmed = fields.Integer(required=True)
    refuted = fields.Integer(required=True)
    content_sum = fields.Integer(required=True)
    content_count = fields.Integer(required=True)
    earned = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class BoardOut(Schema):
    """The figures of a period: for each clerk, for each store, and in all."""

    first = fields.Date(required=True, data_key="from")
    last = fields.Date(required=True, data_key="to")
    clerks = fields.List(fields.Nested(FiguresOut), required=True)
    stores = fields.List(fields.Nested(FiguresOut), required=True)
    total = fields.Nested(FiguresOut, required=True)
    earned_days = fields.Integer(required=True)
    earned_whole = fields.Boolean(required=True)
    clerks_whole = fields.Boolean(required=True, metadata={"description": "False: only the 1,000 with most late tasks"})


class ServiceEntryOut(Schema):
    at = fields.AwareDateTime(required=True)
    source = fields.String(required=True)
    id = fields.String(required=True)
    what = fields.String(required=True)
    by = fields.String(required=True, allow_none=True)
    facts = fields.Dict(required=True)
    note = fields.String(required=True, allow_none=True)


# ------------------------------------------------------------------------------------------------ making bodies
def task_body(task: Task, kind: TaskKind, people: Mapping[int, Colleague], today: date) -> dict[str, Any]:
    """A task as TaskOut shows it."""
    return {
        "id": str(task.id),
        "member": str(task.member_id),
        "kind": kind.code,
        "kind_version": kind.version,
        "complaint": task.complaint,
        "origin": task.origin,
        "state": task.state,
        "store": task.store,
        "assignee": number_of(people, task.assignee_id),
        "due_on": task.due_on,
        "days_late": days_late(task, today),
        "standard_minutes": task.standard_minutes,
        "minutes": task.minutes,
        "steps_done": list(task.steps_done),
        "made_at": task.made_at,
        "started_at": task.started_at,
        "escalated_at": task.escalated_at,
        "done_at": task.done_at,
        "done_by": number_of(people, task.doer_id),
        "outcome": task.outcome,
        "success": task.success,
        "callback_asked": task.sampled,
        "content": task.content,
        "called_back_at": task.called_back_at,
        "refuted": task.refuted,
        "ended_at": task.ended_at,
        "end_reason": task.end_reason,
    }


def detail_body(detail: TaskDetail, people: Mapping[int, Colleague], today: date) -> dict[str, Any]:
    """A task as TaskDetailOut shows it."""
    return {
        **task_body(detail.task, detail.kind, people, today),
        "note": detail.note,
        "notes_hidden": detail.notes_hidden,
        "template": kind_body(detail.kind),
        "history": [_history_body(entry, people) for entry in detail.history],
        "callbacks": detail.callbacks,
    }


def _history_body(entry: HistoryEntry, people: Mapping[int, Colleague]) -> dict[str, Any]:
    return {
        "at": entry.at,
        "by": entry.by,
        "what": entry.what.value,
        "state": entry.state,
        "assignee_from": number_of(people, entry.assignee_from),
        "assignee_to": number_of(people, entry.assignee_to),
        "reason": entry.reason,
        "contact": entry.contact,
        "minutes": entry.minutes,
        "note": entry.note,
    }


def kind_body(kind: TaskKind) -> dict[str, Any]:
    """A kind as TaskKindOut shows it."""
    template = kind.template
    return {
        "code": kind.code,
        "version": kind.version,
        "complaint": kind.complaint,
        "retired": kind.retired,
        "name": template.name,
        "script": template.script,
        "steps": template.steps,
        "outcomes": [
            {"code": each.code, "en": each.words.en, "zh": each.words.zh, "success": each.success}
            for each in template.outcomes
        ],
        "standard_minutes": template.standard_minutes,
        "due_in_days": template.due_in_days,
        "callback_percent": template.callback_percent,
        "made_by": kind.made_by,
        "made_at": kind.made_at,
    }


def template_of(body: Mapping[str, Any]) -> Template:
    """The template that a TaskKindIn asks for."""
    return Template(
        name=_named(body["name"]),
        script=_named(body["script"]),
        steps=tuple(_named(step) for step in body["steps"]),
        outcomes=tuple(Outcome(each["code"], _named(each), each["success"]) for each in body["outcomes"]),
        standard_minutes=body["standard_minutes"],
        due_in_days=body["due_in_days"],
        callback_percent=body["callback_percent"],
    )


def _named(said: Mapping[str, str]) -> Named:
    return Named(said["en"], said["zh"])


def board_body(found: Board, people: Mapping[int, Colleague]) -> dict[str, Any]:
    """The board as BoardOut shows it."""
    return {
        "first": found.first,
        "last": found.last,
        "clerks": [_figures_body(row, people) for row in found.clerks],
        "stores": [_figures_body(row, people) for row in found.stores],
        "total": _figures_body(found.total, people),
        "earned_days": found.earned_days,
        "earned_whole": found.earned_whole,
        "clerks_whole": found.clerks_whole,
    }


def _figures_body(row: Figures, people: Mapping[int, Colleague]) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in FiguresOut().fields if name not in ("store", "staff")}
    return {"store": row.store, "staff": number_of(people, row.staff_id), **counts}


def number_of(people: Mapping[int, Colleague], staff_id: int | None) -> str | None:
    """The number of a member of staff."""
    return people[staff_id].number if staff_id is not None and staff_id in people else None
