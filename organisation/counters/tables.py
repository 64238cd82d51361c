"""Storage of counters, their dated terms, rates and areas."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from organisation.names.tables import format_, legal_unit, supplier
from organisation.schema import metadata
from organisation.stores.tables import store

counter = Table(
    "counter",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("store_id", ForeignKey(store.c.id), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("legal_unit_id", ForeignKey(legal_unit.c.id)),
    Column("supplier_id", ForeignKey(supplier.c.id)),
    Column("format_id", ForeignKey(format_.c.id)),
    Column("category", ARRAY(Text), nullable=False),
    Column("brand", Text),
    Column("floor", Text),
    Column("takes_points", Boolean, nullable=False),
    Column("takes_ecoins", Boolean, nullable=False),
    Column("takes_coupons", Boolean, nullable=False),
    Column("opened_on", Date),
    Column("closed_on", Date),
    Column("status", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("store_id", "code", name="counter_store_code_key"),
)
counter_terms = Table(
    "counter_terms",
    metadata,
    Column("counter_id", ForeignKey(counter.c.id), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("rate", Numeric(7, 6)),
    Column("guaranteed_minimum", BigInteger),
)
counter_promotion_rate = Table(
    "counter_promotion_rate",
    metadata,
    Column("counter_id", ForeignKey(counter.c.id), primary_key=True),
    Column("promotion", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("rate", Numeric(7, 6)),
)
counter_area = Table(
    "counter_area",
    metadata,
    Column("counter_id", ForeignKey(counter.c.id), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("area_m2", Numeric(12, 2)),
)
