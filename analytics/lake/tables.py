"""The lake's manifest and cursor (migration 0016)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Identity, Index, Table, Text, text

from analytics.schema import metadata

lake_file = Table(
    "lake_file",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("path", Text, nullable=False, unique=True),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
    Column("retired_at", DateTime(timezone=True)),
)
LIVE = text("retired_at IS NULL")
Index("lake_file_live_idx", lake_file.c.kind, lake_file.c.month, lake_file.c.id, postgresql_where=LIVE)
Index("lake_file_retired_idx", lake_file.c.retired_at, postgresql_where=text("retired_at IS NOT NULL"))

lake_state = Table(
    "lake_state",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default="true"),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("complete_until", DateTime(timezone=True)),
    Column("moved_at", DateTime(timezone=True)),
    Column("backfilled_at", DateTime(timezone=True)),
)
