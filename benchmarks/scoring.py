"""Bench (c): a scoring run of 200,000 members beside hand-written DuckDB that reads and groups the same columns.

Both read the same files, by turns, each time in a process of its own, so that the peak of its memory is its own. The
run does more than read and group: what fitting the models and writing the files takes is shown apart; the ratio is of
what remains (reading, grouping, percentiles, classes, directions, predicting).

    floor       the columns that a run needs, grouped as it groups them, from the roll-ups it reads
    from lines  the same groups from the raw lines, for what the roll-ups are worth
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from analytics.lake.reading import open_lake
from analytics.runs.operations import read_run, request_run
from analytics.runs.rules import Origin, RunState
from analytics.runs.working import work_on_runs
from benchmarks.big_house import BigHouse
from benchmarks.machine import Machine
from foundation.database import Database
from foundation.settings import get_settings

RESULTS = Path(__file__).with_name("results") / "scoring.json"
HORIZON_DAYS = 56
ROUNDS = 3
TIMEOUT_S = 1_800
TARGET = 3.0
MEMORY_MAX_MB = 4_096
APART = {"fit": ("potential.fit",), "write": ("writing",)}

# What a run groups, from the roll-ups that it reads.
FLOOR = {
    "members by format, a year": """
        SELECT member_id, currency, format, sum(receipts) AS receipts, count(*) FILTER (receipts > 0) AS visits,
            sum(spend) AS spend, sum(money) AS money, sum(regular_spend) AS regular_spend,
            sum(promoted_spend) AS promoted_spend, sum(regular_money) AS regular_money, sum(profit) AS profit,
            sum(known_profit_spend) AS known_profit_spend, sum(points) AS points
        FROM member_day WHERE business_date >= $year GROUP BY ALL""",
    "members, ever": """
        SELECT member_id, currency, min(business_date) AS first, max(business_date) AS last
        FROM member_day WHERE receipts > 0 GROUP BY ALL""",
    "members by day": """
        SELECT member_id, currency, business_date, sum(money) AS money, sum(receipts) AS receipts,
            sum(promoted_spend) AS promoted_spend, sum(profit) AS profit
        FROM member_day GROUP BY ALL""",
    "members by period": """
        SELECT member_id, currency, ($as_of - business_date - 1) // 28 AS period, sum(money) AS money,
            count(DISTINCT business_date) AS visits
        FROM member_day WHERE receipts > 0 AND business_date >= $periods GROUP BY ALL""",
    "members by category, a year": """
        SELECT member_id, currency, category_id, min(first_date) AS first, max(last_date) AS last,
            sum(spend) AS spend, sum(receipts) AS receipts, count(DISTINCT month) AS months
        FROM member_category_month WHERE month >= $year GROUP BY ALL""",
    "company by format, a year": """
        SELECT currency, format, sum(profit) AS profit
        FROM lines WHERE kind = 'goods' AND business_date >= $year GROUP BY ALL""",
}
GOODS = "FROM lines WHERE kind = 'goods' AND member_id IS NOT NULL"
FROM_LINES = {
    "members by format, a year": f"""
        SELECT member_id, currency, format, count(DISTINCT receipt) FILTER (receipt_sign = 1) AS receipts,
            count(DISTINCT business_date) AS visits, sum(amount) AS spend, sum(money) AS money,
            sum(amount) FILTER (NOT promoted) AS regular_spend, sum(amount) FILTER (promoted) AS promoted_spend,
            sum(money) FILTER (NOT promoted) AS regular_money, sum(profit) AS profit,
            sum(amount) FILTER (profit IS NOT NULL) AS known_profit_spend, sum(points) AS points
        {GOODS} AND business_date >= $year GROUP BY ALL""",
    "members, ever": f"""
        SELECT member_id, currency, min(business_date) AS first, max(business_date) AS last
        {GOODS} AND receipt_sign = 1 GROUP BY ALL""",
    "members by day": f"""
        SELECT member_id, currency, business_date, sum(money) AS money, count(DISTINCT receipt) AS receipts,
            sum(amount) FILTER (promoted) AS promoted_spend, sum(profit) AS profit
        {GOODS} GROUP BY ALL""",
    "members by period": f"""
        SELECT member_id, currency, ($as_of - business_date - 1) // 28 AS period, sum(money) AS money,
            count(DISTINCT business_date) AS visits
        {GOODS} AND receipt_sign = 1 AND business_date >= $periods GROUP BY ALL""",
    "members by category, a year": f"""
        SELECT member_id, currency, category_id, min(business_date) AS first, max(business_date) AS last,
            sum(amount) AS spend, count(DISTINCT receipt) AS receipts,
            count(DISTINCT date_trunc('month', business_date)) AS months
        {GOODS} AND business_date >= $year GROUP BY ALL""",
    "company by format, a year": FLOOR["company by format, a year"],
}
FLOORS = {"floor": FLOOR, "from lines": FROM_LINES}


@dataclass(frozen=True, slots=True)
class Taken:
    """One turn: seconds altogether and by part, and the most memory its process held."""

    name: str
    seconds: float
    parts: Mapping[str, float]
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Result:
    """All turns, by subject."""

    lines: int
    members: int
    build_seconds: float
    taken: Mapping[str, Sequence[Taken]]

    def median(self, name: str) -> float:
        return statistics.median(turn.seconds for turn in self.taken[name])

    def apart(self, what: str) -> float:
        """Median seconds of the product's fitting or writing."""
        return statistics.median(sum(turn.parts[part] for part in APART[what]) for turn in self.taken["product"])

    @property
    def scoring_seconds(self) -> float:
        """Median seconds of a run without fitting and writing."""
        return statistics.median(
            turn.seconds - sum(turn.parts[part] for parts in APART.values() for part in parts)
            for turn in self.taken["product"]
        )

    def ratio(self, floor: str) -> float:
        return self.scoring_seconds / self.median(floor)

    @property
    def memory_mb(self) -> dict[str, int]:
        return {name: max(turn.memory_mb for turn in turns) for name, turns in self.taken.items()}

    @property
    def missed(self) -> list[str]:
        missed = [f"{self.ratio('floor'):.2f} times the floor, wanted {TARGET}"] if self.ratio("floor") > TARGET else []
        return missed + [f"{name} held {mb} MB" for name, mb in self.memory_mb.items() if mb > MEMORY_MAX_MB]


def measure(big: BigHouse, rounds: int = ROUNDS) -> Result:
    """Product and floors by turns, each turn in a fresh process."""
    taken: dict[str, list[Taken]] = {}
    for _ in range(rounds):
        for name in ("product", *FLOORS):
            taken.setdefault(name, []).append(_in_a_process(name, big.big.size.ends_on))
    return Result(big.lines, big.big.size.members, big.seconds, taken)


def _in_a_process(name: str, as_of: date) -> Taken:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring", name, as_of.isoformat()],
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def run_product(database: Database, as_of: date) -> Taken:
    """One run from the request to the last transaction, in this process."""
    from analytics.runs.scoring import score

    with database.transaction() as tx:
        run, _ = request_run(tx, as_of, HORIZON_DAYS, Origin.COMMAND, "bench")
    began = time.monotonic()
    work_on_runs(database, score, run.id)
    seconds = time.monotonic() - began
    with database.transaction(read_only=True) as tx:
        run = read_run(tx, run.id)
    if run.state is not RunState.DONE or run.findings is None:
        raise RuntimeError(f"the run ended as {run.state}: {run.failure_code} {run.failure_detail}")
    return Taken("product", seconds, run.findings["seconds"], _peak_mb())


def run_floor(database: Database, name: str, as_of: date) -> Taken:
    """The hand-written queries, their answers as Arrow tables."""
    days = {"as_of": as_of, "year": as_of - timedelta(days=365), "periods": as_of - timedelta(days=6 * 28)}
    parts: dict[str, float] = {}
    began = time.monotonic()
    with database.transaction(read_only=True) as tx, open_lake(tx, upto=as_of) as lake:
        for what, query in FLOORS[name].items():
            at = time.monotonic()
            lake.sql(query, **{day: value for day, value in days.items() if f"${day}" in query})
            parts[what] = round(time.monotonic() - at, 3)
    return Taken(name, time.monotonic() - began, parts, _peak_mb())


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def show(result: Result) -> None:
    """Print what was measured."""
    console = Console(width=150)
    console.print(
        f"Scoring {result.members:,} members over {result.lines:,} lines (made in {result.build_seconds:.0f} s), "
        f"horizon {HORIZON_DAYS} days; medians of {len(result.taken['product'])} turns, each in a process of its own."
    )
    table = Table("what", "seconds", "of the floor", "of the query from lines", "peak memory MB", "missed")
    memory = result.memory_mb
    table.add_row(
        "scoring run, without fitting and writing",
        f"{result.scoring_seconds:.1f}",
        f"{result.ratio('floor'):.2f}",
        f"{result.ratio('from lines'):.2f}",
        f"{memory['product']:,}",
        "; ".join(result.missed),
    )
    table.add_row("  fitting the models", f"{result.apart('fit'):.1f}", "", "", "", "")
    table.add_row("  writing the files", f"{result.apart('write'):.1f}", "", "", "", "")
    table.add_row("  altogether", f"{result.median('product'):.1f}", "", "", "", "")
    for name in FLOORS:
        table.add_row(f"hand-written DuckDB, {name}", f"{result.median(name):.1f}", "", "", f"{memory[name]:,}", "")
    console.print(table)
    for name, turns in result.taken.items():
        last = sorted(turns, key=lambda turn: turn.seconds)[len(turns) // 2]
        console.print(f"  {name}: " + ", ".join(f"{part} {seconds:.1f}" for part, seconds in last.parts.items()))


def keep(machine: Machine, result: Result) -> None:
    """Write the figures, every turn of them."""
    RESULTS.parent.mkdir(exist_ok=True)
    content: dict[str, Any] = {
        "machine": asdict(machine),
        "lines": result.lines,
        "members": result.members,
        "build_seconds": round(result.build_seconds, 1),
        "scoring_seconds": round(result.scoring_seconds, 2),
        "fit_seconds": round(result.apart("fit"), 2),
        "write_seconds": round(result.apart("write"), 2),
        "ratios": {name: round(result.ratio(name), 2) for name in FLOORS},
        "target": TARGET,
        "memory_mb": result.memory_mb,
        "missed": result.missed,
        "turns": [asdict(turn) for turns in result.taken.values() for turn in turns],
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def main() -> None:
    """One turn, told as a line of JSON: what `measure` starts."""
    name, as_of = sys.argv[1], date.fromisoformat(sys.argv[2])
    database = Database(get_settings())
    try:
        taken = run_product(database, as_of) if name == "product" else run_floor(database, name, as_of)
    finally:
        database.dispose()
    print(json.dumps(asdict(taken)))


if __name__ == "__main__":
    main()
