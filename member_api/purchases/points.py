"""Points line by line, as a purchase earned them and as each return took them back.

The accounts keep what a purchase earns now; what it had earned before goods came back is worked out again by the same
rules, return by return. So what a purchase says of its own day does not change when something comes back later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from foundation.database import Tx
from foundation.identifiers import day_of
from member_api.earning.operations import rules_of_version
from member_api.multipliers.operations import percent_of
from member_api.purchases.operations import COLUMNS, LineReturn, earned_by, purchase_of
from member_api.purchases.tables import PurchaseRow


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A return of a purchase: so much of the amount of each line."""

    ref: UUID
    lines: Sequence[LineReturn]


@dataclass(frozen=True, slots=True)
class PurchasePoints:
    """`earned` by line when it was posted, before anything came back; `taken_back` by each return, in whole points.

    `borne_by_supplier`: of a tender that spent points or e-coins, by its number, the part whose lots a supplier bears,
    as (units of suppliers, units in all).
    """

    earned: Mapping[int, int]
    taken_back: Mapping[UUID, int]
    borne_by_supplier: Mapping[int, tuple[int, int]]


# A look-up by key each (OFFSET 0 keeps it one): a join would read every month there is.
OF_REFS: LiteralString = """ FROM unnest(%s::date[], %s::uuid[]) AS x (day, ref)
CROSS JOIN LATERAL (SELECT * FROM member.purchase AS p WHERE p.day = x.day AND p.ref = x.ref OFFSET 0) AS p"""
PURCHASES = "SELECT " + COLUMNS + OF_REFS
SUPPLIERS_LOTS = "SELECT id FROM member.lot WHERE id = ANY(%s) AND funder LIKE 'supplier%%'"


def points_of_purchases(
    tx: Tx, refs: Sequence[UUID], given_back: Mapping[UUID, Sequence[GivenBack]]
) -> dict[UUID, PurchasePoints]:
    """Points of these purchases; `given_back` are their returns, first come first. Unknown purchases are left out.

    Reads two statements' worth of rows, whatever the number; locks nothing.
    """
    dated = [(day, ref) for ref in refs if (day := day_of(ref)) is not None]
    if not dated:
        return {}
    rows = tx.ask(PURCHASES, ([day for day, _ in dated], [ref for _, ref in dated])).fetchall()
    purchases = [purchase_of(row) for row in rows]
    suppliers = _suppliers_lots(tx, purchases)
    return {
        purchase.ref: PurchasePoints(
            *_points(tx, purchase, given_back.get(purchase.ref, ())), _borne(purchase, suppliers)
        )
        for purchase in purchases
    }


def _points(tx: Tx, purchase: PurchaseRow, given_back: Sequence[GivenBack]) -> tuple[dict[int, int], dict[UUID, int]]:
    if not given_back and all(line.left == line.amount for line in purchase.lines):
        return {line.line: line.points for line in purchase.lines}, {}
    programme = rules_of_version(tx, purchase.rule_version).programme
    percent = percent_of(tx, purchase.multiplier)
    for line in purchase.lines:
        line.left = line.amount
    before = earned_by(programme, purchase, percent)
    earned = {line.line: points for line, (points, _) in zip(purchase.lines, before.lines, strict=True)}
    taken_back = {}
    lines = {line.line: line for line in purchase.lines}
    for back in given_back:
        for part in back.lines:
            if part.line in lines:
                lines[part.line].left -= part.amount
        after = earned_by(programme, purchase, percent)
        taken_back[back.ref] = before.points - after.points
        before = after
    return earned, taken_back


def _borne(purchase: PurchaseRow, suppliers: set[int]) -> dict[int, tuple[int, int]]:
    return {
        spend.tender: (sum(units for lot, units in spend.lots if lot in suppliers), spend.units)
        for spend in purchase.spends
        if any(lot in suppliers for lot, _ in spend.lots)
    }


def _suppliers_lots(tx: Tx, purchases: Sequence[PurchaseRow]) -> set[int]:
    spent = {lot for purchase in purchases for spend in purchase.spends for lot, _ in spend.lots}
    return {lot for (lot,) in tx.ask(SUPPLIERS_LOTS, (sorted(spent),))} if spent else set()
