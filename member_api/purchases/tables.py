"""Storage of purchases (migration 0004): what the accounts know of a sale."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSON

from foundation.rows import Write
from member_api.earning.rules import EarnLine

metadata = MetaData(schema="member")

purchase = Table(
    "purchase",
    metadata,
    Column("day", Date, primary_key=True),
    Column("ref", Uuid, primary_key=True),
    Column("member_id", BigInteger, nullable=False),
    Column("store", Text, nullable=False),
    Column("format", Text),
    Column("currency", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("tier", Text),
    Column("rule_version", Integer, nullable=False),
    Column("points_account", BigInteger),
    Column("remainder_before", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("ecoins", BigInteger, nullable=False),
    Column("net_amount", BigInteger, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("spends", JSON, nullable=False),
    Column("multiplier", BigInteger),
)


class SpendRecord(msgspec.Struct, array_like=True):
    """What one tender took from the accounts: `lots` are (lot id, units) in the order they were spent."""

    tender: int
    kind: str
    units: int
    lots: list[tuple[int, int]]
    restored: int = 0


class PurchaseRow(msgspec.Struct, frozen=True):
    day: date
    ref: UUID
    member_id: int
    store: str
    format: str | None
    currency: str
    occurred_at: datetime
    tier: str | None
    rule_version: int
    points_account: int | None
    remainder_before: int
    points: int
    ecoins: int
    net_amount: int
    lines: list[EarnLine]
    spends: list[SpendRecord]
    multiplier: int | None = None


class PurchaseChange(msgspec.Struct, frozen=True):
    day: date
    ref: UUID
    points: int
    ecoins: int
    net_amount: int
    lines: list[EarnLine]
    spends: list[SpendRecord]


class PurchaseMove(msgspec.Struct, frozen=True):
    day: date
    ref: UUID
    member_id: int
    tier: str | None
    points_account: int
    remainder_before: int
    points: int
    ecoins: int
    lines: list[EarnLine]
    multiplier: int | None


WRITE_PURCHASE = Write(purchase, PurchaseRow)
CHANGE_PURCHASE = Write(purchase, PurchaseChange, key=("day", "ref"))
MOVE_PURCHASE = Write(purchase, PurchaseMove, key=("day", "ref"))
