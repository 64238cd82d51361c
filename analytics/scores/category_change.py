"""Change in what a member buys: categories entered, left and grown.

Read from the roll-up member x category x month, of the last year; a category is the one its products stand in.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from analytics.lake.reading import Lake
from analytics.prediction.history import Ints
from analytics.scores.direction import PERIOD_DAYS

RECENT = timedelta(days=3 * PERIOD_DAYS)
YEAR = timedelta(days=13 * PERIOD_DAYS)
NAMED_MAX = 10
"""At most so many of a kind are named for a member, those of most money first."""

# Grouped once: by whole numbers only, within one currency. Months are kept as the bits of a number, to be counted.
# Sums of whole numbers are exact in doubles up to 2^53, and take half of what DuckDB's 128-bit sums take.
_CHANGE = """
WITH bought AS MATERIALIZED (
    SELECT member_id, category_id,
        min(first_date) AS first_date, max(last_date) AS last_date, sum(spend::DOUBLE)::BIGINT AS spend,
        bit_count(bit_or(CASE WHEN receipts > 0 THEN 1 << datediff('month', $year_from, month) ELSE 0 END)) AS months,
        sum(CASE WHEN late THEN spend::DOUBLE ELSE 0 END)::BIGINT AS late_spend,
        sum(CASE WHEN early THEN spend::DOUBLE ELSE 0 END)::BIGINT AS early_spend,
        sum(CASE WHEN late THEN receipts::DOUBLE ELSE 0 END)::BIGINT AS late_receipts,
        sum(CASE WHEN early THEN receipts::DOUBLE ELSE 0 END)::BIGINT AS early_receipts
    FROM (
        SELECT *, month >= $late_from AND month < $late_to AS late, month >= $early_from AND month < $late_from AS early
        FROM member_category_month
        WHERE currency = $currency AND month >= $year_from AND category_id IS NOT NULL
    )
    GROUP BY member_id, category_id
), market AS (
    SELECT category_id, sum(late_spend) AS market_late, sum(early_spend) AS market_early
    FROM bought GROUP BY category_id
), member AS (
    SELECT member_id, min(first_date) < $long_known AS long_known, max(last_date) >= $recent AS still_here
    FROM bought GROUP BY member_id
), change AS (
    SELECT member_id, category_id, spend, late_spend - early_spend AS increase,
        coalesce(long_known AND first_date >= $recent AND spend > 0, false) AS entered,
        coalesce(still_here AND last_date < $recent AND months >= 3, false) AS "left",
        late_receipts >= 2 AND early_receipts >= 2 AND early_spend > 0 AND market_early > 0
            AND 4::HUGEINT * late_spend * market_early > 5::HUGEINT * early_spend * market_late AS grown
    FROM bought JOIN market USING (category_id) JOIN member USING (member_id)
    WHERE first_date >= $recent OR (last_date < $recent AND months >= 3) OR (late_receipts >= 2 AND early_receipts >= 2)
)
SELECT member_id, category_id, increase, spend, entered, "left", grown
FROM change WHERE entered OR "left" OR grown
ORDER BY member_id, spend DESC, category_id
"""


@dataclass(frozen=True, slots=True)
class CategoryChanges:
    """One list of category ids for each member that was asked for, those of most money first, at most NAMED_MAX."""

    entered: pa.Array
    left: pa.Array
    grown: pa.Array


def category_changes(lake: Lake, currency: str, as_of: date, members: Ints) -> CategoryChanges:
    """In which categories members (ascending ids) entered, left and grew.

    entered: bought in the last 12 weeks for the first time in a year, by a member known for 24 weeks or more.
    left:    bought in three months or more of the year, not in the last 12 weeks, by a member who still comes.
    grown:   spend of the last three whole months over that of the three before is more than 1.25 times what it is over
             all members, with two receipts or more in each: more than the season explains.
    The lake is open up to `as_of`.
    """
    month = as_of.replace(day=1)
    found = lake.sql(
        _CHANGE,
        currency=currency,
        recent=as_of - RECENT,
        long_known=as_of - 2 * RECENT,
        year_from=(as_of - YEAR).replace(day=1),
        late_to=month,
        late_from=_months_before(month, 3),
        early_from=_months_before(month, 6),
    )
    place = np.searchsorted(members, found["member_id"].to_numpy())
    category, increase = found["category_id"].to_numpy(), found["increase"].to_numpy()
    entered, left, grown = (found[name].to_numpy() for name in ("entered", "left", "grown"))
    most_grown = np.lexsort((category, -increase, place))
    return CategoryChanges(
        _lists(place[entered], category[entered], len(members)),
        _lists(place[left], category[left], len(members)),
        _lists(place[most_grown][grown[most_grown]], category[most_grown][grown[most_grown]], len(members)),
    )


def _lists(place: Ints, category: Ints, members: int) -> pa.Array:
    """The first categories of each place, as lists; places ascend."""
    start = np.searchsorted(place, place)
    first = np.arange(len(place)) - start < NAMED_MAX
    ends = np.cumsum(np.bincount(place[first], minlength=members))
    return pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], ends]), pa.int32()), pa.array(category[first], pa.int32())
    )


def _months_before(month: date, count: int) -> date:
    months = month.year * 12 + month.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)
