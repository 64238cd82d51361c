"""Storage of receipts (migration 0006), and the rows that the posting path writes."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, MetaData, Numeric, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSON

from foundation.partitions import partitioned_by_month
from foundation.rows import Write

metadata = MetaData(schema="pos")
partitioned_by_month("pos.sale", "pos.sale_line", "pos.tender")

sale = Table(
    "sale",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("store_id", Integer, nullable=False),
    Column("terminal", Text, nullable=False),
    Column("series", SmallInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="posted"),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("posting_date", Date, nullable=False),
    Column("currency", Text, nullable=False),
    Column("member_id", BigInteger),
    Column("claim_id", BigInteger),
    Column("member_part", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("original_id", Uuid),
    Column("flags", ARRAY(Text), nullable=False),
    Column("open_flags", ARRAY(Text), nullable=False),
    Column("content_hash", BYTEA, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("client", Text, nullable=False),
    Column("purchase_ref", Uuid),
)

sale_line = Table(
    "sale_line",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("sale_id", Uuid, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("product_id", BigInteger),
    Column("product_code", Text),
    Column("counter_id", Integer),
    Column("counter_code", Text),
    Column("category_id", Integer),
    Column("brand_id", Integer),
    Column("quantity", Numeric, nullable=False),
    Column("unit_price", BigInteger),
    Column("amount", BigInteger, nullable=False),
    Column("regular_amount", BigInteger),
    Column("tax_rate", Integer),
    Column("unit_cost", BigInteger),
    Column("promotion_id", Integer),
    Column("promotion_code", Text),
    Column("salesperson", Text),
    Column("original_line", Integer),
    Column("discounts", JSON),
    Column("allocated", ARRAY(BigInteger), nullable=False),
    Column("allocated_units", ARRAY(BigInteger)),
)

tender = Table(
    "tender",
    metadata,
    Column("business_date", Date, primary_key=True),
    Column("sale_id", Uuid, primary_key=True),
    Column("n", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("units", BigInteger),
    Column("face", BigInteger),
    Column("reference", Text),
)


class SaleRow(msgspec.Struct, frozen=True):
    business_date: date
    id: UUID
    store_id: int
    terminal: str
    series: int
    sequence: int
    type: str
    state: str
    occurred_at: datetime
    received_at: datetime
    posting_date: date
    currency: str
    member_id: int | None
    claim_id: int | None
    member_part: str
    amount: int
    original_id: UUID | None
    flags: list[str]
    open_flags: list[str]
    content_hash: str
    answer: Any
    client: str
    purchase_ref: UUID | None


class SaleState(msgspec.Struct, frozen=True):
    business_date: date
    id: UUID
    state: str


class SaleMember(msgspec.Struct, frozen=True):
    """What changes when the member part of a waiting sale is done, or its flags are mended."""

    business_date: date
    id: UUID
    member_id: int | None
    member_part: str
    original_id: UUID | None
    open_flags: list[str]


class LineRow(msgspec.Struct, frozen=True):
    business_date: date
    sale_id: UUID
    line: int
    kind: str
    product_id: int | None
    product_code: str | None
    counter_id: int | None
    counter_code: str | None
    category_id: int | None
    brand_id: int | None
    quantity: str
    unit_price: int | None
    amount: int
    regular_amount: int | None
    tax_rate: int | None
    unit_cost: int | None
    promotion_id: int | None
    promotion_code: str | None
    salesperson: str | None
    original_line: int | None
    discounts: Any
    allocated: list[int]
    allocated_units: list[int] | None


class TenderRow(msgspec.Struct, frozen=True):
    business_date: date
    sale_id: UUID
    n: int
    kind: str
    amount: int
    units: int | None
    face: int | None
    reference: str | None


WRITE_SALE = Write(sale, SaleRow)
CHANGE_SALE_STATE = Write(sale, SaleState, key=("business_date", "id"))
CHANGE_SALE_MEMBER = Write(sale, SaleMember, key=("business_date", "id"))
WRITE_LINE = Write(sale_line, LineRow)
WRITE_TENDER = Write(tender, TenderRow)
