"""Storage of multipliers (migration 0022)."""

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Identity, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from member_api.schema import metadata

multiplier = Table(
    "multiplier",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("stores", ARRAY(Text), nullable=False, server_default="{}"),
    Column("formats", ARRAY(Text), nullable=False, server_default="{}"),
    Column("funder", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

multiplier_grant = Table(
    "multiplier_grant",
    metadata,
    Column("member_id", ForeignKey("member.member.id"), primary_key=True),
    Column("multiplier_id", ForeignKey("member.multiplier.id"), primary_key=True),
    Column("granted_at", DateTime(timezone=True), nullable=False),
)
Index("multiplier_grant_of", multiplier_grant.c.multiplier_id, multiplier_grant.c.member_id)
