"""Kinds of tasks, and the versions of what they ask for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from foundation.database import Tx
from foundation.errors import Conflict, FieldError, Invalid, NotFound
from foundation.events import announce
from marketing.tasks.rules import Outcome, Settings, Template, Words

KINDS_MAX = 500


class TaskKindUnknown(NotFound):
    """There is no such kind of task."""

    code = "task_kind_unknown"


class TaskKindNotUsable(Invalid):
    """There is no such kind of task, or it is retired: no new task can be of it."""

    code = "task_kind_unknown"


class TaskKindExists(Conflict):
    """There is a kind with this code."""

    code = "task_kind_exists"


class TaskKindChanged(Conflict):
    """Somebody made a newer version meanwhile; `version` is the newest."""

    code = "task_kind_changed"


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind of task as one of its versions says. `complaint`: open until the member said that it was dealt with."""

    id: int
    code: str
    version: int
    complaint: bool
    retired: bool
    template: Template
    made_by: str
    made_at: datetime


_COLUMNS = """
SELECT k.id, k.code, v.version, k.complaint, k.retired_at, v.name_en, v.name_zh, v.script_en, v.script_zh, v.steps,
       v.outcomes, v.standard_minutes, v.due_in_days, v.callback_percent, v.made_by, v.made_at
FROM marketing.task_kind AS k JOIN marketing.task_kind_version AS v ON v.kind_id = k.id
"""


def list_kinds(tx: Tx, *, retired: bool = False) -> list[TaskKind]:
    """The kinds as their newest version says, by code, at most 500; retired ones only if asked for."""
    rows = tx.ask(
        _COLUMNS + "WHERE v.version = k.version AND (%s OR k.retired_at IS NULL) ORDER BY k.code LIMIT %s",
        (retired, KINDS_MAX),
    )
    return [_kind(row) for row in rows]


def kinds_by_code(tx: Tx, codes: Collection[str]) -> dict[str, TaskKind]:
    """The newest version of these kinds; unknown codes are left out."""
    rows = tx.ask(_COLUMNS + "WHERE v.version = k.version AND k.code = ANY(%s)", (list(codes),))
    return {kind.code: kind for kind in map(_kind, rows)}


def find_kind(tx: Tx, code: str) -> TaskKind:
    """The newest version of a kind. Raises TaskKindUnknown."""
    found = kinds_by_code(tx, [code]).get(code)
    if found is None:
        raise TaskKindUnknown(f"there is no kind of task {code}")
    return found


def kinds_of(tx: Tx, versions: Collection[tuple[int, int]]) -> dict[tuple[int, int], TaskKind]:
    """Kinds as given versions of them said, by (id, version)."""
    asked = list(set(versions))
    rows = tx.ask(
        _COLUMNS + "JOIN unnest(%s::integer[], %s::integer[]) AS w(kind_id, version)"
        " ON w.kind_id = v.kind_id AND w.version = v.version",
        ([kind_id for kind_id, _ in asked], [version for _, version in asked]),
    )
    return {(kind.id, kind.version): kind for kind in map(_kind, rows)}


def versions_of(tx: Tx, code: str) -> list[TaskKind]:
    """Every version of a kind, the newest first, at most 500. Raises TaskKindUnknown."""
    rows = tx.ask(_COLUMNS + "WHERE k.code = %s ORDER BY v.version DESC LIMIT %s", (code, KINDS_MAX)).fetchall()
    if not rows:
        raise TaskKindUnknown(f"there is no kind of task {code}")
    return [_kind(row) for row in rows]


def make_kind(tx: Tx, code: str, template: Template, *, complaint: bool, by: str) -> TaskKind:
    """Make a kind, as version 1. Raises TaskKindExists."""
    made = tx.ask(
        "INSERT INTO marketing.task_kind (code, version, complaint) VALUES (%s, 1, %s)"
        " ON CONFLICT (code) DO NOTHING RETURNING id",
        (code, complaint),
    ).fetchone()
    if made is None:
        raise TaskKindExists(f"there is a kind of task {code}", errors=[FieldError("/code", "taken")])
    _write_version(tx, made[0], 1, template, by)
    announce(tx, "task_kind.changed", {"kind": code, "version": 1})
    return find_kind(tx, code)


def change_kind(tx: Tx, code: str, template: Template, *, retired: bool, was: int | None, by: str) -> TaskKind:
    """Make a new version if anything differs; tasks that were made keep theirs. `was` is the version that was changed.

    Locks the kind. Raises TaskKindUnknown, and TaskKindChanged where `was` is not the newest.
    """
    locked = tx.ask(
        "SELECT id, version, retired_at FROM marketing.task_kind WHERE code = %s FOR UPDATE", (code,)
    ).fetchone()
    if locked is None:
        raise TaskKindUnknown(f"there is no kind of task {code}")
    kind_id, version, retired_at = locked
    if was is not None and was != version:
        raise TaskKindChanged("somebody changed this kind meanwhile", version=version)
    before = find_kind(tx, code)
    if before.template != template:
        version += 1
        _write_version(tx, kind_id, version, template, by)
    tx.ask(
        "UPDATE marketing.task_kind SET version = %s, retired_at = CASE WHEN %s THEN coalesce(retired_at, %s) END"
        " WHERE id = %s",
        (version, retired, tx.now, kind_id),
    )
    if before.version != version or (retired_at is not None) != retired:
        announce(tx, "task_kind.changed", {"kind": code, "version": version})
    return find_kind(tx, code)


def settings_now(tx: Tx) -> Settings:
    """What holds for all tasks now."""
    row = tx.ask(
        "SELECT minutes_per_day, cost_per_minute, remind_days, escalate_days, earned_days"
        " FROM marketing.task_setting ORDER BY id DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return Settings(*row)


def change_settings(tx: Tx, wanted: Settings, by: str) -> Settings:
    """From now on this holds; what held before stays on record."""
    if wanted != settings_now(tx):
        tx.ask(
            "INSERT INTO marketing.task_setting (minutes_per_day, cost_per_minute, remind_days, escalate_days,"
            " earned_days, set_by, set_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                wanted.minutes_per_day, wanted.cost_per_minute, wanted.remind_days, wanted.escalate_days,
                wanted.earned_days, by, tx.now,
            ),
        )  # fmt: skip
        announce(tx, "task_settings.changed", {})
    return wanted


def _write_version(tx: Tx, kind_id: int, version: int, template: Template, by: str) -> None:
    tx.ask(
        "INSERT INTO marketing.task_kind_version (kind_id, version, name_en, name_zh, script_en, script_zh, steps,"
        " outcomes, standard_minutes, due_in_days, callback_percent, made_by, made_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            kind_id, version, template.name.en, template.name.zh, template.script.en, template.script.zh,
            Json([_words(step) for step in template.steps]),
            Json([{"code": o.code, **_words(o.words), "success": o.success} for o in template.outcomes]),
            template.standard_minutes, template.due_in_days, template.callback_percent, by, tx.now,
        ),
    )  # fmt: skip


def _words(words: Words) -> Mapping[str, str]:
    return {"en": words.en, "zh": words.zh}


def _kind(row: Sequence[Any]) -> TaskKind:
    template = Template(
        name=Words(row[5], row[6]),
        script=Words(row[7], row[8]),
        steps=tuple(Words(step["en"], step["zh"]) for step in row[9]),
        outcomes=tuple(Outcome(o["code"], Words(o["en"], o["zh"]), o["success"]) for o in row[10]),
        standard_minutes=row[11],
        due_in_days=row[12],
        callback_percent=row[13],
    )
    return TaskKind(row[0], row[1], row[2], row[3], row[4] is not None, template, row[14], row[15])
