"""Storage of shifts and of closed days (migration 0027)."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from foundation.rows import Write
from pos_adapter.day.rules import AccountFigure, Entry, SalesFigure, TenderFigure
from pos_adapter.schema import metadata

shift = Table(
    "shift",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("cashier", Text),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("float_amount", BigInteger, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("counted_by", Text),
    Column("counted_at", DateTime(timezone=True)),
    Column("handed_in_by", Text),
    Column("handed_in_at", DateTime(timezone=True)),
    Column("handed_in_amount", BigInteger),
    Column("note", Text),
    Column("posting_date", Date),
    UniqueConstraint("store_id", "code", name="shift_code"),
)
Index("shift_one_open", shift.c.store_id, shift.c.terminal, unique=True, postgresql_where=shift.c.state == "open")
Index("shift_of_store", shift.c.store_id, shift.c.opened_at, shift.c.id)
Index(
    "shift_not_posted", shift.c.store_id, shift.c.business_date, postgresql_where=shift.c.posting_date.is_(None)
)  # fmt: skip

shift_count = Table(
    "shift_count",
    metadata,
    Column("shift_id", ForeignKey("pos.shift.id"), primary_key=True),
    Column("round", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("counted", BigInteger, nullable=False),
    Column("expected", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text),
)

shift_rule = Table(
    "shift_rule",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("store_id", Integer),
    Column("needed", Boolean, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)

store_day = Table(
    "store_day",
    metadata,
    Column("store_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("receipts", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("note", Text),
    Column("closed_by", Text, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
)

day_item = Table(
    "day_item",
    metadata,
    Column("what", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("effect", SmallInteger, primary_key=True, autoincrement=False),
    Column("store_id", Integer, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("posting_date", Date),
    Column("amount", BigInteger),
    Column("noted_at", DateTime(timezone=True), nullable=False),
)
Index("day_item_of_day", day_item.c.store_id, day_item.c.posting_date, day_item.c.what)
Index("day_item_waiting", day_item.c.store_id, postgresql_where=day_item.c.posting_date.is_(None))


def _of_day() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["store_id", "day"], ["pos.store_day.store_id", "pos.store_day.day"])


def _key(n: bool = True) -> list[Column[object]]:
    numbered: list[Column[object]] = [Column("n", Integer, primary_key=True, autoincrement=False)] if n else []
    return [
        Column("store_id", Integer, primary_key=True, autoincrement=False),
        Column("day", Date, primary_key=True),
        *numbered,
    ]


day_tender = Table(
    "day_tender",
    metadata,
    *_key(),
    Column("source", Text, nullable=False),
    Column("legal_unit", Text, nullable=False),
    Column("terminal", Text),
    Column("cashier", Text),
    Column("kind", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("receipts", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("units", BigInteger),
    _of_day(),
)

day_sales = Table(
    "day_sales",
    metadata,
    *_key(),
    Column("legal_unit", Text, nullable=False),
    Column("counter_id", Integer),
    Column("counter", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("supplier", Text),
    Column("kind", Text, nullable=False),
    Column("promotion", Text),
    Column("rate", Numeric(7, 6)),
    Column("tax_rate", Integer),
    Column("lines", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("benefits", BigInteger, nullable=False),
    Column("borne", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("commission", BigInteger, nullable=False),
    _of_day(),
)
Index("day_sales_of_counter", day_sales.c.store_id, day_sales.c.counter, day_sales.c.day)

day_account = Table(
    "day_account",
    metadata,
    *_key(n=False),
    Column("kind", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("legal_unit", Text, nullable=False),
    Column("funder", Text, primary_key=True),
    Column("opening", BigInteger, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("reversed_in", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("expired", BigInteger, nullable=False),
    Column("reversed_out", BigInteger, nullable=False),
    Column("adjusted", BigInteger, nullable=False),
    Column("closing", BigInteger, nullable=False),
    _of_day(),
)

day_entry = Table(
    "day_entry",
    metadata,
    *_key(),
    Column("legal_unit", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("debit", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    _of_day(),
)

day_difference = Table(
    "day_difference",
    metadata,
    *_key(),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("expected", BigInteger),
    Column("found", BigInteger),
    Column("unit", Text, nullable=False),
    Column("words", Text, nullable=False),
    _of_day(),
)


class DayItemRow(msgspec.Struct, frozen=True):
    """A receipt, journal or top-up that is posted on a day, or waits for one."""

    what: str
    id: UUID
    effect: int
    store_id: int
    business_date: date
    posting_date: date | None
    amount: int | None
    noted_at: datetime


class StoreDayRow(msgspec.Struct, frozen=True):
    store_id: int
    day: date
    currency: str
    receipts: int
    late: int
    amount: int
    note: str | None
    closed_by: str
    closed_at: datetime


class DayTenderRow(TenderFigure, frozen=True, kw_only=True):
    store_id: int
    day: date
    n: int


class DaySalesRow(SalesFigure, frozen=True, kw_only=True):
    store_id: int
    day: date
    n: int


class DayAccountRow(AccountFigure, frozen=True, kw_only=True):
    store_id: int
    day: date


class DayEntryRow(Entry, frozen=True, kw_only=True):
    store_id: int
    day: date
    n: int


class DayDifferenceRow(msgspec.Struct, frozen=True):
    store_id: int
    day: date
    n: int
    kind: str
    about: str
    receipt: str
    expected: int | None
    found: int | None
    unit: str
    words: str


WRITE_ITEM = Write(day_item, DayItemRow)
WRITE_DAY = Write(store_day, StoreDayRow)
WRITE_DAY_TENDER = Write(day_tender, DayTenderRow)
WRITE_DAY_SALES = Write(day_sales, DaySalesRow)
WRITE_DAY_ACCOUNT = Write(day_account, DayAccountRow)
WRITE_DAY_ENTRY = Write(day_entry, DayEntryRow)
WRITE_DAY_DIFFERENCE = Write(day_difference, DayDifferenceRow)
