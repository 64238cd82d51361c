"""Storage of triggers (migrations 0019 and 0039)."""

from sqlalchemy import JSON, BigInteger, Column, Date, DateTime, Identity, Integer, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA

from marketing.campaigns.tables import change_table, version_table
from marketing.schema import metadata

trigger = Table(
    "trigger",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("submitted_by", Text),
    Column("submitted_at", DateTime(timezone=True)),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_note", Text),
    Column("evaluated_on", Date),
    Column("evaluated_at", DateTime(timezone=True)),
    Column("members_seen", BYTEA),
    Column("fired", BigInteger, nullable=False),
    Column("failure", Text),
)

trigger_version = version_table("trigger")
trigger_change = change_table("trigger")

trigger_template = Table(
    "trigger_template",
    metadata,
    Column("trigger_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("template_id", BigInteger, nullable=False),
)

trigger_result = Table(
    "trigger_result",
    metadata,
    Column("trigger_id", BigInteger, primary_key=True, autoincrement=False),
    Column("worked_out_at", DateTime(timezone=True), nullable=False),
    Column("figures", JSON, nullable=False),
)

trigger_firing = Table(
    "trigger_firing",
    metadata,
    Column("trigger_id", BigInteger, primary_key=True),
    Column("member_id", BigInteger, primary_key=True),
    Column("occasion", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("fired_on", Date, nullable=False),
    Column("arm", Text, nullable=False),
    Column("why", Text),
    Column("at", DateTime(timezone=True), nullable=False),
)
