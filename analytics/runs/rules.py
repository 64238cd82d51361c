"""What a scoring run may be asked, which way it goes, and what becomes of a fault. Pure."""

from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from analytics.scores.contribution_settings import ContributionSettings, ContributionSettingsWrong
from foundation.errors import DomainError, FieldError, Invalid

HORIZON_DEFAULT, HORIZON_MAX = 56, 730
KEEP_DEFAULT, KEEP_MAX = 400, 3660
EARLIEST = date(1970, 1, 1)
# Business dates are the stores'; somebody may ask what would be if nobody came for a year, but not for a century.
AHEAD_MAX = timedelta(days=366)
ATTEMPTS_MAX = 4
DAYS_MAX, COUNT_MAX, COSTS_MAX = 36_600, 1_000_000, 1_000
NIGHT = (time(2, 30), time(6, 0))


class RunState(StrEnum):
    """`queued -> running -> done | failed`; a run whose worker was lost is taken up again, from its first step."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def told(self) -> str:
        """To those who follow a run, `running | done | failed`: one that waits for a worker is under way to them."""
        return RunState.RUNNING.value if self is RunState.QUEUED else self.value


class Origin(StrEnum):
    """Who wanted it: somebody through the API or a page, the clock, or the operator at a terminal."""

    REQUEST = "request"
    NIGHTLY = "nightly"
    COMMAND = "command"


class Step(StrEnum):
    """What a run is doing, in this order."""

    WAITING = "waiting"
    LAKE = "lake"
    CONTRIBUTION = "contribution"
    POTENTIAL = "potential"
    CLASSES = "classes"
    WRITING = "writing"
    DONE = "done"


# How far a run is when a step begins, in percent of the time it takes.
BEGINS_AT = {
    Step.WAITING: 0, Step.LAKE: 1, Step.CONTRIBUTION: 8, Step.POTENTIAL: 30, Step.CLASSES: 88, Step.WRITING: 92,
    Step.DONE: 100,
}  # fmt: skip


class RunRefused(Invalid):
    """A run that cannot be asked for: a date or a horizon outside what makes sense."""

    code = "scoring_run_refused"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed, or was put back: a code, and a sentence for whoever started it."""

    code: str
    detail: str
    passing: bool


def check_request(as_of: date, horizon_days: int, today: date) -> None:
    """Raises RunRefused, naming what is out of bounds."""
    errors = []
    if not EARLIEST <= as_of <= today + AHEAD_MAX:
        errors.append(FieldError("/as_of", f"must lie between {EARLIEST} and {today + AHEAD_MAX}"))
    if not 1 <= horizon_days <= HORIZON_MAX:
        errors.append(FieldError("/horizon_days", f"must be 1 to {HORIZON_MAX}"))
    if errors:
        raise RunRefused("Scores cannot be worked out for this date or horizon", errors=errors)


def check_settings(settings: ContributionSettings) -> None:
    """Raises ContributionSettingsWrong for what no run should work with: days or costs beyond all measure, or in
    fractions (JSON brings them, and no float may touch money)."""
    costs = settings.point_costs or ()
    sound = (
        max(settings.window_days, settings.new_days, settings.lead_days) <= DAYS_MAX
        and max(settings.active_min, settings.shrinkage_tickets) <= COUNT_MAX
        and len(costs) <= COSTS_MAX
        and all(max(cost.points, cost.money) <= COUNT_MAX for cost in costs)
        and len(settings.format_shares or ()) <= COSTS_MAX
        and max(astuple(settings.weights)) <= COUNT_MAX
        and max((settings.format_shares or {}).values(), default=0) <= COUNT_MAX
    )
    if not all(type(value) is int for value in _counted(settings)):
        raise ContributionSettingsWrong("days, counts, percents and costs are whole numbers")
    if not sound:
        raise ContributionSettingsWrong("days, counts or costs are larger than anything that makes sense")


def _counted(settings: ContributionSettings) -> list[object]:
    """What is counted in whole numbers."""
    mine: list[object] = [
        settings.window_days, settings.active_min, settings.shrinkage_tickets, settings.platinum_percent,
        settings.gold_percent, settings.new_days, settings.lead_days, settings.redeemed_percent,
    ]  # fmt: skip
    costs = settings.point_costs or ()
    return mine + [part for cost in costs for part in (cost.points, cost.money, cost.redeemed_percent)]


def is_night(local: datetime) -> bool:
    """Whether the nightly run may begin: after the shops have closed their day, before the office comes."""
    return NIGHT[0] <= local.time() < NIGHT[1]


def failure_of(fault: Exception, passing: bool) -> Failure:
    """What is told of a fault. Only our own errors speak in words made for people."""
    if isinstance(fault, DomainError):
        return Failure(fault.code, fault.detail, fault.treatment.retryable)
    if isinstance(fault, MemoryError):
        return Failure(
            "out_of_memory", "There was not enough memory; ANALYTICS_MEMORY_MB bounds what a run takes", False
        )
    return Failure("scoring_failed", f"{type(fault).__name__}: the log of the worker tells more", passing)


def forgotten(as_ofs: dict[int, date], today: date, keep_days: int) -> list[int]:
    """Which runs (by id) may lose their files: those older than is kept, but never the one whose scores count now.

    That is the latest as of tomorrow (which holds today's sales) or before: what looks further ahead is only a
    question.
    """
    if not as_ofs:
        return []
    tomorrow = today + timedelta(days=1)
    latest = max(as_ofs, key=lambda run: (as_ofs[run] <= tomorrow, as_ofs[run], run))
    return sorted(run for run, as_of in as_ofs.items() if as_of < today - timedelta(days=keep_days) and run != latest)
