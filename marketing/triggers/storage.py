"""Triggers as they are kept: reading, locking, and writing down what happened to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import msgspec

from foundation.database import Tx
from marketing.campaigns.rules import Arm
from marketing.campaigns.trail import Change, Trail
from marketing.triggers.rules import TriggerPlan, TriggerState, TriggerUnknown, What, state_after


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger with its present plan."""

    id: int
    name: str
    state: TriggerState
    version: int
    plan: TriggerPlan
    created_by: str
    created_at: datetime
    edited_by: str
    edited_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    evaluated_on: date | None
    evaluated_at: datetime | None
    fired: int
    failure: str | None

    @property
    def salt(self) -> str:
        """Of its control group."""
        return f"trigger/{self.id}"

    def reference(self, day: date) -> str:
        """How the offer and the tasks of a day are named."""
        return f"trigger/{self.id}/{day.isoformat()}"


@dataclass(frozen=True, slots=True)
class Firing:
    """A trigger fired for a member; those of its control group got nothing."""

    member_id: int
    occasion: str
    fired_on: date
    arm: Arm
    why: str | None


TRAIL = Trail("trigger")
_SELECT: LiteralString = """
SELECT t.id, t.name, t.state, t.version, v.plan::text, t.created_by, t.created_at, v.edited_by, v.edited_at,
       t.submitted_by, t.submitted_at, t.decided_by, t.decided_at, t.decision_note, t.evaluated_on, t.evaluated_at,
       t.fired, t.failure
FROM marketing.trigger AS t
JOIN marketing.trigger_version AS v ON v.trigger_id = t.id AND v.version = t.version
"""
_LOCK: LiteralString = _SELECT + "WHERE t.id = %s FOR UPDATE OF t"
_LOCK_IF_FREE: LiteralString = _SELECT + "WHERE t.id = %s FOR UPDATE OF t SKIP LOCKED"


def _trigger(row: Sequence[Any]) -> Trigger:
    plan = msgspec.json.decode(row[4], type=TriggerPlan)
    return Trigger(row[0], row[1], TriggerState(row[2]), row[3], plan, *row[5:])


def read_trigger(tx: Tx, trigger_id: int) -> Trigger:
    """One trigger. Raises TriggerUnknown."""
    return _known(tx.ask(_SELECT + "WHERE t.id = %s", (trigger_id,)).fetchone())


def lock_trigger(tx: Tx, trigger_id: int) -> Trigger:
    """The same, locked until the commit. Raises TriggerUnknown."""
    return _known(tx.ask(_LOCK, (trigger_id,)).fetchone())


def lock_if_free(tx: Tx, trigger_id: int) -> Trigger | None:
    """The trigger, locked; None if somebody else has it."""
    row = tx.ask(_LOCK_IF_FREE, (trigger_id,)).fetchone()
    return _trigger(row) if row is not None else None


def _known(row: Sequence[Any] | None) -> Trigger:
    if row is None:
        raise TriggerUnknown("There is no such trigger")
    return _trigger(row)


def list_triggers(tx: Tx, state: TriggerState | None, before: int | None, limit: int) -> list[Trigger]:
    """Triggers, the newest first, at most `limit`."""
    rows = tx.ask(
        _SELECT + "WHERE (%s::text IS NULL OR t.state = %s) AND (%s::bigint IS NULL OR t.id < %s)"
        " ORDER BY t.id DESC LIMIT %s",
        (state, state, before, before, limit),
    )
    return [_trigger(row) for row in rows]


def changes_of(tx: Tx, trigger_id: int) -> list[Change]:
    """What was done to a trigger, the newest first, at most 200."""
    return TRAIL.changes_of(tx, trigger_id)


def firings_of(tx: Tx, trigger_id: int, before: tuple[date, int] | None, limit: int) -> list[Firing]:
    """For whom a trigger fired, the latest day first, at most `limit`; `before`: the last (day, member) seen."""
    day, member = before or (None, None)
    rows = tx.ask(
        "SELECT member_id, occasion, fired_on, arm, why FROM marketing.trigger_firing WHERE trigger_id = %s"
        " AND (%s::date IS NULL OR (fired_on, member_id) < (%s, %s)) ORDER BY fired_on DESC, member_id DESC LIMIT %s",
        (trigger_id, day, day, member, limit),
    )
    return [Firing(row[0], row[1], row[2], Arm(row[3]), row[4]) for row in rows]


def arms_of(tx: Tx, trigger_id: int) -> dict[Arm, int]:
    """How many firings there were, by group."""
    rows = tx.ask(
        "SELECT arm, count(*) FROM marketing.trigger_firing WHERE trigger_id = %s GROUP BY arm", (trigger_id,)
    )
    return {Arm(arm): count for arm, count in rows}


def templates_of(tx: Tx, trigger: Trigger) -> dict[int, int]:
    """The texts of a trigger's present version, by the number of the step."""
    rows = tx.ask(
        "SELECT step, template_id FROM marketing.trigger_template WHERE trigger_id = %s AND version = %s",
        (trigger.id, trigger.version),
    )
    return dict(rows.fetchall())


# ------------------------------------------------------------------------------------------------ writing
def insert_trigger(tx: Tx, name: str, plan: TriggerPlan, by: str) -> int:
    """A new draft; its id."""
    row = tx.ask(
        "INSERT INTO marketing.trigger (name, state, version, created_by, created_at)"
        " VALUES (%s, 'draft', 1, %s, %s) RETURNING id",
        (name, by, tx.now),
    ).fetchone()
    assert row is not None
    TRAIL.keep_version(tx, row[0], 1, plan, by)
    TRAIL.record(tx, row[0], What.CREATED, TriggerState.DRAFT, 1, by)
    return int(row[0])


def insert_next_version(tx: Tx, trigger: Trigger, name: str, plan: TriggerPlan, by: str) -> None:
    """The trigger as somebody wants it from now on: a draft again. With another filter, whom it saw is forgotten."""
    after, version = state_after(trigger.state, What.EDITED), trigger.version + 1
    TRAIL.keep_version(tx, trigger.id, version, plan, by)
    tx.ask(
        "UPDATE marketing.trigger SET name = %s, state = %s, version = %s, submitted_by = NULL, submitted_at = NULL,"
        " decided_by = NULL, decided_at = NULL, decision_note = NULL,"
        " members_seen = CASE WHEN %s THEN members_seen END WHERE id = %s",
        (name, after, version, plan.filter == trigger.plan.filter, trigger.id),
    )
    TRAIL.record(tx, trigger.id, What.EDITED, after, version, by)


def move(
    tx: Tx, trigger: Trigger, what: What, by: str, note: str | None = None, facts: Mapping[str, Any] | None = None
) -> None:
    """Do something to a locked trigger: its new state, what comes with it (columns), and the trace of it.

    Raises TriggerStateWrong.
    """
    after = state_after(trigger.state, what)
    TRAIL.set_columns(tx, trigger.id, {"state": after, **(facts or {})})
    TRAIL.record(tx, trigger.id, what, after, trigger.version, by, note)
