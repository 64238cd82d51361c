"""Area x days: what a place had to sell on, over a period, from the dated areas of stores, counters and categories.

A(u, P) is the sum over the open days of P of the area in force on each (RETAIL section 5), in m2 x day.
"""

from datetime import date

from foundation.database import Tx
from organisation.facts import AreaDays

# Each dated area becomes a span of days; what counts is its overlap with the period and with the days the place was
# open. From a step on to the day before the next one; a closing day is the last open day.
AREAS = """
WITH wanted AS (SELECT CAST(:since AS date) AS since, CAST(:until AS date) AS until),
place AS (
    SELECT id AS store_id, NULL::integer AS counter_id, NULL::text[] AS category,
           coalesce(opened_on, '-infinity') AS opens, coalesce(closed_on + 1, 'infinity') AS closes,
           status = 'closed' AND closed_on IS NULL AS vague
    FROM organisation.store WHERE status <> 'planned'
  UNION ALL
    SELECT c.store_id, c.id, NULL, greatest(c.opened_on, s.opened_on, '-infinity'),
           least(c.closed_on + 1, s.closed_on + 1, 'infinity'),
           (c.status = 'closed' AND c.closed_on IS NULL) OR (s.status = 'closed' AND s.closed_on IS NULL)
    FROM organisation.counter AS c JOIN organisation.store AS s ON s.id = c.store_id WHERE s.status <> 'planned'
  UNION ALL
    SELECT DISTINCT a.store_id, NULL::integer, a.category,
           coalesce(s.opened_on, '-infinity'), coalesce(s.closed_on + 1, 'infinity'),
           s.status = 'closed' AND s.closed_on IS NULL
    FROM organisation.store_category_area AS a JOIN organisation.store AS s ON s.id = a.store_id
    WHERE s.status <> 'planned'
),
step AS (
    SELECT store_id, NULL::integer AS counter_id, NULL::text[] AS category, valid_from, area_m2
    FROM organisation.store_area
  UNION ALL
    SELECT c.store_id, a.counter_id, NULL, a.valid_from, a.area_m2
    FROM organisation.counter_area AS a JOIN organisation.counter AS c ON c.id = a.counter_id
  UNION ALL
    SELECT store_id, NULL, category, valid_from, area_m2 FROM organisation.store_category_area
),
span AS (
    SELECT *, lead(valid_from, 1, 'infinity') OVER (
        PARTITION BY store_id, counter_id, category ORDER BY valid_from) AS valid_until
    FROM step
)
SELECT p.store_id, p.counter_id, p.category, greatest(least(w.until, p.closes) - greatest(w.since, p.opens), 0),
       coalesce(sum(o.days) FILTER (WHERE s.area_m2 IS NOT NULL AND NOT p.vague), 0),
       coalesce(sum(s.area_m2 * o.days), 0)
FROM place AS p CROSS JOIN wanted AS w
LEFT JOIN span AS s ON s.store_id = p.store_id AND coalesce(s.counter_id, 0) = coalesce(p.counter_id, 0)
    AND coalesce(s.category, '{}') = coalesce(p.category, '{}') AND s.valid_from < w.until AND s.valid_until > w.since
LEFT JOIN LATERAL (
    SELECT greatest(least(s.valid_until, w.until, p.closes) - greatest(s.valid_from, w.since, p.opens), 0) AS days
) AS o ON true
GROUP BY 1, 2, 3, 4
ORDER BY p.store_id, p.counter_id NULLS FIRST, p.category NULLS FIRST
LIMIT :limit
"""


def area_days(tx: Tx, since: date, until: date, limit: int) -> list[AreaDays]:
    """The area x days of every store, counter and category of a store in [since, until), at most `limit`.

    The area of a place is known if it is on every open day; of one that closed without a date nobody knows these days.
    """
    rows = tx.execute(AREAS, {"since": since, "until": until, "limit": limit})
    return [
        AreaDays(
            store_id, counter_id, None if category is None else tuple(category), open_days,
            m2_days if known_days == open_days and m2_days > 0 else None,
        )
        for store_id, counter_id, category, open_days, known_days, m2_days in rows
    ]  # fmt: skip
