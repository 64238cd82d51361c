"""Storage of top-ups (migration 0030)."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Identity, Index, Table, Text, Uuid

from foundation.rows import Write
from member_api.schema import metadata

topup = Table(
    "topup",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("day", Date, nullable=False),
    Column("member_id", ForeignKey("member.member.id"), nullable=False),
    Column("store", Text),
    Column("terminal", Text),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("tender", Text, nullable=False),
    Column("reference", Text),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("topup_of_store", topup.c.store, topup.c.day, topup.c.terminal)
Index("topup_of_member", topup.c.member_id, topup.c.at)

stored_value_limit = Table(
    "stored_value_limit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger),
    Column("valid_from", Date, nullable=False),
    Column("source", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)


class TopUpRow(msgspec.Struct, frozen=True):
    id: UUID
    day: date
    member_id: int
    store: str | None
    terminal: str | None
    currency: str
    amount: int
    bonus: int
    tender: str
    reference: str | None
    actor: str
    at: datetime


WRITE_TOPUP = Write(topup, TopUpRow)
