"""Storage of campaigns (migrations 0019 and 0035)."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Identity, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSON

from marketing.schema import metadata

campaign = Table(
    "campaign",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("list_id", BigInteger, nullable=False),
    Column("places", JSON),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("submitted_by", Text),
    Column("submitted_at", DateTime(timezone=True)),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision_note", Text),
    Column("launched_by", Text),
    Column("launched_at", DateTime(timezone=True)),
    Column("started_on", Date),
    Column("ends_on", Date),
    Column("stopped_by", Text),
    Column("stopped_at", DateTime(timezone=True)),
    Column("stop_reason", Text),
    Column("taking_back", Boolean, nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("members_max", BigInteger),
    Column("reached_member", BigInteger, nullable=False),
    Column("assigned", BigInteger, nullable=False),
    Column("progressed_at", DateTime(timezone=True)),
    Column("failure", Text),
)


def version_table(kind: str) -> Table:
    """The versions of a campaign's or a trigger's plan, see trail.py."""
    return Table(
        f"{kind}_version",
        metadata,
        Column(f"{kind}_id", BigInteger, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("plan", JSON, nullable=False),
        Column("edited_by", Text, nullable=False),
        Column("edited_at", DateTime(timezone=True), nullable=False),
    )


def change_table(kind: str) -> Table:
    """The trace of what was done to a campaign or a trigger."""
    return Table(
        f"{kind}_change",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column(f"{kind}_id", BigInteger, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("by", Text, nullable=False),
        Column("what", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("note", Text),
    )


campaign_version = version_table("campaign")
campaign_change = change_table("campaign")

campaign_step = Table(
    "campaign_step",
    metadata,
    Column("campaign_id", BigInteger, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("template_id", BigInteger),
    Column("due_on", Date, nullable=False),
    Column("reached_member", BigInteger, nullable=False),
    Column("wished", BigInteger, nullable=False),
    Column("passed_over", BigInteger, nullable=False),
    Column("done_at", DateTime(timezone=True)),
)

campaign_result = Table(
    "campaign_result",
    metadata,
    Column("campaign_id", BigInteger, primary_key=True, autoincrement=False),
    Column("last_day", Date, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("worked_out_at", DateTime(timezone=True), nullable=False),
    Column("figures", JSON, nullable=False),
)

campaign_member = Table(
    "campaign_member",
    metadata,
    Column("campaign_id", BigInteger, primary_key=True),
    Column("member_id", BigInteger, primary_key=True),
    Column("arm", Text, nullable=False),
    Column("why", Text),
    Column("assigned_at", DateTime(timezone=True), nullable=False),
)
