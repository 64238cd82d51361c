"""What the two roll-ups say, in SQL, once: from lines, and from parts of themselves.

Everything but the first and last date is additive, so that the roll-up of a month is the sum of its parts.
"""

from analytics.lake.schema import FileKind

RECEIPTS = (
    "(count(DISTINCT receipt) FILTER (receipt_sign = 1)"
    " - count(DISTINCT receipt) FILTER (receipt_sign = -1))::INTEGER AS receipts"
)
MONEY_COLUMNS = """
    sum(amount)::BIGINT AS spend, sum(money)::BIGINT AS money,
    coalesce(sum(amount) FILTER (NOT promoted), 0)::BIGINT AS regular_spend,
    coalesce(sum(amount) FILTER (promoted), 0)::BIGINT AS promoted_spend,
    coalesce(sum(profit), 0)::BIGINT AS profit
"""
GOODS_OF_MEMBERS = "kind = 'goods' AND member_id IS NOT NULL"

_FROM_LINES = {
    FileKind.MEMBER_DAY: f"""
        SELECT member_id, business_date, format, currency, {RECEIPTS}, {MONEY_COLUMNS},
            coalesce(sum(money) FILTER (NOT promoted), 0)::BIGINT AS regular_money,
            coalesce(sum(amount) FILTER (profit IS NOT NULL), 0)::BIGINT AS known_profit_spend,
            sum(points)::BIGINT AS points, sum(quantity_milli)::BIGINT AS quantity_milli
        FROM {{source}} WHERE {GOODS_OF_MEMBERS}
        GROUP BY member_id, business_date, format, currency
    """,  # noqa: S608 - names and constants of this file
    FileKind.MEMBER_CATEGORY_MONTH: f"""
        SELECT member_id, date_trunc('month', business_date)::DATE AS month, category_id, format, currency,
            {RECEIPTS}, {MONEY_COLUMNS}, sum(quantity_milli)::BIGINT AS quantity_milli,
            min(business_date) FILTER (type = 'sale') AS first_date,
            max(business_date) FILTER (type = 'sale') AS last_date
        FROM {{source}} WHERE {GOODS_OF_MEMBERS}
        GROUP BY member_id, date_trunc('month', business_date), category_id, format, currency
    """,  # noqa: S608 - likewise
}

_SUMS = {
    FileKind.MEMBER_DAY: (
        ("member_id", "business_date", "format", "currency"),
        (
            "receipts", "spend", "money", "regular_spend", "promoted_spend", "regular_money", "profit",
            "known_profit_spend", "points", "quantity_milli",
        ),
    ),
    FileKind.MEMBER_CATEGORY_MONTH: (
        ("member_id", "month", "category_id", "format", "currency"),
        ("receipts", "spend", "money", "regular_spend", "promoted_spend", "profit", "quantity_milli"),
    ),
}  # fmt: skip

# In a file. Who asks for categories asks for few of them and of everybody: by category, DuckDB passes over the rest.
ORDER = {
    FileKind.LINES: "member_id NULLS LAST, business_date, receipt, line",
    FileKind.MEMBER_DAY: "member_id, business_date, format, currency",
    FileKind.MEMBER_CATEGORY_MONTH: "category_id NULLS LAST, member_id, month, format, currency",
}
ROLLUPS = (FileKind.MEMBER_DAY, FileKind.MEMBER_CATEGORY_MONTH)


def from_lines(kind: FileKind, source: str) -> str:
    """The query that makes a roll-up of lines. `source` is a table, view or subquery of whole receipts."""
    return _FROM_LINES[kind].format(source=source)


def from_parts(kind: FileKind, source: str) -> str:
    """The query that makes one roll-up of several whose lines have no receipt in common."""
    keys, sums = _SUMS[kind]
    columns = [*keys]
    columns += [f"sum({name})::{'INTEGER' if name == 'receipts' else 'BIGINT'} AS {name}" for name in sums]
    if kind is FileKind.MEMBER_CATEGORY_MONTH:
        columns += ["min(first_date) AS first_date", "max(last_date) AS last_date"]
    return f"SELECT {', '.join(columns)} FROM {source} GROUP BY {', '.join(keys)}"  # noqa: S608
