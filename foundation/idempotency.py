"""The same thing sent twice happens once and is answered the same.

The key is locked, looked up and recorded inside the work's own transaction: if the work is rolled back so is the
record, and if the answer got lost on the way, it is read back here. Keys are kept `Settings.idempotency_days` (40).
Answers carry ids only; personal data never comes here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Column, DateTime, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA, JSON

from foundation.database import Database, Tx
from foundation.errors import Busy, Invalid
from foundation.events import metadata
from foundation.round_trips import Reply, RoundTrip, Statement
from foundation.rows import Write

idempotency = Table(
    "idempotency",
    metadata,
    Column("client", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("content_hash", BYTEA, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)


class IdempotencyRow(msgspec.Struct, frozen=True):
    client: str
    key: str
    content_hash: str
    status: int
    answer: Any
    at: datetime


RECORD = Write(idempotency, IdempotencyRow)


class KeyReused(Invalid):
    """The key was used before with other content."""

    code = "idempotency_key_reused"


class StillRunning(Busy):
    """The first request with this key has not finished."""

    code = "still_running"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or will be, answered: an HTTP status and a JSON body without personal data."""

    status: int
    body: Any
    replayed: bool = False


@dataclass(slots=True)
class Claim:
    """A key asked for in a round trip; `answer()` says, once it is over, whether the key was answered before."""

    client: str
    key: str
    content_hash: bytes
    reply: Reply

    def answer(self) -> Answer | None:
        """The earlier answer, or None when the work is ours to do. Raises StillRunning, KeyReused."""
        free, content_hash, status, body = self.reply.row()
        if content_hash is not None and status is not None and body is not None:
            if content_hash != self.content_hash.hex().encode():
                raise KeyReused("This Idempotency-Key was already used with other content")
            return Answer(int(status), msgspec.json.decode(body), replayed=True)
        if free != b"t":
            raise StillRunning("A request with this Idempotency-Key is still running")
        return None

    def record(self, tx: Tx, answer: Answer) -> None:
        """Keep the answer; it is written with the rest of the transaction."""
        tx.rows.add(
            RECORD,
            IdempotencyRow(self.client, self.key, "\\x" + self.content_hash.hex(), answer.status, answer.body, tx.now),
        )


CLAIM = Statement(
    "SELECT free, encode(content_hash, 'hex'), status, answer FROM foundation.claim_key($1::bigint, $2, $3)"
)


def claim(trip: RoundTrip, client: str, key: str, content_hash: bytes) -> Claim:
    """Ask for a key: locked for this transaction if it is free, and looked up (migration 0011)."""
    number = int.from_bytes(blake2b(f"{client}\x1f{key}".encode(), digest_size=8).digest(), signed=True)
    return Claim(
        client,
        key,
        content_hash,
        trip.ask(CLAIM, str(number).encode(), client.encode(), key.encode()),
    )


def once(tx: Tx, client: str, key: str, content_hash: bytes, work: Callable[[], Answer]) -> Answer:
    """Do `work` unless the client's key was answered before. Raises StillRunning, KeyReused, what `work` raises."""
    with tx.round_trip() as trip:
        asked = claim(trip, client, key, content_hash)
    if (known := asked.answer()) is not None:
        return known
    answer = work()
    asked.record(tx, answer)
    return answer


def forget_old_keys(database: Database, batch: int = 5_000) -> int:
    """Delete keys past their life, at most `batch` of them; returns how many went."""
    with database.transaction() as tx:
        return tx.execute(
            "DELETE FROM foundation.idempotency WHERE (client, key) IN "
            "(SELECT client, key FROM foundation.idempotency WHERE at < :before LIMIT :batch)",
            {"before": tx.now - timedelta(days=database.settings.idempotency_days), "batch": batch},
        ).rowcount
