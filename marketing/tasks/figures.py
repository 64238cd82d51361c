"""How the follow-up goes: for each clerk and store, what is open, what was done, how well, and what came in after it.

Days are those of the store. What a task earned is plain attribution: what the member bought within so many days after
a task that reached what it was for. It says what followed, not what the task caused; a campaign's control group does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.settings import get_settings
from marketing.tasks.kinds import settings_now
from marketing.tasks.scope import Actor
from organisation.contract import StoreFacts, stores_by_code, stores_within
from pos_adapter.contract.service import Window, bought_within

EARNED_MAX = 10_000
CLERKS_MAX = 1_000


@dataclass(slots=True)
class Figures:
    """One clerk in one store (`staff_id` None: work without a name, as in the pool).

    `due` are the tasks whose day lies in the period and that were not cancelled, `due_done` those of them that are
    done; `done` are those completed in the period, `on_time` those of them completed by their day. Call-backs are those
    of the sample. `earned` is money by currency.
    """

    store: str | None
    staff_id: int | None
    open: int = 0
    overdue: int = 0
    escalated: int = 0
    minutes_open: int = 0
    due: int = 0
    due_done: int = 0
    done: int = 0
    successes: int = 0
    on_time: int = 0
    minutes: int = 0
    standard_minutes: int = 0
    asked: int = 0
    confirmed: int = 0
    refuted: int = 0
    content_sum: int = 0
    content_count: int = 0
    earned: dict[str, int] = field(default_factory=dict)

    @property
    def completion(self) -> float | None:
        return _share(self.due_done, self.due)

    @property
    def punctuality(self) -> float | None:
        return _share(self.on_time, self.done)

    @property
    def content(self) -> float | None:
        """The average content, 1 to 5, of those who said."""
        return _share(self.content_sum, self.content_count)

    def add(self, other: "Figures") -> None:
        """Count another's figures in, for totals."""
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for currency, amount in other.earned.items():
            self.earned[currency] = self.earned.get(currency, 0) + amount


_COUNTED = [name for name in Figures.__dataclass_fields__ if name not in ("store", "staff_id", "earned")]


@dataclass(frozen=True, slots=True)
class Board:
    """The figures of some stores from `first` to `last`, both included.

    `waiting` is the number of call-backs that are asked for, by store. `clerks` are at most 1,000, those with the most
    late tasks first if there are more (`clerks_whole` False). `earned_whole` is False if there were more completed
    tasks than sales are looked up for (10,000).
    """

    first: date
    last: date
    clerks: Sequence[Figures]
    stores: Sequence[Figures]
    total: Figures
    waiting: Mapping[str | None, int]
    earned_days: int
    earned_whole: bool
    clerks_whole: bool


def board(tx: Tx, actor: Actor, first: date, last: date, store: str | None = None) -> Board:
    """The figures of a store, or of all that the actor answers for. Days are those of each store."""
    homes = _stores(tx, actor, store)
    rows: dict[tuple[str | None, int | None], Figures] = {}
    facts = _facts(tx, actor, homes, first, last, store)
    for statement, names in _COUNTS:
        for place, staff_id, *counts in tx.ask(statement, facts):
            figures = rows.setdefault((place, staff_id), Figures(place, staff_id))
            for name, count in zip(names, counts, strict=True):
                setattr(figures, name, getattr(figures, name) + int(count or 0))
    whole = _add_earned(tx, rows, facts)
    clerks = sorted(rows.values(), key=lambda row: (row.store or "", row.staff_id or 0))
    stores, total = _totals(clerks)
    fewer = (
        sorted(clerks, key=lambda row: (-row.overdue, -row.open))[:CLERKS_MAX] if len(clerks) > CLERKS_MAX else clerks
    )
    waiting: dict[str | None, int] = dict(tx.ask(_WAITING, facts).fetchall())
    earned_days = settings_now(tx).earned_days
    return Board(first, last, fewer, stores, total, waiting, earned_days, whole, fewer is clerks)


def _totals(clerks: Sequence[Figures]) -> tuple[list[Figures], Figures]:
    stores: dict[str | None, Figures] = {}
    total = Figures(None, None)
    for row in clerks:
        stores.setdefault(row.store, Figures(row.store, None)).add(row)
        total.add(row)
    return list(stores.values()), total


def _stores(tx: Tx, actor: Actor, store: str | None) -> list[StoreFacts]:
    if store is None:
        return stores_within(tx, actor.principal)
    found = stores_by_code(tx, (store,)).get(store)
    return [found] if found is not None and actor.reaches(store) else []


def _facts(
    tx: Tx, actor: Actor, homes: Sequence[StoreFacts], first: date, last: date, store: str | None
) -> dict[str, Any]:
    codes: list[str | None] = [home.code for home in homes]
    zones = [home.timezone for home in homes]
    if store is None and actor.reaches(None):
        codes.append(None)
        zones.append(get_settings().company_timezone)
    return {
        "stores": codes,
        "zones": zones,
        "first": first,
        "last": last,
        "now": tx.now,
        # Wide enough for every time zone: what lets the index narrow the search.
        "since": datetime.combine(first - timedelta(days=1), time(), UTC),
        "until": datetime.combine(last + timedelta(days=2), time(), UTC),
        "limit": EARNED_MAX,
    }


_OPEN: LiteralString = """
SELECT t.store, t.assignee_id, count(*),
       count(*) FILTER (WHERE t.due_on < (%(now)s::timestamptz AT TIME ZONE w.zone)::date),
       count(*) FILTER (WHERE t.escalated_at IS NOT NULL), sum(t.standard_minutes)
FROM marketing.task AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.state IN ('open', 'started') GROUP BY 1, 2
"""
_DUE: LiteralString = """
SELECT t.store, coalesce(t.doer_id, t.assignee_id), count(*),
       count(*) FILTER (WHERE t.state IN ('done', 'called_back'))
FROM marketing.task AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.due_on BETWEEN %(first)s AND %(last)s AND t.state <> 'cancelled' GROUP BY 1, 2
"""
_DONE: LiteralString = """
SELECT t.store, t.doer_id, count(*), count(*) FILTER (WHERE t.success),
       count(*) FILTER (WHERE (t.done_at AT TIME ZONE w.zone)::date <= t.due_on),
       sum(t.minutes), sum(t.standard_minutes)
FROM marketing.task AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.state IN ('done', 'called_back') AND t.done_at >= %(since)s AND t.done_at < %(until)s
  AND (t.done_at AT TIME ZONE w.zone)::date BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
"""
_CALLED: LiteralString = """
SELECT t.store, t.doer_id, count(*), count(*) FILTER (WHERE t.done), count(*) FILTER (WHERE NOT t.done),
       sum(t.content), count(t.content)
FROM marketing.task_callback AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.sampled AND t.at >= %(since)s AND t.at < %(until)s
  AND (t.at AT TIME ZONE w.zone)::date BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
"""
_COUNTS: Sequence[tuple[LiteralString, Sequence[str]]] = (
    (_OPEN, ("open", "overdue", "escalated", "minutes_open")),
    (_DUE, ("due", "due_done")),
    (_DONE, ("done", "successes", "on_time", "minutes", "standard_minutes")),
    (_CALLED, ("asked", "confirmed", "refuted", "content_sum", "content_count")),
)
_WAITING: LiteralString = """
SELECT t.store, count(*) FROM marketing.task AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.state = 'done' AND t.sampled GROUP BY 1
"""
_REACHED: LiteralString = """
SELECT t.store, t.doer_id, t.member_id, t.done_at FROM marketing.task AS t
JOIN unnest(%(stores)s::text[], %(zones)s::text[]) AS w(store, zone) ON w.store IS NOT DISTINCT FROM t.store
WHERE t.success AND t.state IN ('done', 'called_back') AND t.done_at >= %(since)s AND t.done_at < %(until)s
  AND (t.done_at AT TIME ZONE w.zone)::date BETWEEN %(first)s AND %(last)s
ORDER BY t.done_at DESC LIMIT %(limit)s + 1
"""


def _add_earned(tx: Tx, rows: Mapping[tuple[str | None, int | None], Figures], facts: Mapping[str, Any]) -> bool:
    """What members bought after the tasks that reached what they were for; whether that is all of it."""
    days = timedelta(days=settings_now(tx).earned_days)
    reached = tx.ask(_REACHED, facts).fetchall()
    looked_up = reached[:EARNED_MAX]
    bought = bought_within(tx, [Window(member, done_at, done_at + days) for _, _, member, done_at in looked_up])
    for (place, staff_id, _, _), amounts in zip(looked_up, bought, strict=True):
        earned = rows[(place, staff_id)].earned
        for each in amounts:
            earned[each.currency] = earned.get(each.currency, 0) + each.amount
    return len(reached) <= EARNED_MAX


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
