"""Receipts as rows of the lake: facts of the sales, points of the accounts, terms of the counters brought together."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analytics.lake.rules import WHOLE, Mode, gross_profit, shared
from analytics.lake.schema import LINES, MOMENT
from foundation.database import Tx
from member_api.contract.points import (
    GivenBack,
    LineReturn,
    PurchasePoints,
    points_of_purchases,
)
from organisation.contract import CounterFacts, counters_by_id, stores_by_id
from pos_adapter.contract.catalogue import brands_by_code, categories_by_path
from pos_adapter.contract.sales import benefits_of, read_lines, returns_of

RECEIPT_SIGN = {"sale": 1, "return": 0, "void": -1}


def lake_lines(tx: Tx, receipts: Sequence[UUID], position: int) -> pa.Table:
    """The rows of these receipts (at most 2,000) as schema.LINES, true up to this event position."""
    facts = read_lines(tx, receipts)
    if not facts.num_rows:
        return LINES.empty_table()
    stores = stores_by_id(tx, _distinct(facts, "store_id"))
    counters = counters_by_id(tx, _distinct(facts, "counter_id"))
    points = _points(tx, facts)
    sign = facts["sign"].cast(pa.int64())
    modes = _modes(facts, counters)
    category_id, brand_id = _of_counters(tx, facts, counters)
    columns = {
        name: facts[name]
        for name in (
            "business_date", "store_id", "currency", "receipt", "line", "type", "member_id", "kind", "product_id",
            "counter_id", "promotion_id", "tax_rate", "promoted",
        )
    } | {
        "format": _mapped(facts["store_id"], {id: store.format for id, store in stores.items()}, pa.string()),
        "receipt_sign": _mapped(facts["type"], RECEIPT_SIGN, pa.int8()),
        "occurred_at": facts["occurred_at_us"].cast(MOMENT),
        "counter_mode": modes,
        "category_id": category_id,
        "brand_id": brand_id,
        "benefit": compute.multiply(compute.subtract(facts["amount"], facts["money"]), sign),
        "profit": compute.multiply(_profits(tx, facts, modes, counters, points), sign),
        "points": _points_by_line(facts, points),
        "position": pa.repeat(pa.scalar(position, pa.int64()), facts.num_rows),
    }  # fmt: skip
    for name in ("quantity_milli", "amount", "regular_amount", "money", "cost"):
        columns[name] = compute.multiply(facts[name], sign)
    return pa.table([columns[name] for name in LINES.names], names=LINES.names).cast(LINES)


def _distinct(facts: pa.Table, column: str) -> list[Any]:
    return [value for value in facts[column].unique().to_pylist() if value is not None]


def _mapped(column: pa.ChunkedArray, values: Mapping[Any, Any], kind: pa.DataType) -> pa.Array:
    """A column looked up in a small mapping."""
    encoded = column.combine_chunks().dictionary_encode()
    looked_up = pa.array([values[key] for key in encoded.dictionary.to_pylist()], kind)
    return looked_up.take(encoded.indices)


# ---------------------------------------------------------------------------------------------- counters


def _modes(facts: pa.Table, counters: Mapping[int, CounterFacts]) -> pa.Array:
    """The mode of each line's counter on the day of the sale; None where there is no counter."""
    if not counters:
        return pa.nulls(facts.num_rows, pa.string())
    pairs = zip(facts["counter_id"].to_pylist(), facts["sold_on"].to_pylist(), strict=True)
    known: dict[tuple[int, date], str] = {}

    def mode(counter_id: int | None, day: date) -> str | None:
        if counter_id is None or counter_id not in counters:
            return None
        if (counter_id, day) not in known:
            known[counter_id, day] = counters[counter_id].mode_on(day).value
        return known[counter_id, day]

    return pa.array([mode(*pair) for pair in pairs], pa.string())


def _of_counters(tx: Tx, facts: pa.Table, counters: Mapping[int, CounterFacts]) -> tuple[Any, Any]:
    """Category and brand of each line: the product's, or else the counter's (a typed price names no product)."""
    if not counters:
        return facts["category_id"], facts["brand_id"]
    paths = categories_by_path(tx, {counter.category for counter in counters.values() if counter.category})
    brands = brands_by_code(tx, {counter.brand for counter in counters.values() if counter.brand is not None})
    category = {id: paths.get(counter.category) for id, counter in counters.items()}
    brand = {id: brands.get(counter.brand or "") for id, counter in counters.items()}
    of_counter = facts["counter_id"].to_pylist()
    return (
        compute.coalesce(facts["category_id"], pa.array([category.get(id) for id in of_counter], pa.int32())),
        compute.coalesce(facts["brand_id"], pa.array([brand.get(id) for id in of_counter], pa.int32())),
    )


# ---------------------------------------------------------------------------------------------- profit


def _profits(
    tx: Tx,
    facts: pa.Table,
    modes: pa.Array,
    counters: Mapping[int, CounterFacts],
    points: Mapping[UUID, PurchasePoints],
) -> pa.Array:
    """Gross profit of each line as sold; None unknown, or not goods."""
    money = np.asarray(facts["money"])
    taxed = WHOLE + np.asarray(compute.fill_null(facts["tax_rate"], 0)).astype(np.int64)
    cost = facts["cost"].combine_chunks()
    # gross_profit of own goods for a whole column at once.
    without_tax = np.sign(money) * ((2 * np.abs(money) * WHOLE + taxed) // (2 * taxed))
    own = without_tax - np.asarray(compute.fill_null(cost, 0))
    goods = np.asarray(compute.equal(facts["kind"], "goods"))
    known = goods & np.asarray(compute.is_valid(cost))
    others = np.flatnonzero(goods & np.asarray(compute.fill_null(compute.not_equal(modes, Mode.OWN.value), False)))
    if len(others):
        terms = Contracts(tx, facts.take(pa.array(others)), counters, points)
        for n, profit in zip(others, terms.profits(modes.take(pa.array(others)).to_pylist()), strict=True):
            known[n] = profit is not None
            own[n] = profit or 0
    return pa.array(own, pa.int64(), mask=~known)


class Contracts:
    """Lines of counters that sell other people's goods."""

    def __init__(
        self, tx: Tx, lines: pa.Table, counters: Mapping[int, CounterFacts], points: Mapping[UUID, PurchasePoints]
    ) -> None:
        self._lines = lines.to_pylist()
        self._counters = counters
        self._benefits = benefits_of(tx, self._lines, points)

    def profits(self, modes: Sequence[str]) -> list[int | None]:
        """The gross profit of each line."""
        return [self._profit(n, Mode(mode)) for n, mode in enumerate(modes)]

    def _profit(self, n: int, mode: Mode) -> int | None:
        line = self._lines[n]
        benefits = self._benefits[n]
        counter = self._counters[line["counter_id"]]
        return gross_profit(
            mode,
            line["money"],
            tax_rate=line["tax_rate"],
            base=line["money"] + benefits.used,
            rate=counter.rate_on(line["sold_on"], line["promotion_code"]),
            suppliers_share=benefits.suppliers_share,
        )


# ---------------------------------------------------------------------------------------------- points


def _points(tx: Tx, facts: pa.Table) -> dict[UUID, PurchasePoints]:
    """What the accounts know of the purchases behind these lines, by the ref that the accounts know them under."""
    moving = facts.filter(facts["moves_accounts"])
    refs = [UUID(ref) for ref in moving["purchase"].unique().to_pylist()]
    returned = moving.filter(compute.equal(moving["type"], "return"))["purchase"].unique().to_pylist()
    returns = returns_of(tx, [UUID(ref) for ref in returned]) if returned else {}
    given_back = {
        ref: [GivenBack(back.sale, [LineReturn(*line) for line in back.lines]) for back in backs]
        for ref, backs in returns.items()
    }
    return points_of_purchases(tx, refs, given_back)


def _points_by_line(facts: pa.Table, points: Mapping[UUID, PurchasePoints]) -> pa.Array:
    """Points that each line earned; of a void negated, of a return what it took back, shared pro rata to amounts."""
    if not points:
        return pa.array(np.zeros(facts.num_rows, np.int64))
    result = [0] * facts.num_rows
    returns: dict[str, list[int]] = {}
    names = ("sale", "purchase", "type", "line", "sign", "moves_accounts")
    purchases = {str(ref): purchase for ref, purchase in points.items()}
    for n, (sale, ref, type, line, sign, moves) in enumerate(
        zip(*(facts[name].to_pylist() for name in names), strict=True)
    ):
        if moves and (purchase := purchases.get(ref)) is not None:
            if type == "return":
                returns.setdefault(sale, []).append(n)
            else:
                result[n] = sign * purchase.earned.get(line, 0)
    if returns:
        _take_back(result, returns, facts, purchases)
    return pa.array(result, pa.int64())


def _take_back(
    result: list[int], returns: Mapping[str, list[int]], facts: pa.Table, purchases: Mapping[str, PurchasePoints]
) -> None:
    amounts, refs = facts["amount"].to_pylist(), facts["purchase"].to_pylist()
    for sale, rows in returns.items():
        taken = purchases[refs[rows[0]]].taken_back.get(UUID(sale), 0)
        for n, part in zip(rows, shared(taken, [amounts[n] for n in rows]), strict=True):
            result[n] = -part
