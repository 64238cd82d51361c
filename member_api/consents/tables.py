"""Storage of what members allow: every word they said, and what holds now."""

from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from foundation.rows import Write
from member_api.schema import metadata

consent_wording = Table(
    "consent_wording",
    metadata,
    Column("version", Text, primary_key=True),
    Column("text_en", Text, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

consent_record = Table(
    "consent_record",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="consent_record_member", deferrable=True, initially="DEFERRED"),
        nullable=False,
    ),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("wording", Text, ForeignKey("member.consent_wording.version", name="consent_record_wording")),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("place", Text),
    Column("taken_by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", BYTEA),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("consent_record_of_member", "member_id", "id"),
)

consent = Table(
    "consent",
    metadata,
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="consent_member", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("channel", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
Index("consent_granted", consent.c.channel, consent.c.purpose, consent.c.member_id, postgresql_where=consent.c.granted)
Index(
    "consent_refused_profiling",
    consent.c.member_id,
    postgresql_where=(consent.c.purpose == "profiling") & ~consent.c.granted,
)


class ConsentRecordRow(msgspec.Struct, frozen=True):
    """A word of a member as it is inserted; bytes travel as hex text."""

    member_id: int
    channel: str
    purpose: str
    granted: bool
    wording: str | None
    at: datetime
    place: str | None
    taken_by: str
    source: str
    proof: str | None
    recorded_at: datetime


RECORD_CONSENT = Write(consent_record, ConsentRecordRow)
