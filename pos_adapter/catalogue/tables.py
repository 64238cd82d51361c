"""Storage of the catalogue."""

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Identity, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from pos_adapter.schema import metadata

category = Table(
    "category",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("path", ARRAY(Text), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", ForeignKey("pos.category.id")),
)
Index("category_parent_idx", category.c.parent_id)

brand = Table(
    "brand",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
)

product = Table(
    "product",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("category_id", ForeignKey(category.c.id)),
    Column("brand_id", ForeignKey(brand.c.id)),
    Column("unit_cost", BigInteger),
    Column("currency", Text),
    Column("status", Text, nullable=False, server_default="active"),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("regular_price", BigInteger),
)
Index("product_changed", product.c.changed_at, product.c.id)
Index("product_category_idx", product.c.category_id, product.c.code)
Index("product_brand_idx", product.c.brand_id, product.c.code)

product_cost = Table(
    "product_cost",
    metadata,
    Column("product_id", ForeignKey(product.c.id), primary_key=True),
    Column("valid_from", DateTime(timezone=True), primary_key=True),
    Column("unit_cost", BigInteger),
    Column("currency", Text),
)

promotion = Table(
    "promotion",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("funders", JSON, nullable=False),
    Column("starts_on", Date),
    Column("ends_on", Date),
    Column("stores", ARRAY(Text), nullable=False, server_default="{}"),
    Column("formats", ARRAY(Text), nullable=False, server_default="{}"),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("promotion_starts_idx", promotion.c.starts_on, promotion.c.id)
