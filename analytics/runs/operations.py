"""Asking for runs, looking at them, and publishing the settings that they follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.dialects import postgresql

from analytics.runs.rules import (
    HORIZON_DEFAULT,
    KEEP_DEFAULT,
    Origin,
    RunState,
    Step,
    check_request,
    check_settings,
)
from analytics.runs.tables import OPEN, score_settings, scoring_run
from analytics.scores.contribution_settings import ContributionSettings, settings_from_json
from analytics.scores.point_costs import with_worth_of_points
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import NotFound
from foundation.events import announce, last_position, newest_announced
from foundation.queues import send_after_commit
from foundation.settings import get_settings

WORK = "analytics.score"
REQUEST_TRIES = 3
# Raised by hand when scores of the same sales come out otherwise: it is kept with every run.
MEASURES_VERSION = "1"
LIBRARIES = ("duckdb", "pyarrow", "numpy", "scikit-learn")


class ScoringRunUnknown(NotFound):
    """There is no such run."""

    code = "scoring_run_unknown"


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What scores take for granted. `version` 0: the software's defaults, nothing was published yet."""

    version: int
    contribution: ContributionSettings
    horizon_days: int = HORIZON_DEFAULT
    keep_days: int = KEEP_DEFAULT
    note: str = ""
    published_by: str = ""
    published_at: datetime | None = None


DEFAULTS = ScoreSettings(0, ContributionSettings())


@dataclass(frozen=True, slots=True)
class ScoringRun:
    """One run. `as_of` is exclusive; `progress` in percent; `position` is where the lake stood when it was read;
    `findings` are the figures that pages show (analytics.runs.findings), None before the end."""

    id: int
    as_of: date
    horizon_days: int
    origin: Origin
    requested_by: str
    requested_at: datetime
    state: RunState
    step: Step
    progress: int
    attempt: int
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    position: int | None
    complete_until: datetime | None
    settings_version: int | None
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    wanted_position: int
    wanted_outbox: int | None
    failure_code: str | None
    failure_detail: str | None
    files_removed_at: datetime | None
    findings: Mapping[str, Any] | None

    @property
    def seconds(self) -> float | None:
        """How long the work took, from the first attempt to the end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def request_run(
    tx: Tx, as_of: date | None, horizon_days: int | None, origin: Origin, requested_by: str
) -> tuple[ScoringRun, bool]:
    """Ask for scores as of a date (None: of all days before the company's today) and a horizon (None: the setting).

    The same run that is still waiting or under way is answered in place of a second one: then False is the second
    part of the answer. A worker is told once this transaction has committed. Raises RunRefused.
    """
    settings = current_settings(tx)
    today = local_date(tx.now, get_settings().company_timezone)
    as_of = as_of or today
    horizon = horizon_days if horizon_days is not None else settings.horizon_days
    check_request(as_of, horizon, today)
    values = {
        "as_of": as_of,
        "horizon_days": horizon,
        "origin": origin.value,
        "requested_by": requested_by,
        "requested_at": tx.now,
        "wanted_position": last_position(tx),
        "wanted_outbox": newest_announced(tx),
        "settings_version": settings.version or None,
        "settings": with_worth_of_points(tx, settings.contribution).as_json(),
        "versions": software_versions(),
        "state": RunState.QUEUED.value,
        "step": Step.WAITING.value,
    }
    for _ in range(REQUEST_TRIES):
        made = tx.execute(
            postgresql.insert(scoring_run)
            .values(values)
            .on_conflict_do_nothing(index_elements=["as_of", "horizon_days"], index_where=OPEN)
            .returning(scoring_run.c.id)
        ).scalar()
        if made is not None:
            announce(tx, "scoring_run.requested", {"run": made, "as_of": as_of.isoformat()})
            send_after_commit(tx, WORK)
            return read_run(tx, made), True
        found = tx.execute(
            select(scoring_run).where(scoring_run.c.as_of == as_of, scoring_run.c.horizon_days == horizon, OPEN)
        ).mappings()
        for row in found:
            return _run(row), False
    # It was there and ended, again and again, between two statements.
    raise RuntimeError("the run asked for ends faster than it can be read")


def software_versions() -> dict[str, str]:
    """What computed a run: measures and libraries. Scores of other versions may differ in their last bits."""
    return {"measures": MEASURES_VERSION, **{name: version(name) for name in LIBRARIES}}


def read_run(tx: Tx, run_id: int) -> ScoringRun:
    """A run as it stands. Raises ScoringRunUnknown."""
    for row in tx.execute(select(scoring_run).where(scoring_run.c.id == run_id)).mappings():
        return _run(row)
    raise ScoringRunUnknown(f"There is no scoring run {run_id}")


def list_runs(tx: Tx, limit: int, before: int | None = None) -> list[ScoringRun]:
    """Runs, the newest first, those older than `before` (an id); at most `limit`."""
    query = select(scoring_run).order_by(scoring_run.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(scoring_run.c.id < before)
    return [_run(row) for row in tx.execute(query).mappings()]


def open_run(tx: Tx) -> ScoringRun | None:
    """The run that is under way, else the one that is next."""
    query = select(scoring_run).where(OPEN).order_by(scoring_run.c.state.desc(), scoring_run.c.id).limit(1)
    for row in tx.execute(query).mappings():
        return _run(row)
    return None


def current_settings(tx: Tx) -> ScoreSettings:
    """The newest published settings, or the defaults."""
    query = select(score_settings).order_by(score_settings.c.version.desc()).limit(1)
    for row in tx.execute(query).mappings():
        return _settings(row)
    return DEFAULTS


def list_settings(tx: Tx, limit: int = 20) -> list[ScoreSettings]:
    """The latest versions, the newest first."""
    query = select(score_settings).order_by(score_settings.c.version.desc()).limit(limit)
    return [_settings(row) for row in tx.execute(query).mappings()]


def publish_settings(
    tx: Tx, contribution: ContributionSettings, horizon_days: int, keep_days: int, note: str, by: str
) -> ScoreSettings:
    """A new version, followed by every run asked for from now on; what was scored keeps the version it had.

    Raises ContributionSettingsWrong.
    """
    check_settings(contribution)
    version_made = tx.execute(
        insert(score_settings)
        .values(
            contribution=contribution.as_json(),
            horizon_days=horizon_days,
            keep_days=keep_days,
            note=note,
            published_by=by,
            published_at=tx.now,
        )
        .returning(score_settings.c.version)
    ).scalar_one()
    announce(tx, "score_settings.published", {"version": version_made})
    return current_settings(tx)


def _run(row: RowMapping) -> ScoringRun:
    facts = dict(row)
    facts |= {"origin": Origin(row["origin"]), "state": RunState(row["state"]), "step": Step(row["step"])}
    return ScoringRun(**facts)


def _settings(row: RowMapping) -> ScoreSettings:
    return ScoreSettings(**{**dict(row), "contribution": settings_from_json(row["contribution"])})
