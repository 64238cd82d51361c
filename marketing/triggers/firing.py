"""Looking at every active trigger once a day, and firing for whom its occasion came: once each, in bounded batches.

Who fits is asked once; then every batch is one transaction that writes the firings first. A firing that stands already
(trigger, member, occasion) is left out by the database, so that nobody is treated twice, whoever looks at once.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import structlog
from pyroaring import BitMap

from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.errors import DomainError
from foundation.settings import get_settings
from marketing.campaigns.launching import HOUSE, group_members
from marketing.campaigns.rules import Arm
from marketing.campaigns.treating import Occasion as Behalf
from marketing.campaigns.treating import give_offer, take_step
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question, choose
from marketing.target_lists.currencies import in_currencies_of_stores
from marketing.target_lists.filters import read_filter
from marketing.triggers.operations import end_wishes
from marketing.triggers.rules import Occasion, TriggerState, entered, occasion_on, still_warm
from marketing.triggers.storage import Trigger, lock_if_free, read_trigger, templates_of

log = structlog.get_logger(__name__)

BATCH = 1_000
FAILURE_MAX = 500
TRIGGERS_MAX = 1_000
BATCHES_MAX = 500


def evaluate(database: Database, trigger_id: int) -> int:
    """Fire a trigger for everybody whose occasion it is today; how many firings are new. Harmless twice and at once."""
    try:
        return _evaluate(database, trigger_id)
    except DomainError as error:
        log.exception("trigger_failed", trigger=trigger_id, code=error.code)
        with database.transaction() as tx:
            words = f"{error.code}: {error.detail}"[:FAILURE_MAX]
            tx.ask("UPDATE marketing.trigger SET failure = %s WHERE id = %s", (words, trigger_id))
        return 0


def evaluate_each(database: Database, trigger_ids: Iterable[int]) -> None:
    """`evaluate` one after the other; a fault that nobody expected in one does not keep the others waiting."""
    for trigger_id in trigger_ids:
        try:
            evaluate(database, trigger_id)
        except Exception:
            log.exception("trigger_failed", trigger=trigger_id)


def _evaluate(database: Database, trigger_id: int) -> int:
    with database.transaction(read_only=True) as tx:
        trigger = read_trigger(tx, trigger_id)
        if trigger.state is not TriggerState.ACTIVE:
            return 0
        picked = _picked(tx, trigger)
        waiting = sorted(_due(tx, trigger, picked))
    fired = 0
    for start in range(0, len(waiting), BATCH):
        with database.transaction() as tx:
            made = _fire(tx, trigger, waiting[start : start + BATCH])
        if made is None:
            return fired
        fired += made
    with database.transaction() as tx:
        _finish(tx, trigger, picked)
    return fired


def _picked(tx: Tx, trigger: Trigger) -> BitMap:
    wanted = in_currencies_of_stores(tx, read_filter(trigger.plan.filter, MEASURES))
    question = Question(wanted, _today(tx))
    return choose(tx, question, near_misses=False).members


def _due(tx: Tx, trigger: Trigger, picked: BitMap) -> BitMap:
    """Whom it is to fire for: who fits, less whom it fired for on this occasion, or too short a while ago."""
    today = _today(tx)
    # Who entered and was fired for, before the look that noticed it came to its end, did not enter once more.
    is_entering = trigger.plan.occasion is Occasion.ENTERED
    waiting = entered(picked, _seen(tx, trigger.id)) if is_entering else picked
    warm = still_warm(today, trigger.plan.cool_down_days)
    done = tx.ask(
        "SELECT DISTINCT member_id FROM marketing.trigger_firing WHERE trigger_id = %s"
        " AND (occasion = %s OR fired_on >= %s::date OR (%s AND at > %s))",
        (trigger.id, occasion_on(trigger.plan.occasion, today), warm, is_entering, trigger.evaluated_at),
    )
    return waiting - BitMap([member for (member,) in done])


def _seen(tx: Tx, trigger_id: int) -> BitMap | None:
    row = tx.ask("SELECT members_seen FROM marketing.trigger WHERE id = %s", (trigger_id,)).fetchone()
    return None if row is None or row[0] is None else BitMap.deserialize(bytes(row[0]))


def _fire(tx: Tx, trigger: Trigger, members: Sequence[int]) -> int | None:
    """Fire for a batch; how many are new. None if the trigger changed, or somebody else is at it."""
    locked = lock_if_free(tx, trigger.id)
    if locked is None or (locked.state, locked.version) != (TriggerState.ACTIVE, trigger.version):
        return None
    today, plan = _today(tx), trigger.plan
    groups = group_members(tx, members, trigger.salt, plan.control_share, today)
    rows = tx.ask(
        "INSERT INTO marketing.trigger_firing (trigger_id, member_id, occasion, version, fired_on, arm, why, at)"
        " SELECT %s, m, %s, %s, %s, arm, why, %s FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS x (m, arm, why)"
        " ON CONFLICT DO NOTHING RETURNING member_id",
        (
            trigger.id, occasion_on(plan.occasion, today), trigger.version, today, tx.now, list(groups),
            [arm.value for arm, _ in groups.values()], [why for _, why in groups.values()],
        ),
    )  # fmt: skip
    new = sorted(member for (member,) in rows)
    _treat(tx, trigger, today, [member for member in new if groups[member][0] is Arm.TREATED])
    tx.ask("UPDATE marketing.trigger SET fired = fired + %s, failure = NULL WHERE id = %s", (len(new), trigger.id))
    return len(new)


def _treat(tx: Tx, trigger: Trigger, today: date, treated: Sequence[int]) -> None:
    if not treated:
        return
    behalf = Behalf(trigger.reference(today), None, today, trigger.decided_by or HOUSE)
    treatment, templates = trigger.plan.treatment, templates_of(tx, trigger)
    give_offer(tx, behalf, treatment, treated)
    for number in range(1, len(treatment.steps) + 1):
        take_step(tx, behalf, treatment, number, templates.get(number), treated)


def _finish(tx: Tx, trigger: Trigger, picked: BitMap) -> None:
    """Remember who fits, so that tomorrow it is known who entered."""
    tx.ask(
        "UPDATE marketing.trigger SET evaluated_on = %s, evaluated_at = %s, members_seen = %s, failure = NULL"
        " WHERE id = %s AND version = %s AND state = 'active'",
        (_today(tx), tx.now, picked.serialize(), trigger.id, trigger.version),
    )


def due_today(tx: Tx) -> list[int]:
    """Active triggers that nobody has looked at today."""
    rows = tx.ask(
        "SELECT id FROM marketing.trigger WHERE state = 'active' AND (evaluated_on IS NULL OR evaluated_on < %s)"
        " ORDER BY id LIMIT %s",
        (_today(tx), TRIGGERS_MAX),
    )
    return [trigger for (trigger,) in rows]


def triggers_in(tx: Tx, state: TriggerState) -> list[int]:
    """Every trigger in a state."""
    rows = tx.ask("SELECT id FROM marketing.trigger WHERE state = %s ORDER BY id LIMIT %s", (state, TRIGGERS_MAX))
    return [trigger for (trigger,) in rows]


def end_wishes_of_paused(database: Database, trigger_ids: Iterable[int]) -> None:
    """End what waits of these triggers, batch by batch; one that fires again meanwhile keeps the rest."""
    for trigger_id in trigger_ids:
        for _ in range(BATCHES_MAX):
            with database.transaction() as tx:
                trigger = lock_if_free(tx, trigger_id)
                if trigger is None or trigger.state is not TriggerState.PAUSED or not end_wishes(tx, trigger_id):
                    break


def _today(tx: Tx) -> date:
    return local_date(tx.now, get_settings().company_timezone)
