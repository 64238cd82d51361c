"""Storage of members. The database holds the constraints (migration 0003); here is what statements need."""

from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from foundation.rows import Write
from member_api.schema import metadata

member = Table(
    "member",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("status", Text, nullable=False),
    Column("merged_into", BigInteger, ForeignKey("member.member.id", name="member_merged_into")),
    Column("home_store", Text),
    Column("joined_store", Text),
    Column("joined_counter", Text),
    Column("joined_staff", Text),
    Column("joined_channel", Text),
    Column("joined_at", DateTime(timezone=True), nullable=False),
    Column("birth_year", SmallInteger),
    Column("birth_month_day", SmallInteger),
    Column("gender", Text),
    Column("creation_digest", BYTEA),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("member_home_store", "home_store", "id"),
)
Index("member_merged_from", member.c.merged_into, postgresql_where=member.c.merged_into.is_not(None))
# What filters ask (migration 0023).
Index("member_without_standing", member.c.id, postgresql_where=member.c.status.in_(["closed", "merged", "erased"]))
Index("member_frozen", member.c.id, postgresql_where=member.c.status == "frozen")
Index("member_gender", member.c.gender, member.c.id, postgresql_where=member.c.gender.is_not(None))
Index(
    "member_born",
    member.c.birth_year,
    member.c.birth_month_day,
    member.c.id,
    postgresql_where=member.c.birth_year.is_not(None),
)
Index(
    "member_birthday",
    member.c.birth_month_day,
    member.c.id,
    postgresql_where=member.c.birth_month_day.is_not(None),
)
Index("member_joined", member.c.joined_at, member.c.id)

status_change = Table(
    "status_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member.id", name="status_change_member"), nullable=False),
    Column("from_status", Text, nullable=False),
    Column("to_status", Text, nullable=False),
    Column("reason", BYTEA),
    Column("changed_by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("status_change_of_member", "member_id", "id"),
)


class MemberRow(msgspec.Struct, frozen=True):
    """A member as it is inserted; bytes travel as hex text (see `hex_bytes`)."""

    id: int
    status: str
    home_store: str | None
    joined_store: str | None
    joined_counter: str | None
    joined_staff: str | None
    joined_channel: str | None
    joined_at: datetime
    birth_year: int | None
    birth_month_day: int | None
    gender: str | None
    creation_digest: str
    version: int
    created_at: datetime
    updated_at: datetime


class StatusChangeRow(msgspec.Struct, frozen=True):
    member_id: int
    from_status: str
    to_status: str
    reason: str
    changed_by: str
    at: datetime


ENROL = Write(member, MemberRow)
STATUS_CHANGED = Write(status_change, StatusChangeRow)
