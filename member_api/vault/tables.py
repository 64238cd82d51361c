"""Storage of keys and sealed fields, and the form in which bytes travel in a JSON row."""

from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from foundation.rows import Write
from member_api.schema import metadata


def hex_bytes(value: bytes) -> str:
    """Bytes as PostgreSQL reads them from text: \\x0a0b."""
    return "\\x" + value.hex()


member_key = Table(
    "member_key",
    metadata,
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="member_key_member", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("wrapped", BYTEA, nullable=False),
    Column("wrapping_key", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

profile_field = Table(
    "profile_field",
    metadata,
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="profile_field_member", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("field", Text, primary_key=True),
    Column("sealed", BYTEA, nullable=False),
    Column("blind_index", BYTEA),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
Index(
    "profile_field_blind_index",
    profile_field.c.blind_index,
    profile_field.c.member_id,
    postgresql_where=profile_field.c.blind_index.is_not(None),
)


class MemberKeyRow(msgspec.Struct, frozen=True):
    member_id: int
    wrapped: str
    wrapping_key: str
    created_at: datetime


class ProfileFieldRow(msgspec.Struct, frozen=True):
    member_id: int
    field: str
    sealed: str
    blind_index: str | None
    updated_at: datetime


KEEP_KEY = Write(member_key, MemberKeyRow)
KEEP_FIELD = Write(profile_field, ProfileFieldRow)
