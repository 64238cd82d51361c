"""Printing the receipt of a settlement: the first print is the original, every later one is marked as a copy."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Conflict
from organisation.contract import place_of
from pos_adapter.permissions import SETTLE
from pos_adapter.settlements.operations import lock_settlement
from pos_adapter.settlements.rules import SettlementState, SettlementUnknown

PRINTS_MAX = 1_000


class NotPaid(Conflict):
    """There is no receipt before everything is paid."""

    code = "settlement_not_paid"


class PrintedTooOften(Conflict):
    """A receipt is printed a thousand times at most."""

    code = "printed_too_often"


@dataclass(frozen=True, slots=True)
class Print:
    """One print of a receipt; `n` 1 is the original."""

    n: int
    at: datetime
    actor: str


def note_print(tx: Tx, principal: Principal, id: UUID) -> Print:
    """Note that a receipt is printed. Locks the settlement. Raises SettlementUnknown, NotPaid, PrintedTooOften."""
    settlement = lock_settlement(tx, id)
    if not principal.may(SETTLE, place_of(settlement.store.code)):
        raise SettlementUnknown("There is no such settlement")
    if settlement.state is not SettlementState.PAID:
        raise NotPaid("There is no receipt before everything is paid", state=settlement.state.value)
    n = len(prints_of(tx, id)) + 1
    if n > PRINTS_MAX:
        raise PrintedTooOften("This receipt was printed too often")
    printed = Print(n, tx.now, principal.actor)
    tx.execute(
        "INSERT INTO pos.receipt_print (settlement_id, n, at, actor) VALUES (:id, :n, :at, :actor)",
        {"id": id, "n": n, "at": printed.at, "actor": printed.actor},
    )
    return printed


def prints_of(tx: Tx, id: UUID) -> list[Print]:
    """The prints of a receipt, the original first."""
    rows = tx.execute(
        "SELECT n, at, actor FROM pos.receipt_print WHERE settlement_id = :id ORDER BY n LIMIT :limit",
        {"id": id, "limit": PRINTS_MAX},
    )
    return [Print(row.n, row.at, row.actor) for row in rows]
