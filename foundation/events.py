"""What happened, in an order that readers can trust.

An operation announces an event into the outbox, in its own transaction. One serial relay moves committed rows to
the event table and gives each the next `position`: gapless, and never smaller than one already read. A cursor
over the outbox's own sequence would lose rows that commit late; readers use positions only.

Facts carry ids, never personal data.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from psycopg import OperationalError
from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.dialects.postgresql import JSON

from foundation.database import Database, Tx
from foundation.rows import Write

log = structlog.get_logger(__name__)
metadata = MetaData(schema="foundation")

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)


class OutboxRow(msgspec.Struct, frozen=True):
    topic: str
    facts: Mapping[str, Any]
    at: datetime


ANNOUNCE = Write(outbox, OutboxRow)

BATCH = 5_000
WINDOW = 100_000  # positions looked at in one statement
WINDOWS_MAX = 100
POSITION_MAX = 2**63 - 1
IDLE_S = 0.05
HEARTBEAT_S = 5.0
WAKE_PAUSE_S = 0.5
SWEEP_ROWS = 5_000
LOCK = 7_205_001  # the advisory lock of the one relay


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `position` starts at 1 and has no gaps; `at` is the moment of its transaction."""

    position: int
    topic: str
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A reader with a cursor of its own: `handle(tx, events)` runs in the transaction that moves the cursor.

    Topics in `prompt` wake it at once; the others wait for the round that calls every reader, some seconds later.
    """

    name: str
    topics: frozenset[str]
    handle: Callable[[Tx, Sequence[Event]], None]
    batch: int
    prompt: frozenset[str]


_subscriptions: dict[str, Subscription] = {}
ChannelOf = Callable[[Mapping[str, Any]], str]
_live: dict[str, ChannelOf] = {}


def announce(tx: Tx, topic: str, facts: Mapping[str, Any]) -> None:
    """Record that something happened; it becomes an event if, and only if, this transaction commits."""
    tx.rows.add(ANNOUNCE, OutboxRow(topic, facts, tx.now))


def subscribe(
    name: str,
    topics: Collection[str],
    handle: Callable[[Tx, Sequence[Event]], None],
    *,
    batch: int = 500,
    prompt: Collection[str] | None = None,
) -> None:
    """Register a reader: it gets each event of its topics once, in order of position, at most `batch` at a time.

    It is woken at once for the topics in `prompt` (all, if not said); what may wait some seconds says `prompt=()`, and
    costs a busy house far less.
    """
    woken_by = frozenset(topics) if prompt is None else frozenset(prompt)
    _subscriptions[name] = Subscription(name, frozenset(topics), handle, batch, woken_by)


def live(topics: Collection[str], channel_of: ChannelOf) -> None:
    """Declare topics that open pages are told at once (foundation.live), on the channel that their facts name."""
    _live.update(dict.fromkeys(topics, channel_of))


def live_topics() -> Mapping[str, ChannelOf]:
    return _live


def subscriptions() -> Mapping[str, Subscription]:
    return _subscriptions


def read_events(
    tx: Tx, after: int, limit: int, topics: Collection[str] | None = None, until: int | None = None
) -> list[Event]:
    """Events with a position above `after` (and up to `until`), lowest first, at most `limit` (1 to 5,000)."""
    rows = tx.execute(
        "SELECT position, topic, facts, at FROM foundation.event WHERE position > :after AND position <= :until"
        " AND (CAST(:topics AS text[]) IS NULL OR topic = ANY(:topics)) ORDER BY position LIMIT :limit",
        {
            "after": after, "until": POSITION_MAX if until is None else until, "limit": max(1, min(limit, BATCH)),
            "topics": list(topics) if topics is not None else None,
        },
    )  # fmt: skip
    return [Event(row.position, row.topic, row.facts, row.at) for row in rows]


def last_position(tx: Tx) -> int:
    """The position of the newest event; 0 before the first."""
    return int(tx.execute("SELECT position FROM foundation.relay").scalar_one())


def newest_announced(tx: Tx) -> int | None:
    """The newest row of the outbox that has been committed and waits for its position; None if none waits."""
    found: int | None = tx.execute("SELECT max(id) FROM foundation.outbox").scalar_one()
    return found


def is_relayed(tx: Tx, announced: int | None) -> bool:
    """Whether everything that `newest_announced` saw has its position by now."""
    if announced is None:
        return True
    return not tx.execute("SELECT EXISTS (SELECT FROM foundation.outbox WHERE id <= :id)", {"id": announced}).scalar()


def consume(database: Database, name: str) -> int:
    """Give one subscriber its next batch and move its cursor, in one transaction; returns events handled.

    A second process doing the same at the same time returns 0 at once.
    """
    subscription = _subscriptions[name]
    with database.transaction() as tx:
        if not tx.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('consumer'), hashtext(:name))", {"name": name}
        ).scalar():
            return 0
        tx.execute("INSERT INTO foundation.consumer (name) VALUES (:name) ON CONFLICT DO NOTHING", {"name": name})
        cursor = int(
            tx.execute("SELECT position FROM foundation.consumer WHERE name = :name", {"name": name}).scalar_one()
        )
        newest = last_position(tx)
        events, reached = _next_of_ours(tx, subscription, cursor, newest)
        if events:
            subscription.handle(tx, events)
        if reached > cursor:
            tx.execute(
                "UPDATE foundation.consumer SET position = :position, moved_at = :now WHERE name = :name",
                {"position": reached, "now": tx.now, "name": name},
            )
    return len(events)


def _next_of_ours(tx: Tx, subscription: Subscription, cursor: int, newest: int) -> tuple[list[Event], int]:
    """The next events of its topics up to `newest`, and how far it has read with them.

    Window by window, so that a reader of rare topics gets on among hundreds of millions of other events.
    """
    batch = min(subscription.batch, BATCH)
    reached = cursor
    for _ in range(WINDOWS_MAX):
        until = min(reached + WINDOW, newest)
        events = read_events(tx, reached, batch, subscription.topics, until) if until > reached else []
        if len(events) == batch:
            return events, events[-1].position
        reached = max(reached, until)
        if events or until == newest:
            return events, reached
    return [], reached


MOVE = """
WITH taken AS (
    DELETE FROM foundation.outbox
    WHERE id IN (SELECT id FROM foundation.outbox ORDER BY id LIMIT %(batch)s)
    RETURNING id, topic, facts, at
), numbered AS (
    SELECT topic, facts, at, row_number() OVER (ORDER BY id) AS n FROM taken
), moved AS (
    INSERT INTO foundation.event (position, topic, facts, at)
    SELECT relay.position + n, topic, facts, at FROM numbered, foundation.relay AS relay
    RETURNING position, topic, facts
), counted AS (
    UPDATE foundation.relay SET position = position + (SELECT count(*) FROM taken), beat_at = now()
    WHERE EXISTS (SELECT FROM taken) RETURNING position
)
SELECT topic, count(*),
       json_agg(json_build_array(position, facts) ORDER BY position) FILTER (WHERE topic = ANY(%(live)s))
FROM moved GROUP BY topic
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """One batch that became events: how many of each topic, and those that open pages are told."""

    counts: Mapping[str, int]
    live: "Told"


def move_batch(tx: Tx) -> dict[str, int]:
    """Move one batch of committed outbox rows to the event table; returns how many of each topic moved."""
    return dict(_move(tx).counts)


def _move(tx: Tx) -> Moved:
    rows = tx.ask(MOVE, {"batch": BATCH, "live": list(_live)}).fetchall()
    told = [(position, topic, facts) for topic, _, events in rows for position, facts in events or ()]
    return Moved({topic: count for topic, count, _ in rows}, sorted(told, key=lambda each: each[0]))


# Every move starts at the outbox's oldest row and walks over whatever was moved before and is still lying there:
# 5 ms for 40,000 dead rows, and autovacuum comes once a minute. So the relay sweeps up after itself.
SWEEP = "VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) foundation.outbox"


class Alarm:
    """Wakes whoever has something to read: the first time at once, then no more than once in WAKE_PAUSE_S.

    A task costs a worker some milliseconds however little there is to read; under load one task reads many batches.
    """

    def __init__(self, wake: Callable[[set[str]], None]) -> None:
        self._wake = wake
        self._due: set[str] = set()
        self._woken_at: dict[str, float] = {}

    def ring(self, moved: Collection[str], now: float) -> None:
        """Note the topics that were moved, and wake those whose pause is over. `now` is of a monotonic clock."""
        self._due |= {s.name for s in _subscriptions.values() if not s.prompt.isdisjoint(moved)}
        ready = {name for name in self._due if now - self._woken_at.get(name, -WAKE_PAUSE_S) >= WAKE_PAUSE_S}
        if ready:
            self._due -= ready
            self._woken_at.update(dict.fromkeys(ready, now))
            self._wake(ready)


Told = Sequence[tuple[int, str, Mapping[str, Any]]]


def run_relay(
    database: Database,
    stop: threading.Event,
    wake: Callable[[set[str]], None] | None = None,
    tell: Callable[[Told], None] | None = None,
) -> None:
    """Be the relay until `stop` is set. A second relay waits its turn; the database being away is waited out.

    `wake` is told which subscribers have something to read, `tell` what open pages wait for, as (position, topic,
    facts). Losing such a call costs time only: a periodic task calls every subscriber, and pages catch up by position.
    """
    while not stop.is_set():
        try:
            _relay_while_connected(database, stop, wake, tell)
        except (OperationalError, sqlalchemy_errors.DBAPIError, sqlalchemy_errors.TimeoutError) as error:
            log.warning("relay_database_lost", cause=str(error).strip().splitlines()[0])
            stop.wait(0.5)


def _relay_while_connected(
    database: Database,
    stop: threading.Event,
    wake: Callable[[set[str]], None] | None,
    tell: Callable[[Told], None] | None,
) -> None:
    with database.engine.connect() as guard:
        # The lock belongs to this session: it goes when the process or its connection dies.
        guard = guard.execution_options(isolation_level="AUTOCOMMIT")
        while not guard.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
            if stop.wait(0.5):
                return
        log.info("relay_started")
        alarm = Alarm(wake) if wake is not None else None
        beat, unswept = 0.0, 0
        try:
            while not stop.is_set():
                with database.transaction() as tx:
                    moved = _move(tx)
                if tell is not None and moved.live:
                    tell(moved.live)
                if alarm is not None:
                    alarm.ring(moved.counts, time.monotonic())
                if time.monotonic() - beat > HEARTBEAT_S:
                    guard.exec_driver_sql("UPDATE foundation.relay SET beat_at = now()")
                    beat = time.monotonic()
                rows = sum(moved.counts.values())
                unswept += rows
                if unswept >= SWEEP_ROWS:
                    guard.exec_driver_sql(SWEEP)
                    unswept = 0
                if rows < BATCH:
                    stop.wait(IDLE_S)
        finally:
            if not guard.invalidated and not guard.closed:
                guard.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
