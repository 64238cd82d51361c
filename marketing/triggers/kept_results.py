"""Results of triggers that fired for many are worked out by the worker and kept, as those of large campaigns are.

What is kept is asked for anew on another day, after the trigger was looked at again, or, at most every FRESH_FOR, once
the lake has moved on.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from analytics.contract.outcomes import position_of_lake
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.queues import send_after_commit
from foundation.settings import get_settings
from marketing.campaigns.kept_results import AT_ONCE_MAX, FRESH_FOR, LONG_READER
from marketing.triggers.results import TriggerResults, results_of
from marketing.triggers.storage import Trigger, read_trigger

RESULTS_TASK = "marketing.work_out_trigger_results"
ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('trigger_result'), %s)"


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Results, and when they were worked out."""

    results: TriggerResults
    worked_out_at: datetime


def results_at_hand(tx: Tx, trigger: Trigger) -> KeptResults | None:
    """The results so far; of a trigger that fired often the kept ones, while the worker is asked for newer ones if need
    be. None: they are being worked out for the first time. Raises LakeDamaged."""
    if trigger.fired <= AT_ONCE_MAX:
        return KeptResults(results_of(tx, trigger), tx.now)
    kept = read_kept(tx, trigger.id)
    if kept is None or is_stale(tx, trigger, kept):
        send_after_commit(tx, RESULTS_TASK, trigger.id)
    return kept


def is_stale(tx: Tx, trigger: Trigger, kept: KeptResults) -> bool:
    """Whether another day has to be measured, the trigger was looked at since, or the lake moved on since a while."""
    if kept.results.last_day != local_date(tx.now, get_settings().company_timezone):
        return True
    if trigger.evaluated_at is not None and trigger.evaluated_at > kept.worked_out_at:
        return True
    return tx.now - kept.worked_out_at >= FRESH_FOR and position_of_lake(tx) != kept.results.position


def work_out(database: Database, trigger_id: int) -> bool:
    """Work the results of a trigger out and keep them; whether it was done: not if they are fresh, or another worker is
    at it. Harmless twice and at once. Raises TriggerUnknown, LakeDamaged."""
    with database.transaction() as tx:
        tx.execute(LONG_READER)
        alone = tx.ask(ALONE, (trigger_id % 2**31,)).fetchone()
        if not alone or not alone[0]:
            return False
        trigger = read_trigger(tx, trigger_id)
        kept = read_kept(tx, trigger_id)
        if kept is not None and not is_stale(tx, trigger, kept):
            return False
        _keep(tx, results_of(tx, trigger))
    return True


def read_kept(tx: Tx, trigger_id: int) -> KeptResults | None:
    """What is kept of a trigger."""
    row = tx.ask(
        "SELECT figures::text, worked_out_at FROM marketing.trigger_result WHERE trigger_id = %s", (trigger_id,)
    ).fetchone()
    if row is None:
        return None
    try:
        return KeptResults(msgspec.json.decode(row[0], type=TriggerResults), row[1])
    except msgspec.MsgspecError:
        return None  # an earlier release kept other figures: they are worked out anew


def _keep(tx: Tx, results: TriggerResults) -> None:
    tx.ask(
        "INSERT INTO marketing.trigger_result (trigger_id, worked_out_at, figures) VALUES (%s, %s, %s)"
        " ON CONFLICT (trigger_id) DO UPDATE SET worked_out_at = excluded.worked_out_at, figures = excluded.figures",
        (results.trigger_id, tx.now, msgspec.json.encode(results).decode()),
    )
