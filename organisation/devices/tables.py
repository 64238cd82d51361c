"""Storage of what a machine's client is bound to; its secret and tokens belong to foundation.access."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from organisation.counters.tables import counter
from organisation.schema import metadata
from organisation.staff.tables import staff
from organisation.stores.tables import store

device = Table(
    "device",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("store_id", ForeignKey(store.c.id)),
    Column("terminal", Text),
    Column("counter_id", ForeignKey(counter.c.id)),
    Column("staff_id", ForeignKey(staff.c.id)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)
Index("device_store_idx", device.c.store_id)
Index("device_staff_idx", device.c.staff_id, postgresql_where=device.c.revoked_at.is_(None))
