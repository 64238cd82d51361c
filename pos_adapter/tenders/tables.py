"""Storage of the registry of tenders (migration 0013)."""

from sqlalchemy import Column, DateTime, Table, Text

from pos_adapter.schema import metadata

tender_kind = Table(
    "tender_kind",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
