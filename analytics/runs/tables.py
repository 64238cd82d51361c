"""Runs, their files and settings, and what contacts have cost (migration 0017)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from analytics.schema import metadata

score_settings = Table(
    "score_settings",
    metadata,
    Column("version", Integer, Identity(always=True), primary_key=True),
    Column("contribution", JSON, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("keep_days", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

scoring_run = Table(
    "scoring_run",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("origin", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("wanted_position", BigInteger, nullable=False),
    Column("wanted_outbox", BigInteger),
    Column("settings_version", Integer, ForeignKey(score_settings.c.version)),
    Column("settings", JSON, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("progress", SmallInteger, nullable=False, server_default="0"),
    Column("attempt", SmallInteger, nullable=False, server_default="0"),
    Column("started_at", DateTime(timezone=True)),
    Column("heartbeat_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("position", BigInteger),
    Column("complete_until", DateTime(timezone=True)),
    Column("findings", JSON),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("files_removed_at", DateTime(timezone=True)),
)
OPEN = text("state IN ('queued', 'running')")
NIGHTLY = text("origin = 'nightly' AND state <> 'failed'")
KEPT = text("state = 'done' AND files_removed_at IS NULL")
Index("scoring_run_open_key", scoring_run.c.as_of, scoring_run.c.horizon_days, unique=True, postgresql_where=OPEN)
Index("scoring_run_nightly_key", scoring_run.c.as_of, unique=True, postgresql_where=NIGHTLY)
Index("scoring_run_kept_idx", scoring_run.c.as_of, scoring_run.c.id, postgresql_where=KEPT)

scoring_file = Table(
    "scoring_file",
    metadata,
    Column("run_id", BigInteger, ForeignKey(scoring_run.c.id), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    UniqueConstraint("path", name="scoring_file_path_key"),
)

contact_cost = Table(
    "contact_cost",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("member_id", BigInteger, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("amount", BigInteger, nullable=False),
)
Index("contact_cost_day_idx", contact_cost.c.day)
