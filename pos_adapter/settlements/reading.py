"""Settlements as they were recorded: the list of a day, and everything about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import make_cursor, read_cursor
from organisation.contract import StoreFacts, place_of, stores_by_id
from pos_adapter.payments.rules import PaymentState
from pos_adapter.permissions import TICKETS_READ
from pos_adapter.sales.receipts import Coupon, Line, Tender
from pos_adapter.settlements.operations import SettlementAnswer
from pos_adapter.settlements.rules import SettlementState, SettlementUnknown
from pos_adapter.tickets.rules import TicketState


class Content(msgspec.Struct, frozen=True):
    """What was settled: lines numbered through, how they were paid, the first line of each ticket."""

    lines: tuple[Line, ...] = ()
    tenders: tuple[Tender, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    tickets: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class SettledTicket:
    """A ticket of a settlement. Of one that failed, the ticket may meanwhile belong to another settlement."""

    id: UUID
    number: int
    state: TicketState
    counter: str
    amount: int
    issued_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TakenPayment:
    """A tender that we took, or are taking, ourselves; `account` is masked, `why` says what its rail said."""

    id: UUID
    n: int
    rail: str
    state: PaymentState
    amount: int
    reference: str | None
    account: str | None
    why: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    """A settlement with its tickets and the payments that we took for it. `amount` in minor units."""

    id: UUID
    store: StoreFacts
    terminal: str
    business_date: date
    sequence: int
    state: SettlementState
    currency: str
    amount: int
    member_id: int | None
    cashier: str | None
    shift: str | None
    content: Content
    answer: SettlementAnswer
    failure: str | None
    client: str
    created_at: datetime
    ended_at: datetime | None
    tickets: tuple[SettledTicket, ...]
    payments: tuple[TakenPayment, ...]


SETTLEMENTS = """
SELECT id, store_id, terminal, business_date, sequence, state, currency, amount, member_id, cashier, shift, content,
       answer, failure, client, created_at, ended_at
FROM pos.settlement
"""
OF_A_DAY = """
WHERE store_id = :store AND business_date = :day
  AND (created_at, id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid))
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
  AND (CAST(:terminal AS text) IS NULL OR terminal = :terminal)
  AND (CAST(:ticket AS uuid) IS NULL OR id = (SELECT settlement_id FROM pos.ticket WHERE id = :ticket))
ORDER BY created_at DESC, id DESC LIMIT :limit
"""
TICKETS = """
SELECT id, number, state, counter_code, amount, issued_at, changed_at FROM pos.ticket WHERE id = ANY(:ids)
"""
PAYMENTS = """
SELECT settlement_id, id, n, rail, state, amount, reference, account, why, changed_at FROM pos.payment
WHERE settlement_id = ANY(:ids) ORDER BY settlement_id, n
"""
NO_ID_IS_LATER = UUID(int=2**128 - 1)


def list_settlements(
    tx: Tx, store: StoreFacts, *, day: date | None = None, states: Sequence[SettlementState] = (),
    terminal: str | None = None, ticket: UUID | None = None, limit: int, cursor: str | None,
) -> tuple[list[SettlementRecord], str | None]:  # fmt: skip
    """Settlements of a store's day (today, if not said), the newest first, and the cursor of the next page."""
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else ("infinity", NO_ID_IS_LATER)
    rows = tx.execute(
        SETTLEMENTS + OF_A_DAY,
        {
            "store": store.id,
            "day": day or local_date(tx.now, store.timezone),
            "before": before,
            "before_id": before_id,
            "states": [state.value for state in states] or None,
            "terminal": terminal,
            "ticket": ticket,
            "limit": limit + 1,
        },
    ).all()
    following = make_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return _records(tx, rows[:limit]), following


def read_settlement(tx: Tx, principal: Principal, id: UUID) -> SettlementRecord:
    """One settlement with everything about it. Raises SettlementUnknown, also for one that the caller may not see."""
    rows = tx.execute(SETTLEMENTS + "WHERE id = :id", {"id": id}).all()
    found = _records(tx, rows)
    if not found or not principal.may(TICKETS_READ, place_of(found[0].store.code)):
        raise SettlementUnknown("There is no such settlement")
    return found[0]


def _records(tx: Tx, rows: Sequence[Any]) -> list[SettlementRecord]:
    stores = stores_by_id(tx, {row.store_id for row in rows})
    contents = [msgspec.convert(row.content, Content) for row in rows]
    tickets = _tickets(tx, [UUID(id) for content in contents for id in content.tickets])
    payments = _payments(tx, [row.id for row in rows])
    found = []
    for row, content in zip(rows, contents, strict=True):
        facts = dict(row._mapping)
        store = stores[facts.pop("store_id")]
        of_it = [tickets[id] for text in content.tickets if (id := UUID(text)) in tickets]
        found.append(
            SettlementRecord(
                **facts
                | {
                    "store": store,
                    "state": SettlementState(facts["state"]),
                    "content": content,
                    "answer": msgspec.convert(facts["answer"], SettlementAnswer),
                    "tickets": tuple(sorted(of_it, key=lambda each: each.number)),
                    "payments": tuple(payments.get(row.id, ())),
                }
            )
        )
    return found


def _tickets(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, SettledTicket]:
    rows = tx.execute(TICKETS, {"ids": list(ids)}) if ids else ()
    return {
        row.id: SettledTicket(
            row.id, row.number, TicketState(row.state), row.counter_code, row.amount, row.issued_at, row.changed_at
        )
        for row in rows
    }


def _payments(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[TakenPayment]]:
    found: dict[UUID, list[TakenPayment]] = {}
    for row in tx.execute(PAYMENTS, {"ids": list(ids)}) if ids else ():
        facts = dict(row._mapping)
        of_it = found.setdefault(facts.pop("settlement_id"), [])
        of_it.append(TakenPayment(**facts | {"state": PaymentState(facts["state"])}))
    return found
