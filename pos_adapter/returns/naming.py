"""The sale behind a red ticket: named by itself, by its number, or by the e-ticket that a settlement paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from organisation.contract import StoreFacts, stores_by_code
from pos_adapter.returns.rules import LineLeft, RedState, ReturnContradicts
from pos_adapter.sales.incoming import SERVER_NUMBERS_FROM, SERVER_SERIES, TILL_SERIES, sale_id
from pos_adapter.sales.originals import OriginalSale, read_original
from pos_adapter.sales.reading import RecordedLine, RecordedSale, SaleUnknown, read_sale
from pos_adapter.sales.receipts import Original
from pos_adapter.sales.rules import OriginalClosed, millionths
from pos_adapter.tickets.operations import Ticket, lock_tickets
from pos_adapter.tickets.rules import TicketState, TicketUnknown


class SaleNotNamed(Invalid):
    """A red ticket names a sale, its number, or a ticket: one of them."""

    code = "sale_not_named"


@dataclass(frozen=True, slots=True)
class Named:
    """Which sale: exactly one of its id, its number and a paid ticket."""

    sale: UUID | None = None
    number: Original | None = None
    ticket: UUID | None = None


@dataclass(frozen=True, slots=True)
class SoldThing:
    """The sale that was found, its row locked, and what is left of its lines after returns and open red tickets.

    `lines` are the ticket's where a ticket was named, else the whole sale's.
    """

    sale: RecordedSale
    original: OriginalSale
    store: StoreFacts
    lines: tuple[LineLeft, ...]
    ticket: Ticket | None
    settlement: UUID | None

    @property
    def id(self) -> UUID:
        return self.original.id


def find_sold(tx: Tx, principal: Principal, named: Named) -> SoldThing:
    """The sale, locked against other returns of it. Raises SaleNotNamed, SaleUnknown, TicketUnknown, PlaceForbidden,
    OriginalClosed, ReturnContradicts."""
    if [named.sale, named.number, named.ticket].count(None) != 2:
        raise SaleNotNamed("Name the sale, its number, or its ticket", errors=[FieldError("/sale", "name one")])
    ticket = _ticket(tx, named.ticket) if named.ticket is not None else None
    id = _id_of(tx, named, ticket)
    sale = read_sale(tx, principal, id)
    original = read_original(tx, sale.business_date, id)
    if original is None:
        raise SaleUnknown("There is no receipt with this id")
    if original.type != "sale":
        raise ReturnContradicts(f"That is a {original.type}", errors=[FieldError("/sale", "is no sale")])
    if original.state != "posted":
        raise OriginalClosed(f"The sale is {original.state}")
    promised = _promised(tx, id)
    lines = tuple([_left(line, original, promised) for line in sale.lines if _belongs(line, ticket)])
    store = stores_by_code(tx, [sale.store])[sale.store]
    return SoldThing(sale, original, store, lines, ticket, _settlement_of(tx, sale, original, ticket))


def _ticket(tx: Tx, id: UUID) -> Ticket:
    found = lock_tickets(tx, [id])
    if not found:
        raise TicketUnknown("There is no such ticket")
    if found[0].state not in (TicketState.PAID, TicketState.RELEASED):
        raise ReturnContradicts(
            f"The ticket is {found[0].state}; only what is paid is given back",
            errors=[FieldError("/ticket", "not paid")],
        )
    return found[0]


def _id_of(tx: Tx, named: Named, ticket: Ticket | None) -> UUID:
    if named.sale is not None:
        return named.sale
    if named.number is not None:
        number = (named.number.store, named.number.terminal, named.number.business_date, named.number.sequence)
        by_server = named.number.sequence >= SERVER_NUMBERS_FROM
        return sale_id(*number, SERVER_SERIES if by_server else TILL_SERIES)
    assert ticket is not None
    row = tx.execute(
        "SELECT l.sale_id FROM pos.settlement AS s JOIN LATERAL json_array_elements(s.sales) AS part ON true"
        " JOIN pos.sale_line AS l ON l.business_date = s.business_date AND l.sale_id = CAST(part ->> 'id' AS uuid)"
        " WHERE s.id = :settlement AND l.line = :line",
        {"settlement": ticket.settlement_id, "line": ticket.first_line},
    ).one_or_none()
    if row is None:
        raise SaleUnknown("The ticket's sale has not arrived")
    id: UUID = row.sale_id
    return id


def _belongs(line: RecordedLine, ticket: Ticket | None) -> bool:
    if ticket is None or ticket.first_line is None:
        return ticket is None
    return ticket.first_line <= line.line < ticket.first_line + len(ticket.lines)


def _promised(tx: Tx, id: UUID) -> dict[int, tuple[int, int]]:
    """What open red tickets have promised to give back of each line: (amount, millionths)."""
    rows = tx.execute(
        "SELECT lines FROM pos.red_ticket WHERE sale_id = :sale AND kind <> 'exchange' AND state = ANY(:open)",
        {"sale": id, "open": [RedState.ISSUED.value, RedState.APPROVED.value]},
    )
    promised: dict[int, tuple[int, int]] = {}
    for row in rows:
        for line in row.lines:
            amount, quantity = promised.get(line["line"], (0, 0))
            promised[line["line"]] = (amount + line["amount"], quantity + millionths(line["quantity"]))
    return promised


def _left(line: RecordedLine, original: OriginalSale, promised: dict[int, tuple[int, int]]) -> LineLeft:
    sold = original.lines[line.line]
    amount, quantity = promised.get(line.line, (0, 0))
    return LineLeft(
        line.line, line.counter, line.product, max(sold.amount, 0), max(sold.quantity_millionths, 0),
        sold.returned + amount, sold.returned_quantity_millionths + quantity,
    )  # fmt: skip


def _settlement_of(tx: Tx, sale: RecordedSale, original: OriginalSale, ticket: Ticket | None) -> UUID | None:
    """The settlement that posted a sale; None for a till's."""
    if ticket is not None:
        return ticket.settlement_id
    if original.series != SERVER_SERIES:
        return None
    row = tx.execute(
        "SELECT id FROM pos.settlement WHERE store_id = :store AND terminal = :terminal AND business_date = :day"
        " AND sequence <= :sequence ORDER BY sequence DESC LIMIT 1",
        {
            "store": original.store_id, "terminal": sale.terminal, "day": sale.business_date, "sequence": sale.sequence,
        },
    ).one_or_none()  # fmt: skip
    return row.id if row is not None else None


def only_counter(lines: Sequence[LineLeft], counter: str | None) -> list[LineLeft]:
    """The lines that one counter sold; all of them where no counter asks."""
    return [line for line in lines if counter is None or line.counter == counter]
