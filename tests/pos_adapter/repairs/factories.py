"""People and receipts for tests of repairs."""

from typing import Any

import msgspec

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from foundation.errors import DomainError
from pos_adapter.sales.incoming import incoming
from pos_adapter.sales.operations import post_batch
from pos_adapter.sales.receipts import Receipt
from tests.pos_adapter.sales.factories import till

DESK = frozenset({"sales.read", "receipts.repair"})
MANAGER = DESK | {"receipts.approve"}


def somebody(name: str, permissions: frozenset[str] = MANAGER, store: str | None = "S01") -> Principal:
    """A member of staff of one store (None: of all)."""
    places = frozenset({f"store/{store}"}) if store is not None else None
    return Principal(PrincipalKind.PERSON, name, name, permissions, places)


def refuse(database: Database, receipt: Receipt) -> int:
    """Post a receipt that is refused, as its till does; the id under which it is parked."""
    item = incoming(receipt)
    post_batch(database, till(receipt.store, receipt.terminal), [item])
    assert item.outcome is not None
    assert isinstance(item.outcome.error, DomainError), "this receipt was meant to be refused"
    with database.transaction() as tx:
        return int(
            tx.execute(
                "SELECT id FROM pos.parked_receipt WHERE terminal = :terminal AND business_date = :day"
                " AND sequence = :sequence",
                {"terminal": receipt.terminal, "day": receipt.business_date, "sequence": receipt.sequence},
            ).scalar_one()
        )


def changed(receipt: Receipt, **fields: Any) -> Receipt:
    """The same receipt with other fields."""
    return msgspec.structs.replace(receipt, **fields)


def rows(database: Database, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with database.transaction() as tx:
        return [tuple(row) for row in tx.execute(sql, parameters)]
