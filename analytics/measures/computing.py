"""Working measures out: which, laid out by what, over which days, of which sales."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from analytics.lake.reading import Lake
from analytics.measures.catalogue import MeasureUnknown, measure
from analytics.measures.facts import EVERYWHERE, Period, Where, member_days, sales
from analytics.measures.measure import Measure, Source
from foundation.errors import Invalid

ROWS_MAX = 100_000


class TooManyRows(Invalid):
    """What was asked has more rows than are told; ask for less at a time."""

    code = "too_many_rows"


class DimensionUnknown(Invalid):
    """Sales are not laid out by this."""

    code = "dimension_unknown"


# What sales can be laid out by: a column of the relation each. The ids are those of the small tables beside the lake.
DIMENSIONS: Mapping[str, Callable[[ir.Table], ir.Value]] = MappingProxyType(
    {
        "day": lambda t: t.business_date,
        "week": lambda t: t.business_date.truncate("W"),  # its Monday
        "month": lambda t: t.business_date.truncate("M"),  # its first day
        "weekday": lambda t: t.business_date.day_of_week.index(),  # 0 is Monday
        "format": lambda t: t.format,
        "store": lambda t: t.store_id,
        "counter": lambda t: t.counter_id,
        "counter_mode": lambda t: t.counter_mode,
        "category": lambda t: t.category_id,
        "brand": lambda t: t.brand_id,
        "promotion": lambda t: t.promotion_id,
        "member": lambda t: t.member_id,
    }
)
# What the day roll-up of members can be laid out by.
ROLLED_UP = frozenset({"day", "week", "month", "weekday", "format", "member"})


def compute(
    lake: Lake,
    names: Sequence[str],
    period: Period,
    by: Sequence[str] = (),
    where: Where = EVERYWHERE,
    *,
    rolled_up: bool = False,
    limit: int = ROWS_MAX,
) -> pa.Table:
    """Measures of sales by currency and what they are laid out by.

    Columns: currency, one for each of `by`, one for each of `names`. Sorted by currency and `by`, nulls ("-": a line
    without a counter, a brand ...) first. A group without any line has no row. Every row is
    worked out from its own lines: rows of counts and ratios do not sum to those of a coarser layout, which is asked
    for by itself (`levels`). `rolled_up` reads the day roll-up: members only, and only what it knows.
    Raises MeasureUnknown, DimensionUnknown, and TooManyRows above `limit`: half an answer is none.
    """
    wanted = [_of_sales(name) for name in names]
    unknown = [name for name in by if name not in DIMENSIONS or (rolled_up and name not in ROLLED_UP)]
    if unknown:
        raise DimensionUnknown(f"sales are not laid out by {', '.join(unknown)}")
    facts = (member_days if rolled_up else sales)(lake, period, where)
    answer = _laid_out(facts, wanted, by).limit(limit + 1).to_pyarrow()
    if len(answer) > limit:
        raise TooManyRows(f"more than {limit:,} rows; narrow the period or ask for fewer dimensions")
    return answer


def levels(
    lake: Lake, names: Sequence[str], period: Period, by: Sequence[str], where: Where = EVERYWHERE
) -> list[pa.Table]:
    """`compute` for the whole, then for one more of `by` at a time: counts are distinct at every level."""
    return [compute(lake, names, period, by[:depth], where) for depth in range(len(by) + 1)]


def _of_sales(name: str) -> Measure:
    found = measure(name)
    if found.source is not Source.SALES:
        raise MeasureUnknown(f"{name} is no measure of sales alone: it is one of {found.source}")
    return found


def _laid_out(facts: ir.Table, wanted: Sequence[Measure], by: Sequence[str]) -> ir.Table:
    keys = {"currency": facts.currency, **{name: DIMENSIONS[name](facts) for name in by}}
    values = {each.name: each.expression(facts) for each in wanted}
    order = [ibis.asc(name, nulls_first=True) for name in keys]
    return facts.group_by(**keys).aggregate(**values).order_by(order)
