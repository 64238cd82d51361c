"""Storage of the standing control group (migration 0019)."""

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Integer, Table, Text

from marketing.schema import metadata

standing_control = Table(
    "standing_control",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("valid_from", Date, nullable=False),
    Column("share", Integer, nullable=False),
    Column("salt", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)
