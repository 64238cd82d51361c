"""Numbers that the server gives, one after the other within a store's day."""

from datetime import date

from sqlalchemy import BigInteger, Column, Date, Integer, Table, Text

from foundation.database import Tx
from pos_adapter.schema import metadata

number_series = Table(
    "number_series",
    metadata,
    Column("store_id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("business_date", Date, primary_key=True),
    Column("last", BigInteger, nullable=False),
)


def next_number(tx: Tx, store_id: int, day: date, name: str, count: int = 1, first: int = 1) -> int:
    """The first of `count` numbers that nobody else gets; a day's series begins at `first`.

    Locks the series until the commit: numbers are without gaps, and ask for them last.
    """
    row = tx.ask(
        "INSERT INTO pos.number_series AS s (store_id, name, business_date, last) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (store_id, business_date, name) DO UPDATE SET last = s.last + %s RETURNING last",
        (store_id, name, day, first + count - 1, count),
    ).fetchone()
    assert row is not None
    return int(row[0]) - count + 1
