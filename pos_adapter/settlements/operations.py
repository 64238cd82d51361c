"""Settling tickets: lock them, post their sales and say that they are paid, all in one transaction.

Locks: tickets in order of id, then as for a sale. Two desks that settle the same ticket stand in line at its row; the
second finds it settled and is told 409. Where a payment is still to be taken, the tickets are `settling` meanwhile,
what the member's accounts are to pay is on hold, and whoever knows the payment's end calls `complete` or `fail`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import structs

from foundation.access import Principal, PrincipalKind
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.errors import FieldError
from foundation.events import announce
from foundation.http import Keyed
from foundation.idempotency import Answer, claim
from foundation.partitions import ensure_months
from foundation.rows import as_json
from member_api.contract.ledger import HoldEnded, Kind, Step, Taking, place_hold, release_hold
from member_api.contract.purchases import rules_at
from organisation.contract import StoreFacts, place_of, stores_by_code, stores_by_id
from pos_adapter.day.shifts import shift_for
from pos_adapter.permissions import SETTLE
from pos_adapter.sales.incoming import (
    SERVER_NUMBERS_FROM,
    SERVER_SERIES,
    Incoming,
    authorise,
    content_hash,
    sale_id,
)
from pos_adapter.sales.operations import Refused, post_receipts, racing
from pos_adapter.sales.receipts import Coupon, ECoins, Line, MemberRef, Points, Receipt, SaleType, Tender
from pos_adapter.sales.rules import ACCOUNT_TENDERS, StoreUnknown, tender_units
from pos_adapter.settlements.rules import (
    Gathered,
    SettlementContradicts,
    SettlementState,
    SettlementUnknown,
    check_open,
    check_store,
    check_together,
    gather,
)
from pos_adapter.settlements.tables import END_SETTLEMENT, WRITE_SETTLEMENT, SettlementEnd, SettlementRow
from pos_adapter.tickets.numbers import next_number
from pos_adapter.tickets.operations import Ticket, lock_tickets, named_member, step
from pos_adapter.tickets.rules import TicketState

HOLD_LIFE = timedelta(hours=24)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Payment:
    """A tender that is still to be taken: `n` is its place (1, 2 ...), `ask` what its rail needs; never stored here."""

    n: int
    tender: Tender
    ask: Any


@dataclass(frozen=True, slots=True)
class SettlementWish:
    """What a desk wants settled. `lines` are loose goods; `member` only where no ticket names one."""

    store: str
    terminal: str
    tickets: tuple[UUID, ...]
    tenders: tuple[Tender, ...]
    payments: tuple[Payment, ...] = ()
    lines: tuple[Line, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    member: MemberRef | str | None = None
    cashier: str | None = None
    shift: str | None = None


class SettledSale(msgspec.Struct, frozen=True):
    """One legal unit's sale; a return names it by terminal, business date and `sequence`."""

    id: str
    legal_unit: str
    sequence: int
    amount: int


class SettlementAnswer(msgspec.Struct, frozen=True):
    """What the desk is told. `sales` and `points` come with `paid`; `failure` says why it came to nothing."""

    id: str
    state: str
    number: int
    business_date: date
    amount: int
    currency: str
    sales: list[SettledSale]
    points: Points | None = None
    ecoins: ECoins | None = None
    flags: list[str] = []
    failure: str | None = None


class _Content(msgspec.Struct, frozen=True):
    """What is kept of a settlement to post its sales later: facts, no identifiers."""

    lines: tuple[Line, ...]
    tenders: tuple[Tender, ...]
    coupons: tuple[Coupon, ...]
    tickets: dict[str, int]
    holds: dict[str, int]
    # The tenders that we take ourselves: the day's close asks where their payments are.
    ours: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A recorded settlement, its row locked."""

    id: UUID
    store: StoreFacts
    terminal: str
    business_date: date
    sequence: int
    state: SettlementState
    amount: int
    member_id: int | None
    claim_id: int | None
    client: str
    created_at: datetime
    content: _Content


StartPayments = Callable[[Tx, Settlement, Sequence[Payment]], None]


# ------------------------------------------------------------------------------------------------ the way in


def settle(
    home: Database, principal: Principal, wish: SettlementWish, key: Keyed, start_payments: StartPayments
) -> Answer:
    """Settle tickets, and keep the answer under the key, in one transaction; what is refused changes nothing.

    `start_payments` is called, in the same transaction, for tenders that are still to be taken. Raises
    SettlementContradicts, TicketsNotOpen, ShiftNeeded, what refuses a sale, StillRunning, KeyReused.
    """

    def attempt() -> Answer:
        with home.transaction() as tx:
            with tx.round_trip() as trip:
                asked = claim(trip, key.client, key.key, key.content_hash)
            if (before := asked.answer()) is not None:
                return before
            answer = Answer(201, as_json(_settle(tx, principal, wish, start_payments)))
            asked.record(tx, answer)
        return answer

    today = home.clock.now().date()
    ensure_months(home, {today - ONE_DAY, today, today + ONE_DAY})
    try:
        return racing(home, [], attempt)
    except Refused as refused:
        raise refused.error from None


def _settle(tx: Tx, principal: Principal, wish: SettlementWish, start_payments: StartPayments) -> SettlementAnswer:
    store = _admitted(tx, principal, wish)
    wish = _in_shift(tx, store, wish)
    tickets = lock_tickets(tx, wish.tickets)
    check_open(wish.tickets, tickets)
    check_together(wish.tickets, tickets, store.id, wish.lines)
    gathered = gather(tickets, wish.lines)
    _check_sums(gathered, wish)
    settlement = _opened(tx, principal, store, wish, tickets, gathered)
    _check_payer(settlement, wish)
    actor = principal.actor
    if wish.payments:
        holds = _hold(tx, settlement, wish, actor)
        settlement = _with_holds(settlement, holds)
        for ticket in tickets:
            step(
                tx, ticket, TicketState.SETTLING, actor, settlement=settlement.id,
                first_line=gathered.first_lines[ticket.id],
            )  # fmt: skip
        answer = _answer(settlement, SettlementState.PENDING)
        _record(tx, principal, settlement, wish, answer)
        tx.flush()
        start_payments(tx, settlement, wish.payments)
        return answer
    answer = _post(tx, principal, settlement)
    for ticket in tickets:
        step(tx, ticket, TicketState.PAID, actor, settlement=settlement.id, first_line=gathered.first_lines[ticket.id])
    _record(tx, principal, settlement, wish, answer)
    _announce(tx, settlement, SettlementState.PAID)
    return answer


def admit(tx: Tx, principal: Principal, wish: SettlementWish) -> None:
    """May this principal settle there, and these tickets at all? Asked before anything that counts, as a PIN's tries
    do; `settle` asks again under the tickets' locks. An unknown ticket passes here.

    Raises NotThisTill, PlaceForbidden, StoreUnknown, SettlementContradicts.
    """
    store = _admitted(tx, principal, wish)
    foreign = tx.execute(
        "SELECT id FROM pos.ticket WHERE id = ANY(:ids) AND store_id <> :store",
        {"ids": list(wish.tickets), "store": store.id},
    )
    check_store(wish.tickets, set(foreign.scalars()))


def _admitted(tx: Tx, principal: Principal, wish: SettlementWish) -> StoreFacts:
    authorise(principal, wish.store, wish.terminal)
    principal.require(SETTLE, place_of(wish.store))
    store = stores_by_code(tx, [wish.store]).get(wish.store)
    if store is None:
        raise StoreUnknown(f"There is no store {wish.store}", errors=[FieldError("/store", "unknown store")])
    return store


def _in_shift(tx: Tx, store: StoreFacts, wish: SettlementWish) -> SettlementWish:
    """The wish with the shift that is open at its terminal, and its cashier, whatever it says itself: a page that was
    left open names an old one.

    Raises ShiftNeeded.
    """
    shift = shift_for(tx, store, wish.terminal)
    if shift is None:
        return wish
    return replace(wish, shift=shift.code, cashier=shift.cashier or wish.cashier)


def _check_sums(gathered: Gathered, wish: SettlementWish) -> None:
    owed = sum(line.amount for line in gathered.lines) - sum(coupon.amount for coupon in wish.coupons)
    paid = sum(tender.amount for tender in wish.tenders)
    if owed != paid:
        raise SettlementContradicts(
            f"Tenders come to {paid}, tickets and goods less coupons to {owed}",
            errors=[FieldError("/tenders", f"must come to {owed}")],
            owed=owed,
        )


def _check_payer(settlement: Settlement, wish: SettlementWish) -> None:
    """Nobody's account pays nothing. A till's sale has happened and is flagged; at our desk the goods are still ours.

    Raises SettlementContradicts.
    """
    if settlement.member_id is not None:
        return
    faults = [
        FieldError(f"/tenders/{n}", "needs a member")
        for n, tender in enumerate(wish.tenders)
        if tender.kind in ACCOUNT_TENDERS
    ]
    if faults:
        raise SettlementContradicts("Nobody is named whose account could pay", errors=faults)


def _opened(
    tx: Tx, principal: Principal, store: StoreFacts, wish: SettlementWish, tickets: Sequence[Ticket],
    gathered: Gathered,
) -> Settlement:  # fmt: skip
    day = local_date(tx.now, store.timezone)
    sales_at_most = 1 + len({line.counter for line in gathered.lines})
    sequence = next_number(tx, store.id, day, f"settlement/{wish.terminal}", sales_at_most, SERVER_NUMBERS_FROM)
    member, claim = _whose(tx, wish, tickets)
    return Settlement(
        uuid4(),
        store,
        wish.terminal,
        day,
        sequence,
        SettlementState.PENDING,
        sum(line.amount for line in gathered.lines),
        member,
        claim,
        principal.id,
        tx.now,
        _Content(
            gathered.lines,
            wish.tenders,
            wish.coupons,
            {str(id): line for id, line in gathered.first_lines.items()},
            {},
            tuple([payment.n for payment in wish.payments]),
        ),
    )


def _whose(tx: Tx, wish: SettlementWish, tickets: Sequence[Ticket]) -> tuple[int | None, int | None]:
    """Whose settlement it is, as (member, claim): the tickets', else who the desk names."""
    named = next((t for t in tickets if t.member_id is not None or t.claim_id is not None), None)
    return (named.member_id, named.claim_id) if named is not None else named_member(tx, wish.member)


def _record(
    tx: Tx, principal: Principal, settlement: Settlement, wish: SettlementWish, answer: SettlementAnswer
) -> None:
    paid = answer.state == SettlementState.PAID
    tx.rows.add(
        WRITE_SETTLEMENT,
        SettlementRow(
            settlement.id, settlement.store.id, settlement.terminal, settlement.business_date, settlement.sequence,
            answer.state, settlement.store.currency, settlement.amount, settlement.member_id, settlement.claim_id,
            wish.cashier, wish.shift, settlement.content, answer.sales if paid else None, answer, None, principal.id,
            tx.now, tx.now if paid else None,
        ),
    )  # fmt: skip


def _announce(tx: Tx, settlement: Settlement, state: SettlementState) -> None:
    announce(
        tx,
        f"settlement.{state.value}",
        {
            "settlement": str(settlement.id),
            "store": settlement.store.id,
            "terminal": settlement.terminal,
            "state": state.value,
            "amount": settlement.amount,
        },
    )


def _answer(settlement: Settlement, state: SettlementState, failure: str | None = None) -> SettlementAnswer:
    return SettlementAnswer(
        str(settlement.id), state.value, settlement.sequence, settlement.business_date, settlement.amount,
        settlement.store.currency, [], failure=failure,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ posting its sales


def _post(tx: Tx, principal: Principal, settlement: Settlement) -> SettlementAnswer:
    """Post the sales of a settlement. Raises what refuses a sale; then nothing of the transaction may be committed."""
    content, store = settlement.content, settlement.store
    receipt = Receipt(
        store=store.code,
        terminal=settlement.terminal,
        business_date=settlement.business_date,
        sequence=settlement.sequence,
        type=SaleType.SALE,
        occurred_at=settlement.created_at,
        currency=store.currency,
        member=str(settlement.member_id) if settlement.member_id is not None else None,
        lines=content.lines,
        coupons=content.coupons,
        tenders=content.tenders,
    )
    id = sale_id(store.code, settlement.terminal, settlement.business_date, settlement.sequence, SERVER_SERIES)
    item = Incoming(receipt, id, content_hash(receipt), parked_claim=settlement.claim_id, series=SERVER_SERIES)
    tx.flush()
    post_receipts(tx, principal, [item])
    outcome = item.outcome
    assert outcome is not None
    if outcome.error is not None:
        raise outcome.error
    told = outcome.answer
    return structs.replace(
        _answer(settlement, SettlementState.PAID),
        sales=[SettledSale(str(part.id), part.legal_unit, part.sequence, part.amount) for part in item.sales],
        points=getattr(told, "points", None),
        ecoins=getattr(told, "ecoins", None),
        flags=item.flags,
    )


# ------------------------------------------------------------------------------------------------ payments to come


def _hold(tx: Tx, settlement: Settlement, wish: SettlementWish, actor: str) -> dict[str, int]:
    """Set aside what the member's accounts are to pay, so that it is there when the rest has been paid."""
    holds: dict[str, int] = {}
    programme = rules_at(tx, tx.now).programme
    for n, tender in enumerate(wish.tenders, 1):
        if tender.kind not in ACCOUNT_TENDERS:
            continue
        assert settlement.member_id is not None  # _check_payer
        units, _ = tender_units(tender, (programme.redeem_points, programme.redeem_money))
        kind = Kind(ACCOUNT_TENDERS[tender.kind])
        taking = Taking(kind, units or 0, currency=None if kind is Kind.POINTS else settlement.store.currency)
        deed = Step(f"settlement/{settlement.id}/{n}", actor, settlement.store.code)
        holds[str(n)] = place_hold(tx, settlement.member_id, taking, HOLD_LIFE, deed).id
    return holds


def _with_holds(settlement: Settlement, holds: dict[str, int]) -> Settlement:
    return replace(settlement, content=structs.replace(settlement.content, holds=holds))


def lock_settlement(tx: Tx, id: UUID) -> Settlement:
    """A settlement, locked. Raises SettlementUnknown."""
    row = tx.execute("SELECT * FROM pos.settlement WHERE id = :id FOR UPDATE", {"id": id}).one_or_none()
    if row is None:
        raise SettlementUnknown("There is no such settlement")
    return Settlement(
        row.id,
        stores_by_id(tx, [row.store_id])[row.store_id],
        row.terminal,
        row.business_date,
        row.sequence,
        SettlementState(row.state),
        row.amount,
        row.member_id,
        row.claim_id,
        row.client,
        row.created_at,
        msgspec.convert(row.content, _Content),
    )


def answer_of(tx: Tx, principal: Principal, id: UUID) -> SettlementAnswer:
    """What a settlement came to. Raises SettlementUnknown, also for one that the caller may not see."""
    row = tx.execute("SELECT store_id, answer FROM pos.settlement WHERE id = :id", {"id": id}).one_or_none()
    if row is None or not principal.may(SETTLE, place_of(stores_by_id(tx, [row.store_id])[row.store_id].code)):
        raise SettlementUnknown("There is no such settlement")
    return msgspec.convert(row.answer, SettlementAnswer)


def complete(tx: Tx, id: UUID) -> SettlementAnswer:
    """Everything is paid: post the sales and mark the tickets paid. A settlement that has ended stays as it is.

    Called by whoever takes payments, in the transaction that learns of the last one. Raises what refuses a sale: the
    payments must then be given back, and `fail` be called.
    """
    settlement = lock_settlement(tx, id)
    if settlement.state is not SettlementState.PENDING:
        return _recorded_answer(tx, id)
    tickets = lock_tickets(tx, [UUID(ticket) for ticket in settlement.content.tickets])
    _release(tx, settlement)
    till = Principal(
        PrincipalKind.MACHINE, settlement.client, "settlement", frozenset({"sales.post"}),
        frozenset({place_of(settlement.store.code)}),
    )  # fmt: skip
    try:
        answer = _post(tx, till, settlement)
    except Refused as refused:
        raise refused.error from None
    for ticket in tickets:
        step(
            tx, ticket, TicketState.PAID, f"machine:{settlement.client}", settlement=id,
            first_line=settlement.content.tickets[str(ticket.id)],
        )  # fmt: skip
    _end(tx, settlement, answer)
    return answer


def fail(tx: Tx, id: UUID, why: str) -> SettlementAnswer:
    """The payments came to nothing: let go of what was held, and give the tickets back to be paid again."""
    settlement = lock_settlement(tx, id)
    if settlement.state is not SettlementState.PENDING:
        return _recorded_answer(tx, id)
    tickets = lock_tickets(tx, [UUID(ticket) for ticket in settlement.content.tickets])
    _release(tx, settlement)
    for ticket in tickets:
        step(tx, ticket, TicketState.ISSUED, "system", why)
    answer = _answer(settlement, SettlementState.FAILED, why)
    _end(tx, settlement, answer)
    return answer


def _recorded_answer(tx: Tx, id: UUID) -> SettlementAnswer:
    row = tx.execute("SELECT answer FROM pos.settlement WHERE id = :id", {"id": id}).one()
    return msgspec.convert(row.answer, SettlementAnswer)


def _release(tx: Tx, settlement: Settlement) -> None:
    for n, hold in settlement.content.holds.items():
        with suppress(HoldEnded):
            release_hold(tx, hold, Step(f"settlement/{settlement.id}/{n}/release", "system", settlement.store.code))
    tx.flush()


def _end(tx: Tx, settlement: Settlement, answer: SettlementAnswer) -> None:
    tx.rows.add(
        END_SETTLEMENT,
        SettlementEnd(settlement.id, answer.state, answer.sales or None, answer, answer.failure, tx.now),
    )
    _announce(tx, settlement, SettlementState(answer.state))
