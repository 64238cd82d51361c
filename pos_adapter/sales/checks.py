"""What receipts prove about themselves: every tender is allocated to the unit, totals are those of the lines."""

from collections.abc import Callable, Iterator
from typing import LiteralString

from foundation.checks import register_check
from foundation.database import Tx


def _check(name: str, sql: LiteralString, words: Callable[..., tuple[str, str]]) -> None:
    def run(tx: Tx) -> Iterator[tuple[str, str]]:
        for row in tx.raw.execute(sql):
            yield words(*row)

    register_check(name, run)


_check(
    "pos allocation by line",
    """
    SELECT business_date, sale_id, line, amount, (SELECT sum(a) FROM unnest(allocated) AS a)
    FROM pos.sale_line
    WHERE amount <> coalesce((SELECT sum(a) FROM unnest(allocated) AS a), 0)
      AND EXISTS (SELECT FROM pos.tender AS t WHERE t.business_date = sale_line.business_date
                  AND t.sale_id = sale_line.sale_id)
    ORDER BY sale_id, line LIMIT 1000
    """,
    lambda day, sale, line, amount, allocated: (
        f"sale {sale} line {line}", f"came to {amount}, its tenders paid {allocated} ({day})"
    ),
)  # fmt: skip
_check(
    "pos allocation by tender",
    """
    SELECT t.sale_id, t.n, t.kind, t.amount, coalesce(a.amount, 0), t.units, a.units
    FROM pos.tender AS t
    LEFT JOIN (
        SELECT l.business_date, l.sale_id, p.n, sum(p.amount) AS amount, sum(l.allocated_units[p.n]) AS units
        FROM pos.sale_line AS l CROSS JOIN LATERAL unnest(l.allocated) WITH ORDINALITY AS p (amount, n)
        GROUP BY l.business_date, l.sale_id, p.n
    ) AS a ON a.business_date = t.business_date AND a.sale_id = t.sale_id AND a.n = t.n
    WHERE t.amount <> coalesce(a.amount, 0) OR (a.units IS NOT NULL AND coalesce(t.units, 0) <> a.units)
    ORDER BY t.sale_id, t.n LIMIT 1000
    """,
    lambda sale, n, kind, amount, allocated, units, allocated_units: (
        f"sale {sale} tender {n} ({kind})",
        f"is {amount} ({units} units), its allocation sums to {allocated} ({allocated_units} units)",
    ),
)
_check(
    "pos sale totals",
    """
    SELECT s.id, s.type, s.amount, coalesce(l.amount, 0), coalesce(t.amount, 0)
    FROM pos.sale AS s
    LEFT JOIN (SELECT business_date, sale_id, sum(amount) AS amount FROM pos.sale_line GROUP BY 1, 2) AS l
        ON l.business_date = s.business_date AND l.sale_id = s.id
    LEFT JOIN (SELECT business_date, sale_id, sum(amount) AS amount FROM pos.tender GROUP BY 1, 2) AS t
        ON t.business_date = s.business_date AND t.sale_id = s.id
    WHERE s.type <> 'void' AND (s.amount <> coalesce(l.amount, 0) OR s.amount <> coalesce(t.amount, 0))
    ORDER BY s.id LIMIT 1000
    """,
    lambda sale, kind, amount, lines, tenders: (
        f"sale {sale}", f"({kind}) came to {amount}, its lines to {lines}, its tenders to {tenders}"
    ),
)  # fmt: skip
_check(
    "pos returns",
    """
    SELECT o.sale_id, o.line, o.amount, sum(l.amount)
    FROM pos.sale AS r
    JOIN pos.sale_line AS l ON l.business_date = r.business_date AND l.sale_id = r.id
    JOIN pos.sale_line AS o ON o.sale_id = r.original_id AND o.line = l.original_line
    -- What came before its original is held against it when it is settled; until then it has moved no account.
    WHERE r.type = 'return' AND r.state = 'posted'
      AND NOT (r.member_part = 'waiting' AND r.open_flags && ARRAY['unknown_original', 'contradicts_original'])
    GROUP BY o.business_date, o.sale_id, o.line, o.amount HAVING sum(l.amount) > greatest(o.amount, 0)
    ORDER BY o.sale_id, o.line LIMIT 1000
    """,
    lambda sale, line, amount, returned: (f"sale {sale} line {line}", f"sold {amount}, {returned} was given back"),
)
