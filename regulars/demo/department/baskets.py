"""What customers of a day buy: pure, from the fixed seed, the same whenever it is asked.

A basket is one customer's round through the house: some counters, a few lines at each. Whether it is rung at a till or
issued as tickets and settled is decided by others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from regulars.demo.chance import SEED
from regulars.demo.department.building import ANNIVERSARY, COUNTERS, LEASED, OWN, Counter
from regulars.demo.department.calendar import Calendar
from regulars.demo.department.goods import (
    MEMBER_PERCENT,
    MEMBER_PRICE,
    OPENING,
    THRESHOLD,
    THRESHOLD_OFF,
    THRESHOLD_SPEND,
    products_of,
    round_price,
    supplier_bears,
    tax_rate,
)
from regulars.demo.department.staffing import CLERKS_A_COUNTER, clerk_number

# Customers on a day from Monday to Sunday; the anniversary brings more.
CUSTOMERS = (230, 220, 230, 250, 320, 470, 450)
ANNIVERSARY_CROWD = 1.6
COUNTERS_VISITED = (0.60, 0.25, 0.11, 0.04)
MEMBER_SHARE = 0.62
OPENS_AT, CLOSES_AT = 10 * 60, 21 * 60 + 30
# A cheap counter sells more often: a counter's pull is about the square root of how cheap it is.
FLOOR_PULL = {"1F": 1.5, "2F": 1.2, "3F": 1.0, "4F": 0.9, "5F": 1.3}
MARKDOWNS = (10, 15, 20, 30)
MARKDOWN_SHARE, AUTUMN_SHARE, MANUAL_SHARE = 0.55, 0.22, 0.06
MANUAL_PERCENT = 5

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What one counter sells to a customer; lines without numbers, as a sale or a ticket takes them."""

    counter: Counter
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        return sum(line["amount"] for line in self.lines)


@dataclass(frozen=True, slots=True)
class Basket:
    """One customer's round. `customer` is a member's card or None, `minute` counts from midnight in the store."""

    day: date
    number: int
    customer: str | None
    minute: int
    parts: tuple[Part, ...]

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts)

    def chance(self, what: str) -> Random:
        """A source of luck of this basket's own for one question, for whoever decides what else becomes of it."""
        return Random(f"{SEED}/department basket/{self.day}/{self.number}/{what}")  # noqa: S311


def customers_on(calendar: Calendar, day: date, share: float) -> int:
    """How many customers come on a day; `share` makes the store smaller, 1 is the whole one."""
    crowd = ANNIVERSARY_CROWD if calendar.celebrates(day) else 1.0
    return max(round(CUSTOMERS[day.weekday()] * crowd * share), 1)


def basket(calendar: Calendar, day: date, number: int, cards: Sequence[str]) -> Basket:
    """The round of one customer. `cards` are the members who come here; the first ones come more often."""
    chance = Random(f"{SEED}/department basket/{day}/{number}")  # noqa: S311
    count = 1 + chance.choices(range(len(COUNTERS_VISITED)), COUNTERS_VISITED)[0]
    counters = dict.fromkeys(chance.choices(COUNTERS, PULLS, k=count))
    card = cards[int(len(cards) * chance.random() ** 2)] if cards and chance.random() < MEMBER_SHARE else None
    minute = int(chance.triangular(OPENS_AT, CLOSES_AT, 17 * 60))
    celebrates = calendar.celebrates(day)
    parts = tuple(_part(chance, each, card is not None, celebrates) for each in counters)
    return Basket(day, number, card, minute, parts)


def baskets_of(calendar: Calendar, day: date, share: float, cards: Sequence[str]) -> list[Basket]:
    """All rounds of a day, in order of time."""
    made = [basket(calendar, day, number, cards) for number in range(customers_on(calendar, day, share))]
    return sorted(made, key=lambda each: (each.minute, each.number))


def _pull(counter: Counter) -> float:
    if counter.mode == LEASED:
        # Tenants have tills of their own; few of their receipts go over our desks.
        return 0.05
    return FLOOR_PULL[counter.floor] * math.sqrt(200_000 / (counter.price_from + counter.price_to))


PULLS = [_pull(counter) for counter in COUNTERS]


def _part(chance: Random, counter: Counter, is_member: bool, celebrates: bool) -> Part:
    number = 1 + chance.choices(range(3), (0.68, 0.24, 0.08))[0]
    clerk = clerk_number(counter, 1 + chance.randrange(CLERKS_A_COUNTER))
    lines = [_line(chance, counter, clerk, is_member, celebrates) for _ in range(number)]
    if celebrates and counter.takes_part:
        _take_off(lines, sum(line["amount"] for line in lines) // THRESHOLD_SPEND * THRESHOLD_OFF)
    return Part(counter, tuple(lines))


def _line(chance: Random, counter: Counter, clerk: str, is_member: bool, celebrates: bool) -> Line:
    products = products_of(counter)
    product = chance.choice(products) if products else None
    typed = round_price(int(chance.triangular(counter.price_from, counter.price_to, counter.price_from)))
    price = product.price if product is not None else typed
    pieces = 2 if price < 10_000 and chance.random() < 0.15 else 1
    regular = price * pieces
    line: Line = {
        "quantity": str(pieces),
        "unit_price": price,
        "amount": regular,
        "regular_amount": regular,
        "tax_rate": tax_rate(counter),
        "salesperson": clerk,
    }
    if product is not None:
        line["product"] = product.code
    discount = _discount(chance, counter, regular, is_member, celebrates)
    if discount is not None:
        line["amount"] = regular - discount["amount"]
        line["discounts"] = [discount]
        if "promotion" in discount:
            line["promotion"] = discount["promotion"]
    return line


def _discount(
    chance: Random, counter: Counter, regular: int, is_member: bool, celebrates: bool
) -> dict[str, Any] | None:
    """What comes off a line: a markdown of the season or the anniversary, the member's price, or the clerk's kindness.

    The clerk's stays within what a clerk may give without a manager.
    """
    luck = chance.random()
    percent = chance.choice(MARKDOWNS)
    if counter.takes_part and luck < (MARKDOWN_SHARE if celebrates else AUTUMN_SHARE):
        amount = regular * percent // 100
        found = {"kind": "markdown", "promotion": ANNIVERSARY if celebrates else OPENING, "amount": amount}
        bears = supplier_bears(counter, amount) if celebrates else None
        return found | ({"funder_share": bears} if bears else {})
    if is_member and counter.mode == OWN:
        return {"kind": "member_price", "promotion": MEMBER_PRICE, "amount": regular * MEMBER_PERCENT // 100}
    if luck > 1 - MANUAL_SHARE:
        return {"kind": "manual", "amount": regular * MANUAL_PERCENT // 100}
    return None


def _take_off(lines: list[Line], off: int) -> None:
    """满减 over the lines of a counter, pro rata, what is left over from the last one."""
    whole = sum(line["amount"] for line in lines)
    left = off
    for at, line in enumerate(lines):
        part = left if at == len(lines) - 1 else off * line["amount"] // whole
        left -= part
        if part:
            line["amount"] -= part
            line["discounts"] = [
                *line.get("discounts", ()),
                {"kind": "threshold", "promotion": THRESHOLD, "amount": part},
            ]
            line.setdefault("promotion", THRESHOLD)
