"""Storage of coupons (migration 0022), and the rows that the posting path writes."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from foundation.rows import Write
from member_api.schema import metadata

coupon_offer = Table(
    "coupon_offer",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger),
    Column("percent", Integer),
    Column("amount_max", BigInteger),
    Column("minimum_spend", BigInteger, nullable=False, server_default="0"),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("stores", ARRAY(Text), nullable=False, server_default="{}"),
    Column("formats", ARRAY(Text), nullable=False, server_default="{}"),
    Column("categories", JSON, nullable=False, server_default="[]"),
    Column("brands", ARRAY(Text), nullable=False, server_default="{}"),
    Column("funder", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

coupon = Table(
    "coupon",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("offer_id", ForeignKey("member.coupon_offer.id"), nullable=False),
    Column("member_id", ForeignKey("member.member.id"), nullable=False),
    Column("code", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, server_default="issued"),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("sale", Uuid),
    UniqueConstraint("offer_id", "member_id", name="coupon_once"),
)
Index("coupon_of_member", coupon.c.member_id, coupon.c.id)

coupon_use = Table(
    "coupon_use",
    metadata,
    Column("coupon_id", ForeignKey("member.coupon.id"), primary_key=True),
    Column("sale", Uuid, primary_key=True),
    Column("day", Date, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("given_back", BigInteger, nullable=False, server_default="0"),
    Column("used_at", DateTime(timezone=True), nullable=False),
)
Index("coupon_use_of_sale", coupon_use.c.sale)


class CouponChange(msgspec.Struct, frozen=True):
    """A coupon that was used, or came back."""

    id: int
    state: str
    sale: UUID | None


class UseRow(msgspec.Struct, frozen=True):
    coupon_id: int
    sale: UUID
    day: date
    amount: int
    used_at: datetime


class UseGivenBack(msgspec.Struct, frozen=True):
    """What a return gives back of a use, added to what was given back before."""

    coupon_id: int
    sale: UUID
    given_back: int


CHANGE_COUPON = Write(coupon, CouponChange, key=("id",))
WRITE_USE = Write(coupon_use, UseRow)
GIVE_BACK_USE = Write(coupon_use, UseGivenBack, key=("coupon_id", "sale"), add=("given_back",))
