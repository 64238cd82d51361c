"""The sale that a return or a void names, with what was given back of it so far."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from foundation.database import Tx
from pos_adapter.sales.rules import WITHHELD, SoldLine, returns_from


@dataclass(frozen=True, slots=True)
class OriginalSale:
    """A recorded sale, its row locked. `purchase` is what the accounts know it under.

    `kinds` and `references` are its tenders in order of their number.
    """

    id: UUID
    day: date
    type: str
    state: str
    currency: str
    amount: int
    member_id: int | None
    member_part: str
    store_id: int
    series: int
    purchase: UUID
    kinds: tuple[str, ...]
    references: tuple[str | None, ...]
    lines: dict[int, SoldLine]
    returns: int


SALE = """
SELECT id, business_date, type, state, currency, amount, member_id, member_part, store_id, series,
       coalesce(purchase_ref, id)
FROM pos.sale WHERE business_date = %s AND id = %s FOR UPDATE
"""
TENDERS = "SELECT kind, reference FROM pos.tender WHERE business_date = %s AND sale_id = %s ORDER BY n"
LINES = """
SELECT line, kind, amount, quantity, allocated, allocated_units
FROM pos.sale_line WHERE business_date = %s AND sale_id = %s
"""
RETURNED = """
SELECT l.sale_id, l.original_line, l.amount, l.quantity, l.allocated, l.allocated_units, r.kinds, r.refs
FROM (SELECT s.business_date, s.id,
             array_agg(t.kind ORDER BY t.n) AS kinds, array_agg(t.reference ORDER BY t.n) AS refs
      FROM pos.sale AS s JOIN pos.tender AS t ON t.business_date = s.business_date AND t.sale_id = s.id
      WHERE s.original_id = %s AND s.business_date >= %s AND s.type = 'return' AND s.state = 'posted'
      GROUP BY s.business_date, s.id) AS r
JOIN pos.sale_line AS l ON l.business_date = r.business_date AND l.sale_id = r.id
"""


def read_original(tx: Tx, day: date, sale_id: UUID) -> OriginalSale | None:
    """The sale with this id, locked against other returns of it; None when it has not arrived."""
    row = tx.ask(SALE, (day, sale_id)).fetchone()
    if row is None:
        return None
    with tx.pipeline():
        tenders = tx.ask(TENDERS, (day, sale_id))
        lines = tx.ask(LINES, (day, sale_id))
        returned = tx.ask(RETURNED, (sale_id, returns_from(day)))
    kinds, references = zip(*found, strict=True) if (found := tenders.fetchall()) else ((), ())
    back = returned.fetchall()
    return OriginalSale(
        *(
            *row,
            kinds,
            references,
            {line[0]: _sold(line, kinds, [r for r in back if r[1] == line[0]]) for line in lines},
            len({r[0] for r in back}),
        )
    )


def _millionths(quantity: Decimal) -> int:
    return int(quantity.scaleb(6))


# As refund_tenders writes it. A till may send a tender of this name with a reference of its own.
_WITHHELD_FROM = re.compile(r"tender/([1-9][0-9]{0,2})")


def column_of(kinds: Sequence[str], n: int, kind: str, reference: str | None) -> int:
    """Which tender of the original (0, 1 ...) a return's tender number `n` answers.

    The columns of a return follow the original's; what was withheld says whose it is; a return that was recorded
    before its original is matched by kind, and failing that by position.
    """
    withheld_from = _WITHHELD_FROM.fullmatch(reference or "") if kind == WITHHELD else None
    if withheld_from is not None and int(withheld_from[1]) <= len(kinds):
        return int(withheld_from[1]) - 1
    if n < len(kinds) and kinds[n] == kind:
        return n
    return kinds.index(kind) if kind in kinds else min(n, len(kinds) - 1)


def _sold(line: Sequence[Any], kinds: Sequence[str], returned: Sequence[Sequence[Any]]) -> SoldLine:
    number, kind, amount, quantity, allocated, units = line
    given_back, units_back = [0] * len(kinds), [0] * len(kinds)
    for _, _, _, _, shares, share_units, back_kinds, references in returned:
        for n, share in enumerate(shares if kinds else ()):
            of = column_of(kinds, n, back_kinds[n], references[n])
            given_back[of] += share
            if share_units is not None:
                units_back[of] += share_units[n]
    return SoldLine(
        number,
        kind,
        amount,
        _millionths(quantity),
        tuple(allocated),
        tuple(units) if units is not None else (0,) * len(kinds),
        sum(row[2] for row in returned),
        sum(_millionths(row[3]) for row in returned),
        tuple(given_back),
        tuple(units_back),
    )
