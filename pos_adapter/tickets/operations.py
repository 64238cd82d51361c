"""Issuing e-tickets at the counter, changing, cancelling and releasing them.

Locks: a ticket's row (several in order of id) before member rows and accounts. Every step of a ticket is noted with
who, when and why, and announced, so that desks and handhelds hear of it at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid4

import msgspec

from foundation.access import Principal, PrincipalKind
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.errors import FieldError
from foundation.events import announce
from foundation.http import make_cursor, read_cursor
from foundation.settings import get_settings
from member_api.contract.members import (
    Identifier,
    IdentifierStatus,
    MemberCodeUnknown,
    MemberUnknown,
    claim_identifiers,
    resolve_member,
    scanned_member,
    unknown_kinds,
)
from organisation.contract import (
    CounterFacts,
    CounterStatus,
    StoreFacts,
    counters_by_code,
    fix_currency,
    place_of,
    stores_by_code,
    stores_by_id,
)
from pos_adapter.discounts.operations import approve_discounts
from pos_adapter.discounts.rules import Approval
from pos_adapter.permissions import TICKETS_READ, TICKETS_WRITE
from pos_adapter.sales.receipts import Line, MemberRef
from pos_adapter.sales.rules import StoreUnknown, WrongCurrency
from pos_adapter.tickets.numbers import next_number
from pos_adapter.tickets.rules import (
    OPEN,
    CounterUnknown,
    GoodsAtDesk,
    NotThisCounter,
    TicketChanged,
    TicketContradicts,
    TicketIdTaken,
    TicketNotOpen,
    TicketState,
    TicketUnknown,
    amount_of,
    check_lines,
    check_step,
)
from pos_adapter.tickets.tables import CHANGE_TICKET, NOTE_CHANGE, WRITE_TICKET, ChangeRow, TicketRow
from pos_adapter.tickets.tables import TicketState as StateRow

TICKET_SERIES = "ticket"
TOGETHER_MAX = 100
EXPIRE_BATCH = 500
EXPIRE_BATCHES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class TicketWish:
    """A ticket as a device issues it. `id` is the device's own, so that sending it again makes no second one.

    `issued_at` is the device's clock (a ticket may have waited offline); `member` as on a receipt, or `scan`, the code
    on the member's phone.
    """

    id: UUID | None
    store: str
    counter: str
    member: MemberRef | str | None
    lines: tuple[Line, ...]
    currency: str | None = None
    issued_at: datetime | None = None
    approval: Approval | None = None
    scan: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A recorded ticket. `amount` in minor units; `version` counts its changes."""

    id: UUID
    store_id: int
    counter_id: int
    counter: str
    business_date: date
    number: int
    state: TicketState
    member_id: int | None
    claim_id: int | None
    currency: str
    amount: int
    lines: tuple[Line, ...]
    version: int
    issued_by: str
    issued_at: datetime
    received_at: datetime
    changed_at: datetime
    settlement_id: UUID | None
    first_line: int | None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class TicketStep:
    """One step of a ticket's life: what it became, when, by whom (`person:<id>`, `machine:<id>`), and why."""

    state: TicketState
    at: datetime
    actor: str
    why: str | None


COLUMNS = """
SELECT id, store_id, counter_id, counter_code, business_date, number, state, member_id, claim_id, currency, amount,
       lines, version, issued_by, issued_at, received_at, changed_at, settlement_id, first_line,
       approved_by
FROM pos.ticket
"""


def _ticket(row: Any) -> Ticket:
    facts = dict(row._mapping)
    counter = facts.pop("counter_code")
    state, lines = TicketState(facts.pop("state")), msgspec.convert(facts.pop("lines"), tuple[Line, ...])
    return Ticket(counter=counter, state=state, lines=lines, **facts)


# ---------------------------------------------------------------------------------------------------- issuing


def issue(tx: Tx, principal: Principal, wish: TicketWish) -> tuple[Ticket, bool]:
    """Issue a ticket; False with the one of before when the same id and content came again.

    Raises StoreUnknown, CounterUnknown, TicketContradicts, WrongCurrency, NotThisCounter, PlaceForbidden,
    TicketIdTaken, MemberUnknown (by an id), MemberCodeUnknown, IdentifierUnreadable, DiscountNeedsApproval,
    ApprovalRefused.
    """
    store, counter = _place(tx, principal, wish)
    check_lines(wish.lines, counter.code)
    if wish.currency not in (None, store.currency):
        raise WrongCurrency(
            f"{store.code} sells in {store.currency}", errors=[FieldError("/currency", f"must be {store.currency}")]
        )
    digest = _content_hash(wish)
    if wish.id is not None and (before := _issued_before(tx, wish.id, digest)) is not None:
        return before, False
    fix_currency(tx, store)
    member, claim = _named_on(tx, wish)
    day = local_date(tx.now, store.timezone)
    id = wish.id or uuid4()
    is_member = member is not None or claim is not None
    approved_by = approve_discounts(
        tx, principal, store, wish.lines, wish.approval, f"ticket/{id}", is_member=is_member
    )
    row = TicketRow(
        id,
        store.id,
        counter.id,
        counter.code,
        day,
        next_number(tx, store.id, day, TICKET_SERIES),
        TicketState.ISSUED.value,
        member,
        claim,
        store.currency,
        amount_of(wish.lines),
        wish.lines,
        "\\x" + digest.hex(),
        1,
        principal.actor,
        wish.issued_at or tx.now,
        tx.now,
        tx.now,
        approved_by,
    )
    tx.rows.add(WRITE_TICKET, row)
    made = Ticket(
        row.id, store.id, counter.id, counter.code, day, row.number, TicketState.ISSUED, member, claim, row.currency,
        row.amount, wish.lines, 1, row.issued_by, row.issued_at, tx.now, tx.now, None, None, approved_by,
    )  # fmt: skip
    _note(tx, made, TicketState.ISSUED, principal.actor, None)
    return made, True


def _place(tx: Tx, principal: Principal, wish: TicketWish) -> tuple[StoreFacts, CounterFacts]:
    bound = principal.bindings
    if bound.get("store", wish.store) != wish.store or bound.get("counter", wish.counter) != wish.counter:
        raise NotThisCounter("This token belongs to another counter")
    principal.require(TICKETS_WRITE, place_of(wish.store))
    store = stores_by_code(tx, [wish.store]).get(wish.store)
    if store is None:
        raise StoreUnknown(f"There is no store {wish.store}", errors=[FieldError("/store", "unknown store")])
    counter = counters_by_code(tx, store.id, [wish.counter]).get(wish.counter)
    if counter is None or counter.status is not CounterStatus.OPEN:
        raise CounterUnknown(
            f"{store.code} has no open counter {wish.counter}", errors=[FieldError("/counter", "unknown or closed")]
        )
    return store, counter


def _content_hash(wish: TicketWish) -> bytes:
    """The digest by which a ticket sent again is known; keyed, for it covers a phone number too."""
    named = wish.member if wish.scan is None else f"scan:{wish.scan}"
    content = msgspec.json.encode((wish.store, wish.counter, named, wish.lines, wish.currency))
    return blake2b(content, digest_size=32, key=get_settings().blind_index_key).digest()


def _issued_before(tx: Tx, id: UUID, digest: bytes) -> Ticket | None:
    # Two devices never make the same id; one device that sends twice at once is put in line here.
    tx.ask("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7205))", (str(id),))
    known = tx.ask("SELECT content_hash FROM pos.ticket WHERE id = %s", (id,)).fetchone()
    if known is None:
        return None
    if bytes(known[0]) != digest:
        raise TicketIdTaken("Another ticket was issued under this id")
    return _ticket(tx.execute(COLUMNS + "WHERE id = :id", {"id": id}).one())


def _named_on(tx: Tx, wish: TicketWish) -> tuple[int | None, int | None]:
    """(member, claim) of a new ticket. Raises MemberCodeUnknown for a code that no phone shows."""
    if wish.scan is None:
        return named_member(tx, wish.member)
    if wish.member is not None:
        both = FieldError("/scan", "one of both")
        raise TicketContradicts("A ticket names its member or scans a code", errors=[both])
    shown = scanned_member(tx, wish.scan, wish.store)
    if shown is None:
        raise MemberCodeUnknown("This is no code of a member's phone", errors=[FieldError("/scan", "is no such code")])
    return shown, None


def named_member(tx: Tx, named: MemberRef | str | None) -> tuple[int | None, int | None]:
    """(member, claim) of who is meant: one by id must exist; an identifier nobody enrolled with waits under a claim."""
    if named is None:
        return None, None
    if isinstance(named, str):
        return resolve_member(tx, int(named)).id, None
    identifier = Identifier(named.kind, named.value)
    try:
        return resolve_member(tx, identifier).id, None
    except MemberUnknown:
        if unknown_kinds(tx, {identifier.kind}):
            raise
    claim = claim_identifiers(tx, [identifier])[identifier]
    if claim.member_id is not None and claim.status is IdentifierStatus.ACTIVE:
        return claim.member_id, None
    return None, claim.claim_id


# ------------------------------------------------------------------------------------------------- the life of it


def lock_tickets(tx: Tx, ids: Collection[UUID]) -> list[Ticket]:
    """These tickets, locked in order of id; unknown ones are left out. At most 100."""
    rows = tx.execute(COLUMNS + "WHERE id = ANY(:ids) ORDER BY id FOR UPDATE", {"ids": list(ids)[:TOGETHER_MAX]})
    return [_ticket(row) for row in rows]


def step(
    tx: Tx, ticket: Ticket, to: TicketState, actor: str, why: str | None = None, *,
    settlement: UUID | None = None, first_line: int | None = None,
) -> Ticket:  # fmt: skip
    """Let a locked ticket become something, noted and announced. Raises TicketNotOpen where it cannot."""
    check_step(ticket.state, to)
    became = replace(
        ticket, state=to, version=ticket.version + 1, changed_at=tx.now, settlement_id=settlement, first_line=first_line
    )
    tx.rows.add(CHANGE_TICKET, StateRow(ticket.id, to.value, became.version, tx.now, settlement, first_line))
    _note(tx, became, to, actor, why)
    return became


def _note(tx: Tx, ticket: Ticket, state: TicketState, actor: str, why: str | None) -> None:
    tx.rows.add(NOTE_CHANGE, ChangeRow(ticket.id, ticket.version, state.value, tx.now, actor, why))
    announce(
        tx,
        f"ticket.{state.value}",
        {
            "ticket": str(ticket.id),
            "number": ticket.number,
            "state": state.value,
            "store": ticket.store_id,
            "counter": ticket.counter,
            "amount": ticket.amount,
            "currency": ticket.currency,
            "member": str(ticket.member_id) if ticket.member_id is not None else None,
            "settlement": str(ticket.settlement_id) if ticket.settlement_id is not None else None,
        },
    )


def edit(
    tx: Tx, principal: Principal, id: UUID, lines: tuple[Line, ...], version: int, approval: Approval | None = None
) -> Ticket:
    """Replace the lines of a ticket that is not being paid. Raises TicketChanged if somebody was faster,
    TicketNotOpen, TicketContradicts, NotThisCounter, TicketUnknown, DiscountNeedsApproval, ApprovalRefused."""
    ticket = _own(tx, principal, id)
    if ticket.version != version:
        raise TicketChanged("The ticket was changed meanwhile; look again", version=ticket.version)
    if ticket.state is not TicketState.ISSUED:
        raise TicketNotOpen(f"The ticket is {ticket.state}", state=ticket.state.value)
    check_lines(lines, ticket.counter)
    approved_by = approve_discounts(
        tx, principal, stores_by_id(tx, [ticket.store_id])[ticket.store_id], lines, approval, f"ticket/{id}",
        is_member=ticket.member_id is not None or ticket.claim_id is not None,
    )  # fmt: skip
    tx.execute(
        "UPDATE pos.ticket SET lines = CAST(:lines AS json), amount = :amount, version = version + 1,"
        " changed_at = :now, approved_by = :approved_by WHERE id = :id",
        {
            "id": id,
            "lines": msgspec.json.encode(lines).decode(),
            "amount": amount_of(lines),
            "now": tx.now,
            "approved_by": approved_by,
        },
    )
    changed = replace(
        ticket, lines=lines, amount=amount_of(lines), version=ticket.version + 1, changed_at=tx.now,
        approved_by=approved_by,
    )  # fmt: skip
    _note(tx, changed, TicketState.ISSUED, principal.actor, "edited")
    return changed


def cancel(tx: Tx, principal: Principal, id: UUID, why: str | None) -> Ticket:
    """Cancel a ticket that nobody is paying. Raises TicketUnknown, NotThisCounter, TicketNotOpen."""
    return step(tx, _own(tx, principal, id), TicketState.CANCELLED, principal.actor, why)


def release(tx: Tx, principal: Principal, id: UUID) -> Ticket:
    """Say that the goods were handed over; only what is paid.

    Raises TicketUnknown, NotThisCounter, TicketNotOpen, GoodsAtDesk.
    """
    ticket = _own(tx, principal, id)
    if given_back(tx, [id]):
        raise TicketNotOpen("The ticket is given back; the goods stay", state=ticket.state.value)
    if label := lying_at_desk(tx, [id]).get(id):
        raise GoodsAtDesk(f"The goods lie at the desk as {label}; the desk hands them out", label=label)
    return step(
        tx, ticket, TicketState.RELEASED, principal.actor, settlement=ticket.settlement_id,
        first_line=ticket.first_line,
    )  # fmt: skip


def given_back(tx: Tx, ids: Collection[UUID]) -> frozenset[UUID]:
    """Tickets that are on their way back as not collected; whoever issues that locks the ticket first."""
    found = tx.execute(
        "SELECT DISTINCT ticket_id FROM pos.red_ticket"
        " WHERE ticket_id = ANY(:ids) AND kind = 'not_collected' AND state <> 'refused'",
        {"ids": list(ids)},
    )
    return frozenset(found.scalars())


def lying_at_desk(tx: Tx, ids: Collection[UUID]) -> dict[UUID, str]:
    """The label under which the goods of tickets lie at a desk, of those that do; under the tickets' locks it stays."""
    found = tx.execute(
        "SELECT t.ticket_id, to_char(p.business_date, 'MMDD') || '-' || p.number AS label FROM pos.parcel_ticket AS t"
        " JOIN pos.parcel AS p ON p.id = t.parcel_id WHERE t.ticket_id = ANY(:ids) AND t.lies",
        {"ids": list(ids)},
    )
    return {row.ticket_id: row.label for row in found}


def _own(tx: Tx, principal: Principal, id: UUID) -> Ticket:
    """A ticket of the caller's own counter, locked. Raises TicketUnknown, NotThisCounter."""
    found = lock_tickets(tx, [id])
    if not found or not principal.may(TICKETS_READ, _place_of(tx, found[0])):
        raise TicketUnknown("There is no such ticket")
    ticket = found[0]
    principal.require(TICKETS_WRITE, _place_of(tx, ticket))
    bound = principal.bindings
    if principal.kind is PrincipalKind.MACHINE and bound.get("counter", ticket.counter) != ticket.counter:
        raise NotThisCounter("The ticket belongs to another counter")
    if "terminal" in bound:
        raise NotThisCounter("The counter that issued the ticket does this")
    return ticket


def _place_of(tx: Tx, ticket: Ticket) -> str:
    return place_of(stores_by_id(tx, [ticket.store_id])[ticket.store_id].code)


def expire_tickets(home: Database) -> int:
    """Let open tickets of past days expire, by each store's own calendar; returns how many.

    One that is being paid stays: the payment decides.
    """
    expired = 0
    for _ in range(EXPIRE_BATCHES_MAX):
        with home.transaction() as tx:
            rows = tx.execute(
                COLUMNS + "WHERE state = 'issued' AND business_date < :today ORDER BY id LIMIT :batch"
                " FOR UPDATE SKIP LOCKED",
                {"today": tx.now.date(), "batch": EXPIRE_BATCH},
            ).all()
            tickets = [_ticket(row) for row in rows]
            stores = stores_by_id(tx, {ticket.store_id for ticket in tickets})
            past = [t for t in tickets if t.business_date < local_date(tx.now, stores[t.store_id].timezone)]
            for ticket in past:
                step(tx, ticket, TicketState.EXPIRED, "system", "the day is over")
            expired += len(past)
        if len(past) < EXPIRE_BATCH:
            break
    return expired


def expire_tickets_of(tx: Tx, store_id: int, day: date) -> int:
    """Let the open tickets of a store's day expire, because it is closed; returns how many.

    By batches, for all of it is one transaction. What is beyond the last batch the nightly run lets expire.
    """
    expired = 0
    for _ in range(EXPIRE_BATCHES_MAX):
        rows = tx.execute(
            COLUMNS + "WHERE store_id = :store AND business_date = :day AND state = 'issued'"
            " ORDER BY id LIMIT :batch FOR UPDATE",
            {"store": store_id, "day": day, "batch": EXPIRE_BATCH},
        ).all()
        for row in rows:
            step(tx, _ticket(row), TicketState.EXPIRED, "system", "the day is closed")
        tx.flush()
        expired += len(rows)
        if len(rows) < EXPIRE_BATCH:
            break
    return expired


# -------------------------------------------------------------------------------------------------------- looking


def read_ticket(tx: Tx, principal: Principal, id: UUID) -> Ticket:
    """One ticket. Raises TicketUnknown, also for one that the caller may not see."""
    row = tx.execute(COLUMNS + "WHERE id = :id", {"id": id}).one_or_none()
    if row is None or not principal.may(TICKETS_READ, _place_of(tx, found := _ticket(row))):
        raise TicketUnknown("There is no such ticket")
    return found


def steps_of(tx: Tx, ids: Collection[UUID]) -> dict[UUID, list[TicketStep]]:
    """The lives of tickets by id, each from its issue on."""
    rows = tx.execute(
        "SELECT ticket_id, state, at, actor, why FROM pos.ticket_change WHERE ticket_id = ANY(:ids)"
        " ORDER BY ticket_id, n",
        {"ids": list(ids)},
    )
    lives: dict[UUID, list[TicketStep]] = {id: [] for id in ids}
    for row in rows:
        lives[row.ticket_id].append(TicketStep(TicketState(row.state), row.at, row.actor, row.why))
    return lives


def list_tickets(
    tx: Tx, store: StoreFacts, *, states: Sequence[TicketState] = (), member: int | None = None,
    counter: str | None = None, number: int | None = None, day: date | None = None, limit: int, cursor: str | None,
) -> tuple[list[Ticket], str | None]:  # fmt: skip
    """Tickets of a store's day (today, if not said), by number, and the cursor of the next page."""
    after = read_cursor(cursor, int)[0] if cursor else 0
    rows = tx.execute(
        COLUMNS + "WHERE store_id = :store AND business_date = :day AND number > :after"
        " AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))"
        " AND (CAST(:member AS bigint) IS NULL OR member_id = :member)"
        " AND (CAST(:counter AS text) IS NULL OR counter_code = :counter)"
        " AND (CAST(:number AS integer) IS NULL OR number = :number) ORDER BY number LIMIT :limit",
        {
            "store": store.id,
            "day": day or local_date(tx.now, store.timezone),
            "after": after,
            "states": [state.value for state in states] or None,
            "member": member,
            "counter": counter,
            "number": number,
            "limit": limit + 1,
        },
    )
    found = [_ticket(row) for row in rows]
    following = make_cursor(found[limit - 1].number) if len(found) > limit else None
    return found[:limit], following


def open_tickets(tx: Tx, store_id: int, since: date) -> int:
    """How many tickets of a store still want something, from a day on: the day cannot be closed before that is none."""
    return int(
        tx.execute(
            "SELECT count(*) FROM pos.ticket"
            " WHERE store_id = :store AND business_date >= :since AND state = ANY(:open)",
            {"store": store_id, "since": since, "open": sorted(OPEN)},
        ).scalar_one()
    )
