"""The figures of a day: what was taken by tender and cashier, what was sold by counter, what the accounts moved.

Worked out set-based from what is posted on the day; kept as rows when the day is closed, and read from there ever
after. The journal for finance follows from the other figures (`books`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from sqlalchemy import Table, select

from foundation.database import Tx
from foundation.money import half_up
from foundation.rows import Write
from member_api.contract.days import Cause, movements_of, standing_before, topups_named
from member_api.contract.points import points_of_purchases
from organisation.contract import CounterFacts, CounterMode, StoreFacts, counters_by_id, staff_by_id
from pos_adapter.day.books import journal_of
from pos_adapter.day.posting import Books, Posted, What
from pos_adapter.day.rolling import account_figure
from pos_adapter.day.rules import AccountFigure, Drawer, Entry, Figures, SalesFigure, TenderFigure
from pos_adapter.day.tables import (
    WRITE_DAY_ACCOUNT,
    WRITE_DAY_ENTRY,
    WRITE_DAY_SALES,
    WRITE_DAY_TENDER,
    day_account,
    day_entry,
    day_sales,
    day_tender,
)
from pos_adapter.handheld.rules import TERMINAL_PREFIX
from pos_adapter.sales.benefits import WHOLE, Benefits, benefits_of
from pos_adapter.sales.facts import ORIGINAL, RECEIPTS_AT_ONCE_MAX, read_lines
from pos_adapter.tenders.operations import tender_roles
from pos_adapter.tenders.rules import TenderRole

MILLION = 1_000_000
FIGURES_MAX = 100_000
COLUMNS = (
    "sale", "purchase", "sold_on", "sign", "kind", "counter_id", "promotion_code", "tax_rate", "amount", "money",
    "discounts", "allocated", "coupons",
)  # fmt: skip


def figures_of(
    tx: Tx, store: StoreFacts, posted: Posted, books: Books | None, drawers: Sequence[Drawer], *, closes: bool = False
) -> Figures:
    """The figures of what is posted on a day, worked out now.

    What the accounts opened with before there were books is read from all the store's history: only if it `closes`.
    """
    tenders = [*_tenders(tx, store, posted), *_topups(tx, store, posted)]
    sales = _sales(tx, store, posted)
    accounts = _accounts(tx, store, posted, books, closes=closes)
    return Figures(tuple(tenders), tuple(sales), tuple(accounts), tuple(journal_of(store, tenders, sales, drawers)))


# ------------------------------------------------------------------------------------------------ by tender


# Every part of every tender as it was allocated, so that it is known which legal unit's goods it paid for. At a
# handheld nobody opens a shift: who sold took the payment.
TENDERS: LiteralString = f"""
WITH wanted AS MATERIALIZED (
    SELECT s.id, s.terminal, s.business_date, s.occurred_at, x.effect * CASE s.type WHEN 'sale' THEN 1 ELSE -1 END
           AS sign, CASE WHEN s.type = 'void' THEN o.business_date ELSE s.business_date END AS lines_day,
           CASE WHEN s.type = 'void' THEN o.id ELSE s.id END AS lines_of
    FROM unnest(%(days)s::date[], %(ids)s::uuid[], %(effects)s::integer[]) AS x (day, id, effect)
    CROSS JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
    {ORIGINAL}
), settled AS MATERIALIZED (
    SELECT (p ->> 'id')::uuid AS sale, st.cashier
    FROM pos.settlement AS st CROSS JOIN json_array_elements(st.sales) AS p
    WHERE st.store_id = %(store)s AND st.business_date = ANY(%(distinct_days)s) AND st.state = 'paid'
), refunded AS MATERIALIZED (
    SELECT r.return_sale_id AS sale, r.refunded_by FROM pos.red_ticket AS r
    WHERE r.store_id = %(store)s AND r.return_sale_id = ANY(%(ids)s)
), shifts AS MATERIALIZED (
    SELECT h.terminal, h.cashier, h.opened_at, coalesce(h.counted_at, 'infinity') AS ended_at FROM pos.shift AS h
    WHERE h.store_id = %(store)s AND h.cashier IS NOT NULL AND h.business_date = ANY(%(shift_days)s)
), part AS (
    SELECT coalesce(u.unit, %(unit)s) AS unit, w.terminal, w.id, t.kind, w.sign * a.amount AS amount,
           w.sign * l.allocated_units[a.n] AS units,
           coalesce(st.cashier, (SELECT h.cashier FROM shifts AS h WHERE h.terminal = w.terminal
                                 AND w.occurred_at >= h.opened_at AND w.occurred_at <= h.ended_at LIMIT 1),
                    r.refunded_by, CASE WHEN starts_with(w.terminal, %(handheld)s) THEN l.salesperson END) AS cashier
    FROM wanted AS w
    CROSS JOIN LATERAL (
        SELECT * FROM pos.sale_line AS l WHERE l.business_date = w.lines_day AND l.sale_id = w.lines_of OFFSET 0) AS l
    CROSS JOIN LATERAL unnest(l.allocated) WITH ORDINALITY AS a (amount, n)
    JOIN LATERAL (
        SELECT * FROM pos.tender AS t
        WHERE t.business_date = w.lines_day AND t.sale_id = w.lines_of AND t.n = a.n LIMIT 1) AS t ON true
    LEFT JOIN unnest(%(counters)s::integer[], %(units)s::text[]) AS u (counter, unit) ON u.counter = l.counter_id
    LEFT JOIN settled AS st ON st.sale = w.id
    LEFT JOIN refunded AS r ON r.sale = w.id
    WHERE a.amount <> 0
)
SELECT unit, terminal, cashier, kind, count(DISTINCT id), sum(amount)::bigint, sum(units)::bigint
FROM part GROUP BY unit, terminal, cashier, kind ORDER BY unit, terminal, cashier, kind
"""  # noqa: S608 - a constant of the sales
COUNTERS: LiteralString = """
SELECT DISTINCT l.counter_id FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (
    SELECT l.counter_id FROM pos.sale_line AS l WHERE l.business_date = x.day AND l.sale_id = x.id OFFSET 0) AS l
WHERE l.counter_id IS NOT NULL
"""


def _tenders(tx: Tx, store: StoreFacts, posted: Posted) -> Iterator[TenderFigure]:
    receipts = posted.of(What.RECEIPT)
    roles = tender_roles(tx)
    columns: dict[str, Any] = {
        "days": [item.business_date for item in receipts], "ids": [item.id for item in receipts],
    }  # fmt: skip
    named = [id for (id,) in tx.ask(COUNTERS, columns)]
    units = {id: facts.legal_unit for id, facts in counters_by_id(tx, named).items()}
    rows = tx.ask(
        TENDERS,
        columns
        | {
            "effects": [item.effect for item in receipts], "store": store.id, "unit": store.legal_unit,
            "handheld": TERMINAL_PREFIX,
            "distinct_days": sorted({item.business_date for item in receipts}),
            # A shift of the night began on the day before.
            "shift_days": sorted({item.business_date + timedelta(days=n) for item in receipts for n in (-1, 0, 1)}),
            "counters": list(units), "units": list(units.values()),
        },
    ).fetchall()  # fmt: skip
    numbers = _staff_numbers(tx, {row[2] for row in rows if row[2] is not None})
    for unit, terminal, cashier, kind, count, amount, moved in rows:
        role = roles.get(kind, TenderRole.MONEY)
        yield TenderFigure("receipt", unit, terminal, numbers.get(cashier), kind, role.value, count, amount, moved)


def _staff_numbers(tx: Tx, cashiers: Iterable[str]) -> Mapping[str | None, str | None]:
    """Staff numbers of cashiers; one who is known as an actor ("person:7") is looked up, a machine is nobody."""
    found: dict[str | None, str | None] = {None: None}
    people: dict[str, int] = {}
    for cashier in cashiers:
        kind, colon, id = cashier.partition(":")
        found[cashier] = None if colon else cashier
        if kind == "person" and id.isdigit():
            people[cashier] = int(id)
    colleagues = staff_by_id(tx, set(people.values())) if people else {}
    return found | {actor: colleagues[id].number for actor, id in people.items() if id in colleagues}


def _topups(tx: Tx, store: StoreFacts, posted: Posted) -> Iterator[TenderFigure]:
    """What was paid in, by terminal and tender; then the bonus that was given with it."""
    sums: dict[tuple[str | None, str], tuple[int, int, int]] = {}
    for each in topups_named(tx, [item.id for item in posted.of(What.TOPUP)]):
        count, amount, bonus = sums.get((each.terminal, each.tender), (0, 0, 0))
        sums[each.terminal, each.tender] = (count + 1, amount + each.amount, bonus + each.bonus)
    for (terminal, kind), (count, amount, bonus) in sorted(sums.items(), key=lambda each: (each[0][0] or "", each[0])):
        yield TenderFigure(
            "topup", store.legal_unit, terminal, None, kind, TenderRole.MONEY.value, count, amount, bonus or None
        )


# ------------------------------------------------------------------------------------------------ by counter


@dataclass(slots=True)
class _Sum:
    """What lines of one band come to."""

    lines: int = 0
    amount: int = 0
    money: int = 0
    benefits: int = 0
    borne: int = 0
    base: int = 0


@dataclass(frozen=True, slots=True)
class _Band:
    """Lines that are reckoned alike: same counter, terms, tax."""

    counter_id: int | None
    mode: CounterMode
    kind: str
    promotion: str | None
    rate: Decimal | None
    tax_rate: int | None


@dataclass(slots=True)
class _Bands:
    """Lines summed by band; counters as they are known."""

    tx: Tx
    counters: dict[int, CounterFacts] = field(default_factory=dict)
    sums: dict[_Band, _Sum] = field(default_factory=dict)

    def add(self, lines: Sequence[Mapping[str, Any]], effect: int) -> None:
        self.counters |= counters_by_id(self.tx, {line["counter_id"] for line in lines} - {None} - set(self.counters))
        bands = [self._band(line) for line in lines]
        benefits = _benefits(self.tx, lines, bands)
        for n, (line, band) in enumerate(zip(lines, bands, strict=True)):
            sign = line["sign"] * effect
            of_line = benefits.get(n) or Benefits(line["amount"] - line["money"], 0)
            total = self.sums.setdefault(band, _Sum())
            total.lines += 1
            total.amount += sign * line["amount"]
            total.money += sign * line["money"]
            total.benefits += sign * of_line.used
            total.borne += sign * of_line.suppliers_share
            if band.mode in (CounterMode.CONCESSION, CounterMode.CONSIGNMENT) and band.kind == "goods":
                total.base += sign * (line["money"] + of_line.used)

    def _band(self, line: Mapping[str, Any]) -> _Band:
        counter = self.counters.get(line["counter_id"])
        kind, tax_rate = line["kind"], line["tax_rate"]
        if counter is None:
            return _Band(None, CounterMode.OWN, kind, None, None, tax_rate)
        day, promotion = line["sold_on"], line["promotion_code"]
        mode = counter.mode_on(day)
        if mode in (CounterMode.OWN, CounterMode.LEASED):
            return _Band(counter.id, mode, kind, None, None, tax_rate)
        ordinary, agreed = counter.rate_on(day), counter.rate_on(day, promotion)
        return _Band(counter.id, mode, kind, promotion if agreed != ordinary else None, agreed, tax_rate)


def _benefits(tx: Tx, lines: Sequence[Mapping[str, Any]], bands: Sequence[_Band]) -> dict[int, Benefits]:
    """Benefits of the lines of other people's goods, by their place: who bears them matters there only."""
    places = [n for n, band in enumerate(bands) if band.mode in (CounterMode.CONCESSION, CounterMode.CONSIGNMENT)]
    those = [lines[n] for n in places]
    refs = sorted({UUID(line["purchase"]) for line in those if line["allocated"]})
    return dict(zip(places, benefits_of(tx, those, points_of_purchases(tx, refs, {})), strict=True))


def _sales(tx: Tx, store: StoreFacts, posted: Posted) -> list[SalesFigure]:
    bands = _Bands(tx)
    for effect in (1, -1):
        receipts = [item.id for item in posted.of(What.RECEIPT) if item.effect == effect]
        for n in range(0, len(receipts), RECEIPTS_AT_ONCE_MAX):
            # What was discarded since it was posted is taken out again as it stood.
            lines = read_lines(tx, receipts[n : n + RECEIPTS_AT_ONCE_MAX], discarded=True).select(COLUMNS).to_pylist()
            bands.add(lines, effect)
    found = [_figure(store, band, bands.counters, total) for band, total in bands.sums.items()]
    return sorted(
        found, key=lambda f: (f.legal_unit, f.counter, f.kind, f.promotion or "", f.rate or 0, f.tax_rate or 0)
    )


def _figure(store: StoreFacts, band: _Band, counters: Mapping[int, CounterFacts], total: _Sum) -> SalesFigure:
    counter = counters.get(band.counter_id or 0)
    tax = band.tax_rate or 0
    commission = half_up(total.base * int(band.rate * MILLION), MILLION) if band.rate is not None else 0
    return SalesFigure(
        counter.legal_unit if counter is not None else store.legal_unit,
        band.counter_id,
        counter.code if counter is not None else "",
        band.mode.value,
        counter.supplier if counter is not None else None,
        band.kind,
        band.promotion,
        band.rate,
        band.tax_rate,
        total.lines,
        total.amount,
        half_up(total.money * tax, WHOLE + tax),
        total.benefits,
        total.borne,
        total.base,
        commission,
    )


# ------------------------------------------------------------------------------------------------ accounts


def _accounts(tx: Tx, store: StoreFacts, posted: Posted, books: Books | None, *, closes: bool) -> list[AccountFigure]:
    """Opening and movements by kind, currency and funder. A day that is not the next opens as the last one closed."""
    sums: dict[tuple[str, str, str], dict[Cause | None, int]] = {}
    for each in movements_of(tx, [item.id for item in posted.of(What.JOURNAL)]):
        sums.setdefault((each.kind, each.currency, each.funder), {})[each.cause] = each.amount
    is_unknown = books is None and not closes
    for key, opening in ({} if is_unknown else _opening(tx, store, posted.day, books)).items():
        sums.setdefault(key, {})[None] = opening
    found = [account_figure(key, store.legal_unit, sums[key]) for key in sorted(sums)]
    return [msgspec.structs.replace(each, opening=None, closing=None) for each in found] if is_unknown else found


def _opening(tx: Tx, store: StoreFacts, day: date, books: Books | None) -> dict[tuple[str, str, str], int]:
    if books is None:
        standing = standing_before(tx, store.code, day, store.timezone)
        return {(each.kind, each.currency, each.funder): each.amount for each in standing if each.amount}
    rows = tx.execute(
        "SELECT kind, currency, funder, closing FROM pos.day_account WHERE store_id = :store AND day ="
        " (SELECT max(day) FROM pos.store_day WHERE store_id = :store AND day < :day) AND closing <> 0",
        {"store": store.id, "day": day},
    )
    return {(row.kind, row.currency, row.funder): row.closing for row in rows}


# ------------------------------------------------------------------------------------------------ kept


def keep_figures(tx: Tx, store_id: int, day: date, figures: Figures) -> None:
    """Write the figures of a closed day down, in the transaction's rows."""
    for write, found in (
        (WRITE_DAY_TENDER, figures.tenders),
        (WRITE_DAY_SALES, figures.sales),
        (WRITE_DAY_ACCOUNT, figures.accounts),
        (WRITE_DAY_ENTRY, figures.entries),
    ):
        tx.rows.extend(write, _rows(write, store_id, day, found))


def _rows(write: Write, store_id: int, day: date, found: Sequence[Any]) -> list[Any]:
    numbered = "n" in write.row.__struct_fields__
    return [
        write.row(
            store_id=store_id, day=day, **({"n": n} if numbered else {}), **msgspec.structs.asdict(each)
        )
        for n, each in enumerate(found, 1)
    ]  # fmt: skip


def kept_figures(tx: Tx, store_id: int, day: date) -> Figures:
    """The figures of a closed day, as they were kept."""
    return Figures(
        _kept(tx, day_tender, TenderFigure, store_id, day),
        _kept(tx, day_sales, SalesFigure, store_id, day),
        _kept(tx, day_account, AccountFigure, store_id, day),
        _kept(tx, day_entry, Entry, store_id, day),
    )


def _kept(tx: Tx, table: Table, kind: Any, store_id: int, day: date) -> tuple[Any, ...]:
    names = kind.__struct_fields__
    asked = select(*(table.c[name] for name in names)).where(table.c.store_id == store_id, table.c.day == day)
    order = [table.c.n] if "n" in table.c else [table.c.kind, table.c.currency, table.c.funder]
    return tuple(kind(*row) for row in tx.execute(asked.order_by(*order).limit(FIGURES_MAX)))
