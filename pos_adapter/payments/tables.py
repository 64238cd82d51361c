"""Storage of payments on the spot (migrations 0025 and 0033)."""

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
    Column("reversals", Integer, nullable=False, server_default="0"),
    Column("look_at", DateTime(timezone=True)),
    Column("leased_until", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("reference", Text),
    Column("account", Text),
    Column("why", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("settlement_id", "n", name="payment_tender"),
    UniqueConstraint("store_id", "trace", name="payment_trace"),
)
Index("payment_due", payment.c.look_at, postgresql_where=payment.c.look_at.is_not(None))
Index("payment_of_store", payment.c.store_id, payment.c.created_at)
Index(
    "payment_open", payment.c.store_id, payment.c.created_at,
    postgresql_where=payment.c.state.in_(("created", "pending", "reversing", "unknown")),
)  # fmt: skip
Index("payment_started", payment.c.rail, payment.c.started_at, postgresql_where=payment.c.started_at.is_not(None))

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
    Column("reason", Text),
    Column("wants", Text, nullable=False, server_default="pay"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("anew", Integer, nullable=False, server_default="0"),
    Column("look_at", DateTime(timezone=True)),
    Column("leased_until", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("voided", Boolean, nullable=False, server_default="false"),
    Column("reference", Text),
    Column("why", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("refund_due", refund.c.look_at, postgresql_where=refund.c.look_at.is_not(None))
Index("refund_of_payment", refund.c.payment_id)
Index("refund_of_store", refund.c.store_id, refund.c.created_at)
Index(
    "refund_open", refund.c.store_id, refund.c.created_at,
    postgresql_where=refund.c.state.in_(("created", "pending", "unknown")),
)  # fmt: skip
Index("refund_started", refund.c.started_at, postgresql_where=refund.c.started_at.is_not(None))

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

payment_verdict = Table(
    "payment_verdict",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("payment_id", ForeignKey("pos.payment.id"), nullable=False),
    Column("refund_id", ForeignKey("pos.refund.id")),
    Column("store_id", Integer, nullable=False),
    Column("finding", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
)
Index(
    "payment_verdict_open", payment_verdict.c.payment_id, unique=True,
    postgresql_where=(payment_verdict.c.state == "proposed") & payment_verdict.c.refund_id.is_(None),
)  # fmt: skip
Index(
    "payment_verdict_open_refund", payment_verdict.c.refund_id, unique=True,
    postgresql_where=payment_verdict.c.state == "proposed",
)  # fmt: skip
Index("payment_verdict_of", payment_verdict.c.payment_id, payment_verdict.c.id)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("rail", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("file_digest", BYTEA, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("agreed", Integer, nullable=False),
    Column("amount_there", BigInteger, nullable=False),
    Column("amount_here", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("rail", "day", name="reconciliation_day"),
)

reconciliation_difference = Table(
    "reconciliation_difference",
    metadata,
    Column("reconciliation_id", ForeignKey("pos.reconciliation.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payment_id", Uuid),
    Column("reference", Text),
    Column("currency", Text, nullable=False),
    Column("there", BigInteger),
    Column("here", BigInteger),
    Column("detail", Text, nullable=False),
)
