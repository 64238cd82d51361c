"""Storage of tiers, of who holds one until when, and of the rules by which one is earned."""

from datetime import datetime

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from foundation.rows import Write
from member_api.schema import metadata

tier = Table(
    "tier",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("retired_at", DateTime(timezone=True)),
    UniqueConstraint("rank", name="tier_rank", deferrable=True, initially="DEFERRED"),
)

tier_rule = Table(
    "tier_rule",
    metadata,
    Column("version", Integer, Identity(always=True), primary_key=True),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("currency", Text),
    Column("basis", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("valid_months", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Index("tier_rule_valid_from", "valid_from", "version"),
)

tier_threshold = Table(
    "tier_threshold",
    metadata,
    Column(
        "version",
        Integer,
        ForeignKey("member.tier_rule.version", name="tier_threshold_rule"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("tier", Text, ForeignKey("member.tier.code", name="tier_threshold_tier"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

tier_assignment = Table(
    "tier_assignment",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="tier_assignment_member", deferrable=True, initially="DEFERRED"),
        nullable=False,
    ),
    Column("tier", Text, ForeignKey("member.tier.code", name="tier_assignment_tier"), nullable=False),
    Column("source", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("in_force_to", DateTime(timezone=True), Computed("LEAST(valid_to, ended_at)", persisted=True)),
    Column("counts_afresh", Boolean, nullable=False, server_default=text("false")),
    Column("rule_version", Integer, ForeignKey("member.tier_rule.version", name="tier_assignment_rule")),
    Column("evidence", BigInteger),
    Column("reason", BYTEA),
    Column("assigned_by", Text, nullable=False),
    Column("assigned_at", DateTime(timezone=True), nullable=False),
    Index("tier_assignment_of_member", "member_id", "in_force_to"),
    Index("tier_assignment_of_tier", "tier", "member_id", postgresql_include=["valid_from", "in_force_to"]),
)


class AssignmentRow(msgspec.Struct, frozen=True):
    """An assignment as it is inserted; bytes travel as hex text."""

    member_id: int
    tier: str
    source: str
    valid_from: datetime
    valid_to: datetime | None
    counts_afresh: bool
    rule_version: int | None
    evidence: int | None
    reason: str | None
    assigned_by: str
    assigned_at: datetime


ASSIGN = Write(tier_assignment, AssignmentRow)
