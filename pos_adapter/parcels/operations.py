"""Leaving paid goods at a desk, handing them out, sending them back to their counters; and what nobody has collected.

Handing out is what releases tickets that were still paid: the goods have left the house then, and the counters hear it.
Locks: the settlement where goods are left, tickets in order of id, then the parcel, then the number series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.events import announce
from foundation.http import make_cursor, read_cursor
from organisation.contract import StoreFacts, place_of, stores_by_code, stores_by_id
from pos_adapter.parcels.rules import (
    LIES_LONG_DAYS,
    ParcelContradicts,
    ParcelState,
    ParcelUnknown,
    Proof,
    check_free,
    check_left,
    check_lies,
    days_meant,
    label_of,
    read_label,
)
from pos_adapter.parcels.tables import parcel, parcel_ticket
from pos_adapter.permissions import PARCELS, TICKETS_READ
from pos_adapter.sales.incoming import authorise
from pos_adapter.sales.rules import StoreUnknown
from pos_adapter.settlements.rules import SettlementState, SettlementUnknown
from pos_adapter.tickets.numbers import next_number
from pos_adapter.tickets.operations import Ticket, given_back, lock_tickets, lying_at_desk, step
from pos_adapter.tickets.rules import TicketState

PARCEL_SERIES = "parcel"
TOPICS = ("parcel.lying", "parcel.collected", "parcel.sent_back")
COUNTED_MAX = 1_000
OF_SETTLEMENT_MAX = 200


@dataclass(frozen=True, slots=True)
class ParcelWish:
    """What a desk takes into its keeping: tickets of one settlement (none: every one that is paid and still here)."""

    store: str
    terminal: str
    settlement: UUID
    tickets: tuple[UUID, ...] = ()
    pieces: int = 1
    place: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """Goods at a desk. `label` stands on them and on the slip; `place` is the shelf; `ended_by` who handed them out."""

    id: UUID
    store_id: int
    business_date: date
    number: int
    settlement_id: UUID
    member_id: int | None
    state: ParcelState
    pieces: int
    place: str | None
    note: str | None
    terminal: str
    left_by: str
    left_at: datetime
    proof: Proof | None
    why: str | None
    ended_by: str | None
    ended_at: datetime | None
    tickets: tuple[UUID, ...]

    @property
    def label(self) -> str:
        return label_of(self.business_date, self.number)


@dataclass(frozen=True, slots=True)
class Uncollected:
    """A ticket that is paid, whose goods are still at its counter. `since` it was paid."""

    id: UUID
    number: int
    business_date: date
    counter: str
    amount: int
    currency: str
    member_id: int | None
    settlement_id: UUID | None
    since: datetime


COLUMNS = """
SELECT p.id, p.store_id, p.business_date, p.number, p.settlement_id, p.member_id, p.state, p.pieces, p.place, p.note,
       p.terminal, p.left_by, p.left_at, p.proof, p.why, p.ended_by, p.ended_at,
       array(SELECT t.ticket_id FROM pos.parcel_ticket AS t WHERE t.parcel_id = p.id ORDER BY t.ticket_id) AS tickets
FROM pos.parcel AS p
"""


def _parcel(row: Any) -> Parcel:
    facts = dict(row._mapping)
    return Parcel(
        **facts
        | {
            "state": ParcelState(facts["state"]),
            "proof": Proof(facts["proof"]) if facts["proof"] is not None else None,
            "tickets": tuple(facts["tickets"]),
        }
    )


# ------------------------------------------------------------------------------------------------------- its life


def leave_goods(tx: Tx, principal: Principal, wish: ParcelWish) -> Parcel:
    """Take paid goods into the desk's keeping, under a label.

    Raises StoreUnknown, NotThisTill, PlaceForbidden, SettlementUnknown, ParcelContradicts, GoodsLieAlready.
    """
    store = _admitted(tx, principal, wish.store, wish.terminal)
    member, settled = _paid_settlement(tx, store, wish.settlement)
    asked = wish.tickets or _still_here(tx, wish.settlement, settled)
    tickets = lock_tickets(tx, asked)
    check_left(wish.settlement, asked, tickets, given_back(tx, asked))
    check_free(lying_at_desk(tx, asked) if asked else loose_at_desk(tx, wish.settlement))
    day = local_date(tx.now, store.timezone)
    made = Parcel(
        uuid4(), store.id, day, next_number(tx, store.id, day, PARCEL_SERIES), wish.settlement, member,
        ParcelState.LYING, wish.pieces, wish.place, wish.note, wish.terminal, principal.actor, tx.now, None, None,
        None, None, tuple(sorted(asked)),
    )  # fmt: skip
    tx.execute(
        insert(parcel).values(
            {column.name: getattr(made, column.name) for column in parcel.columns} | {"state": made.state.value}
        )
    )
    if made.tickets:
        rows = [{"parcel_id": made.id, "ticket_id": id, "lies": True} for id in made.tickets]
        tx.execute(insert(parcel_ticket), rows)
    _announce(tx, made)
    return made


def _admitted(tx: Tx, principal: Principal, store: str, terminal: str) -> StoreFacts:
    authorise(principal, store, terminal)
    principal.require(PARCELS, place_of(store))
    found = stores_by_code(tx, [store]).get(store)
    if found is None:
        raise StoreUnknown(f"There is no store {store}")
    return found


def _paid_settlement(tx: Tx, store: StoreFacts, id: UUID) -> tuple[int | None, list[UUID]]:
    """(member, tickets) of a settlement of the store, locked. Raises SettlementUnknown, ParcelContradicts."""
    row = tx.execute(
        "SELECT store_id, state, member_id, content -> 'tickets' AS tickets FROM pos.settlement WHERE id = :id"
        " FOR NO KEY UPDATE",
        {"id": id},
    ).one_or_none()
    if row is None or row.store_id != store.id:
        raise SettlementUnknown("There is no such settlement")
    if row.state != SettlementState.PAID:
        raise ParcelContradicts("Only paid goods are kept here")
    return row.member_id, [UUID(ticket) for ticket in row.tickets]


def _still_here(tx: Tx, settlement: UUID, settled: Sequence[UUID]) -> tuple[UUID, ...]:
    """Tickets whose goods the counters have not handed over, without those that are being given back: one of them
    must not keep the rest from being left. Raises ParcelContradicts where there were some, once.

    A settlement of loose goods alone has no tickets: its goods lie without one.
    """
    found = tx.execute(
        "SELECT id FROM pos.ticket WHERE settlement_id = :settlement AND state = 'paid' ORDER BY id",
        {"settlement": settlement},
    )
    paid = tuple(found.scalars())
    gone = given_back(tx, paid)
    here = tuple(id for id in paid if id not in gone)
    if settled and not here:
        raise ParcelContradicts("All goods of this settlement are handed over or given back: say which are left")
    return here


def loose_at_desk(tx: Tx, settlement: UUID) -> dict[UUID, str]:
    """The label under which loose goods of a settlement lie without a ticket, if they do; under its lock it stays."""
    lying = (each for each in parcels_of(tx, settlement) if each.state is ParcelState.LYING and not each.tickets)
    return {each.id: each.label for each in lying}


def hand_out(tx: Tx, principal: Principal, id: UUID, terminal: str, proof: Proof, why: str | None) -> Parcel:
    """Give a parcel to whoever shows that it is theirs; its tickets are released.

    Raises ParcelUnknown, ParcelEnded, NotThisTill, PlaceForbidden.
    """
    found, tickets = _locked(tx, principal, id, terminal)
    for ticket in tickets:
        if ticket.state is TicketState.PAID:
            step(
                tx, ticket, TicketState.RELEASED, principal.actor, f"parcel {found.label}",
                settlement=ticket.settlement_id, first_line=ticket.first_line,
            )  # fmt: skip
    return _end(tx, principal, found, ParcelState.COLLECTED, proof, why)


def send_back(tx: Tx, principal: Principal, id: UUID, terminal: str, why: str) -> Parcel:
    """Send the goods back to their counters: left by mistake, or to be given back there; tickets stay as they are.

    Raises ParcelUnknown, ParcelEnded, NotThisTill, PlaceForbidden.
    """
    found, _ = _locked(tx, principal, id, terminal)
    return _end(tx, principal, found, ParcelState.SENT_BACK, None, why)


def _locked(tx: Tx, principal: Principal, id: UUID, terminal: str) -> tuple[Parcel, list[Ticket]]:
    """A parcel that lies, and its tickets, locked."""
    seen = read_parcel(tx, principal, id)
    _admitted(tx, principal, _store_of(tx, seen).code, terminal)
    tickets = lock_tickets(tx, seen.tickets)
    found = _parcel(tx.execute(COLUMNS + "WHERE p.id = :id FOR UPDATE OF p", {"id": id}).one())
    check_lies(found.state, found.label)
    return found, tickets


def _end(
    tx: Tx, principal: Principal, found: Parcel, state: ParcelState, proof: Proof | None, why: str | None
) -> Parcel:
    tx.execute(
        "UPDATE pos.parcel SET state = :state, proof = :proof, why = :why, ended_by = :actor, ended_at = :now"
        " WHERE id = :id",
        {
            "id": found.id,
            "state": state.value,
            "proof": proof.value if proof else None,
            "why": why,
            "actor": principal.actor,
            "now": tx.now,
        },
    )
    tx.execute("UPDATE pos.parcel_ticket SET lies = false WHERE parcel_id = :id", {"id": found.id})
    ended = _parcel(tx.execute(COLUMNS + "WHERE p.id = :id", {"id": found.id}).one())
    _announce(tx, ended)
    return ended


def _announce(tx: Tx, about: Parcel) -> None:
    announce(
        tx,
        f"parcel.{about.state.value}",
        {
            "parcel": str(about.id),
            "store": about.store_id,
            "state": about.state.value,
            "number": about.number,
            "settlement": str(about.settlement_id),
        },
    )


# ------------------------------------------------------------------------------------------------------- looking


def read_parcel(tx: Tx, principal: Principal, id: UUID) -> Parcel:
    """One parcel. Raises ParcelUnknown, also for one that the caller may not see."""
    row = tx.execute(COLUMNS + "WHERE p.id = :id", {"id": id}).one_or_none()
    if row is None or not principal.may(TICKETS_READ, place_of(_store_of(tx, found := _parcel(row)).code)):
        raise ParcelUnknown("There is no such parcel")
    return found


def _store_of(tx: Tx, found: Parcel) -> StoreFacts:
    return stores_by_id(tx, [found.store_id])[found.store_id]


# What lies here is listed with the oldest first: it is called for; what has ended with the newest first.
LYING = """
WHERE p.store_id = :store AND p.state = 'lying' AND (p.left_at, p.id) > (CAST(:at AS timestamptz), CAST(:id AS uuid))
ORDER BY p.left_at, p.id LIMIT :limit
"""
ALL = """
WHERE p.store_id = :store AND (CAST(:state AS text) IS NULL OR p.state = :state)
  AND (p.left_at, p.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
ORDER BY p.left_at DESC, p.id DESC LIMIT :limit
"""
LAST_ID = UUID(int=2**128 - 1)


def list_parcels(
    tx: Tx, store: StoreFacts, *, state: ParcelState | None, limit: int, cursor: str | None
) -> tuple[list[Parcel], str | None]:
    """Parcels of a store and the cursor of the next page: those that lie the oldest first, others the newest first."""
    is_lying = state is ParcelState.LYING
    first: tuple[Any, UUID] = ("-infinity", UUID(int=0)) if is_lying else ("infinity", LAST_ID)
    at, id = read_cursor(cursor, datetime, UUID) if cursor else first
    rows = tx.execute(
        COLUMNS + (LYING if is_lying else ALL),
        {"store": store.id, "state": state.value if state else None, "at": at, "id": id, "limit": limit + 1},
    )
    found = [_parcel(row) for row in rows]
    following = make_cursor(found[limit - 1].left_at, found[limit - 1].id) if len(found) > limit else None
    return found[:limit], following


def parcels_labelled(tx: Tx, store: StoreFacts, text: str) -> list[Parcel]:
    """What a label means in a store: the one that lies, else the latest that did; none for a text that is no label.

    Labels of the last ten years are known; the store's numbers by day are an index.
    """
    read = read_label(text)
    if read is None:
        return []
    month, day, number = read
    today = local_date(tx.now, store.timezone)
    rows = tx.execute(
        COLUMNS + "WHERE p.store_id = :store AND p.number = :number AND p.business_date = ANY(:days)"
        " ORDER BY p.state <> 'lying', p.business_date DESC LIMIT 1",
        {"store": store.id, "days": days_meant(month, day, today), "number": number},
    )
    return [_parcel(row) for row in rows]


def parcels_of(tx: Tx, settlement: UUID) -> list[Parcel]:
    """What of a settlement was left at a desk, the oldest first."""
    rows = tx.execute(
        COLUMNS + "WHERE p.settlement_id = :id ORDER BY p.left_at, p.id LIMIT :limit",
        {"id": settlement, "limit": OF_SETTLEMENT_MAX},
    )
    return [_parcel(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Lying:
    """What lies at a store's desks, at most 1,000 counted; `long` of them for more than seven days."""

    parcels: int
    long: int
    oldest: datetime | None


LYING_NOW = """
SELECT count(*) AS parcels, count(*) FILTER (WHERE left_at < :long_ago) AS long, min(left_at) AS oldest
FROM (SELECT left_at FROM pos.parcel WHERE store_id = :store AND state = 'lying' ORDER BY left_at LIMIT :most) AS lying
"""


def lying_in(tx: Tx, store_id: int) -> Lying:
    """How much lies in a store, and since when."""
    row = tx.execute(
        LYING_NOW, {"store": store_id, "long_ago": tx.now - timedelta(days=LIES_LONG_DAYS), "most": COUNTED_MAX}
    ).one()
    return Lying(row.parcels, row.long, row.oldest)


# ---------------------------------------------------------------------------------------- paid, not collected

UNCOLLECTED = """
SELECT t.id, t.number, t.business_date, t.counter_code AS counter, t.amount, t.currency, t.member_id, t.settlement_id,
       t.changed_at AS since
FROM pos.ticket AS t
WHERE t.store_id = :store AND t.state = 'paid' AND t.changed_at <= :before
  AND (t.changed_at, t.id) > (CAST(:at AS timestamptz), CAST(:id AS uuid))
  AND (CAST(:counter AS text) IS NULL OR t.counter_code = :counter)
  AND NOT EXISTS (SELECT FROM pos.parcel_ticket AS p WHERE p.ticket_id = t.id AND p.lies)
  AND NOT EXISTS (SELECT FROM pos.red_ticket AS r WHERE r.ticket_id = t.id AND r.kind = 'not_collected'
                  AND r.state <> 'refused')
ORDER BY t.changed_at, t.id LIMIT :limit
"""


def list_uncollected(
    tx: Tx, store: StoreFacts, *, counter: str | None = None, waited: timedelta = timedelta(0), limit: int,
    cursor: str | None = None,
) -> tuple[list[Uncollected], str | None]:  # fmt: skip
    """Tickets of any day that are paid, and whose goods still stand at their counters; who waits longest first.

    `waited`: only those that were paid so long ago. What lies at a desk is not among them, nor what is given back.
    """
    at, id = read_cursor(cursor, datetime, UUID) if cursor else ("-infinity", UUID(int=0))
    rows = tx.execute(
        UNCOLLECTED,
        {
            "store": store.id, "counter": counter, "before": tx.now - waited, "at": at, "id": id, "limit": limit + 1,
        },
    ).all()  # fmt: skip
    found = [Uncollected(**row._mapping) for row in rows]
    following = make_cursor(found[limit - 1].since, found[limit - 1].id) if len(found) > limit else None
    return found[:limit], following
