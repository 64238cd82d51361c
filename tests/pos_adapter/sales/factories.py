"""Receipts and tills for tests of the sales intake."""

import itertools
import secrets
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from foundation.http import Keyed
from foundation.idempotency import Answer
from foundation.rows import as_json
from pos_adapter.sales.incoming import content_hash, incoming
from pos_adapter.sales.operations import post_one
from pos_adapter.sales.receipts import Receipt

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
SCOPES = frozenset({"sales.post", "sales.read"})
_numbers = itertools.count(1)


def till(store: str = "S01", terminal: str = "T1") -> Principal:
    """A till bound to its store and terminal."""
    return Principal(
        PrincipalKind.MACHINE, f"till-{store}-{terminal}", "till", SCOPES, frozenset({f"store/{store}"}),
        {"store": store, "terminal": terminal},
    )  # fmt: skip


def anywhere() -> Principal:
    """A machine that may post for any store."""
    return Principal(PrincipalKind.MACHINE, "erp", "erp", SCOPES, None)


def line(n: int, amount: int, **more: Any) -> dict[str, Any]:
    return {"line": n, "quantity": "1.000", "amount": amount, **more}


def receipt(*amounts: int, **more: Any) -> Receipt:
    """A sale of lines with these amounts, paid by card unless said otherwise."""
    content = {
        "store": "S01",
        "terminal": "T1",
        "business_date": DAY.isoformat(),
        "sequence": next(_numbers),
        "type": "sale",
        "occurred_at": NOON.isoformat(),
        "currency": "CNY",
        "lines": [line(n, amount) for n, amount in enumerate(amounts, 1)],
        "tenders": [{"kind": "card", "amount": sum(amounts)}],
    } | more
    return msgspec.convert(content, Receipt)


def original_of(sold: Receipt) -> dict[str, Any]:
    return {
        "store": sold.store,
        "terminal": sold.terminal,
        "business_date": sold.business_date.isoformat(),
        "sequence": sold.sequence,
    }


def return_of(
    sold: Receipt, *back: tuple[int, int], tenders: Any = None, quantity: str = "1.000", **more: Any
) -> Receipt:
    """A return of (line, amount) pairs of a sale; in cash or as told."""
    total = sum(amount for _, amount in back)
    return receipt(
        type="return",
        original=original_of(sold),
        lines=[
            {"line": n, "quantity": quantity, "amount": amount, "original_line": number}
            for n, (number, amount) in enumerate(back, 1)
        ],
        tenders=[{"kind": "card", "amount": total}] if tenders is None else tenders,
        **more,
    )


def void_of(sold: Receipt, **more: Any) -> Receipt:
    return receipt(type="void", original=original_of(sold), lines=[], tenders=[], **more)


def post(database: Database, what: Receipt, principal: Principal | None = None, key: str | None = None) -> Answer:
    """Post a receipt as its till does; the answer's body as plain JSON values."""
    keyed = Keyed("machine:till", key or secrets.token_hex(8), content_hash(what))
    answer = post_one(database, principal or anywhere(), incoming(what), keyed)
    return Answer(answer.status, as_json(answer.body), answer.replayed)
