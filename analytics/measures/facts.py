"""The two relations that measures of sales are written over, with the same words for the same columns.

    spend            amount of goods, tax included, net of discounts and of what came back
    money, benefit   its part paid in money or stored value, and the rest (points, e-coins, coupons, vouchers)
    regular_spend, promoted_spend, regular_money
    profit           gross profit without tax, null unknown; known_profit_spend the spend whose profit is known
    points, quantity_milli

`member_days` is much smaller and knows members only; `sales` knows everything.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from analytics.lake.reading import Lake

ONLINE_FORMATS = frozenset({"online", "delivery", "ecommerce", "app"})


@dataclass(frozen=True, slots=True)
class Period:
    """Business dates from `since` up to and without `until`."""

    since: date
    until: date

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise ValueError("a period has at least one day")

    @property
    def days(self) -> int:
        return (self.until - self.since).days


@dataclass(frozen=True, slots=True)
class Where:
    """Which sales count. None: all of them. Stores, counters, categories, brands and promotions by id."""

    stores: Collection[int] | None = None
    formats: Collection[str] | None = None
    counters: Collection[int] | None = None
    categories: Collection[int] | None = None
    brands: Collection[int] | None = None
    promotions: Collection[int] | None = None
    currency: str | None = None
    members_only: bool = False


EVERYWHERE = Where()
_COLUMNS = {
    "stores": "store_id", "formats": "format", "counters": "counter_id", "categories": "category_id",
    "brands": "brand_id", "promotions": "promotion_id",
}  # fmt: skip


def sales(lake: Lake, period: Period, where: Where = EVERYWHERE) -> ir.Table:
    """The goods lines of a period, leased counters included, in the words of the roll-ups."""
    lines = lake.lines
    chosen = lines.filter([lines.kind == "goods", *_conditions(lines, period, where)])
    return chosen.mutate(
        spend=chosen.amount,
        leased=(chosen.counter_mode == "leased").fill_null(False),
        regular_spend=ibis.ifelse(chosen.promoted, 0, chosen.amount),
        promoted_spend=ibis.ifelse(chosen.promoted, chosen.amount, 0),
        regular_money=ibis.ifelse(chosen.promoted, 0, chosen.money),
        known_profit_spend=ibis.ifelse(chosen.profit.isnull(), 0, chosen.amount),
    )


def member_days(lake: Lake, period: Period, where: Where = EVERYWHERE) -> ir.Table:
    """The day roll-up of members in a period. It knows formats and currencies, not stores or products."""
    day = lake.member_day
    unknown = [name for name in _COLUMNS if name != "formats" and getattr(where, name) is not None]
    if unknown:
        raise ValueError(f"the day roll-up does not know {', '.join(unknown)}")
    return day.filter(_conditions(day, period, where))


def _conditions(table: ir.Table, period: Period, where: Where) -> list[ir.BooleanValue]:
    conditions = [table.business_date >= period.since, table.business_date < period.until]
    for name, column in _COLUMNS.items():
        wanted = getattr(where, name)
        if wanted is not None:
            # An empty choice is a choice: nothing.
            conditions.append(table[column].isin(sorted(wanted)) if wanted else ibis.literal(False))
    if where.currency is not None:
        conditions.append(table.currency == where.currency)
    if where.members_only:
        conditions.append(table.member_id.notnull())
    return conditions
