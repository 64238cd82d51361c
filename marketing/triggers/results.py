"""What came of a trigger: each member's days from the first firing on, treated against held out, by intention."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics.contract.outcomes import outcomes_since
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.campaigns.results import BEFORE_DAYS, HELD, CurrencyEffects, currency_effects
from marketing.campaigns.rules import Arm
from marketing.triggers.storage import Trigger

MEASURE_DAYS = 30


@dataclass(frozen=True, slots=True)
class TriggerResults:
    """`days` from the first firing of each member on, up to `last_day`; a member counts once."""

    trigger_id: int
    days: int
    last_day: date
    position: int
    groups: dict[Arm, int]
    currencies: tuple[CurrencyEffects, ...]


def results_of(tx: Tx, trigger: Trigger) -> TriggerResults:
    """The results so far. Raises LakeDamaged."""
    rows = tx.ask(
        "SELECT DISTINCT ON (member_id) member_id, fired_on, arm FROM marketing.trigger_firing"
        " WHERE trigger_id = %s AND arm <> 'left_out' ORDER BY member_id, fired_on",
        (trigger.id,),
    ).fetchall()
    held = np.fromiter((HELD[Arm(row[2])] for row in rows), dtype=np.int8, count=len(rows))
    today = local_date(tx.now, get_settings().company_timezone)
    members, firsts = [row[0] for row in rows], [row[1] for row in rows]
    outcomes = outcomes_since(tx, members, firsts, MEASURE_DAYS, BEFORE_DAYS, today)
    return TriggerResults(
        trigger_id=trigger.id,
        days=MEASURE_DAYS,
        last_day=today,
        position=outcomes.position,
        groups={arm: int((held == number).sum()) for arm, number in HELD.items()},
        currencies=currency_effects(trigger.id, held, outcomes, held == 0),
    )
