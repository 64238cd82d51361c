"""One run from its first step to its last: bring the lake up, read it, score, write, and say that it is done."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy

from analytics.lake.exporting import bring_up_to
from analytics.lake.reading import open_lake
from analytics.measures.health import member_health
from analytics.runs.files import ScoreFile, files_of, record_files, write_file
from analytics.runs.findings import Findings, currency_findings, findings_as_json
from analytics.runs.hiding import hide_members
from analytics.runs.operations import ScoringRun
from analytics.runs.rules import BEGINS_AT, RunState, Step
from analytics.runs.tables import KEPT, contact_cost, scoring_run
from analytics.runs.working import Teller, change
from analytics.scores.contribution import class_moves, classify, contribution
from analytics.scores.contribution_settings import ContributionSettings, settings_from_json
from analytics.scores.potential import potential
from analytics.scores.together import beside
from foundation.database import Database, Tx
from foundation.errors import Unavailable
from foundation.events import announce, is_relayed, last_position
from foundation.settings import get_settings
from member_api.contract.conditions import no_profiling

RELAY_WAIT_S, RELAY_LOOK_S = 20.0, 0.1
# A run reads for minutes in one transaction that is idle in between.
LONG_READER = "SET LOCAL idle_in_transaction_session_timeout = 0"
COSTS = pa.schema({"member_id": pa.int64(), "currency": pa.string(), "amount": pa.int64()})


class RelayAway(Unavailable):
    """Events get no positions: the relay does not run."""

    code = "relay_away"


@dataclass(slots=True)
class Steps:
    """Tells of each step as it begins, and keeps how many seconds it took."""

    teller: Teller
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        self.teller.begin(step)
        began = time.monotonic()
        yield
        self.seconds[step.value] = round(time.monotonic() - began, 3)


class PotentialProgress:
    """Moves the bar within the longest step as its parts begin, and keeps how long each part took.

    With several currencies a part begins more than once: the bar never goes back, the seconds add up.
    """

    PARTS = {"read": 0.05, "direction": 0.15, "fit": 0.3, "predict": 0.8, "categories": 0.9, "done": 1.0}  # noqa: RUF012

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._reached = 0.0
        self._part, self._began = "", 0.0

    def __call__(self, part: str) -> None:
        now = time.monotonic()
        if self._part:
            name = f"{Step.POTENTIAL.value}.{self._part}"
            self._steps.seconds[name] = round(self._steps.seconds.get(name, 0.0) + now - self._began, 3)
        self._part, self._began = part, now
        self._reached = max(self._reached, self.PARTS.get(part, 0.0))
        first, last = BEGINS_AT[Step.POTENTIAL], BEGINS_AT[Step.CLASSES]
        self._steps.teller.reach(Step.POTENTIAL, round(first + (last - first) * self._reached))


def score(database: Database, run: ScoringRun, teller: Teller) -> None:
    """Work a run out and make it done. Raises RunTaken when somebody else has taken it up meanwhile."""
    steps = Steps(teller)
    root = get_settings().lake
    with steps.step(Step.LAKE):
        bring_up_to(database, position_wanted(database, run))
    with database.transaction(read_only=True) as tx:
        tx.execute(LONG_READER)
        tables, findings, position, complete_until = _read_and_score(tx, run, steps, root)
    with steps.step(Step.WRITING):
        files = [write_file(root, run.id, kind, table) for kind, table in tables.items()]
    del tables
    pa.default_memory_pool().release_unused()
    kept = findings_as_json(findings) | {"seconds": steps.seconds, "memory_mb": peak_memory_mb()}
    with database.transaction() as tx:
        change(
            tx,
            run,
            state=RunState.DONE.value,
            step=Step.DONE.value,
            progress=100,
            finished_at=tx.now,
            position=position,
            complete_until=complete_until,
            findings=kept,
        )
        record_files(tx, run, files)
        announce(tx, "scoring_run.done", {"run": run.id, "as_of": run.as_of.isoformat(), "origin": run.origin.value})


def position_wanted(database: Database, run: ScoringRun) -> int:
    """The position of everything that had been committed when the run was asked for. Raises RelayAway."""
    deadline = time.monotonic() + RELAY_WAIT_S
    while True:
        with database.transaction(read_only=True) as tx:
            if is_relayed(tx, run.wanted_outbox):
                return last_position(tx) if run.wanted_outbox is not None else run.wanted_position
        if time.monotonic() > deadline:
            raise RelayAway("Events wait for their positions: is the relay running?")
        time.sleep(RELAY_LOOK_S)


def _read_and_score(
    tx: Tx, run: ScoringRun, steps: Steps, root: Path
) -> tuple[dict[ScoreFile, pa.Table], Findings, int, object]:
    settings = settings_from_json(run.settings)
    with open_lake(tx, upto=run.as_of) as lake:
        refused = hide_members(lake, sorted(no_profiling(tx)))
        with steps.step(Step.CONTRIBUTION):
            worth = contribution(lake, run.as_of, settings, contact_costs(tx, run.as_of, settings))
        with steps.step(Step.POTENTIAL):
            heading = potential(lake, run.as_of, run.horizon_days, PotentialProgress(steps))
        with steps.step(Step.CLASSES):
            members = beside(classify(worth.members, heading.members, run.as_of, settings), heading.members)
            before, moves = _moves(tx, run, members, root)
            findings = Findings(
                currencies=tuple(currency_findings(members, worth, moves)),
                formats=worth.format_facts,
                back_tests=tuple(heading.back_tests),
                life=tuple(heading.life),
                health=member_health(lake, run.as_of),
                refused=refused,
                before=before,
            )
        tables = {
            ScoreFile.MEMBERS: members,
            ScoreFile.FORMATS: worth.formats,
            ScoreFile.FORMAT_POTENTIAL: heading.formats,
        }
        return tables, findings, lake.position, lake.complete_until


def contact_costs(tx: Tx, as_of: date, settings: ContributionSettings) -> pa.Table:
    """What reaching members has cost in the window before `as_of`: member_id, currency, amount."""
    rows = tx.execute(
        sqlalchemy.select(
            contact_cost.c.member_id,
            contact_cost.c.currency,
            sqlalchemy.cast(sqlalchemy.func.sum(contact_cost.c.amount), sqlalchemy.BigInteger),
        )
        .where(contact_cost.c.day < as_of, contact_cost.c.day >= as_of - timedelta(days=settings.window_days))
        .group_by(contact_cost.c.member_id, contact_cost.c.currency)
        .order_by(contact_cost.c.member_id, contact_cost.c.currency)
    ).all()
    return pa.table([pa.array(column) for column in zip(*rows, strict=True)] if rows else [[], [], []], schema=COSTS)


def _moves(tx: Tx, run: ScoringRun, members: pa.Table, root: Path) -> tuple[tuple[int, date] | None, pa.Table | None]:
    """Who changed class since the latest run as of an earlier date, and which run that was."""
    found = tx.execute(
        sqlalchemy.select(scoring_run.c.id, scoring_run.c.as_of)
        .where(KEPT, scoring_run.c.as_of < run.as_of)
        .order_by(scoring_run.c.as_of.desc(), scoring_run.c.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return None, None
    path = root / files_of(tx, [found.id])[found.id][ScoreFile.MEMBERS]
    columns = ["member_id", "currency", "contribution_class", "contribution_value"]
    return (found.id, found.as_of), class_moves(pq.read_table(path, columns=columns), members)


def peak_memory_mb() -> int:
    """The most memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
