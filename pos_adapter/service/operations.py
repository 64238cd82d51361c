"""Ask receipts of single members, through the index by member: for the service, not for reports."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from foundation.database import Tx

MEMBERS_MAX = 10_000
# A business day may differ from the clock, by a week at most: so old months of receipts need not be looked into.
DAYS_APART = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Served:
    """A salesperson, by the number that stands on receipts, and on how many receipts of the member it does."""

    member_id: int
    salesperson: str
    receipts: int


@dataclass(frozen=True, slots=True)
class Window:
    """Somebody's purchases that happened at or after `since` and before `until`."""

    member_id: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Bought:
    """What came in of one currency: sales less returns, in minor units; what was voided or discarded is not in it."""

    currency: str
    amount: int
    receipts: int


SERVED = """
SELECT s.member_id, l.salesperson, count(DISTINCT s.id)
FROM pos.sale AS s JOIN pos.sale_line AS l ON l.business_date = s.business_date AND l.sale_id = s.id
WHERE s.member_id = ANY(%s) AND s.occurred_at >= %s AND s.business_date >= %s AND s.type = 'sale' AND s.state = 'posted'
  AND l.salesperson IS NOT NULL
GROUP BY s.member_id, l.salesperson
ORDER BY s.member_id, count(DISTINCT s.id) DESC, max(s.occurred_at) DESC, l.salesperson
"""
BOUGHT = """
SELECT w.place, s.currency, sum(CASE s.type WHEN 'sale' THEN s.amount ELSE -s.amount END)::bigint,
       count(*) FILTER (WHERE s.type = 'sale')
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS w(member_id, since, until, place)
JOIN pos.sale AS s ON s.member_id = w.member_id AND s.occurred_at >= w.since AND s.occurred_at < w.until
 AND s.business_date BETWEEN (w.since - interval '7 days')::date AND (w.until + interval '7 days')::date
WHERE s.state = 'posted' AND s.type IN ('sale', 'return')
GROUP BY w.place, s.currency ORDER BY w.place, s.currency
"""


def who_served(tx: Tx, member_ids: Collection[int], since: datetime) -> list[Served]:
    """Who stands on the receipts of these members (at most 10,000) since a moment: of each member the one on most
    receipts first, of equals the one seen last."""
    rows = tx.ask(SERVED, (list(member_ids)[:MEMBERS_MAX], since, (since - DAYS_APART).date()))
    return [Served(*row) for row in rows]


def bought_within(tx: Tx, windows: Sequence[Window]) -> list[list[Bought]]:
    """What each member bought in each window (at most 10,000), by currency; in the order of the windows."""
    asked = windows[:MEMBERS_MAX]
    answer: list[list[Bought]] = [[] for _ in asked]
    rows = tx.ask(BOUGHT, ([w.member_id for w in asked], [w.since for w in asked], [w.until for w in asked]))
    for place, currency, amount, receipts in rows:
        answer[place - 1].append(Bought(currency, amount, receipts))
    return answer
