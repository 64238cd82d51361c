"""Baskets of the source as the bodies of `POST /v1/sales/batch`.

A basket becomes one sale, a line one line. `amount` is what the store received, `regular_amount` the shelf price,
the difference its discounts. Makers' coupons pay part of the basket: a `voucher` tender of at most the total, whose
`face` tells the rest. Bodies are made a window of baskets at a time, so that memory stays bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from regulars.demo.catalogue import COUPON_MATCH, MEMBER_PRICE, departments_of, is_markdown, week_promotion
from regulars.demo.connection import key_of
from regulars.demo.dates import wall_times
from regulars.demo.json_columns import grouped, joined, listed, of_table, text, where
from regulars.demo.payments import WAYS, way_paid
from regulars.demo.people import card_number
from regulars.demo.places import CURRENCY, Places, Store, counters_of, staff_number
from regulars.demo.source import Baskets, Integers, Lines, Source

BATCH_SALES = 250
WINDOW_BASKETS = 6_000
WEEKS = 54


@dataclass(frozen=True, slots=True)
class Batch:
    """One request: `body` is the JSON of some sales of one lane, `key` follows from the body alone."""

    lane: int
    number: int
    key: str
    body: bytes
    sales: int
    lines: int


@dataclass(frozen=True, slots=True)
class Money:
    """Sums in cents over all baskets, as they must be found again in the database."""

    amount: int
    regular: int
    coupons: int
    vouchers: int


def totals(lines: Lines, baskets: Baskets) -> Money:
    """What the source adds up to. `vouchers` is the part of `coupons` that paid for something."""
    amount, coupons = per_basket(lines.amount, baskets), per_basket(lines.coupon, baskets)
    return Money(
        int(lines.amount.sum()),
        int(lines.regular_amount.sum()),
        int(coupons.sum()),
        int(np.minimum(amount, coupons).sum()),
    )


def per_basket(values: Integers, baskets: Baskets) -> Integers:
    """Sums of a column of lines for each basket."""
    return np.add.reduceat(values, baskets.first_line[:-1])


def lanes_of_stores(places: Places, lanes: int) -> Integers:
    """A lane for each store, lanes about equally full: a till's receipts go down one connection, in order."""
    filled = [0] * lanes
    lane_of = np.zeros(len(places.stores), dtype=np.int64)
    for store in np.argsort(-places.baskets_of_store, kind="stable").tolist():
        lane = filled.index(min(filled))
        lane_of[store] = lane
        filled[lane] += int(places.baskets_of_store[store])
    return lane_of


def batches(
    source: Source, places: Places, *, offset_weeks: int, lanes: int, batch_sales: int = BATCH_SALES
) -> Iterator[Batch]:
    """All requests, in order of time; those of one lane carry numbers 0, 1, 2 ...

    `places` may know more baskets than `source`, which is then their beginning.
    """
    count = len(source.baskets)
    lane_of = lanes_of_stores(places, lanes)[places.store_of_basket[:count]]
    waiting: list[list[bytes]] = [[] for _ in range(lanes)]
    lines_waiting = [0] * lanes
    numbers = [0] * lanes

    def emit(lane: int) -> Batch:
        body = b'{"sales":[' + b",".join(waiting[lane]) + b"]}"
        key = key_of(body)
        batch = Batch(lane, numbers[lane], key, body, len(waiting[lane]), lines_waiting[lane])
        numbers[lane] += 1
        waiting[lane], lines_waiting[lane] = [], 0
        return batch

    receipts = Receipts(source, places, offset_weeks)
    line_count = np.diff(source.baskets.first_line).tolist()
    for start in range(0, count, WINDOW_BASKETS):
        stop = min(start + WINDOW_BASKETS, count)
        sales = receipts.window(start, stop)
        for basket, lane, sale in zip(range(start, stop), lane_of[start:stop].tolist(), sales, strict=True):
            waiting[lane].append(sale)
            lines_waiting[lane] += line_count[basket]
            if len(waiting[lane]) == batch_sales:
                yield emit(lane)
    yield from (emit(lane) for lane in range(lanes) if waiting[lane])


class Receipts:
    """The sales of a source as JSON, any stretch of baskets at a time."""

    def __init__(self, source: Source, places: Places, offset_weeks: int) -> None:
        count = len(source.baskets)
        times = wall_times(source.baskets.at, offset_weeks)
        self._lines = source.lines
        self._baskets = source.baskets
        self._dates = times.business_dates()
        self._occurred = times.occurred_at()
        self._stores = [store.code for store in places.stores]
        self._store = places.store_of_basket[:count]
        self._terminal = places.terminal_of_basket[:count]
        self._sequence = places.sequence_of_basket[:count]
        self._total = per_basket(source.lines.amount, source.baskets)
        self._coupons = per_basket(source.lines.coupon, source.baskets)
        self._voucher = np.minimum(self._total, self._coupons)
        self._way = way_paid(source.baskets, self._total - self._voucher)
        departments = departments_of(source.lines, source.products)
        self._promotions = [week_promotion(week, name) for week in range(WEEKS) for name in departments.names]
        self._department = departments.of_line
        self._busiest = places.stores.index(places.busiest)
        self._counters = _counter_fragments(places.busiest, departments.names)
        week = np.repeat(source.baskets.week, np.diff(source.baskets.first_line))
        self._promotion = week * len(departments.names) + departments.of_line
        self._markdown = is_markdown(source.lines)
        self._cards = [card_number(household) for household in range(int(source.baskets.household.max(initial=0)) + 1)]

    def window(self, start: int, stop: int) -> list[bytes]:
        """The JSON of baskets `start:stop`."""
        first = self._baskets.first_line[start : stop + 1]
        lines = grouped(self._line_texts(first), first - first[0])
        here = slice(start, stop)
        sales = joined(
            '{"store":"',
            of_table(self._stores, self._store[here]),
            '","terminal":"T',
            text(self._terminal[here]),
            '","business_date":"',
            text(self._dates[here]),
            '","sequence":',
            text(self._sequence[here]),
            ',"type":"sale","occurred_at":"',
            text(self._occurred[here]),
            f'","currency":"{CURRENCY}","member":{{"kind":"card","value":"',
            of_table(self._cards, self._baskets.household[here]),
            '"},"lines":[',
            lines,
            '],"tenders":[',
            self._tender_texts(here),
            "]}",
        )
        made: list[bytes] = sales.cast(pa.binary()).to_pylist()
        return made

    def _line_texts(self, first: Integers) -> pa.Array:
        here = slice(int(first[0]), int(first[-1]))
        lines = self._lines
        number = np.arange(first[-1] - first[0]) - np.repeat(first[:-1] - first[0], np.diff(first)) + 1
        return joined(
            '{"line":',
            text(number),
            ',"product":"',
            text(lines.product[here]),
            '","quantity":"',
            text(lines.quantity[here]),
            '","amount":',
            text(lines.amount[here]),
            ',"regular_amount":',
            text(lines.regular_amount[here]),
            self._counter_texts(first, here),
            self._discount_texts(here),
            "}",
        )

    def _counter_texts(self, first: Integers, here: slice) -> pa.Array:
        """`,"counter":...,"salesperson":...` on what the busiest store sells over a counter, else nothing."""
        start = int(np.searchsorted(self._baskets.first_line, first[0]))
        at_store = self._store[start : start + len(first) - 1] == self._busiest
        text_of_department = of_table(self._counters, self._department[here])
        return where(np.repeat(at_store, np.diff(first)), text_of_department)

    def _discount_texts(self, here: slice) -> pa.Array:
        """`,"promotion":...,"discounts":[...]` or nothing."""
        retail, match = self._lines.retail_discount[here], self._lines.coupon_match[here]
        retailers = retail > 0
        matched = match > 0
        week = of_table(self._promotions, self._promotion[here])
        code = where(self._markdown[here], week, MEMBER_PRICE)
        kind = where(self._markdown[here], "markdown", "member_price")
        given = joined('{"kind":"', kind, '","promotion":"', code, '","amount":', text(retail), "}")
        coupon = joined(f'{{"kind":"coupon","promotion":"{COUPON_MATCH}","amount":', text(match), "}")
        discounts = listed((retailers, given), (matched, coupon))
        main = where(retailers, code, COUPON_MATCH)
        some = joined(',"promotion":"', main, '","discounts":[', discounts, "]")
        return where(retailers | matched, some)

    def _tender_texts(self, here: slice) -> pa.Array:
        total, coupons, voucher = self._total[here], self._coupons[here], self._voucher[here]
        face = where(coupons > voucher, joined(',"face":', text(coupons)))
        by_voucher = joined('{"kind":"voucher","amount":', text(voucher), face, "}")
        paid = joined('{"kind":"', of_table(list(WAYS), self._way[here]), '","amount":', text(total - voucher), "}")
        return listed((coupons > 0, by_voucher), (total > voucher, paid))


def _counter_fragments(store: Store, departments: list[str]) -> list[str]:
    """What a line of each department carries when it was sold over a counter of this store."""
    fragments = dict.fromkeys(departments, "")
    for place, counter in enumerate(counters_of(store), start=1):
        salesperson = staff_number(store.code, place)
        fragments[counter.category[0]] = f',"counter":"{counter.code}","salesperson":"{salesperson}"'
    return [fragments[name] for name in departments]
