"""Storage of stores and their dated areas."""

from sqlalchemy import Boolean, Column, Date, DateTime, ForeignKey, Identity, Index, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from organisation.names.tables import format_, legal_unit, region
from organisation.schema import metadata

store = Table(
    "store",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("format_id", ForeignKey(format_.c.id), nullable=False),
    Column("region_id", ForeignKey(region.c.id)),
    Column("legal_unit_id", ForeignKey(legal_unit.c.id), nullable=False),
    Column("currency", Text, nullable=False),
    Column("currency_fixed", Boolean, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("opened_on", Date),
    Column("closed_on", Date),
    Column("status", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("store_region_idx", store.c.region_id)

store_area = Table(
    "store_area",
    metadata,
    Column("store_id", ForeignKey(store.c.id), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("area_m2", Numeric(12, 2)),
)
store_category_area = Table(
    "store_category_area",
    metadata,
    Column("store_id", ForeignKey(store.c.id), primary_key=True),
    Column("category", ARRAY(Text), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("area_m2", Numeric(12, 2)),
)
