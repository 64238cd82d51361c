"""How far a member waits for promotions (RETAIL section 5): (O + k) / (E + k).

    O  what the member spent on promotion
    E  what of the member's own spend would have been on promotion at the habits of the others: own spend in each
       category, store and week, times the promoted share of what everybody else spent there then
    k  three median tickets: whoever bought little stays near 1

Spend is what was paid in money, of goods, in minor units of one currency. A category, store and week in which nobody
else bought says nothing about habits: the member's spend there is left out of O and E alike.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import pyarrow as pa

from analytics.lake.reading import Lake


class Leaning(StrEnum):
    """What the figure says of a member."""

    SENSITIVE = "sensitive"
    NEUTRAL = "neutral"
    INSENSITIVE = "insensitive"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class SensitivitySettings:
    """Days back from the date; how many median tickets k is; how many tickets a member needs; where the lines are."""

    window_days: int = 365
    shrinkage_tickets: int = 3
    tickets_min: int = 5
    sensitive_above: float = 1.25
    insensitive_below: float = 0.8


NO_SETTINGS = SensitivitySettings()

# Others' sums can come to nothing or below by what came back: then there are no habits to compare with.
CELLS = """
WITH own AS (
    SELECT member_id, currency, category_id, store_id, date_trunc('week', business_date) AS week,
           sum(money)::BIGINT AS money, coalesce(sum(money) FILTER (promoted), 0)::BIGINT AS promoted
    FROM lines
    WHERE kind = 'goods' AND business_date >= $since AND business_date < $until
    GROUP BY ALL
), cell AS (
    SELECT currency, category_id, store_id, week, sum(money)::BIGINT AS money, sum(promoted)::BIGINT AS promoted
    FROM own GROUP BY ALL
), beside AS (
    SELECT own.member_id, own.currency, own.money, own.promoted,
           cell.money - own.money AS others, cell.promoted - own.promoted AS others_promoted
    FROM own JOIN cell ON own.currency = cell.currency AND own.store_id = cell.store_id AND own.week = cell.week
        AND own.category_id IS NOT DISTINCT FROM cell.category_id
    WHERE own.member_id IS NOT NULL {members}
)
SELECT member_id, currency,
       coalesce(sum(promoted) FILTER (others > 0), 0)::BIGINT AS promoted,
       coalesce(sum(money) FILTER (others > 0), 0)::BIGINT AS compared,
       -- in whole minor units, so that the order of the rows does not matter
       coalesce(sum(round(money * (least(greatest(others_promoted, 0), others)::DOUBLE / nullif(others, 0)))::BIGINT)
           FILTER (others > 0), 0)::BIGINT AS expected
FROM beside GROUP BY member_id, currency
"""
TICKETS = """
SELECT currency, quantile_disc(money, 0.5)::BIGINT AS median FROM (
    SELECT currency, sum(money)::BIGINT AS money FROM lines
    WHERE kind = 'goods' AND receipt_sign = 1 AND member_id IS NOT NULL
        AND business_date >= $since AND business_date < $until
    GROUP BY currency, business_date, receipt
) GROUP BY currency
"""
ANSWER = """
SELECT c.member_id, c.currency, coalesce(t.tickets, 0)::BIGINT AS tickets, c.promoted, c.expected, c.compared,
       ($tickets * k.median)::BIGINT AS shrinkage,
       CASE WHEN coalesce(t.tickets, 0) >= $tickets_min AND greatest(c.expected, 0) + $tickets * k.median > 0
            THEN (greatest(c.promoted, 0) + $tickets * k.median)::DOUBLE
                 / (greatest(c.expected, 0) + $tickets * k.median) END AS sensitivity
FROM ({cells}) AS c LEFT JOIN ({ticket}) AS k ON k.currency = c.currency
LEFT JOIN (
    SELECT member_id, currency, sum(receipts) AS tickets FROM member_day
    WHERE business_date >= $since AND business_date < $until GROUP BY ALL
) AS t ON t.member_id = c.member_id AND t.currency = c.currency
ORDER BY c.member_id, c.currency
"""


def promotion_sensitivity(
    lake: Lake, as_of: date, settings: SensitivitySettings = NO_SETTINGS, member_ids: Collection[int] | None = None
) -> pa.Table:
    """Each member's sensitivity to promotions over the window before `as_of` (exclusive), by (member_id, currency).

    Columns: member_id, currency, tickets, promoted (O), expected (E), compared (the spend both are part of),
    shrinkage (k), sensitivity (null with fewer than five tickets), leaning. `member_ids` asks for some only; what the
    others do is taken from everybody all the same.
    """
    days = {"since": as_of - timedelta(days=settings.window_days), "until": as_of}
    chosen: dict[str, object] = {}
    narrowed = ""
    if member_ids is not None:
        narrowed, chosen = "AND own.member_id IN (SELECT unnest($members::BIGINT[]))", {"members": sorted(member_ids)}
    found = lake.sql(
        ANSWER.replace("{cells}", CELLS.replace("{members}", narrowed)).replace("{ticket}", TICKETS),
        **days,
        **chosen,
        tickets=settings.shrinkage_tickets,
        tickets_min=settings.tickets_min,
    )
    leanings = [leaning_of(value, settings) for value in found["sensitivity"].to_pylist()]
    return found.append_column("leaning", pa.array([each.value for each in leanings], pa.string()))


def leaning_of(sensitivity: float | None, settings: SensitivitySettings = NO_SETTINGS) -> Leaning:
    """What a figure says: above 1.25 sensitive, below 0.8 not; None too few tickets."""
    if sensitivity is None:
        return Leaning.INSUFFICIENT
    if sensitivity > settings.sensitive_above:
        return Leaning.SENSITIVE
    return Leaning.INSENSITIVE if sensitivity < settings.insensitive_below else Leaning.NEUTRAL
