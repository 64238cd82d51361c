"""Bench (d): live counts of five filters of growing difficulty beside hand-written SQL, on the big lake.

    product    the count as the builder asks for it: filter read, answers of all packages combined, refusals left out
    roll-ups   one DuckDB query by hand over the roll-ups of the same files
    lines      one DuckDB query by hand over the raw lines

Each in a process of its own with its lake open; one count each by turns, so that noise falls on all. Each count is made
anew (the product's kept answers are thrown away before it, and measured apart). What members own and allow is given to
the hand-written queries as tables in memory. All three must come to the same number.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from analytics.conditions import lake_session
from analytics.lake.reading import open_lake
from benchmarks.big_house import BigHouse
from benchmarks.machine import Machine
from foundation.database import Database, Tx, use_database
from foundation.settings import get_settings
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question, choose
from marketing.target_lists.filters import read_filter

RESULTS = Path(__file__).with_name("results") / "lists.json"
ROUNDS = 15
RATIO_MAX = 1.5
SECONDS_MAX = 1.0
MEMORY_MAX_MB = 4_096
SUBJECTS = ("product", "roll-ups", "lines")

SPENT = {"measure": "spend", "op": ">=", "value": 50_000, "within_days": 90}
CAME = {"measure": "visits", "op": ">=", "value": 3, "within_days": 90}
TICKET = {"measure": "average_ticket", "op": ">=", "value": 8_000, "within_days": 90}
FILTERS: Mapping[str, Any] = {
    "1 spent in 90 days": SPENT,
    "2 and came, with large baskets": {"all": [SPENT, CAME, TICKET]},
    "3 and never bought a department": {
        "all": [SPENT, CAME, TICKET, {"not": {"measure": "categories", "op": "in", "value": [["D07"]]}}]
    },
    "4 lately or not at all, at regular prices, with points": {
        "all": [
            {
                "any": [
                    {"measure": "categories", "op": "in", "value": [["D03"]], "within_days": 45},
                    {"measure": "days_since_last", "op": ">=", "value": 60},
                ]
            },
            {"measure": "regular_price_share", "op": ">=", "value": 0.7, "within_days": 365},
            {"measure": "points_balance", "op": ">=", "value": 500},
        ]
    },
    "5 three levels, with consent and birthday": {
        "all": [
            {"measure": "spend", "op": ">=", "value": 30_000, "within_days": 180},
            {
                "any": [
                    {
                        "measure": "visits",
                        "op": ">=",
                        "value": 6,
                        "within_days": 180,
                        "where": {"format": ["supermarket"]},
                    },
                    {
                        "all": [
                            {
                                "measure": "spend",
                                "op": ">=",
                                "value": 10_000,
                                "within_days": 90,
                                "where": {"category": [["D05"]]},
                            },
                            {"not": {"measure": "birthday_month", "op": "in", "value": [1, 2, 3, 4, 5, 6]}},
                        ]
                    },
                ]
            },
            {
                "not": {
                    "any": [
                        {"measure": "consent", "op": "not in", "value": ["sms"]},
                        {"measure": "days_since_last", "op": ">", "value": 45},
                    ]
                }
            },
        ]
    },
}

# ------------------------------------------------------------------------------------------------ by hand
# $d45 is the first of the last 45 days; the department's categories are a table, `department` (code, id).
ALLOWED = "SELECT count(*) AS n FROM chosen SEMI JOIN members USING (member_id) ANTI JOIN refused USING (member_id)"
OF = "(SELECT id FROM department WHERE code = '{}')"
GOODS = "kind = 'goods' AND member_id IS NOT NULL"
RECEIPTS = "count(DISTINCT receipt) FILTER (receipt_sign = 1) - count(DISTINCT receipt) FILTER (receipt_sign = -1)"
LARGE = (
    "HAVING sum(money) >= 50000 AND count(*) FILTER (receipts > 0) >= 3 AND round(sum(spend) / sum(receipts)) >= 8000"
)
LARGE_OF_LINES = (
    "HAVING sum(money) >= 50000 AND count(DISTINCT (business_date, format)) FILTER (receipt_sign = 1) >= 3 "
    f"AND round(sum(amount) / ({RECEIPTS})) >= 8000"
)
NINETY = "currency = 'CNY' AND business_date BETWEEN $d90 AND $today"
ROLL_UPS: Sequence[str] = (
    f"WITH chosen AS (SELECT member_id FROM member_day WHERE {NINETY} GROUP BY 1 HAVING sum(money) >= 50000) {ALLOWED}",
    f"WITH chosen AS (SELECT member_id FROM member_day WHERE {NINETY} GROUP BY 1 {LARGE}) {ALLOWED}",
    f"""WITH large AS (SELECT member_id FROM member_day WHERE {NINETY} GROUP BY 1 {LARGE}),
        bought AS (SELECT member_id FROM member_category_month WHERE category_id IN {OF.format("D07")}
                   GROUP BY 1 HAVING sum(receipts) > 0),
        chosen AS (SELECT member_id FROM large ANTI JOIN bought USING (member_id)) {ALLOWED}""",
    f"""WITH lately AS (
            SELECT member_id FROM (
                SELECT member_id, receipts FROM member_category_month
                WHERE month >= $m45 AND category_id IN {OF.format("D03")}
                UNION ALL
                SELECT member_id, {RECEIPTS} FROM lines WHERE {GOODS} AND business_date >= $d45 AND business_date < $m45
                AND category_id IN {OF.format("D03")} GROUP BY 1)
            GROUP BY 1 HAVING sum(receipts) > 0),
        days AS (
            SELECT member_id, max(business_date) FILTER (receipts > 0) AS last,
                sum(regular_spend) FILTER (currency = 'CNY' AND business_date >= $d365) AS regular,
                sum(spend) FILTER (currency = 'CNY' AND business_date >= $d365) AS spend
            FROM member_day WHERE business_date <= $today GROUP BY 1),
        chosen AS (
            SELECT member_id FROM days SEMI JOIN points USING (member_id) LEFT JOIN lately AS l USING (member_id)
            WHERE regular / nullif(spend, 0) >= 0.7 AND (l.member_id IS NOT NULL OR $today - last >= 60)) {ALLOWED}""",
    f"""WITH days AS (
            SELECT member_id, max(business_date) FILTER (receipts > 0) AS last,
                sum(money) FILTER (currency = 'CNY' AND business_date >= $d180) AS money,
                count(*) FILTER (receipts > 0 AND format = 'supermarket' AND business_date >= $d180) AS visits
            FROM member_day WHERE business_date <= $today GROUP BY 1),
        department_spend AS (
            SELECT member_id FROM (
                SELECT member_id, money FROM member_category_month
                WHERE month >= $m90 AND currency = 'CNY' AND category_id IN {OF.format("D05")}
                UNION ALL
                SELECT member_id, money FROM lines WHERE {GOODS} AND currency = 'CNY' AND business_date >= $d90
                AND business_date < $m90 AND category_id IN {OF.format("D05")})
            GROUP BY 1 HAVING sum(money) >= 10000),
        chosen AS (
            SELECT d.member_id FROM days AS d JOIN members AS m USING (member_id) SEMI JOIN sms USING (member_id)
            LEFT JOIN department_spend AS s ON s.member_id = d.member_id
            WHERE money >= 30000 AND $today - last <= 45
              AND (visits >= 6 OR (s.member_id IS NOT NULL AND coalesce(m.birth_month_day // 100, 12) > 6)))
        {ALLOWED}""",
)
LINES: Sequence[str] = (
    f"""WITH chosen AS (SELECT member_id FROM lines WHERE {GOODS} AND {NINETY} GROUP BY 1 HAVING sum(money) >= 50000)
        {ALLOWED}""",
    f"WITH chosen AS (SELECT member_id FROM lines WHERE {GOODS} AND {NINETY} GROUP BY 1 {LARGE_OF_LINES}) {ALLOWED}",
    f"""WITH large AS (SELECT member_id FROM lines WHERE {GOODS} AND {NINETY} GROUP BY 1 {LARGE_OF_LINES}),
        bought AS (SELECT DISTINCT member_id FROM lines WHERE {GOODS} AND receipt_sign = 1
                   AND category_id IN {OF.format("D07")}),
        chosen AS (SELECT member_id FROM large ANTI JOIN bought USING (member_id)) {ALLOWED}""",
    f"""WITH lately AS (SELECT DISTINCT member_id FROM lines WHERE {GOODS} AND receipt_sign = 1
                   AND business_date BETWEEN $d45 AND $today AND category_id IN {OF.format("D03")}),
        days AS (
            SELECT member_id, max(business_date) FILTER (receipt_sign = 1) AS last,
                sum(amount) FILTER (currency = 'CNY' AND business_date >= $d365 AND NOT promoted) AS regular,
                sum(amount) FILTER (currency = 'CNY' AND business_date >= $d365) AS spend
            FROM lines WHERE {GOODS} AND business_date <= $today GROUP BY 1),
        chosen AS (
            SELECT member_id FROM days SEMI JOIN points USING (member_id) LEFT JOIN lately AS l USING (member_id)
            WHERE regular / nullif(spend, 0) >= 0.7 AND (l.member_id IS NOT NULL OR $today - last >= 60)) {ALLOWED}""",
    f"""WITH days AS (
            SELECT member_id, max(business_date) FILTER (receipt_sign = 1) AS last,
                sum(money) FILTER (currency = 'CNY' AND business_date >= $d180) AS money,
                count(DISTINCT business_date)
                    FILTER (receipt_sign = 1 AND format = 'supermarket' AND business_date >= $d180) AS visits,
                sum(money) FILTER (currency = 'CNY' AND business_date >= $d90
                    AND category_id IN {OF.format("D05")}) AS of_department
            FROM lines WHERE {GOODS} AND business_date <= $today GROUP BY 1),
        chosen AS (
            SELECT d.member_id FROM days AS d JOIN members AS m USING (member_id) SEMI JOIN sms USING (member_id)
            WHERE money >= 30000 AND $today - last <= 45
              AND (visits >= 6 OR (of_department >= 10000 AND coalesce(m.birth_month_day // 100, 12) > 6)))
        {ALLOWED}""",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one subject did in all rounds: by filter, what it counted, the seconds of each count, and of one asked again
    (product); seconds to open the lake, and the most memory its process held."""

    counts: Sequence[int]
    seconds: Sequence[Sequence[float]]
    again: Sequence[Sequence[float]]
    opened: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Result:
    """Every subject's counts."""

    lines: int
    members: int
    taken: Mapping[str, Counted]

    def median(self, subject: str, n: int) -> float:
        return statistics.median(self.taken[subject].seconds[n])

    def again(self, n: int) -> float:
        return statistics.median(self.taken["product"].again[n])

    def ratio(self, n: int) -> float:
        """Of the medians; every count has its neighbour by hand a moment before or after it."""
        return self.median("product", n) / self.median("roll-ups", n)

    @property
    def missed(self) -> list[str]:
        """What falls short of what is promised."""
        ratio = statistics.median(self.ratio(n) for n in range(len(FILTERS)))
        found = [f"median ratio {ratio:.2f} over {RATIO_MAX}"] if ratio > RATIO_MAX else []
        found += [
            f"{name}: {self.median('product', n):.2f} s"
            for n, name in enumerate(FILTERS)
            if self.median("product", n) > SECONDS_MAX
        ]
        return found + [f"{s} held {t.memory_mb} MB" for s, t in self.taken.items() if t.memory_mb > MEMORY_MAX_MB]


def measure(big: BigHouse, rounds: int = ROUNDS) -> Result:
    """Every subject counts every filter once a round, one after the other. Raises RuntimeError if they disagree."""
    today = big.big.size.ends_on - timedelta(days=1)
    with ExitStack() as stack:
        asked = {subject: stack.enter_context(_Child(subject, today)) for subject in SUBJECTS}
        numbers: dict[str, list[int]] = {subject: [0] * len(FILTERS) for subject in SUBJECTS}
        seconds: dict[str, list[list[float]]] = {subject: [[] for _ in FILTERS] for subject in SUBJECTS}
        again: list[list[float]] = [[] for _ in FILTERS]
        for _ in range(rounds):
            for n in range(len(FILTERS)):
                for subject, child in asked.items():
                    answer = child.ask(f"count {n}")
                    numbers[subject][n] = answer["count"]
                    seconds[subject][n].append(answer["seconds"])
                again[n].append(asked["product"].ask(f"again {n}")["seconds"])
        if len({tuple(counted) for counted in numbers.values()}) != 1:
            raise RuntimeError(f"the subjects disagree: {numbers}")
        taken = {
            subject: Counted(numbers[subject], seconds[subject], again, child.opened, child.ask("memory")["mb"])
            for subject, child in asked.items()
        }
    return Result(big.lines, big.big.size.members, taken)


class _Child:
    """A subject in a process of its own, which answers a line with a line."""

    def __init__(self, subject: str, today: date) -> None:
        command = [sys.executable, "-m", "benchmarks.lists", subject, today.isoformat()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.opened = 0.0

    def __enter__(self) -> "_Child":
        self.opened = self.ask("open")["seconds"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def ask(self, what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process ended at {what!r}")
        told: dict[str, Any] = json.loads(answer)
        return told


# ------------------------------------------------------------------------------------------------ in the process
class _Product:
    """Live counts as the builder asks for them."""

    def __init__(self, database: Database, today: date) -> None:
        self._database = database
        self._today = today

    def open(self) -> None:
        self._count({"measure": "visits", "op": ">=", "value": 1, "within_days": 1})

    def count(self, n: int) -> int:
        """A count made anew: the lake that is open has forgotten what it was asked."""
        if lake_session._current is not None:
            lake_session._current[1].answers.clear()
        return self.again(n)

    def again(self, n: int) -> int:
        return self._count(list(FILTERS.values())[n])

    def _count(self, body: Any) -> int:
        with self._database.transaction(read_only=True) as tx:
            question = Question(read_filter(body, MEASURES), self._today)
            return len(choose(tx, question, near_misses=False).members)


class _ByHand:
    """The same counts by hand, on a lake that is open."""

    def __init__(self, database: Database, queries: Sequence[str], today: date, stack: ExitStack) -> None:
        self._database = database
        self._queries = queries
        self._today = today
        self._stack = stack

    def open(self) -> None:
        tx = self._stack.enter_context(self._database.transaction(read_only=True))
        tx.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        self._lake = self._stack.enter_context(open_lake(tx))
        self._lake.duck.execute("SET parquet_metadata_cache = true")
        give_members(tx, self._lake.duck)

    def count(self, n: int) -> int:
        query = self._queries[n]
        days = {name: day for name, day in days_of(self._today).items() if f"${name}" in query}
        number: int = self._lake.sql(query, **days).column("n")[0].as_py()
        return number

    again = count


def answer_lines(database: Database, subject: str, today: date) -> None:
    """Answer what the parent asks until it asks no more."""
    with ExitStack() as stack:
        queries = {"roll-ups": ROLL_UPS, "lines": LINES}.get(subject)
        counting = _Product(database, today) if queries is None else _ByHand(database, queries, today, stack)
        for line in sys.stdin:
            what, *n = line.split()
            began = time.perf_counter()
            match what:
                case "open":
                    counting.open()
                    told: dict[str, Any] = {"seconds": time.perf_counter() - began}
                case "memory":
                    told = {"mb": _peak_mb()}
                case _:
                    number = counting.count(int(n[0])) if what == "count" else counting.again(int(n[0]))
                    told = {"count": number, "seconds": time.perf_counter() - began}
            print(json.dumps(told), flush=True)


def days_of(today: date) -> dict[str, date]:
    """The first days of the windows, and of the first whole month in them."""
    days = {f"d{n}": today - timedelta(days=n - 1) for n in (45, 90, 180, 365)}
    months = {f"m{n}": ((days[f"d{n}"] - timedelta(days=1)).replace(day=1) + timedelta(days=32)).replace(day=1)
              for n in (45, 90)}  # fmt: skip
    return {"today": today, **days, **months}


def give_members(tx: Tx, duck: duckdb.DuckDBPyConnection) -> None:
    """What the hand-written queries need to know of members, as tables in memory."""
    tables: Mapping[str, str] = {
        "members": "SELECT id AS member_id, birth_month_day FROM member.member WHERE status IN ('active', 'frozen')",
        "refused": "SELECT member_id FROM member.consent WHERE purpose = 'profiling' AND NOT granted",
        "sms": "SELECT member_id FROM member.consent WHERE channel = 'sms' AND purpose = 'marketing' AND granted",
        "points": "SELECT member_id FROM member.account WHERE kind = 'points' GROUP BY 1 HAVING sum(balance) >= 500",
        "department": "SELECT path[1] AS code, id FROM pos.category",
    }
    for name, query in tables.items():
        rows = tx.execute(query).mappings().all()
        duck.register(f"given_{name}", pa.Table.from_pylist([dict(row) for row in rows]))
        duck.execute(f"CREATE TABLE {name} AS SELECT * FROM given_{name}")


def _peak_mb() -> int:
    """The most memory this program held; getrusage would count what the parent held before it was started."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


@contextmanager
def _database() -> Iterator[Database]:
    database = Database(get_settings())
    use_database(database)
    try:
        yield database
    finally:
        lake_session.close_lake_session()
        use_database(None)
        database.dispose()


# ------------------------------------------------------------------------------------------------ telling
def show(result: Result) -> None:
    """Print what was measured."""
    table = Table(title=f"Live counts, {result.members:,} members, {result.lines:,} lines (medians)")
    for column in ("filter", "members", "product", "again", "by hand, roll-ups", "ratio", "by hand, lines", "ratio"):
        table.add_column(column, justify="left" if column == "filter" else "right")
    for n, name in enumerate(FILTERS):
        table.add_row(
            name,
            f"{result.taken['product'].counts[n]:,}",
            _ms(result.median("product", n)),
            _ms(result.again(n)),
            _ms(result.median("roll-ups", n)),
            f"{result.ratio(n):.2f}",
            _ms(result.median("lines", n)),
            f"{result.median('product', n) / result.median('lines', n):.2f}",
        )
    console = Console(width=150)
    console.print(table)
    console.print(
        "Peak memory: " + ", ".join(f"{subject} {turn.memory_mb} MB" for subject, turn in result.taken.items())
    )
    console.print(f"The first count of a process opens the lake: {_ms(result.taken['product'].opened)}")
    for what in result.missed:
        console.print(f"MISSED: {what}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def keep(machine: Machine, result: Result) -> None:
    """Write the figures beside those of the other benches."""
    RESULTS.write_text(
        json.dumps(
            {
                "machine": asdict(machine),
                "members": result.members,
                "lines": result.lines,
                "filters": [
                    {
                        "name": name,
                        "filter": body,
                        "count": result.taken["product"].counts[n],
                        "product_ms": round(result.median("product", n) * 1000, 1),
                        "again_ms": round(result.again(n) * 1000, 1),
                        "roll_ups_ms": round(result.median("roll-ups", n) * 1000, 1),
                        "lines_ms": round(result.median("lines", n) * 1000, 1),
                        "ratio_to_roll_ups": round(result.ratio(n), 2),
                    }
                    for n, (name, body) in enumerate(FILTERS.items())
                ],
                "opened_ms": round(result.taken["product"].opened * 1000),
                "memory_mb": {subject: turn.memory_mb for subject, turn in result.taken.items()},
                "missed": result.missed,
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def main() -> None:
    with _database() as database:
        answer_lines(database, sys.argv[1], date.fromisoformat(sys.argv[2]))


if __name__ == "__main__":
    main()
