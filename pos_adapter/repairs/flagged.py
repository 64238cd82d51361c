"""Flagged receipts are mended: the original is named, what the catalogue learnt is linked, a flag is closed by a word.

Whose sale it is, is said at the service desk (pos_adapter.sales.correcting), flagged or not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from foundation.access import Principal
from foundation.database import Database, Tx
from foundation.errors import Conflict, NotFound
from foundation.events import announce
from foundation.identifiers import day_of
from organisation.contract import counters_by_code
from pos_adapter.catalogue.lookups import promotions_by_code
from pos_adapter.permissions import REPAIR
from pos_adapter.places import place_of_store
from pos_adapter.repairs.audit import note
from pos_adapter.repairs.rules import (
    BackLine,
    FlagNotClosable,
    LinesDoNotMatch,
    SoldOnce,
    closable,
    match_lines,
)
from pos_adapter.sales.attaching import settle_original
from pos_adapter.sales.incoming import sale_id
from pos_adapter.sales.originals import OriginalSale, read_original
from pos_adapter.sales.receipts import Flag, Original
from pos_adapter.sales.rules import returns_from
from pos_adapter.tenders.operations import tender_roles

RELINKED_AT_ONCE_MAX = 5_000
ROUNDS_MAX = 1_000


class FlaggedUnknown(NotFound):
    """There is no such receipt."""

    code = "sale_unknown"


class NothingWaits(Conflict):
    """The receipt does not wait for what it was given."""

    code = "nothing_waits"


class OriginalUnknown(NotFound):
    """There is no sale with this number."""

    code = "original_unknown"


@dataclass(frozen=True, slots=True)
class Flagged:
    """A recorded receipt with open flags; its row is locked."""

    id: UUID
    day: date
    store_id: int
    type: str
    state: str
    currency: str
    member_part: str
    open_flags: tuple[str, ...]


def name_original(tx: Tx, actor: Principal, sale: UUID, named: Original) -> UUID:
    """Say which sale a return or a void gives back; what waits of it is then done. Returns the original's id.

    Needs receipts.repair at the store. Raises OriginalUnknown, FlaggedUnknown, NothingWaits, LinesDoNotMatch,
    PermissionMissing, PlaceForbidden.
    """
    # The original's row is locked before that of the return, as posting does.
    original_id = sale_id(named.store, named.terminal, named.business_date, named.sequence)
    original = read_original(tx, named.business_date, original_id)
    if original is None or original.type != "sale":
        raise OriginalUnknown("there is no sale with this number")
    found = _flagged(tx, actor, sale)
    if found.day < returns_from(original.day):
        raise LinesDoNotMatch("this sale was made after the goods came back")
    if Flag.UNKNOWN_ORIGINAL not in found.open_flags or found.type == "sale":
        raise NothingWaits("this receipt does not wait for its original")
    if original.state != "posted" or original.currency != found.currency:
        raise NothingWaits(f"the original is {original.state}, in {original.currency}")
    if found.type == "void" and original.returns:
        raise NothingWaits("part of the original was returned: it cannot be voided any more")
    if found.type == "return":
        _link_lines(tx, found, original)
    tx.execute(
        "UPDATE pos.sale SET original_id = :original, open_flags = array_remove(open_flags, :flag)"
        " WHERE business_date = :day AND id = :id",
        {"original": original_id, "flag": Flag.UNKNOWN_ORIGINAL.value, "day": found.day, "id": sale},
    )
    announce(tx, "sales.linked", {"sales": [str(sale)]})
    settle_original(tx, original_id)
    note(tx, actor, found.store_id, "original_named", sale=(found.day, sale), detail={"original": str(original_id)})
    return original_id


def close_flags(tx: Tx, actor: Principal, sale: UUID, flags: Collection[str], words: str) -> list[str]:
    """Close flags that need no deed, with a word why; returns those that stay open. Needs receipts.repair.

    Raises FlagNotClosable for one that is not open or waits for something, FlaggedUnknown, PermissionMissing,
    PlaceForbidden.
    """
    found = _flagged(tx, actor, sale)
    may_close = closable(found.open_flags, found.member_part)
    if refused := sorted(set(flags) - set(may_close)):
        raise FlagNotClosable(f"{', '.join(refused)}: not open, or waits for something that has to be done")
    left = [flag for flag in found.open_flags if flag not in flags]
    tx.execute(
        "UPDATE pos.sale SET open_flags = :left WHERE business_date = :day AND id = :id",
        {"left": left, "day": found.day, "id": sale},
    )
    note(
        tx, actor, found.store_id, "flags_closed", sale=(found.day, sale), detail={"flags": sorted(flags), "why": words}
    )
    return left


def link_again(tx: Tx, actor: Principal, sale: UUID) -> list[str]:
    """Look again for the products, counters, promotions and tenders of a receipt; returns the flags that stay open.

    Needs receipts.repair. Raises FlaggedUnknown, PermissionMissing, PlaceForbidden.
    """
    found = _flagged(tx, actor, sale)
    _link_products(tx, [(found.day, sale)])
    _link_counters(tx, found)
    _link_promotions(tx, found)
    _link_tenders(tx, found)
    left = _open_flags(tx, found)
    mended = sorted(set(found.open_flags) - set(left))
    # Also where a flag stays open: one of two unknown counters may be known now.
    announce(tx, "sales.linked", {"sales": [str(sale)]})
    if mended:
        note(tx, actor, found.store_id, "linked", sale=(found.day, sale), detail={"mended": mended})
    return left


def link_new_products(home: Database, product_ids: Sequence[int]) -> int:
    """Link what was sold before these products were known; returns how many receipts. 5,000 lines a transaction."""
    linked = 0
    for _ in range(ROUNDS_MAX):
        with home.transaction() as tx:
            sales = tx.ask(SOLD_BEFORE, (list(product_ids), RELINKED_AT_ONCE_MAX)).fetchall()
            if sales:
                _link_products(tx, sales)
                announce(tx, "sales.linked", {"sales": [str(sale) for _, sale in sales]})
        if not sales:
            break
        linked += len(sales)
    return linked


# ---------------------------------------------------------------------------------------------- storage

SOLD_BEFORE = """
SELECT DISTINCT business_date, sale_id FROM (
    SELECT l.business_date, l.sale_id FROM pos.product AS p JOIN pos.sale_line AS l ON l.product_code = p.code
    WHERE p.id = ANY(%s) AND l.product_id IS NULL AND l.product_code IS NOT NULL LIMIT %s) AS sold
ORDER BY business_date, sale_id
"""

# The cost that held when the receipt came in, or the first one known: a later one never rewrites past profit. Only
# in the receipt's own currency, or where it names none.
LINK_PRODUCTS = """
WITH sale AS (
    SELECT s.business_date, s.id, s.received_at, s.currency
    FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x(day, id)
    JOIN pos.sale AS s ON s.business_date = x.day AND s.id = x.id ORDER BY s.business_date, s.id FOR UPDATE OF s
)
UPDATE pos.sale_line AS l SET product_id = p.id, category_id = p.category_id, brand_id = p.brand_id,
    unit_cost = coalesce(l.unit_cost,
        (SELECT CASE WHEN coalesce(c.currency, sale.currency) = sale.currency THEN c.unit_cost END
         FROM pos.product_cost AS c
         WHERE c.product_id = p.id AND c.valid_from <= sale.received_at ORDER BY c.valid_from DESC LIMIT 1),
        (SELECT c.unit_cost FROM pos.product_cost AS c
         WHERE c.product_id = p.id AND coalesce(c.currency, sale.currency) = sale.currency
         ORDER BY c.valid_from LIMIT 1))
FROM sale, pos.product AS p
WHERE l.business_date = sale.business_date AND l.sale_id = sale.id AND l.product_id IS NULL
    AND p.code = l.product_code
"""

MENDED_PRODUCTS = """
UPDATE pos.sale AS s SET open_flags = array_remove(s.open_flags, 'unknown_product')
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x(day, id)
WHERE s.business_date = x.day AND s.id = x.id AND 'unknown_product' = ANY(s.open_flags)
    AND NOT EXISTS (SELECT FROM pos.sale_line AS l WHERE l.business_date = s.business_date AND l.sale_id = s.id
        AND l.product_code IS NOT NULL AND l.product_id IS NULL)
"""


def _link_products(tx: Tx, sales: Sequence[tuple[Any, ...]]) -> None:
    which = {"days": [day for day, _ in sales], "ids": [sale for _, sale in sales]}
    tx.ask(LINK_PRODUCTS, which)
    tx.ask(MENDED_PRODUCTS, which)


def _link_counters(tx: Tx, found: Flagged) -> None:
    if Flag.UNKNOWN_COUNTER not in found.open_flags:
        return
    codes = _unlinked(tx, found, "counter_code", "counter_id")
    known = counters_by_code(tx, found.store_id, codes)
    _link(tx, found, "counter", {code: facts.id for code, facts in known.items()})
    if known.keys() >= codes:
        _mend(tx, found, Flag.UNKNOWN_COUNTER)


def _link_promotions(tx: Tx, found: Flagged) -> None:
    if Flag.UNKNOWN_PROMOTION not in found.open_flags:
        return
    codes = _unlinked(tx, found, "promotion_code", "promotion_id")
    known = promotions_by_code(tx, codes)
    _link(tx, found, "promotion", {code: facts.id for code, facts in known.items()})
    if known.keys() >= codes:
        _mend(tx, found, Flag.UNKNOWN_PROMOTION)


def _link_tenders(tx: Tx, found: Flagged) -> None:
    if Flag.UNKNOWN_TENDER not in found.open_flags:
        return
    sent = tx.ask("SELECT kind FROM pos.tender WHERE business_date = %s AND sale_id = %s", (found.day, found.id))
    if {kind for (kind,) in sent} <= tender_roles(tx).keys():
        _mend(tx, found, Flag.UNKNOWN_TENDER)


def _unlinked(tx: Tx, found: Flagged, code: str, link: str) -> set[str]:
    rows = tx.execute(
        f"SELECT DISTINCT {code} FROM pos.sale_line WHERE business_date = :day AND sale_id = :id"  # noqa: S608
        f" AND {code} IS NOT NULL AND {link} IS NULL",
        {"day": found.day, "id": found.id},
    )
    return set(rows.scalars())


def _link(tx: Tx, found: Flagged, what: str, ids: dict[str, int]) -> None:
    for code, linked in ids.items():
        tx.execute(
            f"UPDATE pos.sale_line SET {what}_id = :linked WHERE business_date = :day AND sale_id = :id"  # noqa: S608
            f" AND {what}_code = :code AND {what}_id IS NULL",
            {"linked": linked, "code": code, "day": found.day, "id": found.id},
        )


def _mend(tx: Tx, found: Flagged, flag: Flag) -> None:
    tx.execute(
        "UPDATE pos.sale SET open_flags = array_remove(open_flags, :flag) WHERE business_date = :day AND id = :id",
        {"flag": flag.value, "day": found.day, "id": found.id},
    )


def _open_flags(tx: Tx, found: Flagged) -> list[str]:
    flags: list[str] = tx.execute(
        "SELECT open_flags FROM pos.sale WHERE business_date = :day AND id = :id", {"day": found.day, "id": found.id}
    ).scalar_one()
    return flags


def _flagged(tx: Tx, actor: Principal, sale: UUID) -> Flagged:
    row = tx.execute(
        "SELECT id, business_date, store_id, type, state, currency, member_part, open_flags FROM pos.sale"
        " WHERE business_date = :day AND id = :id FOR UPDATE",
        {"day": day_of(sale), "id": sale},
    ).one_or_none()
    if row is None:
        raise FlaggedUnknown("there is no receipt with this id")
    actor.require(REPAIR, place_of_store(tx, row.store_id))
    if row.state == "discarded":
        raise NothingWaits("this receipt was discarded")
    return Flagged(
        row.id,
        row.business_date,
        row.store_id,
        row.type,
        row.state,
        row.currency,
        row.member_part,
        tuple(row.open_flags),
    )


def _link_lines(tx: Tx, found: Flagged, original: OriginalSale) -> None:
    lines = tx.ask(
        "SELECT line, product_code, amount, original_line FROM pos.sale_line WHERE business_date = %s AND sale_id = %s"
        " ORDER BY line",
        (found.day, found.id),
    ).fetchall()
    products: dict[int, str | None] = dict(
        tx.ask(
            "SELECT line, product_code FROM pos.sale_line WHERE business_date = %s AND sale_id = %s",
            (original.day, original.id),
        ).fetchall()
    )
    sold = [SoldOnce(line.line, products[line.line], line.amount - line.returned) for line in original.lines.values()]
    for line, original_line in match_lines([BackLine(*row) for row in lines], sold).items():
        tx.execute(
            "UPDATE pos.sale_line SET original_line = :original"
            " WHERE business_date = :day AND sale_id = :id AND line = :line",
            {"original": original_line, "day": found.day, "id": found.id, "line": line},
        )
