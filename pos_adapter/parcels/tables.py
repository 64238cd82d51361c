"""Storage of parcels (migration 0034)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from pos_adapter.schema import metadata

parcel = Table(
    "parcel",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("number", Integer, nullable=False),
    Column("settlement_id", ForeignKey("pos.settlement.id"), nullable=False),
    Column("member_id", BigInteger),
    Column("state", Text, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("place", Text),
    Column("note", Text),
    Column("terminal", Text, nullable=False),
    Column("left_by", Text, nullable=False),
    Column("left_at", DateTime(timezone=True), nullable=False),
    Column("proof", Text),
    Column("why", Text),
    Column("ended_by", Text),
    Column("ended_at", DateTime(timezone=True)),
    UniqueConstraint("store_id", "business_date", "number", name="parcel_number"),
)
Index("parcel_lying", parcel.c.store_id, parcel.c.left_at, parcel.c.id, postgresql_where=parcel.c.state == "lying")
Index("parcel_of_store", parcel.c.store_id, parcel.c.left_at.desc(), parcel.c.id.desc())
Index("parcel_of_settlement", parcel.c.settlement_id)

parcel_ticket = Table(
    "parcel_ticket",
    metadata,
    Column("parcel_id", ForeignKey("pos.parcel.id"), primary_key=True),
    Column("ticket_id", ForeignKey("pos.ticket.id"), primary_key=True),
    Column("lies", Boolean, nullable=False),
)
Index("parcel_ticket_lies", parcel_ticket.c.ticket_id, unique=True, postgresql_where=parcel_ticket.c.lies)
