"""Storage of identifiers and of the registry of their kinds."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from member_api.schema import metadata

identifier_kind = Table(
    "identifier_kind",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

identifier = Table(
    "identifier",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, ForeignKey("member.identifier_kind.code", name="identifier_kind_known"), nullable=False),
    Column("blind_index", BYTEA, nullable=False),
    Column(
        "member_id",
        BigInteger,
        ForeignKey("member.member.id", name="identifier_member", deferrable=True, initially="DEFERRED"),
    ),
    Column("status", Text, nullable=False),
    Column("sealed", BYTEA),
    Column("last_four_index", BYTEA),
    Column("met_at", DateTime(timezone=True), nullable=False),
    Column("attached_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("replaced_by", BigInteger, ForeignKey("member.identifier.id", name="identifier_replaced_by")),
)
Index(
    "identifier_in_force",
    identifier.c.kind,
    identifier.c.blind_index,
    unique=True,
    postgresql_where=identifier.c.status != "replaced",
)
Index("identifier_of_member", identifier.c.member_id, postgresql_where=identifier.c.member_id.is_not(None))
Index(
    "identifier_last_four",
    identifier.c.last_four_index,
    identifier.c.member_id,
    postgresql_where=identifier.c.status == "active",
)
