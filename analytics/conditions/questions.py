"""Conditions on sales as SQL over the lake. Pure: names that filters use have been looked up before.

Conditions that read the same rows are one query: what each member comes to is summed up in one go and compared as often
as asked. The roll-ups serve what they can: everything without categories from member_day, whatever days it looks at, in
one scan; categories from member_category_month, with the days at the edges of the window from the lines; everything
else, and counts of receipts over several categories, which do not add up, from the lines.
"""
# ruff: noqa: S608 - statements are joined of literals, numbers, dates and quoted texts

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from analytics.conditions.measured import is_measured, sql_of
from analytics.lake.rollups import GOODS_OF_MEMBERS, from_lines
from analytics.lake.schema import FileKind
from foundation.conditions import Condition, Operator, compare

# What only conditions ask; measures of sales come from `measured`. NULL where nothing is known.
EXPRESSIONS: Mapping[str, str] = {
    "days_since_last": "{today} - max({last}) FILTER (receipts > 0{only})",
    "first_purchase": "min({first}) FILTER (receipts > 0{only})",
    "category_count": "count(DISTINCT category_id) FILTER (receipts > 0{only})",
    "brand_count": "count(DISTINCT brand_id) FILTER (receipt_sign > 0{only})",
}
# Of a member without rows these are 0; the others are unknown.
ADDITIVE = frozenset(
    {"spend", "visits", "receipts", "quantity", "gross_profit", "category_count", "brand_count", "categories", "brands"}
)
# What the month roll-up cannot tell: days, and of which sales the profit is known.
OF_SINGLE_DAYS = frozenset({"visits", "gross_profit"})
COUNTING_RECEIPTS = frozenset({"receipts", "average_ticket"})
FRACTIONS = frozenset({"quantity", "regular_price_share", "promotion_share"})
CATEGORY_SETS = frozenset({"categories", "category_count"})
BRAND_SETS = frozenset({"brands", "brand_count"})


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a condition is narrowed to, as ids; None where it is not. An empty set lets nothing pass."""

    categories: tuple[int, ...] | None = None
    brands: tuple[int, ...] | None = None
    formats: tuple[str, ...] | None = None
    stores: tuple[int, ...] | None = None
    promotions: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition with everything looked up. `among` are the sets of ids that `categories` and `brands` ask for, one a
    path or code."""

    condition: Condition
    narrowed: Narrowed
    currency: str | None
    today: date
    among: tuple[tuple[int, ...], ...] = ()

    @property
    def days(self) -> tuple[date | None, date]:
        """The days whose rows count, both included."""
        if self.condition.measure in ("days_since_last", "first_purchase"):
            return None, self.today
        first, last = self.condition.past(self.today)
        return first, min(last, self.today)

    @property
    def inverted(self) -> bool:
        """Whether those who fail are sought: everybody without rows passes."""
        condition = self.condition
        if condition.operator == Operator.NONE:
            return True
        if condition.measure not in ADDITIVE or condition.operator in (Operator.ANY, Operator.ALL):
            return False
        return compare(condition.operator, condition.value)(0)


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that a condition looks at, as a subquery; conditions with equal sources are answered together."""

    rows: str
    first: str = "business_date"
    last: str = "business_date"


# The whole roll-up: each condition narrows it by itself.
MEMBER_DAYS = Source("member_day")


# ------------------------------------------------------------------------------------------------ the rows
def source_of(asked: Asked) -> Source:
    """Where the rows of a condition come from."""
    measure, narrowed = asked.condition.measure, asked.narrowed
    only_lines = narrowed.brands is not None or narrowed.stores is not None or narrowed.promotions is not None
    if measure in BRAND_SETS:
        return Source(_lines_where(asked, *_brands_asked(asked)))
    if measure in CATEGORY_SETS:
        return _by_category(asked, _all(asked.among) if asked.among else None)
    if only_lines:
        return Source(_days_of_lines(asked))
    if narrowed.categories is None:
        return MEMBER_DAYS
    if measure in OF_SINGLE_DAYS or (measure in COUNTING_RECEIPTS and len(narrowed.categories) > 1):
        return Source(_days_of_lines(asked))
    return _by_category(asked, narrowed.categories)


def _brands_asked(asked: Asked) -> list[str]:
    return [_among("brand_id", _all(asked.among))] if asked.among else ["brand_id IS NOT NULL"]


def _all(sets: Sequence[Collection[int]]) -> tuple[int, ...]:
    return tuple(sorted({id_ for ids in sets for id_ in ids}))


def _days_of_lines(asked: Asked) -> str:
    """What member_day would say if there were no lines but these."""
    return f"({from_lines(FileKind.MEMBER_DAY, _lines_where(asked))})"


def _lines_where(asked: Asked, *more: str) -> str:
    tests = [GOODS_OF_MEMBERS, *_common(asked), *_dates(asked, "business_date"), *more]
    narrowed = asked.narrowed
    for column, ids in (
        ("category_id", narrowed.categories),
        ("brand_id", narrowed.brands),
        ("store_id", narrowed.stores),
        ("promotion_id", narrowed.promotions),
    ):
        if ids is not None:
            tests.append(_among(column, ids))
    return f"(SELECT * FROM lines{_where(tests)})"


def _by_category(asked: Asked, categories: Collection[int] | None) -> Source:
    """Whole months from the roll-up, the days before and after them from the lines."""
    first, last = asked.days
    tests = _common(asked)
    if categories is not None:
        tests.append(_joined("category_id", categories))
    begin = first and _next_month(first - timedelta(days=1))  # the first month that lies wholly inside
    end = _next_month(last) if last + timedelta(days=1) == _next_month(last) else last.replace(day=1)
    if last == asked.today:
        end = _next_month(last)  # nothing lies in the future but what a clock got wrong
    exact = asked.condition.measure in COUNTING_RECEIPTS
    if begin and begin >= end:
        return Source(_edge(tests, first, last, exact=exact), "first_date", "last_date")
    whole = [*tests, f"month < DATE '{end}'", *([f"month >= DATE '{begin}'"] if begin else [])]
    parts = [f"SELECT * FROM member_category_month{_where(whole)}"]
    if first and begin and first < begin:
        parts.append(f"SELECT * FROM {_edge(tests, first, begin - timedelta(days=1), exact=exact)}")
    if end <= last:
        parts.append(f"SELECT * FROM {_edge(tests, end, last, exact=exact)}")
    return Source(f"({' UNION ALL '.join(parts)})", "first_date", "last_date")


# A line as a row of the month roll-up. Its receipt is counted with every line: good for whether there was one, not for
# how many.
LINE_AS_MONTH = """
    SELECT member_id, date_trunc('month', business_date)::DATE AS month, category_id, format, currency,
        receipt_sign::INTEGER AS receipts, amount AS spend, money,
        CASE WHEN promoted THEN 0 ELSE amount END AS regular_spend,
        CASE WHEN promoted THEN amount ELSE 0 END AS promoted_spend, coalesce(profit, 0) AS profit, quantity_milli,
        CASE WHEN type = 'sale' THEN business_date END AS first_date,
        CASE WHEN type = 'sale' THEN business_date END AS last_date
    FROM lines"""


def _edge(tests: list[str], first: date | None, last: date, *, exact: bool) -> str:
    """The lines of some days as rows of the month roll-up; summed by receipt only where receipts are counted."""
    days = [f"business_date <= DATE '{last}'", *([f"business_date >= DATE '{first}'"] if first else [])]
    where = _where([GOODS_OF_MEMBERS, *tests, *days])
    if exact:
        return f"({from_lines(FileKind.MEMBER_CATEGORY_MONTH, f'(SELECT * FROM lines{where})')})"
    return f"({LINE_AS_MONTH}{where})"


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _common(asked: Asked) -> list[str]:
    tests = []
    if asked.narrowed.formats is not None:
        tests.append(_among("format", asked.narrowed.formats))
    return tests


def _dates(asked: Asked, column: str) -> list[str]:
    first, last = asked.days
    return [*([f"{column} >= DATE '{first}'"] if first else []), f"{column} <= DATE '{last}'"]


def _among(column: str, values: Collection[int | str]) -> str:
    if not values:
        return "false"
    listed = ", ".join(_text(value) if isinstance(value, str) else str(value) for value in values)
    return f"{column} IN ({listed})"


def _joined(column: str, ids: Collection[int]) -> str:
    """The same as a join, which DuckDB pushes into the scan of a file where a long list is only looked through."""
    return f"{column} IN (SELECT unnest([{', '.join(map(str, ids))}]))" if len(ids) > 3 else _among(column, ids)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _where(tests: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""


# ------------------------------------------------------------------------------------------------ what is measured
def tests_of(asked: Asked, source: Source) -> list[str]:
    """Which of the source's rows a condition looks at."""
    tests = [f"currency = {_text(asked.currency)}"] if asked.currency else []
    return tests + _common(asked) + _dates(asked, "business_date") if source == MEMBER_DAYS else tests


def measured(asked: Asked, source: Source, tests: Sequence[str] = ()) -> str:
    """What a member's rows come to for one condition: a number, a day, or whether the sets asked for were bought.

    Only rows that pass the tests count.
    """
    measure, only = asked.condition.measure, " AND ".join(tests)
    if measure in ("categories", "brands"):
        return _bought(asked)
    if is_measured(asked.condition):
        sql = sql_of(measure, only)
        # Of nothing the profit is nothing; of something it may be unknown.
        return f"CASE WHEN {_any(only)} THEN {sql} ELSE 0 END" if measure == "gross_profit" else sql
    values = {"today": f"DATE '{asked.today}'", "first": source.first, "last": source.last}
    return EXPRESSIONS[measure].format(only=f" AND {only}" if only else "", **values)


def _any(only: str) -> str:
    return f"count(*) FILTER ({only}) > 0" if only else "true"


def _bought(asked: Asked) -> str:
    """Whether there is a receipt that was not voided, in any or in all of the sets."""
    column, count = (
        ("category_id", "receipts") if asked.condition.measure == "categories" else ("brand_id", "receipt_sign")
    )
    if len(asked.among) == 1:
        return f"(coalesce(sum({count}), 0) > 0)"  # no rows but those of this set are read
    joined = " AND " if asked.condition.operator == Operator.ALL else " OR "
    return (
        joined.join(f"coalesce(sum({count}) FILTER ({_among(column, ids)}), 0) > 0" for ids in asked.among) or "false"
    )


def passes(asked: Asked, value: str) -> str:
    """The test of one condition on its measured value; NULL where nothing is known."""
    condition = asked.condition
    if condition.measure in ("categories", "brands"):
        return f"NOT {value}" if condition.operator == Operator.NONE else value
    if condition.measure == "first_purchase":
        first, last = condition.past(asked.today)
        return f"{value} BETWEEN DATE '{first or date.min}' AND DATE '{last}'"
    if condition.operator == Operator.BETWEEN:
        assert isinstance(condition.value, tuple)
        low, high = condition.value
        return f"{value} BETWEEN {low!r} AND {high!r}"
    operator = "<>" if condition.operator == Operator.UNEQUAL else str(condition.operator)
    return f"{value} {operator} {condition.value!r}"


def answer_query(group: Sequence[Asked], source: Source) -> str:
    """One row a member for whom a condition of the group says something: member_id, c0, c1 ... (sought or not)."""
    rows, narrowed = _rows(group, source)
    sought = []
    for n, asked in enumerate(group):
        test = passes(asked, f"m{n}")
        sought.append(f"NOT coalesce({test}, false)" if asked.inverted else f"coalesce({test}, false)")
    columns = _columns(group, source, narrowed)
    tests = ", ".join(f"{test} AS c{n}" for n, test in enumerate(sought))
    anything = " OR ".join(f"c{n}" for n in range(len(group)))
    sums = f"SELECT member_id, {columns} FROM {rows} AS rows GROUP BY member_id"
    return f"SELECT * FROM (SELECT member_id::UINTEGER AS member_id, {tests} FROM ({sums}) AS sums) WHERE {anything}"


def evidence_query(group: Sequence[Asked], source: Source, chosen: str) -> str:
    """member_id ascending and m0, m1 ...: what was measured of the members that `chosen` (ids, or a subquery) names."""
    rows, narrowed = _rows(group, source)
    columns = _columns(group, source, narrowed, exact=True)
    of_them = f"SELECT * FROM {rows} AS rows WHERE member_id IN ({chosen})"
    return f"SELECT member_id::UINTEGER AS member_id, {columns} FROM ({of_them}) AS rows GROUP BY member_id ORDER BY 1"


def _columns(group: Sequence[Asked], source: Source, narrowed: Sequence[Sequence[str]], *, exact: bool = False) -> str:
    """m0, m1 ...; `exact` as plain integers or floats, for whoever keeps them (DuckDB sums into 128 bits)."""
    columns = []
    for n, (asked, tests) in enumerate(zip(group, narrowed, strict=True)):
        value = measured(asked, source, tests)
        if exact and is_measured(asked.condition):
            value = f"CAST({value} AS {'DOUBLE' if asked.condition.measure in FRACTIONS else 'BIGINT'})"
        columns.append(f"{value} AS m{n}")
    return ", ".join(columns)


def _rows(group: Sequence[Asked], source: Source) -> tuple[str, list[list[str]]]:
    """The rows that a group reads, and which of them each condition looks at: what all have in common is read only."""
    each = [tests_of(asked, source) for asked in group]
    common = [test for test in each[0] if all(test in tests for tests in each)]
    bounds = list(common)
    if source == MEMBER_DAYS:
        firsts = [asked.days[0] for asked in group]
        begin = min((first for first in firsts if first is not None), default=None)
        if begin is not None and None not in firsts:
            bounds.append(f"business_date >= DATE '{begin}'")
        bounds.append(f"business_date <= DATE '{max(asked.days[1] for asked in group)}'")
    rows = f"(SELECT * FROM {source.rows}{_where(list(dict.fromkeys(bounds)))})"
    return rows, [[test for test in tests if test not in common] for tests in each]
