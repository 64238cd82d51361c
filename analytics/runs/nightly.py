"""What the clock does: a run every night, and old files off the disk."""

from zoneinfo import ZoneInfo

from analytics.lake.manifest import read_state
from analytics.runs.files import forget_old_files, sweep_rubbish
from analytics.runs.operations import ScoringRun, current_settings, request_run
from analytics.runs.rules import Origin, RunState, is_night
from analytics.runs.tables import scoring_run
from foundation.clock import local_date
from foundation.database import Database
from foundation.settings import get_settings

NIGHTLY_FAILURES_MAX = 3
BY_THE_CLOCK = "clock"


def request_nightly_run(database: Database) -> ScoringRun | None:
    """Ask for the scores as of the company's today, once a night; None if it is not night or it was asked already.

    Nothing is scored before the first sale. A night that fails three times is left to people.
    """
    zone = get_settings().company_timezone
    with database.transaction() as tx:
        if not is_night(tx.now.astimezone(ZoneInfo(zone))) or read_state(tx).position == 0:
            return None
        today = local_date(tx.now, zone)
        tonight = tx.execute(
            scoring_run.select().where(scoring_run.c.as_of == today, scoring_run.c.origin == Origin.NIGHTLY.value)
        ).all()
        failures = sum(1 for row in tonight if row.state == RunState.FAILED)
        if len(tonight) > failures or failures >= NIGHTLY_FAILURES_MAX:
            return None
        run, _ = request_run(tx, today, None, Origin.NIGHTLY, BY_THE_CLOCK)
        return run


def tidy_up(database: Database) -> int:
    """Forget files that are older than the settings keep, and what killed workers left; how many runs lost theirs."""
    settings = get_settings()
    with database.transaction() as tx:
        keep_days = current_settings(tx).keep_days
        forgotten = forget_old_files(tx, settings.lake, local_date(tx.now, settings.company_timezone), keep_days)
    with database.transaction(read_only=True) as tx:
        sweep_rubbish(tx, settings.lake)
    return forgotten
