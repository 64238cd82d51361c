"""Whether the lake says what the database says: to the line and the smallest coin, by store and business date.

The receipts are added up by the database itself, by a query of its own; the roll-ups are worked out again from the
lines. What is posted while the check runs is no difference: days that differ are looked at again once it is exported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from analytics.lake.backfilling import next_month
from analytics.lake.exporting import bring_up_to
from analytics.lake.reading import Lake, open_lake
from analytics.lake.rollups import ROLLUPS, from_lines
from analytics.lake.schema import SCHEMAS, FileKind
from foundation.database import Database, Tx
from pos_adapter.contract.sales import DayTotals, business_days, totals_between

ROUNDS_MAX = 5
MONTHS_MAX = 12 * 500
DIFFERENCES_MAX = 1_000

Totals = tuple[int, int, int]
NOTHING: Totals = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One store and business date of which the lake says something else. (lines, amount, quantity in thousandths)"""

    store_id: int
    business_date: date
    in_database: Totals
    in_lake: Totals

    def __str__(self) -> str:
        return (
            f"store {self.store_id}, {self.business_date}: {self.in_database[0]} lines and {self.in_database[1]} in the"
            f" database, {self.in_lake[0]} lines and {self.in_lake[1]} in the lake"
        )


@dataclass(frozen=True, slots=True)
class RollupDifference:
    """Rows of a roll-up of a month that its lines do not give, or that are missing."""

    kind: FileKind
    month: date
    rows: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.month:%Y-%m}: {self.rows} rows differ from the lines"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared, and every difference found (at most 1,000)."""

    position: int
    days: int
    lines: int
    differences: tuple[Difference | RollupDifference, ...]


def check(home: Database, told: Callable[[date], None] | None = None) -> Checked:
    """Bring the lake up to now and compare it with the database, month by month. Raises LakeBehind, LakeDamaged."""
    bring_up_to(home)
    with home.transaction(read_only=True) as tx:
        between = business_days(tx)
    days = lines = 0
    differences: list[Difference | RollupDifference] = []
    for month in _months(between):
        if told is not None:
            told(month)
        found, month_days, month_lines = _month(home, month)
        days += month_days
        lines += month_lines
        differences += found
    with home.transaction(read_only=True) as tx, open_lake(tx) as lake:
        strays = _strays(lake, between)
        return Checked(lake.position, days, lines, tuple([*differences, *strays][:DIFFERENCES_MAX]))


def _months(between: tuple[date, date] | None) -> Iterator[date]:
    if between is None:
        return
    month = between[0].replace(day=1)
    for _ in range(MONTHS_MAX):
        yield month
        month = next_month(month)
        if month > between[1]:
            return


def _month(home: Database, month: date) -> tuple[list[Difference | RollupDifference], int, int]:
    compared = _compare(home, month)
    for _ in range(ROUNDS_MAX):
        if compared.in_lake == compared.in_database:
            break
        bring_up_to(home)
        compared = _compare(home, month)
    in_database, in_lake = compared.in_database, compared.in_lake
    differing = [key for key in in_lake.keys() | in_database.keys() if in_lake.get(key) != in_database.get(key)]
    differences = [
        Difference(store, day, in_database.get((store, day), NOTHING), in_lake.get((store, day), NOTHING))
        for store, day in sorted(differing, key=lambda key: (key[1], key[0]))
    ]
    return [*differences, *compared.rollups], len(in_database), sum(lines for lines, _, _ in in_database.values())


@dataclass(frozen=True, slots=True)
class Compared:
    """A month on both sides, by store and business date, and the roll-ups that its lines do not give."""

    in_database: Mapping[tuple[int, date], Totals]
    in_lake: Mapping[tuple[int, date], Totals]
    rollups: list[RollupDifference]


def _compare(home: Database, month: date) -> Compared:
    with home.transaction(read_only=True) as tx, open_lake(tx) as lake:
        return Compared(_in_database(tx, month), _in_lake(lake, month), list(_rollups(lake, month)))


def _in_database(tx: Tx, month: date) -> Mapping[tuple[int, date], Totals]:
    return {_key(totals): _figures(totals) for totals in totals_between(tx, month, next_month(month))}


def _key(totals: DayTotals) -> tuple[int, date]:
    return totals.store_id, totals.business_date


def _figures(totals: DayTotals) -> Totals:
    return totals.lines, totals.amount, totals.quantity_milli


def _in_lake(lake: Lake, month: date) -> Mapping[tuple[int, date], Totals]:
    table = lake.sql(
        "SELECT store_id, business_date, count(*) AS lines, sum(amount)::BIGINT AS amount,"
        " sum(quantity_milli)::BIGINT AS quantity FROM lines WHERE business_date >= $first AND business_date < $end"
        " GROUP BY store_id, business_date",
        first=month,
        end=next_month(month),
    )
    columns = [table[name].to_pylist() for name in table.column_names]
    return {
        (store, day): (lines, amount, quantity) for store, day, lines, amount, quantity in zip(*columns, strict=True)
    }


def _rollups(lake: Lake, month: date) -> Iterator[RollupDifference]:
    for kind in ROLLUPS:
        day = "business_date" if kind is FileKind.MEMBER_DAY else "month"
        names = ", ".join(SCHEMAS[kind].names)
        lines = f"(SELECT * FROM lines WHERE date_trunc('month', business_date) = DATE '{month}')"  # noqa: S608
        made = f"SELECT {names} FROM ({from_lines(kind, lines)})"  # noqa: S608
        held = f"SELECT {names} FROM {kind} WHERE date_trunc('month', {day}) = DATE '{month}'"  # noqa: S608
        both_ways = f"(({made}) EXCEPT ALL ({held})) UNION ALL (({held}) EXCEPT ALL ({made}))"
        rows = lake.sql(f"SELECT count(*) AS n FROM ({both_ways})").to_pylist()[0]["n"]  # noqa: S608
        if rows:
            yield RollupDifference(kind, month, rows)


def _strays(lake: Lake, between: tuple[date, date] | None) -> list[Difference]:
    """What the lake holds of days on which the database knows nothing."""
    first, last = between or (date.max, date.min)
    table = lake.sql(
        "SELECT store_id, business_date, count(*) AS lines, sum(amount)::BIGINT AS amount,"
        " sum(quantity_milli)::BIGINT AS quantity FROM lines WHERE business_date < $first OR business_date > $last"
        " GROUP BY store_id, business_date ORDER BY business_date, store_id LIMIT 1000",
        first=first,
        last=last,
    )
    return [
        Difference(row["store_id"], row["business_date"], NOTHING, (row["lines"], row["amount"], row["quantity"]))
        for row in table.to_pylist()
    ]
