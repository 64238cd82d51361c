"""Storage of follow-up tasks (migration 0021)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from marketing.schema import metadata

task_setting = Table(
    "task_setting",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("minutes_per_day", Integer, nullable=False),
    Column("cost_per_minute", Integer, nullable=False),
    Column("remind_days", Integer, nullable=False),
    Column("escalate_days", Integer, nullable=False),
    Column("earned_days", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False),
)

task_kind = Table(
    "task_kind",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("complaint", Boolean, nullable=False),
    Column("retired_at", DateTime(timezone=True)),
    UniqueConstraint("code", name="task_kind_code_key"),
)

task_kind_version = Table(
    "task_kind_version",
    metadata,
    Column("kind_id", Integer, ForeignKey(task_kind.c.id, name="task_kind_version_kind"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name_en", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("script_en", Text, nullable=False),
    Column("script_zh", Text, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("standard_minutes", Integer, nullable=False),
    Column("due_in_days", Integer, nullable=False),
    Column("callback_percent", Integer, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

task = Table(
    "task",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("kind_id", Integer, nullable=False),
    Column("kind_version", Integer, nullable=False),
    Column("complaint", Boolean, nullable=False),
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("store", Text),
    Column("assignee_id", Integer),
    Column("due_on", Date, nullable=False),
    Column("standard_minutes", Integer, nullable=False),
    Column("note_id", BigInteger),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("reminded_at", DateTime(timezone=True)),
    Column("escalated_at", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("steps_done", ARRAY(Integer), nullable=False, server_default=text("'{}'::integer[]")),
    Column("minutes", Integer, nullable=False, server_default=text("0")),
    Column("rounds", Integer, nullable=False, server_default=text("0")),
    Column("done_by", Text),
    Column("doer_id", Integer),
    Column("done_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Column("success", Boolean),
    Column("sampled", Boolean, nullable=False, server_default=text("false")),
    Column("refuted", Integer, nullable=False, server_default=text("0")),
    Column("content", SmallInteger),
    Column("called_back_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("end_reason", Text),
    UniqueConstraint("key", name="task_key_key"),
    ForeignKeyConstraint(
        ["kind_id", "kind_version"],
        ["marketing.task_kind_version.kind_id", "marketing.task_kind_version.version"],
        name="task_kind_of",
    ),
)
Index("task_of_assignee", task.c.assignee_id, task.c.due_on, task.c.id)
Index("task_of_store", task.c.store, task.c.due_on, task.c.id)
Index("task_of_doer", task.c.doer_id, postgresql_where=task.c.doer_id.is_not(None))
Index(
    "task_pool",
    task.c.store,
    task.c.due_on,
    task.c.id,
    postgresql_where=task.c.assignee_id.is_(None) & task.c.state.in_(["open", "started"]),
)
Index("task_by_day", task.c.due_on, task.c.id)
Index("task_due", task.c.due_on, task.c.id, postgresql_where=task.c.state.in_(["open", "started"]))
Index(
    "task_waiting_for_call_back",
    task.c.store,
    task.c.done_at,
    postgresql_where=(task.c.state == "done") & task.c.sampled,
)
Index("task_of_member", task.c.member_id, task.c.id)
Index("task_of_origin", task.c.origin)
Index("task_done_at", task.c.done_at, postgresql_where=task.c.done_at.is_not(None))
Index(
    "task_complaint_open",
    task.c.member_id,
    postgresql_where=task.c.complaint & task.c.state.in_(["open", "started", "done"]),
)

task_change = Table(
    "task_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("task_id", BigInteger, ForeignKey(task.c.id, name="task_change_task"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("assignee_from", Integer),
    Column("assignee_to", Integer),
    Column("reason", Text),
    Column("contact", Text),
    Column("minutes", Integer),
    Column("note_id", BigInteger),
)
Index("task_change_of_task", task_change.c.task_id, task_change.c.id)

task_callback = Table(
    "task_callback",
    metadata,
    Column("task_id", BigInteger, ForeignKey(task.c.id, name="task_callback_task"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("caller_id", Integer),
    Column("doer_id", Integer),
    Column("store", Text),
    Column("sampled", Boolean, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("content", SmallInteger),
    Column("note_id", BigInteger),
)
Index("task_callback_at", task_callback.c.at)
