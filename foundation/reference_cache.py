"""Facts that stand in every posting and hardly ever change: kept in each process, dropped everywhere at once on change.

`ReferenceCache(channel, load)` answers a known key in about a microsecond. Whoever changes the rows behind it calls
`changed(tx)` in the same transaction; when that commits, the changing process drops what it knows at once, and
PostgreSQL NOTIFY makes every other process drop it too. One thread a process listens for all caches; it starts with
the first look-up, so it is born after the fork that made the process.

A process that cannot be told (the listener's connection is down) keeps nothing longer than `UNHEARD_AGE_S`.
The listener needs a session of its own: behind a pooler in transaction mode NOTIFY does not arrive.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import psycopg
import structlog
from sqlalchemy.engine import Engine

from foundation.database import Tx

NOTIFY_CHANNEL = "reference_cache"
UNHEARD_AGE_S = 5.0
PULSE_S = 2.0
RECONNECT_S = 1.0

K = TypeVar("K")
V = TypeVar("V")
log = structlog.get_logger(__name__)


class ReferenceCache(Generic[K, V]):
    """What `load` returned for a key, until somebody says that it changed. Safe to share between threads.

    `load(tx, keys)` returns a value for each key that exists and leaves out the others; it must read what is
    committed now (READ COMMITTED, the default). That a key does not exist is remembered as well, so creating a row
    is a change too. Nothing is kept longer than `max_age_s`, and never more than `max_entries` keys.
    """

    def __init__(
        self,
        channel: str,
        load: Callable[[Tx, Collection[K]], Mapping[K, V]],
        *,
        max_age_s: float = 300.0,
        max_entries: int = 50_000,
    ) -> None:
        self.channel = channel
        self._load = load
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._known: dict[K, V | None] = {}
        self._born = 0.0
        self._generation = 0
        self._engine: Engine | None = None
        _listener.caches.add(self)

    def get(self, tx: Tx, keys: Collection[K]) -> dict[K, V]:
        """The values of those keys that exist. A transaction that changed the rows itself reads its own work."""
        if tx.changed and self.channel in tx.changed:
            return dict(self._load(tx, keys))
        if self._is_stale(tx):
            self._start_over(tx)
        known = self._known
        try:
            return {key: value for key in keys if (value := known[key]) is not None}
        except KeyError:
            return self._fill(tx, keys)

    def one(self, tx: Tx, key: K) -> V | None:
        """The value of one key, or None when it does not exist."""
        if not tx.changed and not self._is_stale(tx) and key in (known := self._known):
            return known[key]
        return self.get(tx, (key,)).get(key)

    def changed(self, tx: Tx) -> None:
        """Say that this transaction changes the rows behind the cache: every process drops them when it commits."""
        if self.channel in tx.changed:
            return
        tx.changed.add(self.channel)
        tx.execute("SELECT pg_notify(:channel, :payload)", {"channel": NOTIFY_CHANNEL, "payload": self.channel})
        tx.after_commit(lambda: _listener.drop(self.channel))

    def drop(self) -> None:
        """Forget everything. What is being loaded at this moment is returned to its caller and not kept."""
        with self._lock:
            self._known = {}
            self._born = time.monotonic()
            self._generation += 1

    def _is_stale(self, tx: Tx) -> bool:
        now = time.monotonic()
        if now - self._born > (self._max_age_s if now < _listener.trusted_until else UNHEARD_AGE_S):
            return True
        return tx.connection.engine is not self._engine

    def _start_over(self, tx: Tx) -> None:
        self.drop()
        self._engine = tx.connection.engine
        _listener.listen_on(self._engine)

    def _fill(self, tx: Tx, keys: Collection[K]) -> dict[K, V]:
        generation = self._generation
        known = self._known
        found = self._load(tx, [key for key in keys if key not in known])
        with self._lock:
            # A change that was heard of while we were loading may have come too late for what we read.
            if generation == self._generation:
                if len(known) + len(keys) > self._max_entries:
                    self._known = {}
                self._known.update((key, found.get(key)) for key in keys if key not in known)
        kept = ((key, found[key] if key in found else known.get(key)) for key in keys)
        return {key: value for key, value in kept if value is not None}


class _Listener:
    """The thread of this process that hears of changes, for all caches."""

    def __init__(self) -> None:
        self.caches: WeakSet[ReferenceCache[Any, Any]] = WeakSet()
        self.hearers: dict[str, Callable[[str], None]] = {}
        self.trusted_until = 0.0
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def listen_on(self, engine: Engine) -> None:
        """Listen to this database, in a thread started once; another database takes over from the one before."""
        with self._lock:
            if engine is self._engine:
                return
            self._engine = engine
            self.trusted_until = 0.0
        threading.Thread(target=self._run, args=(engine,), name="reference-cache", daemon=True).start()

    def drop(self, payload: str | None = None) -> None:
        """Drop the caches of a channel, or all (no payload); `channel:subject` reaches that channel's hearer."""
        for cache in self._all():
            if not payload or cache.channel == payload:
                cache.drop()
        if not payload:
            for hearer in self.hearers.values():
                hearer("")
            return
        channel, _, subject = payload.partition(":")
        if channel in self.hearers:
            self.hearers[channel](subject)

    def forget(self) -> None:
        """A forked child has no listening thread and trusts nothing it inherited."""
        self._lock = threading.Lock()
        self._engine = None
        self.trusted_until = 0.0
        for cache in self._all():
            cache._lock = threading.Lock()
            cache._engine = None

    def _all(self) -> Iterable[ReferenceCache[Any, Any]]:
        return list(self.caches)

    def _run(self, engine: Engine) -> None:
        address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while engine is self._engine:
            try:
                self._listen(engine, address)
            except psycopg.Error as error:
                if engine is not self._engine:
                    return
                log.warning("reference_cache.unheard", error=str(error), keeps_s=UNHEARD_AGE_S)
                time.sleep(RECONNECT_S)

    def _listen(self, engine: Engine, address: str) -> None:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=5, application_name="reference-cache", tcp_user_timeout=5000
        ) as connection:
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
            # What changed while nobody listened is unknown.
            self.drop()
            while engine is self._engine:
                asked_at = time.monotonic()
                connection.execute("SELECT 1")
                self.trusted_until = asked_at + UNHEARD_AGE_S
                for notice in connection.notifies(timeout=PULSE_S):
                    self.drop(notice.payload)


_listener = _Listener()
os.register_at_fork(after_in_child=_listener.forget)


def on_change(channel: str, forget: Callable[[str], None]) -> None:
    """For a cache of another shape: call `forget(subject)` when a subject of the channel changed, "" means everything.

    It is called in the listening thread and in the thread that committed; `announce_change` is the other end.
    """
    _listener.hearers[channel] = forget


def announce_change(tx: Tx, channel: str, subject: str) -> None:
    """Say that this transaction changes what a channel's hearers keep about `subject` ("": about everything)."""
    payload = f"{channel}:{subject}"
    tx.execute("SELECT pg_notify(:channel, :payload)", {"channel": NOTIFY_CHANNEL, "payload": payload})
    tx.after_commit(lambda: _listener.drop(payload))


def listen_on(engine: Engine) -> None:
    """Start to hear of changes in this database, unless this process already does."""
    _listener.listen_on(engine)


def stop_listening() -> None:
    """Hear of nothing any more, and trust nothing for long: before the database goes away on purpose."""
    _listener.forget()


def is_heard(tick: float) -> bool:
    """Whether changes are certain to have been heard at `tick` (time.monotonic); else keep nothing past that age."""
    return tick < _listener.trusted_until


def drop_all() -> None:
    """Drop every cache of this process (after restoring a backup, between tests)."""
    _listener.drop()
