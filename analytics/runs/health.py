"""How the members are: new, active, won back, sleeping, lost; and how many come again. By their days of purchase."""

from dataclasses import dataclass
from datetime import date, timedelta

from analytics.lake.reading import Lake

ACTIVE_DAYS = 90
AWAY_DAYS = 180  # who comes back after so long is won back
LOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """Members as of a date; the five together are everybody who ever bought before it.

    new: first purchase in the last 90 days. won_back: bought in them after 180 days or more without. active: bought in
    them otherwise. sleeping: bought last within a year. lost: not for a year. `came_before` bought in the 90 days
    before those; `came_again` of them in the last 90 too: the repurchase rate.
    """

    new: int
    active: int
    won_back: int
    sleeping: int
    lost: int
    came_before: int
    came_again: int


HEALTH = """
WITH member AS (
    SELECT member_id, min(business_date) AS first, max(business_date) AS last,
        min(business_date) FILTER (business_date >= $window) AS came,
        max(business_date) FILTER (business_date < $window) AS before
    FROM member_day WHERE receipts > 0 AND business_date < $as_of GROUP BY member_id
), state AS (
    SELECT CASE WHEN first >= $window THEN 'new'
                WHEN came - before >= $away THEN 'won_back'
                WHEN came IS NOT NULL THEN 'active'
                WHEN last >= $lost THEN 'sleeping' ELSE 'lost' END AS state,
        before >= $before AS came_before, before >= $before AND came IS NOT NULL AS came_again
    FROM member
)
SELECT count(*) FILTER (state = 'new') AS new, count(*) FILTER (state = 'active') AS active,
    count(*) FILTER (state = 'won_back') AS won_back, count(*) FILTER (state = 'sleeping') AS sleeping,
    count(*) FILTER (state = 'lost') AS lost, count(*) FILTER (came_before) AS came_before,
    count(*) FILTER (came_again) AS came_again
FROM state
"""


def member_health(lake: Lake, as_of: date) -> MemberHealth:
    """Everybody who bought before `as_of` (exclusive), in one of five states."""
    days = {
        "as_of": as_of,
        "window": as_of - timedelta(days=ACTIVE_DAYS),
        "before": as_of - timedelta(days=2 * ACTIVE_DAYS),
        "lost": as_of - timedelta(days=LOST_DAYS),
        "away": AWAY_DAYS,
    }
    return MemberHealth(**lake.sql(HEALTH, **days).to_pylist()[0])
