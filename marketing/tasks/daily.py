"""Remind and escalate: what the clock does with tasks. May run at any time, any number of times."""

from datetime import date, timedelta
from typing import LiteralString

from foundation.database import Tx
from marketing.tasks.days import today_in
from marketing.tasks.kinds import settings_now
from marketing.tasks.rules import What
from marketing.tasks.storage import Change, keep_changes, read_tasks

BATCH = 2_000
BY = "system:tasks"

REMIND: LiteralString = """
UPDATE marketing.task AS t SET reminded_at = %(now)s WHERE t.id = ANY(ARRAY(
    SELECT d.id FROM marketing.task AS d
    JOIN unnest(%(stores)s::text[], %(days)s::date[]) AS w(store, today) ON w.store IS NOT DISTINCT FROM d.store
    WHERE d.state IN ('open', 'started') AND d.reminded_at IS NULL AND d.due_on <= w.today + %(ahead)s
    ORDER BY d.id LIMIT %(batch)s FOR UPDATE OF d SKIP LOCKED))
RETURNING t.id
"""
ESCALATE: LiteralString = """
UPDATE marketing.task AS t SET escalated_at = %(now)s WHERE t.id = ANY(ARRAY(
    SELECT d.id FROM marketing.task AS d
    JOIN unnest(%(stores)s::text[], %(days)s::date[]) AS w(store, today) ON w.store IS NOT DISTINCT FROM d.store
    WHERE d.state IN ('open', 'started') AND d.escalated_at IS NULL AND d.due_on + %(behind)s <= w.today
    ORDER BY d.id LIMIT %(batch)s FOR UPDATE OF d SKIP LOCKED))
RETURNING t.id
"""


def remind_and_escalate(tx: Tx) -> int:
    """Remind of what is due soon, tell the manager of what is late; each once. At most 2,000 of each; how many it was.

    Events task.reminded and task.escalated carry ids; pages count from the tasks themselves. Whoever calls goes on
    while something is left.
    """
    settings = settings_now(tx)
    days = _days(tx, settings.remind_days)
    facts = {"now": tx.now, "batch": BATCH, "stores": list(days), "days": list(days.values())}
    late = tx.ask(ESCALATE, {**facts, "behind": settings.escalate_days}).fetchall()
    _keep(tx, What.ESCALATED, [task_id for (task_id,) in late])
    soon = tx.ask(REMIND, {**facts, "ahead": settings.remind_days}).fetchall()
    _keep(tx, What.REMINDED, [task_id for (task_id,) in soon])
    return len(late) + len(soon)


def _days(tx: Tx, ahead: int) -> dict[str | None, date]:
    """Today in every store that has something to be told about."""
    latest = tx.now.date() + timedelta(days=ahead + 1)
    rows = tx.ask(
        "SELECT DISTINCT store FROM marketing.task WHERE state IN ('open', 'started') AND due_on <= %s"
        " AND (reminded_at IS NULL OR escalated_at IS NULL)",
        (latest,),
    ).fetchall()
    return today_in(tx, [store for (store,) in rows])


def _keep(tx: Tx, what: What, task_ids: list[int]) -> None:
    if task_ids:
        tasks = read_tasks(tx, task_ids)
        keep_changes(tx, Change(what, BY), [(task, task) for task in tasks.values()])
