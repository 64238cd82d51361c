"""The measures of analytics.measures as SQL for conditions: one definition for reports, scores and filters.

Their Ibis expressions are compiled once a process, over the columns of the day roll-up; building and compiling one
takes about as long as a count.
"""

from collections.abc import Mapping
from functools import lru_cache

import ibis
import sqlglot
from sqlglot import exp

from analytics.lake.schema import MEMBER_DAY
from analytics.measures.catalogue import measure
from foundation.conditions import Condition

# What conditions call a measure: what reports call it.
NAMES: Mapping[str, str] = {
    "spend": "money_received",
    "visits": "visits",
    "receipts": "receipts",
    "average_ticket": "average_ticket",
    "quantity": "units",
    "gross_profit": "gross_profit",
    "regular_price_share": "regular_share",
    "promotion_share": "promotion_share",
}
DIALECT = "duckdb"
_HOLE = '"only these rows"'


def is_measured(condition: Condition) -> bool:
    """Whether a condition compares a measure of sales."""
    return condition.measure in NAMES


def sql_of(name: str, only: str = "") -> str:
    """The measure that conditions call `name`, an aggregate over rows like member_day's; of those that pass `only`."""
    return _narrowed(name).replace(_HOLE, f"({only})") if only else _plain(name)


@lru_cache(maxsize=64)
def _plain(name: str) -> str:
    return _compiled(name).sql(dialect=DIALECT)


@lru_cache(maxsize=64)
def _narrowed(name: str) -> str:
    """The measure with a hole in each of its aggregates, for a test of the rows that it sees."""
    found = _compiled(name)
    for aggregate in list(found.find_all(exp.AggFunc)):
        hole = exp.column(_HOLE.strip('"'), quoted=True)
        holder = aggregate.parent
        if isinstance(holder, exp.Filter):
            where = holder.expression
            where.set("this", exp.and_(where.this, hole))
        else:
            aggregate.replace(exp.Filter(this=aggregate.copy(), expression=exp.Where(this=hole)))
    return found.sql(dialect=DIALECT)


def _compiled(name: str) -> exp.Expression:
    table = ibis.table({field.name: _type(str(field.type)) for field in MEMBER_DAY}, name="rows")
    expression = measure(NAMES[name]).expression(table)
    text = str(ibis.to_sql(table.aggregate(value=expression), dialect=DIALECT))
    query = sqlglot.parse_one(text, into=exp.Select, dialect=DIALECT)
    found = exp.Paren(this=query.selects[0].this.copy())
    for column in found.find_all(exp.Column):
        column.set("table", None)
    return found


def _type(arrow: str) -> str:
    return "string" if arrow.startswith("dictionary") else {"date32[day]": "date"}.get(arrow, arrow)
