"""A real lake made of plain rows: files, manifest and roll-ups as the exporter makes them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time

import pyarrow as pa

from analytics.lake.engine import open_engine
from analytics.lake.manifest import publish, read_state
from analytics.lake.schema import LINES
from analytics.lake.writing import write_lines
from foundation.database import Database, Tx
from foundation.settings import get_settings

SIGNS = {"sale": 1, "return": 0, "void": -1}


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A row of the lake. Every row is a receipt of its own unless `receipt` says otherwise; amounts are signed.

    What is None here follows from the rest: money = amount - benefit, regular_amount = amount, receipt_sign by type,
    occurred_at noon UTC of the business date. `cost` and `profit` stay unknown unless they are given.
    """

    business_date: date
    amount: int
    member_id: int | None = None
    store_id: int = 1
    format: str = "department"
    currency: str = "CNY"
    receipt: int | None = None
    line: int = 1
    type: str = "sale"
    receipt_sign: int | None = None
    occurred_at: datetime | None = None
    kind: str = "goods"
    product_id: int | None = None
    counter_id: int | None = None
    counter_mode: str | None = None
    category_id: int | None = None
    brand_id: int | None = None
    promotion_id: int | None = None
    quantity_milli: int = 1000
    regular_amount: int | None = None
    money: int | None = None
    benefit: int = 0
    tax_rate: int | None = None
    cost: int | None = None
    profit: int | None = None
    promoted: bool = False
    points: int = 0


def write_lake(home: Database | Tx, rows: Iterable[LineFacts]) -> int:
    """Add rows to the lake; returns the position it then stands at: one more a row. Receipts must be whole."""
    if isinstance(home, Database):
        with home.transaction() as tx:
            return write_lake(tx, rows)
    state = read_state(home)
    table = lines_table(rows, first_position=state.position + 1)
    position: int = state.position + table.num_rows
    settings = get_settings()
    with open_engine(settings) as engine:
        files = write_lines(engine, settings.lake, table, state.position + 1, position)
    publish(home, files, expected=state.position, position=position, complete_until=home.now)
    return position


def lines_table(rows: Iterable[LineFacts], first_position: int = 1) -> pa.Table:
    """Rows as the writer takes them, with positions and receipts counted from `first_position`."""
    full = [{**asdict(_completed(row, n)), "position": n} for n, row in enumerate(rows, first_position)]
    return pa.Table.from_pylist(full, LINES)


def _completed(row: LineFacts, n: int) -> LineFacts:
    return replace(
        row,
        receipt=n if row.receipt is None else row.receipt,
        receipt_sign=SIGNS[row.type] if row.receipt_sign is None else row.receipt_sign,
        occurred_at=row.occurred_at or datetime.combine(row.business_date, time(12), UTC),
        regular_amount=row.amount if row.regular_amount is None else row.regular_amount,
        money=row.amount - row.benefit if row.money is None else row.money,
    )
