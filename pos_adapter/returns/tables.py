"""Storage of red tickets (migration 0026)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

from foundation.rows import Write
from pos_adapter.schema import metadata

red_ticket = Table(
    "red_ticket",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("counter_code", Text),
    Column("business_date", Date, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sale_id", Uuid, nullable=False),
    Column("sale_day", Date, nullable=False),
    Column("ticket_id", Uuid),
    Column("settlement_id", Uuid),
    Column("member_id", BigInteger),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("given", JSON),
    Column("reason", Text),
    Column("clerk", Text),
    Column("over_limit", Boolean, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("approved_by", Text),
    Column("terminal", Text),
    Column("refunded_by", Text),
    Column("refund", JSON),
    Column("return_sale_id", Uuid),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("store_id", "business_date", "number", name="red_ticket_number"),
)
Index("red_ticket_of_store", red_ticket.c.store_id, red_ticket.c.issued_at, red_ticket.c.id)
Index("red_ticket_of_sale", red_ticket.c.sale_id)
Index("red_ticket_of_ticket", red_ticket.c.ticket_id, postgresql_where=red_ticket.c.ticket_id.is_not(None))
Index("red_ticket_refunding", red_ticket.c.changed_at, postgresql_where=red_ticket.c.state == "refunding")

red_ticket_change = Table(
    "red_ticket_change",
    metadata,
    Column("red_ticket_id", ForeignKey("pos.red_ticket.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text),
)

red_ticket_refund = Table(
    "red_ticket_refund",
    metadata,
    Column("red_ticket_id", ForeignKey("pos.red_ticket.id"), primary_key=True),
    Column("tender", SmallInteger, primary_key=True, autoincrement=False),
    Column("payment_id", ForeignKey("pos.payment.id"), nullable=False),
    Column("refund_no", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("instead", Text),
)

return_limit = Table(
    "return_limit",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("store_id", Integer),
    Column("currency", Text),
    Column("amount", BigInteger),
    Column("valid_from", Date, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)


class RedTicketRow(msgspec.Struct, frozen=True):
    """A red ticket as it is inserted."""

    id: UUID
    store_id: int
    counter_code: str | None
    business_date: date
    number: int
    kind: str
    state: str
    sale_id: UUID
    sale_day: date
    ticket_id: UUID | None
    settlement_id: UUID | None
    member_id: int | None
    currency: str
    amount: int
    lines: Any
    given: Any
    reason: str | None
    clerk: str | None
    over_limit: bool
    issued_by: str
    issued_at: datetime
    approved_by: str | None
    version: int
    changed_at: datetime


class RedTicketState(msgspec.Struct, frozen=True):
    """What a step of its life changes."""

    id: UUID
    state: str
    approved_by: str | None
    terminal: str | None
    refunded_by: str | None
    refund: Any
    return_sale_id: UUID | None
    version: int
    changed_at: datetime


class RedChangeRow(msgspec.Struct, frozen=True):
    red_ticket_id: UUID
    n: int
    state: str
    at: datetime
    actor: str
    why: str | None


class RedRefundRow(msgspec.Struct, frozen=True):
    red_ticket_id: UUID
    tender: int
    payment_id: UUID
    refund_no: str
    amount: int


WRITE_RED = Write(red_ticket, RedTicketRow)
CHANGE_RED = Write(red_ticket, RedTicketState, key=("id",))
NOTE_RED = Write(red_ticket_change, RedChangeRow)
WRITE_REFUND = Write(red_ticket_refund, RedRefundRow)
