"""What members bought in a window and before it, for whoever measures an effect: from the lake, per currency.

Functions take the open transaction first and only read. Errors: LakeDamaged.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analytics.lake.manifest import read_state
from analytics.lake.reading import LakeDamaged, open_lake
from analytics.scores.contribution_settings import ContributionSettings
from analytics.scores.point_costs import with_worth_of_points
from foundation.database import Tx
from foundation.money import half_up

__all__ = [
    "LakeDamaged",
    "Outcomes",
    "Totals",
    "expected_cost_of_points",
    "outcomes_of",
    "outcomes_since",
    "points_earned",
    "position_of_lake",
]

Floats = NDArray[np.float64]
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Totals:
    """What each member of a cohort did in one currency: rows in the order of the cohort, minor units and counts.

    `sales` is money paid for goods (what benefits paid is out), `profit` gross profit without tax as far as it is
    known, `visits` days with a receipt, by format. `known_profit_sales` of `spend` have a known profit.
    """

    sales: Floats
    profit: Floats
    visits: Floats
    sales_before: Floats
    profit_before: Floats
    visits_before: Floats
    spend: int
    known_profit_spend: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Totals by currency, from a lake that is complete up to an event position (and the moment of that event)."""

    by_currency: dict[str, Totals]
    position: int
    complete_until: datetime | None


_SUMS = """
SELECT d.member_id, d.currency::VARCHAR AS currency,
    coalesce(sum(money) FILTER (business_date >= first), 0)::DOUBLE AS sales,
    coalesce(sum(profit) FILTER (business_date >= first), 0)::DOUBLE AS profit,
    (count(*) FILTER (business_date >= first AND receipts > 0))::DOUBLE AS visits,
    coalesce(sum(money) FILTER (business_date < first), 0)::DOUBLE AS sales_before,
    coalesce(sum(profit) FILTER (business_date < first), 0)::DOUBLE AS profit_before,
    (count(*) FILTER (business_date < first AND receipts > 0))::DOUBLE AS visits_before,
    coalesce(sum(spend) FILTER (business_date >= first), 0)::BIGINT AS spend,
    coalesce(sum(known_profit_spend) FILTER (business_date >= first), 0)::BIGINT AS known_profit_spend
FROM member_day AS d JOIN cohort USING (member_id)
WHERE business_date BETWEEN $earliest AND $latest
    AND business_date BETWEEN first - $before_days::INTEGER AND least(first + ($days::INTEGER - 1), $latest)
GROUP BY ALL ORDER BY currency, member_id
"""
_COLUMNS = ("sales", "profit", "visits", "sales_before", "profit_before", "visits_before")


def outcomes_of(tx: Tx, members: Collection[int], first: date, last: date, before: date) -> Outcomes:
    """Totals of `members` (ascending ids) from `first` to `last`, and from `before` up to `first`; days by the stores.

    Whoever bought nothing counts as 0. Sums are of integers, so that they do not depend on how the lake lies.
    """
    firsts = [first] * len(members)
    return outcomes_since(tx, members, firsts, (last - first).days + 1, (first - before).days, last)


def outcomes_since(
    tx: Tx, members: Collection[int], firsts: Sequence[date], days: int, before_days: int, latest: date
) -> Outcomes:
    """The same with a first day for each member: its `days` from then on, up to `latest`, and its days before."""
    ids = np.fromiter(members, dtype=np.int64, count=len(members))
    window = {"earliest": min(firsts, default=latest) - timedelta(days=before_days), "latest": latest}
    with open_lake(tx) as lake:
        lake.duck.register("cohort", pa.table({"member_id": ids, "first": pa.array(firsts, pa.date32())}))
        sums = lake.sql(_SUMS, days=days, before_days=before_days, **window)
        position, complete_until = lake.position, lake.complete_until
    currencies = sums["currency"].unique().to_pylist()
    return Outcomes({name: _totals(sums, name, ids) for name in sorted(currencies)}, position, complete_until)


def _totals(sums: pa.Table, currency: str, ids: NDArray[np.int64]) -> Totals:
    mine = sums.filter(pc.equal(sums["currency"], currency))
    places = np.searchsorted(ids, mine["member_id"].to_numpy())
    columns: dict[str, Floats] = {}
    for name in _COLUMNS:
        columns[name] = np.zeros(len(ids))
        columns[name][places] = mine[name].to_numpy()
    return Totals(
        **columns,
        spend=int(mine["spend"].to_numpy().sum()),
        known_profit_spend=int(mine["known_profit_spend"].to_numpy().sum()),
    )


def position_of_lake(tx: Tx) -> int:
    """Up to which event position the lake is complete now: as long as it stands there, answers stay what they are."""
    return read_state(tx).position


def points_earned(tx: Tx, members: Collection[int], first: date, last: date, formats: Collection[str] = ()) -> int:
    """The points that these members earned from `first` to `last`, both included, less what returns took back; in all
    currencies, in these formats (none named: in all)."""
    with open_lake(tx) as lake:
        lake.duck.register("cohort", pa.table({"member_id": pa.array(members, pa.int64())}))
        found = lake.sql(
            "SELECT coalesce(sum(points), 0)::BIGINT AS points FROM member_day SEMI JOIN cohort USING (member_id)"
            " WHERE business_date BETWEEN $first AND $last"
            " AND (len($formats::VARCHAR[]) = 0 OR list_contains($formats::VARCHAR[], format::VARCHAR))",
            first=first,
            last=last,
            formats=sorted(formats),
        )
    return int(found["points"][0].as_py())


def expected_cost_of_points(tx: Tx, points: int, day: date, currency: str) -> int:
    """What points that are earned on a day are expected to cost, in minor units, rounded half up."""
    known = with_worth_of_points(tx, ContributionSettings()).costs_of_points
    costs = [cost for cost in known if cost.valid_from <= day and cost.currency in (None, currency)]
    if not costs:
        return 0
    cost = max(costs, key=lambda each: (each.currency is not None, each.valid_from))
    return half_up(points * cost.micro, MICRO)
