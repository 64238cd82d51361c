"""Storage of approvals and their limits (migration 0009)."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import BYTEA, JSON

from member_api.schema import metadata

approval_limit = Table(
    "approval_limit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("action", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("currency", Text),
    Column("amount", BigInteger),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)

approval = Table(
    "approval",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("content", JSON, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", BYTEA),
    Column("store", Text),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_reason", BYTEA),
    Column("journal_id", Uuid),
)
