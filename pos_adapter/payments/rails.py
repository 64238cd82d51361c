"""The one port to the outside: what a rail is asked, and what it says.

A rail speaks its own protocol over its own socket, with a time limit on every call, and never raises for what the
outside does: silence, nonsense and refusals are outcomes. It is handed the trace number under which everything about a
payment is said, so that asking again is never paying again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from foundation.errors import Invalid
from pos_adapter.payments.rules import Outcome, Patience


class RailUnknown(Invalid):
    """This house does not take payments that way, or what the rail needs is missing."""

    code = "rail_unknown"


@dataclass(frozen=True, slots=True)
class Order:
    """One payment as its rail is told of it. `ask` is there for the first message only (a payment code)."""

    id: UUID
    store: str
    terminal: str
    trace: int
    amount: int
    currency: str
    at: datetime
    reference: str | None = None
    ask: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A part of a payment that goes back; `number` is the same on every retry."""

    number: str
    trace: int
    amount: int
    at: datetime
    of: Order


@dataclass(frozen=True, slots=True)
class Told:
    """What a rail said. `reference` is its own number, `account` masked, `words` for the clerk and the log."""

    outcome: Outcome
    reference: str | None = None
    account: str | None = None
    words: str = ""


class Rail(Protocol):
    """A way of being paid. Every call ends within seconds."""

    @property
    def patience(self) -> Patience: ...

    def pay(self, order: Order) -> Told: ...
    def query(self, order: Order) -> Told: ...
    def reverse(self, order: Order) -> Told: ...
    def refund(self, order: RefundOrder) -> Told: ...
    def query_refund(self, order: RefundOrder) -> Told: ...
    def reverse_refund(self, order: RefundOrder) -> Told: ...


_rails: dict[str, Callable[[], Rail | None]] = {}


def register_rail(name: str, make: Callable[[], Rail | None]) -> None:
    """Let payments of this name go over that rail; `make` returns None where this house has none."""
    _rails[name] = make


def rail(name: str) -> Rail:
    """The rail of this name. Raises RailUnknown."""
    make = _rails.get(name)
    made = make() if make is not None else None
    if made is None:
        raise RailUnknown(f"Payments by {name} are not taken here")
    return made
