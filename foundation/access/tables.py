"""Storage of access: the tables of migration 0007."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from foundation.events import metadata

client = Table(
    "client",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", BYTEA, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("bindings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("octet_length(secret_hash) = 32", name="client_secret_is_sha256"),
    CheckConstraint("jsonb_typeof(bindings) = 'object'", name="client_bindings_are_an_object"),
)
Index("client_store", client.c.bindings["store"].astext, client.c.client_id)

access_token = Table(
    "access_token",
    metadata,
    Column("token_hash", BYTEA, primary_key=True),
    Column(
        "client_id",
        Text,
        ForeignKey(client.c.client_id, name="access_token_client_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(token_hash) = 32", name="access_token_hash_is_sha256"),
    Index("access_token_client", "client_id"),
    Index("access_token_expires", "expires_at"),
)

login = Table(
    "login",
    metadata,
    Column("person", Text, primary_key=True),
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("failed_count", Integer, nullable=False, server_default=text("0")),
    Column("locked_until", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("username", name="login_username_key"),
    CheckConstraint("failed_count >= 0", name="login_failed_count_positive"),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", BYTEA, primary_key=True),
    Column("person", Text, ForeignKey(login.c.person, name="session_person_fkey", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(token_hash) = 32", name="session_hash_is_sha256"),
    Index("session_person", "person"),
    Index("session_expires", "expires_at"),
)
