"""Storage of settlements (migration 0024)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSON

from foundation.rows import Write
from pos_adapter.schema import metadata

settlement = Table(
    "settlement",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("member_id", BigInteger),
    Column("claim_id", BigInteger),
    Column("cashier", Text),
    Column("shift", Text),
    Column("content", JSON, nullable=False),
    Column("sales", JSON),
    Column("answer", JSON),
    Column("failure", Text),
    Column("client", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    UniqueConstraint("store_id", "terminal", "business_date", "sequence", name="settlement_number"),
)
Index(
    "settlement_of_day",
    settlement.c.store_id,
    settlement.c.business_date,
    settlement.c.terminal,
    settlement.c.sequence,
)
Index("settlement_pending", settlement.c.created_at, postgresql_where=settlement.c.state == "pending")


class SettlementRow(msgspec.Struct, frozen=True):
    id: UUID
    store_id: int
    terminal: str
    business_date: date
    sequence: int
    state: str
    currency: str
    amount: int
    member_id: int | None
    claim_id: int | None
    cashier: str | None
    shift: str | None
    content: Any
    sales: Any
    answer: Any
    failure: str | None
    client: str
    created_at: datetime
    ended_at: datetime | None


class SettlementEnd(msgspec.Struct, frozen=True):
    """What a pending settlement came to."""

    id: UUID
    state: str
    sales: Any
    answer: Any
    failure: str | None
    ended_at: datetime


WRITE_SETTLEMENT = Write(settlement, SettlementRow)
END_SETTLEMENT = Write(settlement, SettlementEnd, key=("id",))
