"""Storage of target lists: the frozen set in chunks, and what was measured of its members (migration 0018)."""

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA, JSON
from sqlalchemy.schema import ForeignKey

from marketing.schema import metadata

target_list = Table(
    "target_list",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("filter", JSON, nullable=False),
    Column("filter_hash", BYTEA, nullable=False),
    Column("model", Text),
    Column("as_of", Date, nullable=False),
    Column("lake_position", BigInteger),
    Column("scoring_run", BigInteger),
    Column("places", JSON(none_as_null=True)),
    Column("leave_out", JSON, nullable=False),
    Column("channel", Text),
    Column("member_count", BigInteger, nullable=False),
    Column("breakdown", JSON, nullable=False),
    Column("near_misses", JSON, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("archived_by", Text),
    Column("archived_at", DateTime(timezone=True)),
)
Index("target_list_in_use", target_list.c.id, postgresql_where=target_list.c.archived_at.is_(None))

target_list_chunk = Table(
    "target_list_chunk",
    metadata,
    Column(
        "list_id",
        BigInteger,
        ForeignKey("marketing.target_list.id", name="target_list_chunk_list"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("member_count", Integer, nullable=False),
    Column("members", BYTEA, nullable=False),
    Column("evidence", BYTEA, nullable=False),
)
