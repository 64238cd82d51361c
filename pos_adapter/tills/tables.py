"""Storage of tills and of the numbers that are missing in their series."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Identity, Index, Integer, Table, Text

from pos_adapter.schema import metadata

terminal = Table(
    "terminal",
    metadata,
    Column("store_id", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
)

till_day = Table(
    "till_day",
    metadata,
    Column("store_id", Integer, primary_key=True, autoincrement=False),
    Column("terminal", Text, primary_key=True),
    Column("business_date", Date, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

sequence_gap = Table(
    "sequence_gap",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("place", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("noticed_at", DateTime(timezone=True), nullable=False),
    Column("announced_at", DateTime(timezone=True)),
    Column("closed_at", DateTime(timezone=True)),
    Column("explained_by", Text),
    Column("explanation", Text),
)
_till_date = (sequence_gap.c.store_id, sequence_gap.c.terminal, sequence_gap.c.business_date)
_is_open = sequence_gap.c.closed_at.is_(None)
Index(
    "sequence_gap_open_key",
    *_till_date,
    sequence_gap.c.place,
    sequence_gap.c.first,
    unique=True,
    postgresql_where=_is_open,
)
Index(
    "sequence_gap_explained_idx",
    *_till_date,
    postgresql_where=sequence_gap.c.explanation.is_not(None) & (sequence_gap.c.place == "before"),
)
Index(
    "sequence_gap_unannounced_idx",
    sequence_gap.c.noticed_at,
    postgresql_where=_is_open & sequence_gap.c.announced_at.is_(None),
)
Index("sequence_gap_store_idx", sequence_gap.c.store_id, sequence_gap.c.id, postgresql_where=_is_open)

till_setting = Table(
    "till_setting",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default="true"),
    Column("gap_grace_s", Integer, nullable=False, server_default="60"),
)
