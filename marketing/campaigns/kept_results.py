"""Results of large campaigns are worked out by the worker and kept: hundreds of thousands of members take seconds, and
no request waits for them. Those of small ones are worked out on the spot, from the lake as it stands.

What is kept is asked for anew once another day has to be measured, or, at most every FRESH_FOR, once the lake has moved
on: late sales and returns change a result long after its last day.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from analytics.contract.outcomes import position_of_lake
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.queues import send_after_commit
from foundation.settings import get_settings
from marketing.campaigns.results import Results, results_of
from marketing.campaigns.storage import Campaign, read_campaign

RESULTS_TASK = "marketing.work_out_results"
AT_ONCE_MAX = 20_000  # members: a fraction of a second
FRESH_FOR = timedelta(minutes=15)
# The work reads files for a while between two statements.
LONG_READER = "SET LOCAL idle_in_transaction_session_timeout = 0"
ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('campaign_result'), %s)"


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Results, and when they were worked out. `position`: where the lake stood."""

    results: Results
    worked_out_at: datetime
    position: int


def results_at_hand(tx: Tx, campaign: Campaign) -> KeptResults | None:
    """The results so far; of a large campaign the kept ones, while the worker is asked for newer ones if need be.

    None: they are being worked out for the first time. Raises CampaignStateWrong before the launch, LakeDamaged.
    """
    if campaign.assigned <= AT_ONCE_MAX:
        results = results_of(tx, campaign)
        return KeptResults(results, tx.now, results.position)
    kept = read_kept(tx, campaign.id)
    if kept is None or is_stale(tx, campaign, kept):
        send_after_commit(tx, RESULTS_TASK, campaign.id)
    return kept


def is_stale(tx: Tx, campaign: Campaign, kept: KeptResults) -> bool:
    """Whether another day has to be measured, or the lake has moved on since a while ago."""
    if kept.results.last_day != _last_day(tx, campaign):
        return True
    return tx.now - kept.worked_out_at >= FRESH_FOR and position_of_lake(tx) != kept.position


def work_out(database: Database, campaign_id: int) -> bool:
    """Work the results of a campaign out and keep them; whether it was done: not if they are fresh, or another worker
    is at it. Harmless twice and at once. Raises CampaignUnknown, CampaignStateWrong, LakeDamaged."""
    with database.transaction() as tx:
        tx.execute(LONG_READER)
        alone = tx.ask(ALONE, (campaign_id % 2**31,)).fetchone()
        if not alone or not alone[0]:
            return False
        campaign = read_campaign(tx, None, campaign_id)
        kept = read_kept(tx, campaign_id)
        if kept is not None and not is_stale(tx, campaign, kept):
            return False
        _keep(tx, results_of(tx, campaign))
    return True


def read_kept(tx: Tx, campaign_id: int) -> KeptResults | None:
    """What is kept of a campaign."""
    row = tx.ask(
        "SELECT figures::text, worked_out_at, position FROM marketing.campaign_result WHERE campaign_id = %s",
        (campaign_id,),
    ).fetchone()
    if row is None:
        return None
    try:
        return KeptResults(msgspec.json.decode(row[0], type=Results), row[1], row[2])
    except msgspec.MsgspecError:
        return None  # an earlier release kept other figures: they are worked out anew


def _keep(tx: Tx, results: Results) -> None:
    tx.ask(
        "INSERT INTO marketing.campaign_result (campaign_id, last_day, position, worked_out_at, figures)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (campaign_id) DO UPDATE SET last_day = excluded.last_day,"
        " position = excluded.position, worked_out_at = excluded.worked_out_at, figures = excluded.figures",
        (
            results.campaign_id, results.last_day, results.position, tx.now, msgspec.json.encode(results).decode(),
        ),
    )  # fmt: skip


def _last_day(tx: Tx, campaign: Campaign) -> date | None:
    today = local_date(tx.now, get_settings().company_timezone)
    return None if campaign.ends_on is None else min(campaign.ends_on, today)
