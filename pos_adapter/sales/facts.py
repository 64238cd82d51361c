"""Receipts as facts for analytics: line by line, set-based, with what a return or a void gives back resolved.

Three shapes become one. A sale is its lines. A return is its lines with `sign` -1; where its original is known, they
take over what the goods were when they were sold: product, counter, promotion, tax rate, unit cost, share of the
regular price. A void is its original's lines with `sign` -1, on the void's date. A discarded receipt is nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from uuid import UUID

import pyarrow as pa
from pyarrow import csv

from foundation.database import Tx
from foundation.identifiers import day_of
from pos_adapter.sales.rules import returns_from

RECEIPTS_AT_ONCE_MAX = 2_000

_UUID, _WORD = pa.string(), pa.string()
LINE_FACTS = pa.schema(
    [
        ("sale", _UUID),
        ("receipt", pa.int64()),
        ("business_date", pa.date32()),
        ("store_id", pa.int32()),
        ("currency", _WORD),
        ("type", _WORD),
        ("occurred_at_us", pa.int64()),
        ("member_id", pa.int64()),
        ("purchase", _UUID),
        ("sold_on", pa.date32()),
        ("line", pa.int32()),
        ("sign", pa.int8()),
        ("kind", _WORD),
        ("product_id", pa.int64()),
        ("counter_id", pa.int32()),
        ("category_id", pa.int32()),
        ("brand_id", pa.int32()),
        ("promotion_id", pa.int32()),
        ("promotion_code", _WORD),
        ("quantity_milli", pa.int64()),
        ("amount", pa.int64()),
        ("regular_amount", pa.int64()),
        ("money", pa.int64()),
        ("tax_rate", pa.int32()),
        ("cost", pa.int64()),
        ("promoted", pa.bool_()),
        ("discounts", _WORD),
        ("allocated", _WORD),
        ("coupons", _WORD),
        ("moves_accounts", pa.bool_()),
    ]
)

# A void that was posted before its original arrived gives nothing back until it is settled with it.
VOID_HOLDS: LiteralString = """(s.state = 'posted' AND o.state = 'voided'
    AND ('unknown_original' <> ALL (s.flags) OR s.member_part IN ('done', 'none')))"""

# OFFSET 0 and LIMIT 1 keep PostgreSQL from turning these into joins: a look-up by key touches the one month in which
# a receipt lies, a join over a page of receipts reads every month there is.

# o: the receipt that a return or a void `s` gives back. Its id carries its day, so that one month is looked at.
ORIGINAL: LiteralString = """LEFT JOIN LATERAL (
    SELECT * FROM pos.sale AS o WHERE o.id = s.original_id AND o.currency = s.currency
        AND o.business_date = make_date(substr(s.original_id::text, 1, 4)::integer,
            substr(s.original_id::text, 5, 2)::integer, substr(s.original_id::text, 7, 2)::integer)
    LIMIT 1) AS o ON s.original_id IS NOT NULL"""

# p: how it was paid. Which tenders are money or stored value (a kind that nobody registered is money), and whether
# some take from accounts or come from coupons, so that somebody else may bear a part of them.
WANTED: LiteralString = f"""
SELECT s.business_date, s.id, s.store_id, s.currency, s.type, s.occurred_at,
       CASE WHEN s.type = 'void' THEN o.member_id ELSE s.member_id END AS member_id,
       CASE WHEN s.type = 'void' THEN o.business_date ELSE s.business_date END AS lines_day,
       CASE WHEN s.type = 'void' THEN o.id ELSE s.id END AS lines_of,
       CASE WHEN s.type = 'sale' THEN 1 ELSE -1 END AS sign,
       o.business_date AS original_day, o.id AS original_known,
       coalesce(o.purchase_ref, o.id, s.purchase_ref, s.id) AS purchase,
       s.member_part = 'done' AS moves_accounts, p.*
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
{ORIGINAL}
CROSS JOIN LATERAL (
    SELECT array_agg(coalesce(k.role, 'money') <> 'benefit' ORDER BY t.n) AS is_money,
           bool_and(coalesce(k.role, 'money') <> 'benefit') AS all_money,
           bool_or(t.kind IN ('points', 'ecoin', 'coupon')) AS has_benefits,
           json_object_agg(t.n, t.reference) FILTER (WHERE t.kind = 'coupon' AND t.reference IS NOT NULL) AS coupons
    FROM pos.tender AS t LEFT JOIN pos.tender_kind AS k ON k.kind = t.kind
    WHERE t.business_date = CASE WHEN s.type = 'void' THEN o.business_date ELSE s.business_date END
        AND t.sale_id = CASE WHEN s.type = 'void' THEN o.id ELSE s.id END) AS p
WHERE (s.state <> 'discarded' OR %(discarded)s) AND (s.type <> 'void' OR {VOID_HOLDS})
"""  # noqa: S608 - a constant of this file

# o is the line as it was sold: the original's of a return, the line itself otherwise.
LINES: LiteralString = f"""
COPY (
WITH wanted AS MATERIALIZED ({WANTED})
SELECT w.id, ('x' || substr(replace(w.id::text, '-', ''), 17))::bit(64)::bigint,
    w.business_date, w.store_id, w.currency, w.type, (extract(epoch FROM w.occurred_at) * 1000000)::bigint, w.member_id,
    w.purchase, coalesce(w.original_day, w.business_date),
    l.line, w.sign, l.kind,
    coalesce(o.product_id, l.product_id), coalesce(o.counter_id, l.counter_id),
    coalesce(o.category_id, l.category_id), coalesce(o.brand_id, l.brand_id),
    coalesce(o.promotion_id, l.promotion_id), coalesce(o.promotion_code, l.promotion_code),
    round(l.quantity * 1000)::bigint, l.amount,
    CASE WHEN o.line IS NOT NULL AND o.amount <> 0 THEN round(o.regular_amount::numeric * l.amount / o.amount)::bigint
         ELSE l.regular_amount END,
    CASE WHEN w.all_money IS NOT FALSE THEN l.amount
         ELSE (SELECT coalesce(sum(a.part), 0)
               FROM unnest(l.allocated, w.is_money) AS a (part, money) WHERE a.money IS NOT FALSE) END::bigint,
    CASE WHEN o.line IS NOT NULL THEN coalesce(o.tax_rate, l.tax_rate) ELSE l.tax_rate END,
    floor(CASE WHEN o.line IS NOT NULL THEN o.unit_cost ELSE l.unit_cost END * l.quantity + 0.5)::bigint,
    (coalesce(o.promotion_code, l.promotion_code) IS NOT NULL
        AND coalesce(r.method, 'other') NOT IN ('member_price', 'ecoin', 'points'))
    OR (coalesce(o.discounts, l.discounts) IS NOT NULL AND EXISTS (
        SELECT FROM json_array_elements(coalesce(o.discounts, l.discounts)) AS d
        WHERE translate(d ->> 'kind', '-_', '') NOT IN ('memberprice', 'ecoin', 'points'))),
    coalesce(o.discounts, l.discounts), CASE WHEN w.has_benefits THEN l.allocated END, w.coupons,
    w.moves_accounts
FROM wanted AS w
CROSS JOIN LATERAL (
    SELECT * FROM pos.sale_line AS l WHERE l.business_date = w.lines_day AND l.sale_id = w.lines_of OFFSET 0) AS l
LEFT JOIN LATERAL (
    SELECT * FROM pos.sale_line AS o WHERE o.business_date = w.original_day AND o.sale_id = w.original_known
        AND o.line = l.original_line
    LIMIT 1) AS o ON w.type = 'return'
LEFT JOIN pos.promotion AS r ON r.id = coalesce(o.promotion_id, l.promotion_id)
) TO STDOUT (FORMAT csv)
"""  # noqa: S608 - constants of this file


def read_lines(tx: Tx, sales: Sequence[UUID], *, discarded: bool = False) -> pa.Table:
    """The lines of these receipts (at most 2,000), as LINE_FACTS says; those of a discarded receipt only if asked for.

    `amount`, `money`, `cost` and `quantity_milli` are what the line says, to be taken times `sign`. `purchase` (what
    the accounts know it under) and `sold_on` are the original's where it is known. `money` is the part paid in money
    or stored value. `allocated` is given, as '{900,100}' by tender, where points, e-coins or coupons paid; `coupons`
    is JSON, code by tender. `discounts` is JSON. `moves_accounts`: whether the member's accounts know of the receipt.
    """
    if len(sales) > RECEIPTS_AT_ONCE_MAX:
        raise ValueError(f"at most {RECEIPTS_AT_ONCE_MAX} receipts at once")
    days, ids = _columns(_dated(sales))
    if not ids:
        return LINE_FACTS.empty_table()
    parameters = {"days": days, "ids": ids, "discarded": discarded}
    with tx.raw.cursor() as cursor, cursor.copy(LINES, parameters) as copy:
        content = b"".join(bytes(block) for block in copy)
    return _parsed(content)


def _parsed(content: bytes) -> pa.Table:
    if not content:
        return LINE_FACTS.empty_table()
    return csv.read_csv(
        pa.BufferReader(content),
        read_options=csv.ReadOptions(column_names=LINE_FACTS.names, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=LINE_FACTS, null_values=[""], true_values=["t"], false_values=["f"], strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- what belongs together


ORIGINALS = """
SELECT DISTINCT s.original_id FROM unnest(%s::date[], %s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (
    SELECT s.original_id FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
WHERE s.original_id IS NOT NULL
"""
# A settlement over several legal units is several sales and one purchase, known under the id of one of them.
PARTS = """
SELECT DISTINCT p.id FROM unnest(%s::date[], %s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (
    SELECT s.id, s.purchase_ref FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
CROSS JOIN LATERAL (
    SELECT s.purchase_ref AS id WHERE s.purchase_ref IS NOT NULL
  UNION ALL
    SELECT o.id FROM pos.sale AS o
    WHERE o.business_date = x.day AND o.purchase_ref = coalesce(s.purchase_ref, s.id)) AS p
"""
GIVEN_BACK = """
SELECT s.id FROM unnest(%s::date[], %s::uuid[]) AS x (since, id)
CROSS JOIN LATERAL (
    SELECT s.id FROM pos.sale AS s WHERE s.original_id = x.id AND s.business_date >= x.since OFFSET 0) AS s
"""


def families(tx: Tx, sales: Collection[UUID]) -> list[UUID]:
    """These receipts and every other one that says something else when they change: returns and voids of them, other
    returns of the same originals, other sales of the same settlement. Each once, in order."""
    named = set(_dated(sales))
    parents = set(_dated(sale for (sale,) in tx.ask(ORIGINALS, _columns(named))))
    parts = set(_dated(sale for (sale,) in tx.ask(PARTS, _columns(named | parents))))
    since = {(returns_from(day), sale) for day, sale in named | parents | parts}
    children = {sale for (sale,) in tx.ask(GIVEN_BACK, _columns(since))}
    return sorted({sale for _, sale in named | parts} | children)


def _dated(sales: Iterable[UUID]) -> Iterator[tuple[date, UUID]]:
    return ((day, sale) for sale in sales if (day := day_of(sale)) is not None)


def _columns(dated: Iterable[tuple[date, UUID]]) -> tuple[list[date], list[UUID]]:
    rows = sorted(dated)
    return [day for day, _ in rows], [sale for _, sale in rows]


RETURNED = """
WITH sold AS MATERIALIZED (
    SELECT x.id AS purchase, x.id AS sale, x.since FROM unnest(%(since)s::date[], %(ids)s::uuid[]) AS x (since, id)
  UNION ALL
    SELECT x.id, s.id, x.since FROM unnest(%(since)s::date[], %(ids)s::uuid[]) AS x (since, id)
    CROSS JOIN LATERAL (
        SELECT s.id FROM pos.sale AS s WHERE s.purchase_ref = x.id AND s.business_date >= x.since OFFSET 0) AS s
), returned AS MATERIALIZED (
    SELECT sold.purchase, s.business_date, s.id, s.received_at FROM sold
    CROSS JOIN LATERAL (
        SELECT * FROM pos.sale AS s WHERE s.original_id = sold.sale AND s.business_date >= sold.since
            AND s.type = 'return' AND s.state = 'posted' AND s.member_part = 'done'
        OFFSET 0) AS s
)
SELECT r.purchase, r.id, l.numbers, l.amounts FROM returned AS r
CROSS JOIN LATERAL (
    SELECT array_agg(l.original_line ORDER BY l.line) AS numbers, array_agg(l.amount ORDER BY l.line) AS amounts
    FROM pos.sale_line AS l
    WHERE l.business_date = r.business_date AND l.sale_id = r.id AND l.original_line IS NOT NULL) AS l
WHERE l.numbers IS NOT NULL
ORDER BY r.purchase, r.business_date, r.received_at, r.id
"""


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """A return whose account part is done: (line of the original, amount given back) each."""

    sale: UUID
    lines: tuple[tuple[int, int], ...]


def returns_of(tx: Tx, purchases: Collection[UUID]) -> Mapping[UUID, Sequence[ReturnFacts]]:
    """What was given back of these purchases, in order of the business date; those without returns are left out."""
    since, ids = _columns((returns_from(day), sale) for day, sale in _dated(purchases))
    found: dict[UUID, list[ReturnFacts]] = {}
    for purchase, sale, numbers, amounts in tx.ask(RETURNED, {"since": since, "ids": ids}) if ids else ():
        found.setdefault(purchase, []).append(ReturnFacts(sale, tuple(zip(numbers, amounts, strict=True))))
    return found


# ---------------------------------------------------------------------------------------------- everything there is


PAGE = """
SELECT id FROM pos.sale WHERE business_date >= %s AND business_date < %s AND (business_date, id) > (%s, %s)
ORDER BY business_date, id LIMIT %s
"""


def receipts_between(tx: Tx, first: date, end: date, after: UUID | None, limit: int) -> list[UUID]:
    """A page of receipts with business dates from `first` until before `end`, after `after`, in order."""
    begin: tuple[Any, Any] = (date.min, UUID(int=0)) if after is None else (day_of(after), after)
    return [sale for (sale,) in tx.ask(PAGE, (first, end, *begin, limit))]


def business_days(tx: Tx) -> tuple[date, date] | None:
    """The first and the last business date on which there is a receipt; None before the first."""
    row = tx.ask("SELECT min(business_date), max(business_date) FROM pos.sale").fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


TOTALS = f"""
WITH moved AS (
    SELECT s.store_id, s.business_date, l.amount * CASE s.type WHEN 'sale' THEN 1 ELSE -1 END AS amount,
           round(l.quantity * 1000)::bigint * CASE s.type WHEN 'sale' THEN 1 ELSE -1 END AS quantity
    FROM pos.sale AS s JOIN pos.sale_line AS l ON l.business_date = s.business_date AND l.sale_id = s.id
    WHERE s.business_date >= %(first)s AND s.business_date < %(end)s AND s.type <> 'void' AND s.state <> 'discarded'
  UNION ALL
    SELECT s.store_id, s.business_date, -l.amount, -round(l.quantity * 1000)::bigint
    FROM pos.sale AS s JOIN pos.sale AS o ON o.id = s.original_id AND o.currency = s.currency
    JOIN pos.sale_line AS l ON l.business_date = o.business_date AND l.sale_id = o.id
    WHERE s.business_date >= %(first)s AND s.business_date < %(end)s AND s.type = 'void' AND {VOID_HOLDS}
)
SELECT store_id, business_date, count(*), sum(amount)::bigint, sum(quantity)::bigint
FROM moved GROUP BY store_id, business_date ORDER BY business_date, store_id
"""  # noqa: S608 - a constant of this file


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What the receipts of a store and business date come to, returns and voids taken off, all kinds of lines."""

    store_id: int
    business_date: date
    lines: int
    amount: int
    quantity_milli: int


def totals_between(tx: Tx, first: date, end: date) -> Iterator[DayTotals]:
    """Totals by business date and store, computed from the receipts alone."""
    for row in tx.ask(TOTALS, {"first": first, "end": end}):
        yield DayTotals(*row)
