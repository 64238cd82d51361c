"""Share of customer (RETAIL section 5): of the categories that members like this one buy, how many this one buys here.

Similar are members of one currency whose most money goes to the same format and who spend about as much there (a
fifth of the format's members). Expected is a category that at least half of the similar members buy. What is expected
and not bought is the offer, the most usual first.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.lake.reading import Lake

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """How far back; into how many levels of spend members are divided; how many similar ones it takes to expect
    anything; from which percentage of them on a category is expected; how many missing ones are offered."""

    window_days: int = 365
    levels: int = 5
    similar_min: int = 30
    expected_percent: int = 50
    offers_max: int = 10


NO_SETTINGS = ShareSettings()

SIMILAR = """
CREATE OR REPLACE TEMP TABLE similar_members AS
WITH spent AS (
    SELECT member_id, currency, format, sum(money)::BIGINT AS money
    FROM member_day WHERE business_date >= $since AND business_date < $until
    GROUP BY ALL HAVING sum(money) > 0
), home AS (
    SELECT member_id, currency, format, money FROM spent
    QUALIFY row_number() OVER (PARTITION BY member_id, currency ORDER BY money DESC, format) = 1
)
SELECT member_id, currency, format, money,
       -- mid-rank: members who spent the same are on the same level
       least(((rank() OVER by_money - 1) * 2 + count(*) OVER (PARTITION BY currency, format, money)) * $levels
           // (2 * count(*) OVER (PARTITION BY currency, format)), $levels - 1)::INTEGER AS level
FROM home WINDOW by_money AS (PARTITION BY currency, format ORDER BY money)
"""
# A month counts if it begins in the window: the roll-up by category knows no days.
BOUGHT = """
CREATE OR REPLACE TEMP TABLE bought_categories AS
SELECT member_id, currency, category_id
FROM member_category_month
WHERE month >= $since AND month < $until AND category_id IS NOT NULL
GROUP BY ALL HAVING sum(money) > 0
"""
# `place` counts a group's expected categories from 0, the most usual first.
EXPECTED = """
CREATE OR REPLACE TEMP TABLE expected_categories AS
WITH size AS (
    SELECT currency, format, level, count(*) AS members FROM similar_members GROUP BY ALL
), usual AS (
    SELECT s.currency, s.format, s.level, b.category_id, count(*) AS buyers
    FROM similar_members AS s JOIN bought_categories AS b USING (member_id, currency) GROUP BY ALL
)
SELECT u.currency, u.format, u.level, u.category_id,
       (row_number() OVER (PARTITION BY u.currency, u.format, u.level ORDER BY u.buyers DESC, u.category_id)
           - 1)::INTEGER AS place
FROM usual AS u JOIN size AS z USING (currency, format, level)
WHERE z.members >= $similar_min AND u.buyers * 100 >= $expected_percent * z.members
"""
GROUPS = """
SELECT g.currency, g.format, g.level, list(e.category_id ORDER BY e.place) FILTER (e.place IS NOT NULL) AS categories
FROM (SELECT DISTINCT currency, format, level FROM similar_members) AS g
LEFT JOIN expected_categories AS e USING (currency, format, level)
GROUP BY ALL ORDER BY ALL
"""
CHOSEN = "SELECT s.member_id FROM similar_members AS s WHERE {group} {members} ORDER BY s.member_id"
PAIRS = """
SELECT s.member_id, e.place
FROM similar_members AS s JOIN expected_categories AS e USING (currency, format, level)
JOIN bought_categories AS b ON b.member_id = s.member_id AND b.currency = s.currency AND b.category_id = e.category_id
WHERE {group} {members}
"""
OF_GROUP = "s.currency = $currency AND s.format = $format AND s.level = $level"
USUAL = """
SELECT s.currency, s.format, s.level, min(s.money)::BIGINT AS spend_from, count(*) AS members,
       any_value(e.categories) AS categories
FROM similar_members AS s LEFT JOIN (
    SELECT currency, format, level, list(category_id ORDER BY place) AS categories FROM expected_categories GROUP BY ALL
) AS e USING (currency, format, level)
GROUP BY ALL ORDER BY s.currency, s.format, s.level
"""
TABLES = ("similar_members", "bought_categories", "expected_categories")
SHARES = pa.schema(
    {
        "member_id": pa.int64(),
        "currency": pa.string(),
        "format": pa.string(),
        "level": pa.int32(),
        "expected": pa.int64(),
        "bought": pa.int64(),
        "share": pa.float64(),
        "missing": pa.list_(pa.int32()),
    }
)


@dataclass(frozen=True, slots=True)
class Usual:
    """A group of similar members, and the categories that are expected of them, the most usual first.

    `spend_from` is what whoever spent least in the group spent in the window: a member belongs to the highest level of
    the format that the member's spend reaches.
    """

    currency: str
    format: str
    level: int
    spend_from: int
    members: int
    categories: tuple[int, ...]


def usual_categories(lake: Lake, as_of: date, settings: ShareSettings = NO_SETTINGS) -> list[Usual]:
    """Every group of similar members before `as_of` (exclusive), by currency, format and level."""
    with _prepared(lake, as_of, settings):
        rows = lake.sql(USUAL).to_pylist()
    return [Usual(**row | {"categories": tuple(row["categories"] or ())}) for row in rows]


def share_of_customer(
    lake: Lake, as_of: date, settings: ShareSettings = NO_SETTINGS, member_ids: Collection[int] | None = None
) -> pa.Table:
    """The share of customer of everybody who spent anything in the window before `as_of` (exclusive).

    Columns, by (member_id, currency): format (where most is spent), level (0: the least), expected and bought (how
    many categories), share (0 to 1; null where nothing is expected: too few similar members), missing (category ids,
    the most usual first). `member_ids` asks for some only; they are measured against everybody all the same.
    Worked out one group of similar members after the other, so that memory follows the largest of them.
    """
    narrowed, chosen = "", {}
    if member_ids is not None:
        narrowed, chosen = "AND s.member_id IN (SELECT unnest($members::BIGINT[]))", {"members": sorted(member_ids)}
    with _prepared(lake, as_of, settings):
        groups = lake.sql(GROUPS).to_pylist()
        parts = [_of_group(lake, group, narrowed, chosen, settings.offers_max) for group in groups]
    return pa.concat_tables([SHARES.empty_table(), *parts]).sort_by(
        [("member_id", "ascending"), ("currency", "ascending")]
    )


@contextmanager
def _prepared(lake: Lake, as_of: date, settings: ShareSettings) -> Iterator[None]:
    """The tables that the groups are read from, gone afterwards."""
    window = {"since": as_of - timedelta(days=settings.window_days), "until": as_of}
    try:
        lake.duck.execute(SIMILAR, {**window, "levels": settings.levels})
        lake.duck.execute(BOUGHT, window)
        lake.duck.execute(
            EXPECTED, {"similar_min": settings.similar_min, "expected_percent": settings.expected_percent}
        )
        yield
    finally:
        for table in TABLES:
            lake.duck.execute(f"DROP TABLE IF EXISTS {table}")


def _of_group(lake: Lake, group: dict[str, Any], narrowed: str, chosen: dict[str, Any], offers_max: int) -> pa.Table:
    categories = group.pop("categories") or []
    asked = {**group, **chosen}
    clause = {"group": OF_GROUP, "members": narrowed}
    members = lake.sql(CHOSEN.format(**clause), **asked)["member_id"].to_numpy()
    has = np.zeros((len(members), len(categories)), dtype=bool)
    if categories:
        pairs = lake.sql(PAIRS.format(**clause), **asked)
        has[np.searchsorted(members, pairs["member_id"].to_numpy()), pairs["place"].to_numpy()] = True
    bought = has.sum(axis=1)
    count = len(categories)
    columns = {
        "member_id": pa.array(members, pa.int64()),
        **{name: pa.repeat(pa.scalar(group[name], SHARES.field(name).type), len(members)) for name in group},
        "expected": pa.repeat(pa.scalar(count, pa.int64()), len(members)),
        "bought": pa.array(bought, pa.int64()),
        "share": pa.array(bought / max(count, 1), pa.float64(), mask=np.full(len(members), count == 0)),
        "missing": _missing(~has, np.array(categories, dtype=np.int32), offers_max),
    }
    return pa.table(columns, SHARES)


def _missing(lacks: Flags, categories: NDArray[np.int32], offers_max: int) -> pa.Array:
    """For each member the first so many categories that are lacking."""
    offered = lacks & (np.cumsum(lacks, axis=1) <= offers_max)
    ends = np.concatenate([[0], np.cumsum(offered.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(categories[np.nonzero(offered)[1]], pa.int32()))
