"""Red tickets: issued by the selling counter, approved over a limit, refunded by the desk, and told to the counter.

The refund posts a return through the tills' door, in the transaction in which the red ticket becomes `refunding` or
`refunded`; what a rail took for us is asked back there in the same transaction. Every step is noted with who, when and
why, and announced.
Locks: e-ticket, red ticket, the desk's shift (shared), number series, the sale, member rows and accounts, payments. Two
desks that refund one red ticket stand in line at its row; the second finds it refunded and is told 409.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import insert

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.errors import FieldError
from foundation.events import announce
from foundation.http import Keyed, make_cursor, read_cursor
from foundation.idempotency import Answer, claim
from foundation.partitions import ensure_months
from foundation.rows import as_json
from organisation.contract import StoreFacts, place_of, staff_by_number, stores_by_id
from pos_adapter.day.shifts import shift_open_at
from pos_adapter.parcels.operations import loose_at_desk
from pos_adapter.payments.operations import payments_of
from pos_adapter.payments.refunds import refund as give_back_by_rail
from pos_adapter.permissions import RETURNS_APPROVE, RETURNS_ISSUE, RETURNS_REFUND, TICKETS_READ
from pos_adapter.returns.naming import Named, SoldThing, find_sold, only_counter
from pos_adapter.returns.refunding import (
    Posting,
    ReturnPreview,
    posted_as,
    preview,
    refund_number,
    same_split,
)
from pos_adapter.returns.rules import (
    TOPICS,
    RedKind,
    RedLine,
    RedState,
    RefundPending,
    ReturnContradicts,
    ReturnLimit,
    ReturnNotOpen,
    ReturnUnknown,
    SellingCounterNeeded,
    Wanted,
    check_step,
    is_over,
    limit_on,
    one_counter,
    red_lines,
)
from pos_adapter.returns.tables import (
    CHANGE_RED,
    NOTE_RED,
    WRITE_RED,
    WRITE_REFUND,
    RedChangeRow,
    RedRefundRow,
    RedTicketRow,
    RedTicketState,
    return_limit,
)
from pos_adapter.sales.incoming import SERVER_NUMBERS_FROM, authorise
from pos_adapter.sales.operations import Refused, post_receipts, racing
from pos_adapter.sales.receipts import Line
from pos_adapter.sales.rules import RefundSplitDiffers
from pos_adapter.second_person import check_second_person
from pos_adapter.tickets.numbers import next_number
from pos_adapter.tickets.operations import lying_at_desk
from pos_adapter.tickets.rules import NotThisCounter, TicketState

RETURN_SERIES = "return"
CONCLUDE_BATCH = 500
LIMITS_MAX = 10_000
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RedWish:
    """What a counter wants to give back: of which sale, which lines (none: all that is left of its own).

    `given` is what goes out for it in an even exchange; `clerk` the number of whoever checked the goods.
    """

    named: Named
    lines: tuple[Wanted, ...] = ()
    kind: RedKind = RedKind.RETURN
    given: tuple[Line, ...] = ()
    reason: str | None = None
    clerk: str | None = None


@dataclass(frozen=True, slots=True)
class RedTicket:
    """A recorded red ticket. `amount` in minor units; `refund` is what the desk confirmed, once it has."""

    id: UUID
    store_id: int
    counter: str | None
    business_date: date
    number: int
    kind: RedKind
    state: RedState
    sale_id: UUID
    sale_day: date
    ticket_id: UUID | None
    settlement_id: UUID | None
    member_id: int | None
    currency: str
    amount: int
    lines: tuple[RedLine, ...]
    given: tuple[Line, ...] | None
    reason: str | None
    clerk: str | None
    over_limit: bool
    issued_by: str
    issued_at: datetime
    approved_by: str | None
    terminal: str | None
    refunded_by: str | None
    refund: ReturnPreview | None
    return_sale_id: UUID | None
    version: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RedStep:
    """One step of its life: what it became, when, by whom (`person:<id>`, `machine:<id>`, `system`), and why."""

    state: RedState
    at: datetime
    actor: str
    why: str | None


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """What a rail is asked to give back for a red ticket; `state` as payments say it, `why` where it failed."""

    tender: int
    refund: UUID
    refund_no: str
    amount: int
    state: str
    why: str | None
    instead: str | None


@dataclass(frozen=True, slots=True)
class RefundWish:
    """How a desk refunds. `confirmed`: the split that it was shown, by kind; None where it was shown none.

    `instead`: the tender in which the desk hands over what a rail has refused for good.
    """

    terminal: str
    confirmed: tuple[tuple[str, int], ...] | None = None
    instead: str | None = None


COLUMNS = """
SELECT id, store_id, counter_code, business_date, number, kind, state, sale_id, sale_day, ticket_id, settlement_id,
       member_id, currency, amount, lines, given, reason, clerk, over_limit, issued_by, issued_at, approved_by,
       terminal, refunded_by, refund, return_sale_id, version, changed_at
FROM pos.red_ticket
"""


def _red(row: Any) -> RedTicket:
    facts = dict(row._mapping)
    return RedTicket(
        counter=facts.pop("counter_code"),
        kind=RedKind(facts.pop("kind")),
        state=RedState(facts.pop("state")),
        lines=msgspec.convert(facts.pop("lines"), tuple[RedLine, ...]),
        given=msgspec.convert(facts.pop("given"), tuple[Line, ...] | None),
        refund=msgspec.convert(facts.pop("refund"), ReturnPreview | None),
        **facts,
    )


# -------------------------------------------------------------------------------------------------- before it


def preview_return(tx: Tx, principal: Principal, named: Named, lines: Sequence[Wanted]) -> ReturnPreview:
    """What giving these lines back would do; nothing is recorded. Raises what `issue_return` raises about a sale."""
    sold = find_sold(tx, principal, named)
    principal.require(TICKETS_READ, place_of(sold.store.code))
    wanted = red_lines(lines, only_counter(sold.lines, principal.bindings.get("counter")))
    day = local_date(tx.now, sold.store.timezone)
    return preview(tx, sold.store, day, sold.sale, sold.original, wanted, _paid_by_us(tx, sold.settlement))


def preview_red(tx: Tx, principal: Principal, id: UUID) -> ReturnPreview:
    """What refunding a red ticket would do now; one that is refunded shows what it did. Raises ReturnUnknown."""
    red = read_return(tx, principal, id)
    if red.refund is not None:
        return red.refund
    store = stores_by_id(tx, [red.store_id])[red.store_id]
    return _shown(tx, principal, red, store, local_date(tx.now, store.timezone))


def _shown(tx: Tx, principal: Principal, red: RedTicket, store: StoreFacts, day: date) -> ReturnPreview:
    sold = find_sold(tx, principal, Named(sale=red.sale_id))
    return preview(tx, store, day, sold.sale, sold.original, red.lines, _paid_by_us(tx, red.settlement_id))


def _paid_by_us(tx: Tx, settlement: UUID | None) -> frozenset[int]:
    return frozenset(each.n for each in payments_of(tx, settlement)) if settlement is not None else frozenset()


# ---------------------------------------------------------------------------------------------------- issuing


def issue_return(tx: Tx, principal: Principal, wish: RedWish) -> RedTicket:
    """Issue a red ticket; within the limit it is approved with that, and an even exchange done.

    Raises SaleNotNamed, SaleUnknown, TicketUnknown, OriginalClosed, ReturnContradicts, ReturnedTooMuch,
    SellingCounterNeeded, NotThisCounter, PlaceForbidden, PermissionMissing.
    """
    sold = find_sold(tx, principal, wish.named)
    principal.require(RETURNS_ISSUE, place_of(sold.store.code))
    lines = red_lines(wish.lines, only_counter(sold.lines, None if wish.lines else principal.bindings.get("counter")))
    counter = one_counter(lines)
    _check_issuer(principal, sold.store.code, counter, wish.kind)
    _check_kind(sold, wish, lines)
    _check_not_at_desk(tx, sold, counter)
    day = local_date(tx.now, sold.store.timezone)
    amount = sum(line.amount for line in lines)
    limit = limit_on(limits(tx), sold.store.id, sold.sale.currency, day)
    row = RedTicketRow(
        uuid4(), sold.store.id, counter, day, next_number(tx, sold.store.id, day, RETURN_SERIES), wish.kind.value,
        RedState.ISSUED.value, sold.id, sold.sale.business_date, sold.ticket.id if sold.ticket else None,
        sold.settlement, sold.original.member_id, sold.sale.currency, amount, lines,
        wish.given if wish.kind is RedKind.EXCHANGE else None, wish.reason, wish.clerk, is_over(amount, limit),
        principal.actor, tx.now, None, 1, tx.now,
    )  # fmt: skip
    tx.rows.add(WRITE_RED, row)
    tx.flush()
    red = _locked(tx, row.id)
    _note(tx, red, principal.actor, wish.reason)
    if red.over_limit:
        return red
    tx.flush()
    return _approved(tx, red, "system", "within the limit")


def _check_issuer(principal: Principal, store: str, counter: str | None, kind: RedKind) -> None:
    bound = principal.bindings
    if bound.get("store", store) != store or bound.get("counter", counter) != counter:
        raise NotThisCounter("This token belongs to another counter")
    if "terminal" in bound and counter is not None and kind is not RedKind.NOT_COLLECTED:
        raise SellingCounterNeeded(f"Counter {counter} sold it; it checks the goods and issues the red ticket")


def _check_kind(sold: SoldThing, wish: RedWish, lines: Sequence[RedLine]) -> None:
    if wish.kind is RedKind.NOT_COLLECTED:
        if sold.ticket is None:
            raise ReturnContradicts("Which ticket was not collected?", errors=[FieldError("/ticket", "is needed")])
        if sold.ticket.state is not TicketState.PAID:
            raise ReturnContradicts(
                "The goods were handed over; the counter checks them", errors=[FieldError("/ticket", "was released")]
            )
    amount = sum(line.amount for line in lines)
    given = sum(line.amount for line in wish.given)
    if wish.kind is RedKind.EXCHANGE and (not wish.given or given != amount):
        raise ReturnContradicts(
            f"An even exchange hands out the same value: {amount}, not {given}",
            errors=[FieldError("/given", f"must come to {amount}")],
        )
    if wish.kind is not RedKind.EXCHANGE and wish.given:
        raise ReturnContradicts("Only an exchange hands something out", errors=[FieldError("/given", "not here")])


def _check_not_at_desk(tx: Tx, sold: SoldThing, counter: str | None) -> None:
    """Raises ReturnContradicts for goods that lie at the desk: who checks them has to have them."""
    tickets = tx.execute(
        "SELECT id FROM pos.ticket WHERE settlement_id = :settlement AND counter_code = :counter",
        {"settlement": sold.settlement, "counter": counter},
    )
    asked = [sold.ticket.id] if sold.ticket is not None else list(tickets.scalars())
    lying = lying_at_desk(tx, asked)
    if sold.settlement is not None:
        lying |= loose_at_desk(tx, sold.settlement)
    if label := min(lying.values(), default=None):
        raise ReturnContradicts(f"The goods lie at the desk as {label}; the desk takes them out of there first")


# ------------------------------------------------------------------------------------------------- its steps


def approve_return(tx: Tx, principal: Principal, id: UUID, why: str | None) -> RedTicket:
    """Let it be refunded. Raises ReturnUnknown, SecondPersonNeeded, ReturnNotOpen."""
    red, store = _own(tx, principal, id)
    principal.require(RETURNS_APPROVE, place_of(store.code))
    check_second_person(principal, *_began_by(tx, red))
    if red.state is not RedState.ISSUED:
        raise ReturnNotOpen(f"The return is {red.state}", state=red.state.value)
    return _approved(tx, red, principal.actor, why)


def _began_by(tx: Tx, red: RedTicket) -> list[str]:
    """Whoever issued it, and the clerk it names."""
    clerk = staff_by_number(tx, [red.clerk]).get(red.clerk) if red.clerk is not None else None
    return [red.issued_by, *([f"person:{clerk.id}"] if clerk is not None else [])]


def _approved(tx: Tx, red: RedTicket, actor: str, why: str | None) -> RedTicket:
    to = RedState.EXCHANGED if red.kind is RedKind.EXCHANGE else RedState.APPROVED
    return _step(tx, replace(red, approved_by=actor), to, actor, why)


def refuse_return(tx: Tx, principal: Principal, id: UUID, why: str) -> RedTicket:
    """Say no, or take it back: the counter, the desk, or the manager. Raises ReturnUnknown, NotThisCounter,
    ReturnNotOpen."""
    red, store = _own(tx, principal, id)
    principal.require(RETURNS_ISSUE, place_of(store.code))
    if principal.bindings.get("counter", red.counter) != red.counter:
        raise NotThisCounter("The red ticket belongs to another counter")
    return _step(tx, red, RedState.REFUSED, principal.actor, why)


def refund_return(home: Database, principal: Principal, id: UUID, wish: RefundWish, key: Keyed) -> Answer:
    """Refund a red ticket and keep the answer under the key, in one transaction; what is refused changes nothing.

    Asked again while a rail refuses, it asks the rail again, or (`instead`) notes how the desk paid.
    Raises ReturnUnknown, ReturnNotOpen, RefundPending, RefundSplitDiffers, what refuses a return, StillRunning.
    """

    def attempt() -> Answer:
        with home.transaction() as tx:
            with tx.round_trip() as trip:
                asked = claim(trip, key.client, key.key, key.content_hash)
            if (before := asked.answer()) is not None:
                return before
            red = _refund(tx, principal, id, wish)
            tx.flush()
            answer = Answer(200, as_json(answer_of(red)))
            asked.record(tx, answer)
        return answer

    today = home.clock.now().date()
    ensure_months(home, {today - ONE_DAY, today, today + ONE_DAY})
    try:
        return racing(home, [], attempt)
    except Refused as refused:
        raise refused.error from None


def _refund(tx: Tx, principal: Principal, id: UUID, wish: RefundWish) -> RedTicket:
    red, store = _own(tx, principal, id)
    authorise(principal, store.code, wish.terminal)
    principal.require(RETURNS_REFUND, place_of(store.code))
    # What goes out of the drawer is in the count of its shift: nobody counts before this has ended.
    shift_open_at(tx, store.id, wish.terminal, hold=True)
    if red.state is RedState.REFUNDING:
        return _refund_again(tx, principal, red, wish)
    if red.state is not RedState.APPROVED:
        raise ReturnNotOpen(f"The return is {red.state}", state=red.state.value)
    day = local_date(tx.now, store.timezone)
    # The number before the accounts, as a settlement does.
    sequence = next_number(tx, store.id, day, f"settlement/{wish.terminal}", 1, SERVER_NUMBERS_FROM)
    at = Posting(store, wish.terminal, day, sequence)
    # What this red ticket itself has promised is no obstacle to it.
    sold = find_sold(tx, principal, Named(sale=red.sale_id))
    shown = preview(tx, store, day, sold.sale, sold.original, red.lines, _paid_by_us(tx, red.settlement_id))
    if wish.confirmed is not None and not same_split(shown, wish.confirmed):
        raise RefundSplitDiffers(
            "The refund is not what was shown; look again", errors=[FieldError("/tenders", "see expected")],
            expected={"tenders": [{"kind": t.kind, "amount": t.amount} for t in shown.tenders]},
        )  # fmt: skip
    item = posted_as(tx, at, sold.sale, red.lines, shown)
    post_receipts(tx, principal, [item])
    outcome = item.outcome
    assert outcome is not None
    if outcome.error is not None:
        raise outcome.error
    actor = principal.actor
    changed = replace(red, terminal=wish.terminal, refunded_by=actor, refund=shown, return_sale_id=item.sale_id)
    waiting = _ask_rails(tx, changed, shown)
    return _step(tx, changed, RedState.REFUNDING if waiting else RedState.REFUNDED, actor, None)


def _ask_rails(tx: Tx, red: RedTicket, shown: ReturnPreview) -> bool:
    """Ask back what rails took for us; whether there is anything to wait for."""
    if red.settlement_id is None:
        return False
    payments = {each.n: each for each in payments_of(tx, red.settlement_id)}
    asked = False
    for tender in shown.tenders:
        if not tender.ours or not tender.amount:
            continue
        number = refund_number(red.id, tender.of)
        payment = payments[tender.of]
        give_back_by_rail(tx, payment.id, tender.amount, number, f"return {red.number}")
        tx.rows.add(WRITE_REFUND, RedRefundRow(red.id, tender.of, payment.id, number, tender.amount))
        asked = True
    return asked


def _refund_again(tx: Tx, principal: Principal, red: RedTicket, wish: RefundWish) -> RedTicket:
    failed = [each for each in money_back(tx, red.id) if each.state == "failed" and each.instead is None]
    if not failed:
        raise RefundPending("The money is on its way; wait for the rail", state=red.state.value)
    for each in failed:
        if wish.instead is None:
            row = tx.execute(
                "SELECT payment_id FROM pos.red_ticket_refund WHERE red_ticket_id = :id AND tender = :tender",
                {"id": red.id, "tender": each.tender},
            ).one()
            give_back_by_rail(tx, row.payment_id, each.amount, each.refund_no, f"return {red.number}")
            continue
        tx.execute(
            "UPDATE pos.red_ticket_refund SET instead = :instead WHERE red_ticket_id = :id AND tender = :tender",
            {"id": red.id, "tender": each.tender, "instead": wish.instead},
        )
    if wish.instead is None:
        return red
    return _concluded(tx, red, principal.actor, f"handed over as {wish.instead}")


def conclude_return(home: Database, id: UUID) -> RedState | None:
    """End a red ticket whose money is known to be back. Safe to call at any time and twice."""
    with home.transaction() as tx:
        row = tx.execute(COLUMNS + "WHERE id = :id FOR UPDATE", {"id": id}).one_or_none()
        return _concluded(tx, _red(row), "system", None).state if row is not None else None


def _concluded(tx: Tx, red: RedTicket, actor: str, why: str | None) -> RedTicket:
    if red.state is not RedState.REFUNDING:
        return red
    if any(each.state != "succeeded" and each.instead is None for each in money_back(tx, red.id)):
        return red
    return _step(tx, red, RedState.REFUNDED, actor, why)


def conclude_returns(home: Database) -> int:
    """End every red ticket whose money is back by now; returns how many."""
    with home.transaction(read_only=True) as tx:
        waiting = tx.execute(
            "SELECT id FROM pos.red_ticket AS r WHERE state = 'refunding' AND NOT EXISTS"
            " (SELECT FROM pos.red_ticket_refund AS m JOIN pos.refund AS f ON f.refund_no = m.refund_no"
            "  WHERE m.red_ticket_id = r.id AND m.instead IS NULL AND f.state <> 'succeeded')"
            " ORDER BY changed_at LIMIT :limit",
            {"limit": CONCLUDE_BATCH},
        ).scalars().all()  # fmt: skip
    return sum(conclude_return(home, id) is RedState.REFUNDED for id in waiting)


def _step(tx: Tx, red: RedTicket, to: RedState, actor: str, why: str | None) -> RedTicket:
    check_step(red.state, to)
    became = replace(red, state=to, version=red.version + 1, changed_at=tx.now)
    tx.rows.add(
        CHANGE_RED,
        RedTicketState(
            red.id, to.value, became.approved_by, became.terminal, became.refunded_by, became.refund,
            became.return_sale_id, became.version, tx.now,
        ),
    )  # fmt: skip
    _note(tx, became, actor, why)
    return became


def _note(tx: Tx, red: RedTicket, actor: str, why: str | None) -> None:
    tx.rows.add(NOTE_RED, RedChangeRow(red.id, red.version, red.state.value, tx.now, actor, why))
    announce(
        tx,
        TOPICS[red.state],
        {
            "return": str(red.id),
            "number": red.number,
            "state": red.state.value,
            "store": red.store_id,
            "counter": red.counter,
            "terminal": red.terminal,
            "amount": red.amount,
            "currency": red.currency,
            "member": str(red.member_id) if red.member_id is not None else None,
            "ticket": str(red.ticket_id) if red.ticket_id is not None else None,
        },
    )


def _locked(tx: Tx, id: UUID) -> RedTicket:
    row = tx.execute(COLUMNS + "WHERE id = :id FOR UPDATE", {"id": id}).one_or_none()
    if row is None:
        raise ReturnUnknown("There is no such red ticket")
    return _red(row)


def _own(tx: Tx, principal: Principal, id: UUID) -> tuple[RedTicket, StoreFacts]:
    """A red ticket that the caller may see, locked, and its store. Raises ReturnUnknown."""
    red = _locked(tx, id)
    store = stores_by_id(tx, [red.store_id])[red.store_id]
    if not principal.may(TICKETS_READ, place_of(store.code)):
        raise ReturnUnknown("There is no such red ticket")
    return red, store


# ---------------------------------------------------------------------------------------------------- looking


def read_return(tx: Tx, principal: Principal, id: UUID) -> RedTicket:
    """One red ticket. Raises ReturnUnknown, also for one that the caller may not see."""
    row = tx.execute(COLUMNS + "WHERE id = :id", {"id": id}).one_or_none()
    if row is None or not principal.may(TICKETS_READ, place_of(stores_by_id(tx, [row.store_id])[row.store_id].code)):
        raise ReturnUnknown("There is no such red ticket")
    return _red(row)


def steps_of(tx: Tx, id: UUID) -> list[RedStep]:
    """The life of a red ticket, from its issue on."""
    rows = tx.execute(
        "SELECT state, at, actor, why FROM pos.red_ticket_change WHERE red_ticket_id = :id ORDER BY n", {"id": id}
    )
    return [RedStep(RedState(row.state), row.at, row.actor, row.why) for row in rows]


def money_back(tx: Tx, id: UUID) -> list[MoneyBack]:
    """What rails are asked to give back for a red ticket, and how that stands."""
    rows = tx.execute(
        "SELECT m.tender, f.id, m.refund_no, m.amount, f.state, f.why, m.instead FROM pos.red_ticket_refund AS m"
        " JOIN pos.refund AS f ON f.refund_no = m.refund_no WHERE m.red_ticket_id = :id ORDER BY m.tender",
        {"id": id},
    )
    return [MoneyBack(*row) for row in rows]


def list_returns(
    tx: Tx, stores: Sequence[StoreFacts], *, states: Sequence[RedState] = (), counter: str | None = None,
    sale: UUID | None = None, limit: int, cursor: str | None,
) -> tuple[list[RedTicket], str | None]:  # fmt: skip
    """Red tickets of these stores, the newest first, and the cursor of the next page."""
    before = read_cursor(cursor, datetime, UUID) if cursor else None
    rows = tx.execute(
        COLUMNS + "WHERE store_id = ANY(:stores)"
        " AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))"
        " AND (CAST(:counter AS text) IS NULL OR counter_code = :counter)"
        " AND (CAST(:sale AS uuid) IS NULL OR sale_id = :sale)"
        " AND (CAST(:at AS timestamptz) IS NULL OR (issued_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY issued_at DESC, id DESC LIMIT :limit",
        {
            "stores": [store.id for store in stores],
            "states": [state.value for state in states] or None,
            "counter": counter,
            "sale": sale,
            "at": before[0] if before else None,
            "id": before[1] if before else None,
            "limit": limit + 1,
        },
    )
    found = [_red(row) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], make_cursor(last.issued_at, last.id) if last is not None else None


def open_returns(tx: Tx, store_id: int) -> int:
    """How many red tickets of a store are under way: money that is not known to be back."""
    return int(
        tx.execute(
            "SELECT count(*) FROM pos.red_ticket WHERE store_id = :store AND state = 'refunding'", {"store": store_id}
        ).scalar_one()
    )


class ReturnAnswer(msgspec.Struct, frozen=True):
    """What whoever acts on a red ticket is told. `sale` is the posted return."""

    id: str
    number: int
    kind: str
    state: str
    amount: int
    currency: str
    version: int
    over_limit: bool
    sale: str | None


def answer_of(red: RedTicket) -> ReturnAnswer:
    """The answer to a step of a red ticket."""
    return ReturnAnswer(
        str(red.id), red.number, red.kind.value, red.state.value, red.amount, red.currency, red.version,
        red.over_limit, str(red.return_sale_id) if red.return_sale_id is not None else None,
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------- limits


def limits(tx: Tx) -> list[ReturnLimit]:
    """Every limit, in the order in which they were set."""
    rows = tx.execute(
        "SELECT store_id, currency, amount, valid_from FROM pos.return_limit ORDER BY id LIMIT :most",
        {"most": LIMITS_MAX},
    )
    return [ReturnLimit(*row) for row in rows]


def set_limit(tx: Tx, principal: Principal, limit: ReturnLimit) -> None:
    """Set a limit from a day on; what was said for that day before is overruled, and kept."""
    tx.execute(
        insert(return_limit).values(
            store_id=limit.store, currency=limit.currency, amount=limit.amount, valid_from=limit.valid_from,
            set_by=principal.actor, set_at=tx.now,
        )
    )  # fmt: skip
