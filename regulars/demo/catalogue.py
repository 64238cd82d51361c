"""Products and promotions of the demo.

Products, departments, categories, brands and sizes are real; what a product cost the store is made up from the
department's usual margin. Which lines were discounted and by how much is real; the names and dates of the promotions
behind them are made up: each week, each department has its own.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from regulars.demo.chance import fractions
from regulars.demo.dates import SOURCE_FIRST_DAY, SOURCE_LAST_DAY
from regulars.demo.places import CURRENCY
from regulars.demo.source import Integers, Lines, Products, Source

UNKNOWN_DEPARTMENT = "OTHER"
MEMBER_PRICE = "MEMBER-PRICE"
COUPON_MATCH = "COUPON-MATCH"

# A retailer's discount of at least this share of the shelf price was a markdown of the week; less is a member price.
MARKDOWN_SHARE = 0.25

# Gross margin on the shelf price by department, before the discounts; what a grocer would expect.
MARGINS = {
    "GROCERY": 0.30,
    "DRUG GM": 0.36,
    "PRODUCE": 0.42,
    "MEAT": 0.38,
    "MEAT-PCKGD": 0.34,
    "DELI": 0.45,
    "PASTRY": 0.50,
    "NUTRITION": 0.34,
    "SEAFOOD": 0.38,
    "SEAFOOD-PCKGD": 0.34,
    "FLORAL": 0.50,
    "COSMETICS": 0.42,
    "SALAD BAR": 0.50,
    "SPIRITS": 0.25,
}
OTHER_MARGIN = 0.30
MARGIN_SPREAD = 0.06


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """A product as `PUT /v1/products/batch` takes it. `unit_cost` is cents a unit, left out where unknown."""

    code: str
    name: str
    category: list[str]
    brand: str
    currency: str
    unit_cost: int | None = None


class Promotion(msgspec.Struct, frozen=True):
    """A promotion as `PUT /v1/promotions/batch` takes it; both dates are included."""

    code: str
    name: str
    method: str
    funder: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Departments:
    """Which department each line's product belongs to, as a position in `names`; the last is UNKNOWN_DEPARTMENT."""

    names: list[str]
    of_line: Integers


def department_code(name: str) -> str:
    """`ELECT &PLUMBING` is `ELECT-PLUMBING`."""
    return re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")


def week_promotion(week: int, department: str) -> str:
    """The code of a department's markdowns in a week of the source: `W07-MEAT`."""
    return f"W{week:02d}-{department_code(department)}"


def departments_of(lines: Lines, products: Products) -> Departments:
    """The department of each line."""
    names, of_product = np.unique(np.array(products.department, dtype=np.str_), return_inverse=True)
    at = np.minimum(np.searchsorted(products.id, lines.product), len(products) - 1)
    known = products.id[at] == lines.product
    return Departments([*names.tolist(), UNKNOWN_DEPARTMENT], np.where(known, of_product[at], len(names)))


def is_markdown(lines: Lines) -> NDArray[np.bool_]:
    """Whether the retailer's discount of a line counts as a markdown of the week rather than a member price."""
    return (lines.retail_discount > 0) & (lines.retail_discount >= MARKDOWN_SHARE * lines.regular_amount)


def catalogue(source: Source) -> list[Product]:
    """Every product of the source. Category is department and category; brand is the source's brand and maker."""
    products = source.products
    costs = _unit_costs(source)
    return [
        Product(
            str(number),
            _name(kind or category or department, size),
            [department, category] if category else [department],
            f"{brand} {maker}",
            CURRENCY,
            cost or None,
        )
        for number, maker, department, brand, category, kind, size, cost in zip(
            products.id.tolist(),
            products.manufacturer.tolist(),
            products.department,
            products.brand,
            products.category,
            products.kind,
            products.size,
            costs.tolist(),
            strict=True,
        )
    ]


def promotions(source: Source, offset_weeks: int) -> list[Promotion]:
    """The promotions that the lines of the source name."""
    departments = departments_of(source.lines, source.products)
    week = np.repeat(source.baskets.week, np.diff(source.baskets.first_line))
    marked = is_markdown(source.lines)
    pairs = np.unique(week[marked] * len(departments.names) + departments.of_line[marked])
    moved = timedelta(weeks=offset_weeks)
    standing = (SOURCE_FIRST_DAY + moved, SOURCE_LAST_DAY + moved)
    return [
        Promotion(MEMBER_PRICE, "Member prices", "member_price", "company", *standing),
        Promotion(COUPON_MATCH, "Makers' coupons matched", "coupon", "company", *standing),
        *(
            _week_promotion(
                int(pair) // len(departments.names), departments.names[int(pair) % len(departments.names)], moved
            )
            for pair in pairs
        ),
    ]


def _week_promotion(week: int, department: str, moved: timedelta) -> Promotion:
    # Week 1 of the source is only its Sunday; week 2 starts on Monday 2017-01-02.
    monday = SOURCE_FIRST_DAY + timedelta(days=1, weeks=week - 2) + moved
    name = f"Week {week} {department.title()}"
    return Promotion(week_promotion(week, department), name, "markdown", "company", monday, monday + timedelta(days=6))


def _name(words: str, size: str) -> str:
    plain = words.title().replace("'S", "'s")
    return f"{plain} {size.strip().lower()}" if size.strip() else plain


def _unit_costs(source: Source) -> Integers:
    """Cents a unit for each product, 0 where unknown.

    The middle shelf price a unit over the year, less the department's margin, give or take a few points for each
    product. Unknown: products never sold with a price, and those sold in units worth less than a cent (fuel).
    """
    lines, products = source.lines, source.products
    sold = (lines.quantity > 0) & (lines.regular_amount > 0)
    price = lines.regular_amount[sold] / lines.quantity[sold]
    order = np.lexsort((price, lines.product[sold]))
    number, first, count = np.unique(lines.product[sold][order], return_index=True, return_counts=True)
    middle = price[order][first + count // 2]
    margin = np.array([MARGINS.get(name, OTHER_MARGIN) for name in products.department])
    margin = margin + MARGIN_SPREAD * (2 * fractions("margin", products.id) - 1)
    at = np.minimum(np.searchsorted(number, products.id), len(number) - 1)
    prices = np.where(number[at] == products.id, middle[at], 0.0)
    costs: Integers = np.rint(prices * (1 - margin)).astype(np.int64)
    return costs
