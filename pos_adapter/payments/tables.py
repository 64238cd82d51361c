"""Storage of payments on the spot (migration 0025)."""

from sqlalchemy import (
    BigInteger,
    Column,
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
from sqlalchemy.dialects.postgresql import BYTEA

from pos_adapter.schema import metadata

payment = Table(
    "payment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("settlement_id", ForeignKey("pos.settlement.id"), nullable=False),
    Column("n", SmallInteger, nullable=False),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("rail", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("trace", BigInteger, nullable=False),
    Column("ask", BYTEA),
    Column("wants", Text, nullable=False, server_default="pay"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("look_at", DateTime(timezone=True)),
    Column("leased_until", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("reference", Text),
    Column("account", Text),
    Column("why", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("settlement_id", "n", name="payment_tender"),
    UniqueConstraint("store_id", "terminal", "trace", name="payment_trace"),
)
Index("payment_due", payment.c.look_at, postgresql_where=payment.c.look_at.is_not(None))

refund = Table(
    "refund",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("payment_id", ForeignKey("pos.payment.id"), nullable=False),
    Column("refund_no", Text, nullable=False, unique=True),
    Column("store_id", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("trace", BigInteger, nullable=False),
    Column("wants", Text, nullable=False, server_default="pay"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("look_at", DateTime(timezone=True)),
    Column("leased_until", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("reference", Text),
    Column("why", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("refund_due", refund.c.look_at, postgresql_where=refund.c.look_at.is_not(None))
Index("refund_of_payment", refund.c.payment_id)

payment_step = Table(
    "payment_step",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("payment_id", ForeignKey("pos.payment.id"), nullable=False),
    Column("refund_id", Uuid),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("payment_step_of", payment_step.c.payment_id, payment_step.c.id)
