"""Whether the database holds what the department store was made of: its tills day by day, its tickets one by one.

Reads the tables of pos directly, in one read-only transaction, as only the roof may. What people have done in the
store since is left alone: other terminals, other tickets.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import LiteralString

from foundation.database import Tx, database
from regulars.demo.check import STATEMENT_TIMEOUT_MS, Finding
from regulars.demo.department.building import COUNTERS, STORE
from regulars.demo.department.floor import customers_of, ticket_id
from regulars.demo.department.load import customers
from regulars.demo.department.notes import Made, read_made
from regulars.demo.department.tills import TILLS, Past, TillTotals, past

# A void gives back what its original was; its own row carries no lines.
RECEIPTS: LiteralString = """
SELECT s.business_date, s.type, s.id, o.id, coalesce(o.amount, s.amount)
FROM pos.sale AS s JOIN organisation.store AS store ON store.id = s.store_id
LEFT JOIN pos.sale AS o ON s.type = 'void' AND o.id = s.original_id
WHERE store.code = %(store)s AND s.terminal = ANY(%(tills)s) AND s.series = 0 AND s.state <> 'discarded'
  AND s.business_date BETWEEN %(first)s AND %(last)s
"""
DAYS: LiteralString = f"""
WITH r (day, type, id, original, amount) AS ({RECEIPTS})
SELECT r.day, count(*), coalesce(sum(amount) FILTER (WHERE type = 'sale'), 0)::bigint,
       coalesce(sum(amount) FILTER (WHERE type = 'return'), 0)::bigint,
       coalesce(sum(amount) FILTER (WHERE type = 'void'), 0)::bigint
FROM r GROUP BY r.day
"""  # noqa: S608 - constants of this file
TENDERS: LiteralString = f"""
WITH r (day, type, id, original, amount) AS ({RECEIPTS})
SELECT r.day, t.kind, sum(CASE r.type WHEN 'sale' THEN t.amount ELSE -t.amount END)::bigint
FROM r JOIN pos.tender AS t ON t.sale_id = coalesce(r.original, r.id) GROUP BY r.day, t.kind
"""  # noqa: S608 - constants of this file


def check_department(home: Path, *, offset_weeks: int | None = None) -> tuple[Finding, ...] | None:
    """Compare the database of this process with the store as it was made; None where this home has none."""
    made = read_made(home)
    if made is None:
        return None
    cards = [member.card for member in customers(home, offset_weeks).members]
    rung = past(made.calendar, made.share, cards)
    with database().transaction(read_only=True) as tx:
        tx.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        return (*_building(tx), *_tills(tx, rung), *_floor(tx, made, cards))


def _building(tx: Tx) -> list[Finding]:
    rows = tx.ask(
        "SELECT c.code, c.floor FROM organisation.counter AS c"
        " JOIN organisation.store AS s ON s.id = c.store_id WHERE s.code = %s",
        (STORE,),
    ).fetchall()
    right = {(counter.code, counter.floor) for counter in COUNTERS}
    return [Finding("counters", len(right), len(rows), len(right ^ set(rows)))]


def _tills(tx: Tx, rung: Past) -> list[Finding]:
    right, found = rung.totals(), _totals(tx, rung)
    kinds = sorted({kind for total in right.values() for kind in total.tenders})

    def by_day(what: str, figure: Callable[[TillTotals], int]) -> Finding:
        """A figure of the whole time; each day counts by itself."""
        one, other = ({day: figure(total) for day, total in totals.items()} for totals in (right, found))
        different = sum(one.get(day, 0) != other.get(day, 0) for day in one.keys() | other.keys())
        return Finding(what, sum(one.values()), sum(other.values()), different)

    return [
        by_day("till receipts", lambda total: total.receipts),
        by_day("  sold, fen", lambda total: total.sold),
        by_day("  given back, fen", lambda total: total.given_back),
        by_day("  voided, fen", lambda total: total.voided),
        *(by_day(f"  paid by {kind}, fen", partial(_paid_by, kind)) for kind in kinds),
    ]


def _paid_by(kind: str, total: TillTotals) -> int:
    return total.tenders[kind]


def _totals(tx: Tx, rung: Past) -> dict[date, TillTotals]:
    """What the database says that the tills took, day by day."""
    days = rung.calendar
    asked = {"store": STORE, "tills": list(TILLS), "first": days.first_day, "last": days.last_day}
    found = {day: TillTotals(*figures) for day, *figures in tx.ask(DAYS, asked)}
    for day, kind, amount in tx.ask(TENDERS, asked):
        found[day].tenders[kind] = amount
    return found


def _floor(tx: Tx, made: Made, cards: Sequence[str]) -> list[Finding]:
    """The tickets of the day on the floor, as their customers were first issued them."""
    if made.played is None:
        return []
    right = {
        ticket_id(made.played, customer.number, part.counter.code): part.amount
        for customer in customers_of(made.calendar, made.played, made.floor_share, cards)
        for part in customer.basket.parts
    }
    rows = tx.ask("SELECT id, amount FROM pos.ticket WHERE id = ANY(%s::uuid[])", (list(right),)).fetchall()
    found = {str(id): amount for id, amount in rows}
    different = sum(found.get(id) != amount for id, amount in right.items())
    return [
        Finding("e-tickets", len(right), len(found), different),
        Finding("  amount, fen", sum(right.values()), sum(found.values()), different),
    ]
