"""Storage of discount limits and managers' codes (migration 0029)."""

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from pos_adapter.schema import metadata

discount_limit = Table(
    "discount_limit",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("store_id", Integer),
    Column("role", Text),
    Column("percent", Integer),
    Column("valid_from", Date, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)

manager_code = Table(
    "manager_code",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("staff_id", Integer, nullable=False),
    Column("places", ARRAY(Text)),
    Column("digest", BYTEA, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("used_at", DateTime(timezone=True)),
    Column("used_for", Text),
)
Index("manager_code_of_staff", manager_code.c.staff_id, manager_code.c.id)
