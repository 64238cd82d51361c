"""The weeks up to yesterday: baskets as the receipts of the store's tills, with what came back and what was voided.

A till numbers its receipts 1, 2, 3 ... through all days. Each is known by (terminal, business date, number) alone, so
posting all of it again changes nothing.
"""

from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

import msgspec

from regulars.demo.connection import key_of
from regulars.demo.department.baskets import Basket, baskets_of
from regulars.demo.department.building import CURRENCY, STORE
from regulars.demo.department.calendar import Calendar
from regulars.demo.receipts import BATCH_SALES, Batch

TILLS = ("K1", "K2", "K3", "K4")
OFFSET = "+08:00"
SMALL_SUM, LARGE_SUM = 10_000, 120_000
RETURN_SHARE, VOID_SHARE, SPLIT_SHARE = 0.045, 0.006, 0.3
RETURN_WITHIN_DAYS = 3
VOID_AFTER_MINUTES, RETURN_AFTER_MINUTES = 4, 35
LAST_MINUTE = 22 * 60 - 1

Receipt = dict[str, Any]


@dataclass(slots=True)
class TillTotals:
    """What the tills took on a day, in fen: sales less returns and voids. `tenders` by kind, likewise."""

    receipts: int = 0
    sold: int = 0
    given_back: int = 0
    voided: int = 0
    tenders: Counts[str] = field(default_factory=Counts)

    @property
    def net(self) -> int:
        return self.sold - self.given_back - self.voided


@dataclass(frozen=True, slots=True)
class Past:
    """Every receipt of the tills, by day and in order of each till's numbers."""

    calendar: Calendar
    receipts: tuple[Receipt, ...]

    def totals(self) -> dict[date, TillTotals]:
        """What the store must find in its books, day by day."""
        found: dict[date, TillTotals] = {day: TillTotals() for day in self.calendar}
        sold = {_name(each): each for each in self.receipts if each["type"] == "sale"}
        for receipt in self.receipts:
            total = found[date.fromisoformat(receipt["business_date"])]
            total.receipts += 1
            original = sold[_name(receipt["original"])] if receipt["type"] == "void" else receipt
            amount = sum(line["amount"] for line in original["lines"])
            sign = 1 if receipt["type"] == "sale" else -1
            if receipt["type"] == "sale":
                total.sold += amount
            elif receipt["type"] == "return":
                total.given_back += amount
            else:
                total.voided += amount
            for tender in original["tenders"]:
                total.tenders[tender["kind"]] += sign * tender["amount"]
        return found

    def batches(self, lanes: int, batch_sales: int = BATCH_SALES) -> Iterator[Batch]:
        """The receipts as requests of `POST /v1/sales/batch`; a till's receipts stay in one lane, in order."""
        waiting: list[list[Receipt]] = [[] for _ in range(lanes)]
        numbers = [0] * lanes
        for receipt in self.receipts:
            lane = TILLS.index(receipt["terminal"]) % lanes
            waiting[lane].append(receipt)
            if len(waiting[lane]) == batch_sales:
                yield _batch(lane, numbers[lane], waiting[lane])
                numbers[lane] += 1
                waiting[lane] = []
        yield from (_batch(lane, numbers[lane], left) for lane, left in enumerate(waiting) if left)


def past(calendar: Calendar, share: float, cards: Sequence[str]) -> Past:
    """All receipts of the calendar's days. `share` makes the store smaller; `cards` are the members who come."""
    numbers: Counts[str] = Counts()
    sales: dict[date, list[tuple[Basket, Receipt]]] = {}
    receipts: list[Receipt] = []
    for day in calendar:
        sales[day] = [(each, _sale(each)) for each in baskets_of(calendar, day, share, cards)]
        for _, receipt in sorted([*_of_today(sales[day]), *_come_back(sales, day)], key=itemgetter(0)):
            numbers[receipt["terminal"]] += 1
            receipt["sequence"] = numbers[receipt["terminal"]]
            _name_original(receipt)
            receipts.append(receipt)
    return Past(calendar, tuple(receipts))


def _of_today(sales: Sequence[tuple[Basket, Receipt]]) -> Iterator[tuple[int, Receipt]]:
    """A day's sales and voids, each with its minute."""
    for basket, sale in sales:
        yield basket.minute, sale
        if _is_voided(basket):
            yield basket.minute + VOID_AFTER_MINUTES, _void(basket, sale)


def _come_back(sales: Mapping[date, Sequence[tuple[Basket, Receipt]]], day: date) -> Iterator[tuple[int, Receipt]]:
    """What is given back on a day of what was sold then and in the days before."""
    for days in range(RETURN_WITHIN_DAYS + 1):
        for basket, sale in sales.get(day - timedelta(days=days), ()):
            if _comes_back(basket, sale, days):
                yield _given_back(basket, sale, day)


def _is_voided(basket: Basket) -> bool:
    return basket.chance("voided").random() < VOID_SHARE


def _comes_back(basket: Basket, sale: Receipt, days: int) -> bool:
    """Whether a line of it comes back after so many days; only of what was paid in one way."""
    if _is_voided(basket) or len(sale["tenders"]) > 1:
        return False
    chance = basket.chance("given back")
    return chance.random() < RETURN_SHARE and chance.randrange(RETURN_WITHIN_DAYS + 1) == days


def _sale(basket: Basket) -> Receipt:
    lines: list[dict[str, Any]] = []
    for part in basket.parts:
        first = len(lines)
        lines += [{"line": first + n, "counter": part.counter.code, **line} for n, line in enumerate(part.lines, 1)]
    receipt: Receipt = {
        **_head(basket, basket.chance("till").choice(TILLS), basket.day, basket.minute),
        "type": "sale",
        "lines": lines,
        "tenders": _tenders(basket),
    }
    if basket.customer is not None:
        receipt["member"] = {"kind": "card", "value": basket.customer}
    return receipt


def _head(basket: Basket, terminal: str, day: date, minute: int) -> Receipt:
    at = f"{day}T{minute // 60:02d}:{minute % 60:02d}:{basket.number % 60:02d}{OFFSET}"
    return {
        "store": STORE,
        "terminal": terminal,
        "business_date": day.isoformat(),
        "sequence": 0,
        "occurred_at": at,
        "currency": CURRENCY,
    }


def _tenders(basket: Basket) -> list[dict[str, Any]]:
    """How it was paid: small sums in cash or by phone, large ones by card, some by two of them."""
    owed = basket.amount
    if owed >= LARGE_SUM and basket.chance("split").random() < SPLIT_SHARE:
        by_code = owed * 3 // 10
        return [{"kind": "code", "amount": by_code}, {"kind": "card", "amount": owed - by_code}]
    cash, code = (0.22, 0.9) if owed < SMALL_SUM else (0.06, 0.62)
    luck = basket.chance("paid by").random()
    kind = "cash" if luck < cash else "code" if luck < code else "card"
    return [{"kind": kind, "amount": owed}]


def _void(basket: Basket, sale: Receipt) -> Receipt:
    return {
        **_head(basket, sale["terminal"], basket.day, basket.minute + VOID_AFTER_MINUTES),
        "type": "void",
        "original": sale,
    }


def _given_back(basket: Basket, sale: Receipt, day: date) -> tuple[int, Receipt]:
    """The return of one line on a day, and its minute."""
    line = basket.chance("line given back").choice(sale["lines"])
    same = {name: line[name] for name in ("counter", "product", "quantity", "amount", "tax_rate") if name in line}
    minute = min(basket.minute + RETURN_AFTER_MINUTES, LAST_MINUTE)
    return minute, {
        **_head(basket, sale["terminal"], day, minute),
        "type": "return",
        "original": sale,
        "lines": [{"line": 1, "original_line": line["line"], **same}],
        "tenders": [{"kind": sale["tenders"][0]["kind"], "amount": line["amount"]}],
    }


def _name_original(receipt: Receipt) -> None:
    """Name the sale by its number, which it has by now: it stands before what gives it back."""
    if "original" in receipt:
        sale = receipt["original"]
        receipt["original"] = {name: sale[name] for name in ("store", "terminal", "business_date", "sequence")}


def _name(receipt: Receipt) -> tuple[str, str, int]:
    return receipt["terminal"], receipt["business_date"], receipt["sequence"]


def _batch(lane: int, number: int, sales: Sequence[Receipt]) -> Batch:
    body = msgspec.json.encode({"sales": sales})
    return Batch(lane, number, key_of(body), body, len(sales), sum(len(sale.get("lines", ())) for sale in sales))
