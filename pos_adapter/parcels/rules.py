"""What may be left at a desk, and how it ends: pure decisions on values.

lying -> collected | sent_back        both are ends; goods that are left once more are another parcel
"""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from enum import StrEnum
from uuid import UUID

from foundation.errors import Conflict, FieldError, Invalid, NotFound
from pos_adapter.tickets.operations import Ticket
from pos_adapter.tickets.rules import TicketState

PIECES_MAX = 999
# Goods that lie longer than this are called for: the customer has forgotten them.
LIES_LONG_DAYS = 7
# A label names no year.
YEARS_KEPT = 10
LABEL = re.compile(r"(\d{2})(\d{2})-(\d{1,6})\Z", re.ASCII)
MAY_LIE = frozenset({TicketState.PAID, TicketState.RELEASED})


class ParcelState(StrEnum):
    LYING = "lying"
    COLLECTED = "collected"
    SENT_BACK = "sent_back"


class Proof(StrEnum):
    """By what the desk knew whose goods they are: the slip of the label, the receipt, or the member's own phone."""

    SLIP = "slip"
    RECEIPT = "receipt"
    MEMBER = "member"


class ParcelUnknown(NotFound):
    """There is no such parcel, or it is not yours to see."""

    code = "parcel_unknown"


class ParcelContradicts(Invalid):
    """These goods cannot be left here; `errors` say why."""

    code = "parcel_contradicts_itself"


class GoodsLieAlready(Conflict):
    """Goods of these tickets lie at a desk already; `label` says under which one."""

    code = "goods_lie_already"


class ParcelEnded(Conflict):
    """The parcel was collected or sent back; `state` says which."""

    code = "parcel_ended"


def label_of(day: date, number: int) -> str:
    """What stands on the goods and on the slip: month and day, and the number of the day: 1122-7."""
    return f"{day:%m%d}-{number}"


def read_label(text: str) -> tuple[int, int, int] | None:
    """(month, day, number) of a label; None for a text that is none."""
    found = LABEL.match(text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def days_meant(month: int, day: int, today: date) -> list[date]:
    """The days that a label's month and day may mean, those of the last ten years up to today; none for 0230."""
    found = []
    for year in range(today.year - YEARS_KEPT + 1, today.year + 1):
        with suppress(ValueError):
            found.append(date(year, month, day))
    return [each for each in found if each <= today]


def check_left(settlement: UUID, asked: Sequence[UUID], found: Sequence[Ticket], gone: Collection[UUID]) -> None:
    """Raises ParcelContradicts with every fault: only paid goods of one settlement that are not on their way back.

    `gone` are tickets that are being given back.
    """
    known = {ticket.id: ticket for ticket in found}
    faults = []
    for n, id in enumerate(asked):
        ticket = known.get(id)
        if ticket is None or ticket.settlement_id != settlement:
            faults.append(FieldError(f"/tickets/{n}", "is not of this settlement"))
        elif ticket.state not in MAY_LIE:
            faults.append(FieldError(f"/tickets/{n}", f"is {ticket.state}"))
        elif id in gone:
            faults.append(FieldError(f"/tickets/{n}", "is given back"))
    if len(set(asked)) < len(asked):
        faults.append(FieldError("/tickets", "a ticket is there twice"))
    if faults:
        raise ParcelContradicts(f"These goods cannot be left: {faults[0].detail}", errors=faults)


def check_free(lying: Mapping[UUID, str]) -> None:
    """Raises GoodsLieAlready for tickets, or a settlement without any, whose goods lie under a label already."""
    if lying:
        label = min(lying.values())
        raise GoodsLieAlready(f"Goods of this settlement lie here already, as {label}", label=label)


def check_lies(state: ParcelState, label: str) -> None:
    """Raises ParcelEnded."""
    if state is not ParcelState.LYING:
        raise ParcelEnded(f"Parcel {label} is {state.replace('_', ' ')}", state=state.value)
