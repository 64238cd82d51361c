"""Storage of notes (migration 0021)."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA

from member_api.schema import metadata

note = Table(
    "note",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.member.id", name="note_member"), nullable=False),
    Column("about", Text, nullable=False),
    Column("sealed", BYTEA, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
)
Index("note_of_member", note.c.member_id)
