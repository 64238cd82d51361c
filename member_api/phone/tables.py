"""Storage of the member's phone page (migration 0028): codes, sessions, what the phone shows, the wallet's PIN."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, SmallInteger, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.schema import ForeignKey

from member_api.schema import metadata

MEMBER = "member.member.id"

login_code = Table(
    "login_code",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("handle_hash", BYTEA, nullable=False),
    Column("phone_index", BYTEA, nullable=False),
    Column("address_index", BYTEA, nullable=False),
    Column("sealed_phone", BYTEA),
    Column("sealed_code", BYTEA),
    Column("digest", BYTEA, nullable=False),
    Column("language", Text, nullable=False),
    Column("invitation", Text),
    Column("state", Text, nullable=False, server_default="asked"),
    Column("sends", SmallInteger, nullable=False, server_default="0"),
    Column("leased_until", DateTime(timezone=True)),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("proved_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True)),
    UniqueConstraint("handle_hash", name="login_code_handle_key"),
)
Index("login_code_of_phone", login_code.c.phone_index, login_code.c.asked_at)
Index("login_code_of_address", login_code.c.address_index, login_code.c.asked_at)
Index("login_code_to_send", login_code.c.id, postgresql_where=login_code.c.state.in_(("asked", "sending")))
Index("login_code_age", login_code.c.asked_at)

phone_session = Table(
    "phone_session",
    metadata,
    Column("token_hash", BYTEA, primary_key=True),
    Column("member_id", BigInteger, ForeignKey(MEMBER, name="phone_session_member"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("phone_session_of_member", "member_id"),
    Index("phone_session_expires", "expires_at"),
)

member_code = Table(
    "member_code",
    metadata,
    Column("digest", BYTEA, primary_key=True),
    Column("member_id", BigInteger, ForeignKey(MEMBER, name="member_code_member"), nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("store", Text),
    Index("member_code_of_member", "member_id"),
    Index("member_code_expires", "expires_at"),
)

wallet_pin = Table(
    "wallet_pin",
    metadata,
    Column(
        "member_id", BigInteger, ForeignKey(MEMBER, name="wallet_pin_member"), primary_key=True, autoincrement=False
    ),
    Column("pin_hash", Text),
    Column("set_at", DateTime(timezone=True)),
    Column("code_digest", BYTEA),
    Column("code_expires_at", DateTime(timezone=True)),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("blocks", SmallInteger, nullable=False, server_default="0"),
    Column("blocked_until", DateTime(timezone=True)),
    Column("proved_request", BYTEA),
    Column("proved_at", DateTime(timezone=True)),
)
