"""Storage of messages. The database holds the constraints (migration 0020); here is what statements need."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Time,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

from marketing.schema import metadata

message_template = Table(
    "message_template",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("retired_at", DateTime(timezone=True)),
    Column("written_by", Text, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
)

message_text = Table(
    "message_text",
    metadata,
    Column(
        "template_id",
        BigInteger,
        ForeignKey("marketing.message_template.id", name="message_text_template"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("language", Text, primary_key=True),
    Column("subject", Text),
    Column("body", Text, nullable=False),
)

message_policy = Table(
    "message_policy",
    metadata,
    Column("version", Integer, Identity(always=True), primary_key=True),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("quiet_from", Time, nullable=False),
    Column("quiet_to", Time, nullable=False),
    Column("default_language", Text),
    Column("sign_en", Text, nullable=False),
    Column("sign_zh", Text, nullable=False),
    Column("opt_out_en", Text, nullable=False),
    Column("opt_out_zh", Text, nullable=False),
    Column("segment_cost_milli", BigInteger, nullable=False),
    Column("cost_currency", Text),
    Column("rate_per_second", Integer, nullable=False),
    Column("gateway_idempotent", Boolean, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Index("message_policy_valid_from", "valid_from", "version"),
)

message_cap = Table(
    "message_cap",
    metadata,
    Column(
        "version",
        Integer,
        ForeignKey("marketing.message_policy.version", name="message_cap_policy"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("message_class", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("window_days", Integer, primary_key=True, autoincrement=False),
    Column("count_max", Integer, nullable=False),
)

member_contact = Table(
    "member_contact",
    metadata,
    Column("member_id", BigInteger, primary_key=True, autoincrement=False),
    Column("language", Text),
)

message = Table(
    "message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member_id", BigInteger, nullable=False),
    Column("recipient_id", BigInteger),
    Column("store", Text),
    Column("campaign_id", BigInteger),
    Column("step", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column(
        "template_id",
        BigInteger,
        ForeignKey("marketing.message_template.id", name="message_template"),
        nullable=False,
    ),
    Column("facts", JSON, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("reason", Text),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("handed_over", Boolean, nullable=False, server_default=text("false")),
    Column("gateway_key", UUID(as_uuid=True), nullable=False, server_default=text("gen_random_uuid()")),
    Column("gateway_reference", Text),
    Column("language", Text),
    Column("segments", SmallInteger),
    Column("cost_milli", BigInteger),
    Column("cost_currency", Text),
    Column("let_through_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("read_at", DateTime(timezone=True)),
    Index("message_member_idx", "member_id", "id"),
)
Index(
    "message_once_key",
    message.c.campaign_id,
    message.c.recipient_id,
    message.c.step,
    unique=True,
    postgresql_where=message.c.recipient_id.is_not(None),
    postgresql_nulls_not_distinct=True,
)
Index(
    "message_queued_idx",
    message.c.channel,
    message.c.message_class,
    message.c.due_at,
    message.c.id,
    postgresql_where=message.c.state == "queued",
)
Index(
    "message_sending_idx",
    message.c.channel,
    message.c.due_at,
    message.c.id,
    postgresql_where=message.c.state == "sending",
)
Index(
    "message_recipient_idx",
    message.c.recipient_id,
    message.c.let_through_at,
    postgresql_where=message.c.recipient_id.is_not(None),
)
Index(
    "message_campaign_idx",
    message.c.campaign_id,
    message.c.state,
    message.c.id,
    postgresql_where=message.c.campaign_id.is_not(None),
)
Index("message_queued_at_idx", message.c.queued_at, postgresql_using="brin")

message_stop = Table(
    "message_stop",
    metadata,
    Column("campaign_id", BigInteger, primary_key=True, autoincrement=False),
    Column("stopped_at", DateTime(timezone=True), nullable=False),
)

message_gateway = Table(
    "message_gateway",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("next_free_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("open_until", DateTime(timezone=True)),
    Column("last_good_at", DateTime(timezone=True)),
    Column("last_failed_at", DateTime(timezone=True)),
    Column("last_failure", Text),
)

message_reply = Table(
    "message_reply",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("member_id", BigInteger),
    Column("kind", Text, nullable=False),
    Column("said_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
)
Index(
    "message_reply_member_idx",
    message_reply.c.member_id,
    message_reply.c.id,
    postgresql_where=message_reply.c.member_id.is_not(None),
)
