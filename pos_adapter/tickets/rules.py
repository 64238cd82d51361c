"""The life of an e-ticket: pure decisions on values.

    issued -> settling -> paid -> released        settling -> issued, when the payment came to nothing
    issued -> cancelled | expired

Paid is terminal but for the goods being handed over: nothing ever makes a paid ticket unpaid. What is given back is a
return of the sale.
"""

from collections.abc import Sequence
from enum import StrEnum

from foundation.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from pos_adapter.sales.receipts import Line


class TicketState(StrEnum):
    ISSUED = "issued"
    SETTLING = "settling"
    PAID = "paid"
    RELEASED = "released"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN = frozenset({TicketState.ISSUED, TicketState.SETTLING})
STEPS: dict[TicketState, frozenset[TicketState]] = {
    TicketState.ISSUED: frozenset({TicketState.SETTLING, TicketState.PAID, TicketState.CANCELLED, TicketState.EXPIRED}),
    TicketState.SETTLING: frozenset({TicketState.PAID, TicketState.ISSUED}),
    TicketState.PAID: frozenset({TicketState.RELEASED}),
    TicketState.RELEASED: frozenset(),
    TicketState.CANCELLED: frozenset(),
    TicketState.EXPIRED: frozenset(),
}


class TicketUnknown(NotFound):
    """There is no such ticket, or it is not yours to see."""

    code = "ticket_unknown"


class TicketIdTaken(Conflict):
    """Another ticket was issued under this id."""

    code = "ticket_id_taken"


class TicketNotOpen(Conflict):
    """The ticket is past that: `state` says where it is."""

    code = "ticket_not_open"


class GoodsAtDesk(Conflict):
    """The goods lie at the desk under `label`; the desk hands them out."""

    code = "goods_at_desk"


class TicketChanged(Conflict):
    """Somebody changed the ticket meanwhile; look again."""

    code = "ticket_changed"


class NotThisCounter(Forbidden):
    """The ticket belongs to another counter."""

    code = "not_this_counter"


class TicketContradicts(Invalid):
    """The ticket contradicts itself."""

    code = "ticket_contradicts_itself"


class CounterUnknown(Invalid):
    """The store has no such counter, or it is closed."""

    code = "counter_unknown"


def check_lines(lines: Sequence[Line], counter: str) -> None:
    """Raises TicketContradicts with every fault: a counter sells its own goods, and sells them for something."""
    faults = []
    if not lines:
        faults.append(FieldError("/lines", "at least one line is needed"))
    if len({line.line for line in lines}) < len(lines):
        faults.append(FieldError("/lines", "line numbers must differ"))
    for n, line in enumerate(lines):
        if line.counter not in (None, counter):
            faults.append(FieldError(f"/lines/{n}/counter", "belongs to another counter"))
        if line.original_line is not None:
            faults.append(FieldError(f"/lines/{n}/original_line", "a ticket gives nothing back"))
        if line.amount < 0 or line.quantity.startswith("-"):
            faults.append(FieldError(f"/lines/{n}", "must not be negative"))
    if not faults and amount_of(lines) <= 0:
        faults.append(FieldError("/lines", "come to nothing"))
    if faults:
        raise TicketContradicts(faults[0].detail, errors=faults)


def amount_of(lines: Sequence[Line]) -> int:
    """What the ticket comes to, in minor units."""
    return sum(line.amount for line in lines)


def check_step(state: TicketState, to: TicketState) -> None:
    """Raises TicketNotOpen where a ticket cannot become that."""
    if to not in STEPS[state]:
        raise TicketNotOpen(f"The ticket is {state}; it cannot become {to}", state=state.value)
