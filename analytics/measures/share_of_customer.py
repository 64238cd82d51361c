"""Share of customer (RETAIL section 5): of the categories that members like this one buy, how many this one buys here.

Similar are members of one currency whose most money goes to the same format and who spend about as much there (a
fifth of the format's members). Expected is a category that at least half of the similar members buy. What is expected
and not bought is the offer, the most usual first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from analytics.lake.reading import Lake


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

# A month counts if it begins in the window: the roll-up by category knows no days.
SHARES = """
WITH bought AS (
    SELECT member_id, currency, category_id
    FROM member_category_month
    WHERE month >= $since AND month < $until AND category_id IS NOT NULL
    GROUP BY ALL HAVING sum(money) > 0
), spent AS (
    SELECT member_id, currency, format, sum(money)::BIGINT AS money
    FROM member_day WHERE business_date >= $since AND business_date < $until
    GROUP BY ALL HAVING sum(money) > 0
), home AS (
    SELECT member_id, currency, format, money FROM spent
    QUALIFY row_number() OVER (PARTITION BY member_id, currency ORDER BY money DESC, format) = 1
), alike AS (
    SELECT member_id, currency, format,
           -- mid-rank: members who spent the same are on the same level
           least(((rank() OVER by_money - 1) * 2 + count(*) OVER (PARTITION BY currency, format, money)) * $levels
               // (2 * count(*) OVER (PARTITION BY currency, format)), $levels - 1)::INTEGER AS level
    FROM home WINDOW by_money AS (PARTITION BY currency, format ORDER BY money)
), size AS (
    SELECT currency, format, level, count(*) AS members FROM alike GROUP BY ALL
), expected AS (
    SELECT s.currency, s.format, s.level, b.category_id, count(*) AS buyers, any_value(z.members) AS members
    FROM alike AS s JOIN bought AS b USING (member_id, currency) JOIN size AS z USING (currency, format, level)
    WHERE z.members >= $similar_min
    GROUP BY s.currency, s.format, s.level, b.category_id
    HAVING count(*) * 100 >= $expected_percent * any_value(z.members)
)
SELECT s.member_id, s.currency, s.format, s.level, count(e.category_id) AS expected,
       count(b.category_id) AS bought,
       CASE WHEN count(e.category_id) > 0 THEN count(b.category_id)::DOUBLE / count(e.category_id) END AS share,
       coalesce(list(e.category_id ORDER BY e.buyers DESC, e.category_id)
           FILTER (e.category_id IS NOT NULL AND b.category_id IS NULL), [])[:$offers_max]::INTEGER[] AS missing
FROM alike AS s
LEFT JOIN expected AS e USING (currency, format, level)
LEFT JOIN bought AS b ON b.member_id = s.member_id AND b.currency = s.currency AND b.category_id = e.category_id
{members}
GROUP BY s.member_id, s.currency, s.format, s.level
ORDER BY s.member_id, s.currency
"""


def share_of_customer(
    lake: Lake, as_of: date, settings: ShareSettings = NO_SETTINGS, member_ids: Collection[int] | None = None
) -> pa.Table:
    """The share of customer of everybody who spent anything in the window before `as_of` (exclusive).

    Columns, by (member_id, currency): format (where most is spent), level (0: the least), expected and bought (how
    many categories), share (0 to 1; null where nothing is expected: too few similar members), missing (category ids,
    the most usual first). `member_ids` asks for some only; they are measured against everybody all the same.
    """
    chosen: dict[str, object] = {}
    narrowed = ""
    if member_ids is not None:
        narrowed, chosen = "WHERE s.member_id IN (SELECT unnest($members::BIGINT[]))", {"members": sorted(member_ids)}
    return lake.sql(
        SHARES.replace("{members}", narrowed),
        since=as_of - timedelta(days=settings.window_days),
        until=as_of,
        levels=settings.levels,
        similar_min=settings.similar_min,
        expected_percent=settings.expected_percent,
        offers_max=settings.offers_max,
        **chosen,
    )
