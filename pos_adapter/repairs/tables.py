"""Storage of parked receipts, of proposals to discard, and of what was done."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

from pos_adapter.schema import metadata

parked_receipt = Table(
    "parked_receipt",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),
    Column("problem", JSON, nullable=False),
    Column("client", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("parked_at", DateTime(timezone=True), nullable=False),
    Column("refused_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("sale_id", Uuid),
    UniqueConstraint("store_id", "terminal", "business_date", "sequence", name="parked_receipt_key"),
)
Index(
    "parked_receipt_open_idx",
    parked_receipt.c.store_id,
    parked_receipt.c.id,
    postgresql_where=parked_receipt.c.state == "open",
)

discard = Table(
    "discard",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("parked_id", ForeignKey(parked_receipt.c.id)),
    Column("sale_id", Uuid),
    Column("store_id", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
)
_is_proposed = discard.c.state == "proposed"
Index("discard_parked_key", discard.c.parked_id, unique=True, postgresql_where=_is_proposed)
Index("discard_sale_key", discard.c.sale_id, unique=True, postgresql_where=_is_proposed)
Index("discard_store_idx", discard.c.store_id, discard.c.id)

repair = Table(
    "repair",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("parked_id", BigInteger),
    Column("business_date", Date),
    Column("sale_id", Uuid),
    Column("action", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("repair_parked_idx", repair.c.parked_id, repair.c.id, postgresql_where=repair.c.parked_id.is_not(None))
Index("repair_sale_idx", repair.c.sale_id, repair.c.id, postgresql_where=repair.c.sale_id.is_not(None))
