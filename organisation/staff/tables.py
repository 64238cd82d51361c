"""Storage of staff, their dated home stores and roles."""

from sqlalchemy import Column, Date, DateTime, ForeignKey, Identity, Index, Integer, Table, Text

from organisation.counters.tables import counter
from organisation.names.tables import region
from organisation.schema import metadata
from organisation.stores.tables import store

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("username", Text),
    Column("status", Text, nullable=False),
    Column("joined_on", Date),
    Column("left_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("staff_username_key", staff.c.username, unique=True)

staff_home = Table(
    "staff_home",
    metadata,
    Column("staff_id", ForeignKey(staff.c.id), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("store_id", ForeignKey(store.c.id)),
)
Index("staff_home_store_idx", staff_home.c.store_id)

staff_counter = Table(
    "staff_counter",
    metadata,
    Column("staff_id", ForeignKey(staff.c.id), primary_key=True),
    Column("counter_id", ForeignKey(counter.c.id), primary_key=True),
)
Index("staff_counter_counter_idx", staff_counter.c.counter_id)

staff_role = Table(
    "staff_role",
    metadata,
    Column("staff_id", ForeignKey(staff.c.id), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("role", Text),
    Column("scope", Text),
    Column("region_id", ForeignKey(region.c.id)),
)
Index("staff_role_administrator_idx", staff_role.c.staff_id, postgresql_where=staff_role.c.role == "administrator")
