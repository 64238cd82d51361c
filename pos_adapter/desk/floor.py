"""The supervisor's board of a store: who waits, what is stuck, how long it takes from issued to paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from foundation.database import Tx
from organisation.contract import StoreFacts, counters_by_code, staff_by_number, staff_names
from pos_adapter.desk.rules import SETTLES_TOO_LONG_S, UNCOLLECTED_S, Patience, patience
from pos_adapter.parcels.operations import Lying, Uncollected, list_uncollected, lying_in

SHOWN_MAX = 50
ROWS_MAX = 300
SALESPERSON, PERSON, MACHINE = "staff", "person", "machine"


@dataclass(frozen=True, slots=True)
class WaitingTicket:
    """A ticket that waits; `waited_s` since it was issued, or since it became what it is."""

    id: UUID
    number: int
    counter: str
    amount: int
    currency: str
    waited_s: int
    patience: Patience


@dataclass(frozen=True, slots=True)
class StuckPayment:
    """A settlement that waits for its payment for too long; `states` of its payments, `why` the rails' last words."""

    settlement: UUID
    terminal: str
    amount: int
    currency: str
    waited_s: int
    tickets: tuple[int, ...]
    states: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Tickets of a counter or clerk today: how many, and the medians in seconds (None: none yet)."""

    name: str
    code: str
    issued: int
    paid: int
    released: int
    open: int
    cancelled: int
    issued_to_paid_s: int | None
    paid_to_released_s: int | None


@dataclass(frozen=True, slots=True)
class Board:
    """One store's floor at one moment. `uncollected` of any day, `forgotten` of them earlier; what lies at desks."""

    day: date
    at: datetime
    whole: Pace
    waiting: tuple[WaitingTicket, ...]
    uncollected: tuple[WaitingTicket, ...]
    forgotten: int
    lying: Lying
    stuck: tuple[StuckPayment, ...]
    counters: tuple[Pace, ...]
    clerks: tuple[Pace, ...]


WAITING = """
SELECT id, number, counter_code, amount, currency, least(issued_at, received_at) AS since FROM pos.ticket
WHERE store_id = :store AND business_date = :day AND state = 'issued'
ORDER BY least(issued_at, received_at) LIMIT :limit
"""
STUCK = """
SELECT s.id, s.terminal, s.amount, s.currency, s.created_at,
       array(SELECT t.number FROM pos.ticket AS t WHERE t.settlement_id = s.id ORDER BY t.number LIMIT 100) AS tickets,
       array(SELECT p.state FROM pos.payment AS p WHERE p.settlement_id = s.id ORDER BY p.n) AS states,
       (SELECT string_agg(p.why, '; ' ORDER BY p.n) FROM pos.payment AS p WHERE p.settlement_id = s.id) AS why
FROM pos.settlement AS s
WHERE s.store_id = :store AND s.state = 'pending' AND (s.created_at < :before OR EXISTS
      (SELECT FROM pos.payment AS p WHERE p.settlement_id = s.id AND p.state IN ('reversing', 'unknown')))
ORDER BY s.created_at LIMIT :limit
"""
# The clerk is who the lines name; a ticket without one counts for the device or the person that issued it.
PACE = """
WITH life AS (
    SELECT t.counter_code, t.state, least(t.issued_at, t.received_at) AS since, l.paid_at, l.released_at,
           coalesce('staff:' || (t.lines -> 0 ->> 'salesperson'), t.issued_by) AS clerk
    FROM pos.ticket AS t CROSS JOIN LATERAL (
        SELECT min(c.at) FILTER (WHERE c.state = 'paid') AS paid_at,
               min(c.at) FILTER (WHERE c.state = 'released') AS released_at
        FROM pos.ticket_change AS c WHERE c.ticket_id = t.id
    ) AS l
    WHERE t.store_id = :store AND t.business_date = :day
)
SELECT counter_code, clerk, count(*) AS issued, count(paid_at) AS paid,
       count(*) FILTER (WHERE state = 'released') AS released,
       count(*) FILTER (WHERE state IN ('issued', 'settling')) AS open,
       count(*) FILTER (WHERE state IN ('cancelled', 'expired')) AS cancelled,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM paid_at - since)::integer) AS to_paid,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM released_at - paid_at)::integer) AS to_released
FROM life GROUP BY GROUPING SETS ((counter_code), (clerk), ()) ORDER BY count(*) DESC, 1, 2 LIMIT :limit
"""


def read_board(tx: Tx, store: StoreFacts, day: date) -> Board:
    """The floor of a store on a day; waits are measured now. At most 50 of each list, 300 counters and clerks."""
    asked = {"store": store.id, "day": day, "limit": SHOWN_MAX}
    waiting = tuple(_waits(tx, row) for row in tx.execute(WAITING, asked))
    uncollected, _ = list_uncollected(tx, store, waited=timedelta(seconds=UNCOLLECTED_S), limit=SHOWN_MAX)
    stuck = tuple(
        StuckPayment(
            row.id, row.terminal, row.amount, row.currency, _seconds(tx, row.created_at), tuple(row.tickets),
            tuple(row.states), row.why or "",
        )
        for row in tx.execute(STUCK, asked | {"before": tx.now - timedelta(seconds=SETTLES_TOO_LONG_S)})
    )  # fmt: skip
    rows = tx.execute(PACE, asked | {"limit": ROWS_MAX}).all()
    by_counter = [row for row in rows if row.counter_code is not None]
    by_clerk = [row for row in rows if row.counter_code is None and row.clerk is not None]
    whole = next((row for row in rows if row.counter_code is None and row.clerk is None), None)
    counters = counters_by_code(tx, store.id, {row.counter_code for row in by_counter})
    clerks = _clerk_names(tx, [row.clerk for row in by_clerk])
    return Board(
        day,
        tx.now,
        _pace("", "", whole) if whole is not None else Pace("", "", 0, 0, 0, 0, 0, None, None),
        waiting,
        tuple(_stands(tx, each) for each in uncollected),
        sum(each.business_date < day for each in uncollected),
        lying_in(tx, store.id),
        stuck,
        tuple(
            _pace(counters[row.counter_code].name if row.counter_code in counters else "", row.counter_code, row)
            for row in by_counter
        ),
        tuple(_pace(*clerks[row.clerk], row) for row in by_clerk),
    )


def _seconds(tx: Tx, since: datetime) -> int:
    return max(int((tx.now - since).total_seconds()), 0)


def _waits(tx: Tx, row: Any) -> WaitingTicket:
    waited = _seconds(tx, row.since)
    return WaitingTicket(row.id, row.number, row.counter_code, row.amount, row.currency, waited, patience(waited))


def _stands(tx: Tx, each: Uncollected) -> WaitingTicket:
    waited = _seconds(tx, each.since)
    return WaitingTicket(each.id, each.number, each.counter, each.amount, each.currency, waited, patience(waited))


def _pace(name: str, code: str, row: Any) -> Pace:
    return Pace(
        name, code, row.issued, row.paid, row.released, row.open, row.cancelled, row.to_paid, row.to_released
    )  # fmt: skip


def _clerk_names(tx: Tx, clerks: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """(name, code) of `staff:<number>`, `person:<id>` or `machine:<client>`; a machine has no name of its own."""
    parted = {clerk: clerk.partition(":")[::2] for clerk in clerks}
    by_number = staff_by_number(tx, {code for kind, code in parted.values() if kind == SALESPERSON})
    ids = {int(code) for kind, code in parted.values() if kind == PERSON and code.isdigit()}
    names = staff_names(tx, sorted(ids | {facts.id for facts in by_number.values()}))
    found = {}
    for clerk, (kind, code) in parted.items():
        if kind == SALESPERSON:
            found[clerk] = (names.get(by_number[code].id, "") if code in by_number else "", code)
        elif kind == PERSON:
            found[clerk] = (names.get(int(code), "") if code.isdigit() else "", "")
        else:
            found[clerk] = ("", "")
    return found
