"""What a settlement is made of: pure decisions on values.

    pending -> paid | failed        paid is terminal; a failed one leaves its tickets as they were

A tender without `payment` is a fact (cash in the drawer, a card paid at a terminal of its own). One with `payment` is
still to be taken by us: then the settlement is pending, and its tickets are locked, until the truth is known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from msgspec import structs

from foundation.errors import Conflict, FieldError, Invalid, NotFound
from pos_adapter.sales.receipts import Line
from pos_adapter.tickets.operations import Ticket
from pos_adapter.tickets.rules import TicketState

ANOTHER_STORE = "belongs to another store"


class SettlementState(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"


class SettlementUnknown(NotFound):
    """There is no such settlement, or it is not yours to see."""

    code = "settlement_unknown"


class TicketsNotOpen(Conflict):
    """Some of the tickets are settled, being settled, cancelled or expired; `tickets` says which and how they stand."""

    code = "tickets_not_open"


class SettlementContradicts(Invalid):
    """The settlement contradicts itself or its tickets."""

    code = "settlement_contradicts_itself"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The lines of tickets and loose goods under numbers of the settlement's own; `first_lines` by ticket."""

    lines: tuple[Line, ...]
    first_lines: Mapping[UUID, int]


def check_open(asked: Sequence[UUID], found: Sequence[Ticket]) -> None:
    """Raises SettlementContradicts for tickets that are not there, TicketsNotOpen for those past being paid."""
    known = {ticket.id: ticket for ticket in found}
    missing = [FieldError(f"/tickets/{n}", "unknown ticket") for n, id in enumerate(asked) if id not in known]
    if missing:
        raise SettlementContradicts("There is no such ticket", errors=missing)
    closed = [known[id] for id in asked if known[id].state is not TicketState.ISSUED]
    if closed:
        raise TicketsNotOpen(
            f"Ticket {closed[0].number} is {closed[0].state}"
            + (f", and {len(closed) - 1} more are not open" if len(closed) > 1 else ""),
            errors=[FieldError(f"/tickets/{asked.index(t.id)}", f"is {t.state}") for t in closed],
            tickets=[{"id": str(t.id), "number": t.number, "state": t.state.value} for t in closed],
        )


def check_store(asked: Sequence[UUID], foreign: Collection[UUID]) -> None:
    """Raises SettlementContradicts where tickets are `foreign`: those of another store than the one that settles."""
    faults = [FieldError(f"/tickets/{n}", ANOTHER_STORE) for n, id in enumerate(asked) if id in foreign]
    if faults:
        raise SettlementContradicts(faults[0].detail, errors=faults)


def check_together(asked: Sequence[UUID], found: Sequence[Ticket], store_id: int, loose: Sequence[Line]) -> None:
    """Raises SettlementContradicts where what is settled does not go together."""
    faults = []
    if len(set(asked)) < len(asked):
        faults.append(FieldError("/tickets", "a ticket is there twice"))
    if not asked and not loose:
        faults.append(FieldError("/tickets", "nothing is settled"))
    position = {id: n for n, id in reversed(list(enumerate(asked)))}
    faults += [FieldError(f"/tickets/{position[t.id]}", ANOTHER_STORE) for t in found if t.store_id != store_id]
    if len({(t.member_id, t.claim_id) for t in found} - {(None, None)}) > 1:
        faults.append(FieldError("/tickets", "belong to different members"))
    if faults:
        raise SettlementContradicts(faults[0].detail, errors=faults)


def gather(tickets: Sequence[Ticket], loose: Sequence[Line]) -> Gathered:
    """One list of lines, numbered through: tickets in the order of their numbers, then loose goods."""
    lines: list[Line] = []
    first_lines: dict[UUID, int] = {}
    for ticket in sorted(tickets, key=lambda each: each.number):
        first_lines[ticket.id] = len(lines) + 1
        for line in ticket.lines:
            lines.append(structs.replace(line, line=len(lines) + 1, counter=ticket.counter))
    for line in loose:
        lines.append(structs.replace(line, line=len(lines) + 1))
    return Gathered(tuple(lines), first_lines)
