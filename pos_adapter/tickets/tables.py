"""Storage of e-tickets (migration 0024)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSON

from foundation.rows import Write
from pos_adapter.schema import metadata
from pos_adapter.tickets.numbers import number_series

__all__ = ["CHANGE_TICKET", "NOTE_CHANGE", "WRITE_TICKET", "ChangeRow", "TicketRow", "number_series", "ticket"]

ticket = Table(
    "ticket",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("counter_id", Integer, nullable=False),
    Column("counter_code", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("member_id", BigInteger),
    Column("claim_id", BigInteger),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("content_hash", BYTEA, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("issued_by", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("settlement_id", Uuid),
    Column("first_line", Integer),
    Column("approved_by", Text),
    UniqueConstraint("store_id", "business_date", "number", name="ticket_number"),
)
Index("ticket_of_store", ticket.c.store_id, ticket.c.business_date, ticket.c.state, ticket.c.number)
Index("ticket_of_member", ticket.c.member_id, ticket.c.business_date, postgresql_where=ticket.c.member_id.is_not(None))
Index("ticket_of_settlement", ticket.c.settlement_id, postgresql_where=ticket.c.settlement_id.is_not(None))
Index(
    "ticket_uncollected", ticket.c.store_id, ticket.c.changed_at, ticket.c.id, postgresql_where=ticket.c.state == "paid"
)

ticket_change = Table(
    "ticket_change",
    metadata,
    Column("ticket_id", ForeignKey("pos.ticket.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("why", Text),
)


class TicketRow(msgspec.Struct, frozen=True):
    """A ticket as it is inserted; bytes travel as hex text."""

    id: UUID
    store_id: int
    counter_id: int
    counter_code: str
    business_date: date
    number: int
    state: str
    member_id: int | None
    claim_id: int | None
    currency: str
    amount: int
    lines: Any
    content_hash: str
    version: int
    issued_by: str
    issued_at: datetime
    received_at: datetime
    changed_at: datetime
    approved_by: str | None


class TicketState(msgspec.Struct, frozen=True):
    """What a step of its life changes."""

    id: UUID
    state: str
    version: int
    changed_at: datetime
    settlement_id: UUID | None
    first_line: int | None


class ChangeRow(msgspec.Struct, frozen=True):
    ticket_id: UUID
    n: int
    state: str
    at: datetime
    actor: str
    why: str | None


WRITE_TICKET = Write(ticket, TicketRow)
CHANGE_TICKET = Write(ticket, TicketState, key=("id",))
NOTE_CHANGE = Write(ticket_change, ChangeRow)
