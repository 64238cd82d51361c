"""Storage of accounts, lots, holds and journals (migration 0004), and the rows that the posting path writes."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Column, Date, DateTime, MetaData, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import BYTEA, JSON

from foundation.partitions import partitioned_by_month
from foundation.rows import Write

metadata = MetaData(schema="member")
partitioned_by_month("member.journal", "member.entry", "member.purchase")

account = Table(
    "account",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("member_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("format", Text),
    Column("currency", Text),
    Column("balance", BigInteger, nullable=False, server_default="0"),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Column("debt", BigInteger, nullable=False, server_default="0"),
    Column("remainder", BigInteger, nullable=False, server_default="0"),
    Column("opened_at", DateTime(timezone=True), nullable=False),
)

lot = Table(
    "lot",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("funder", Text, nullable=False),
    Column("conditions", JSON),
    Column("purchase", Uuid),
    Column("parent", BigInteger),
    Column("expires_on", Date),
    Column("amount", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Column("expired", BigInteger, nullable=False, server_default="0"),
    Column("at", DateTime(timezone=True), nullable=False),
)

substitution = Table(
    "substitution",
    metadata,
    Column("lot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("substitute_id", BigInteger, primary_key=True, autoincrement=False),
    Column("member_id", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
)

hold = Table(
    "hold",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("member_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("format", Text),
    Column("currency", Text),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("actor", Text, nullable=False),
    Column("reference", Text, nullable=False),
)

hold_lot = Table(
    "hold_lot",
    metadata,
    Column("hold_id", BigInteger, primary_key=True, autoincrement=False),
    Column("lot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("day", Date, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("store", Text),
    Column("reference", Text),
    Column("reverses", Uuid),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

entry = Table(
    "entry",
    metadata,
    Column("day", Date, primary_key=True),
    Column("journal_id", Uuid, primary_key=True),
    Column("n", SmallInteger, primary_key=True, autoincrement=False),
    Column("unit", Text, nullable=False),
    Column("account_id", BigInteger),
    Column("lot_id", BigInteger),
    Column("system", Text),
    Column("store", Text),
    Column("amount", BigInteger, nullable=False),
)

seal = Table(
    "seal",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("announced_at", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("journal_id", Uuid, nullable=False),
    Column("hash", BYTEA, nullable=False),
)

seal_root = Table(
    "seal_root",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", BYTEA, nullable=False),
    Column("journals", BigInteger, nullable=False),
    Column("signature", BYTEA, nullable=False),
    Column("signed_at", DateTime(timezone=True), nullable=False),
)


class AccountRow(msgspec.Struct, frozen=True):
    id: int
    member_id: int
    kind: str
    format: str | None
    currency: str | None
    balance: int
    held: int
    debt: int
    remainder: int
    opened_at: datetime


class AccountChange(msgspec.Struct, frozen=True):
    id: int
    balance: int
    held: int
    debt: int
    remainder: int


class LotRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    member_id: int
    origin: str
    source: str
    funder: str
    conditions: Mapping[str, Any] | None
    purchase: UUID | None
    parent: int | None
    expires_on: date | None
    amount: int
    remaining: int
    held: int
    expired: int
    at: datetime


class LotChange(msgspec.Struct, frozen=True):
    id: int
    remaining: int
    held: int
    expired: int


class SubstitutionRow(msgspec.Struct, frozen=True):
    lot_id: int
    substitute_id: int
    member_id: int
    amount: int


class JournalRow(msgspec.Struct, frozen=True):
    day: date
    id: UUID
    kind: str
    member_id: int
    store: str | None
    reference: str | None
    reverses: UUID | None
    reason: str | None
    actor: str
    at: datetime


class EntryRow(msgspec.Struct, frozen=True):
    day: date
    journal_id: UUID
    n: int
    unit: str
    account_id: int | None
    lot_id: int | None
    system: str | None
    store: str | None
    amount: int


class HoldRow(msgspec.Struct, frozen=True):
    id: int
    member_id: int
    kind: str
    format: str | None
    currency: str | None
    amount: int
    captured: int
    state: str
    expires_at: datetime
    created_at: datetime
    actor: str
    reference: str


class HoldEnd(msgspec.Struct, frozen=True):
    id: int
    captured: int
    state: str
    ended_at: datetime


class HoldLotRow(msgspec.Struct, frozen=True):
    hold_id: int
    lot_id: int
    amount: int


OPEN_ACCOUNT = Write(account, AccountRow)
CHANGE_ACCOUNT = Write(account, AccountChange, key=("id",))
OPEN_LOT = Write(lot, LotRow)
CHANGE_LOT = Write(lot, LotChange, key=("id",))
# A pair that was settled is not loaded any more, and may come to owe again: insert or set.
OWE = Write(substitution, SubstitutionRow, key=("lot_id", "substitute_id"), upsert=True)
WRITE_JOURNAL = Write(journal, JournalRow)
WRITE_ENTRY = Write(entry, EntryRow)
OPEN_HOLD = Write(hold, HoldRow)
END_HOLD = Write(hold, HoldEnd, key=("id",))
HOLD_LOT = Write(hold_lot, HoldLotRow)
