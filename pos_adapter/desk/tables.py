"""Storage of the desk (migration 0032)."""

from sqlalchemy import Column, DateTime, ForeignKey, Integer, Table, Text

from pos_adapter.schema import metadata

receipt_print = Table(
    "receipt_print",
    metadata,
    Column("settlement_id", ForeignKey("pos.settlement.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
)
