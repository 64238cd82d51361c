"""The figures of the morning: sales of a day and of the weeks before, what is owed, what the latest run found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from analytics.lake.reading import open_lake
from analytics.measures.computing import compute
from analytics.measures.facts import Period, Where
from analytics.overview.rules import Change, Day, DaySales, change_of, figures_of
from analytics.reports.kept import Kept
from analytics.runs.findings import Findings, findings_from_json
from analytics.runs.operations import ScoringRun, read_run
from analytics.runs.tables import KEPT, scoring_run
from analytics.scores.reading import looks_ahead
from foundation.database import Tx
from member_api.contract.liability import Outstanding, outstanding

DAYS_SHOWN = 28
WEEK = timedelta(days=7)
ONE_DAY = timedelta(days=1)
MEASURES = ("net_sales", "member_sales", "receipts", "gross_profit", "profit_coverage", "buyers")


@dataclass(frozen=True, slots=True)
class Morning:
    """What the page shows of sales. `day`: the business date looked at; `complete_until` says how fresh it is."""

    day: date
    position: int
    complete_until: datetime | None
    sales: tuple[DaySales, ...]


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The latest finished run and what it found; `before` are the findings of the run that moves are counted from."""

    run: ScoringRun
    findings: Findings
    before: Findings | None


Key = tuple[date | None, frozenset[int] | None]
mornings_kept: Kept[Key, Morning | None] = Kept()


def morning(tx: Tx, asked: date | None, stores: Collection[int] | None) -> Morning | None:
    """Sales of the asked day (the latest with sales, if not said) and the four weeks up to it; None without any sale.

    `stores` by id, None for all. What is shown says how fresh it is.
    """
    key = (asked, None if stores is None else frozenset(stores))
    return mornings_kept.ask(tx, key, lambda: _compute(tx, asked, Where(stores=stores)))


def _compute(tx: Tx, asked: date | None, where: Where) -> Morning | None:
    with open_lake(tx) as lake:
        day = asked or lake.sql("SELECT max(business_date) AS day FROM lines").to_pylist()[0]["day"]
        if day is None:
            return None
        period = Period(day - (DAYS_SHOWN - 1) * ONE_DAY, day + ONE_DAY)
        rows = compute(lake, MEASURES, period, by=["day"], where=where).to_pylist()
        return Morning(day, lake.position, lake.complete_until, _by_currency(day, period, rows))


def _by_currency(day: date, period: Period, rows: Sequence[Mapping[str, Any]]) -> tuple[DaySales, ...]:
    """The days of each currency, those without sales too; the currency that sold most first."""
    found: dict[str, dict[date, Day]] = {}
    for row in rows:
        found.setdefault(row["currency"], {})[row["day"]] = figures_of(row)
    days = [period.since + n * ONE_DAY for n in range(period.days)]
    sales = [
        DaySales(currency, day, tuple(by_day.get(each, Day(each)) for each in days))
        for currency, by_day in found.items()
    ]
    return tuple(sorted(sales, key=lambda each: (-sum(one.net for one in each.days), each.currency)))


def latest_run(tx: Tx) -> LatestRun | None:
    """The run whose scores count now; None before the first."""
    found = tx.execute(
        scoring_run.select()
        .with_only_columns(scoring_run.c.id)
        .where(KEPT)
        .order_by(looks_ahead(tx), scoring_run.c.as_of.desc(), scoring_run.c.id.desc())
        .limit(1)
    ).scalar()
    if found is None:
        return None
    run = read_run(tx, found)
    assert run.findings is not None
    findings = findings_from_json(run.findings)
    earlier = read_run(tx, findings.before[0]).findings if findings.before is not None else None
    return LatestRun(run, findings, findings_from_json(earlier) if earlier is not None else None)


def owed(tx: Tx) -> list[Outstanding]:
    """What members own, at face value."""
    return outstanding(tx)


__all__ = ["Change", "LatestRun", "Morning", "change_of", "latest_run", "morning", "owed"]
