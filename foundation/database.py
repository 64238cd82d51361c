"""One transaction, opened and closed by the outermost operation, handed down to everything it calls.

`Tx` speaks SQLAlchemy Core for ordinary work. The posting path asks its questions in one `round_trip` and
leaves what it writes in `tx.rows`, which go out in one statement together with the COMMIT. So a sale costs two round
trips, whatever it touches.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, LiteralString, cast

import msgspec
import psycopg
import sqlalchemy
from psycopg.rows import TupleRow
from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.sql.base import Executable

from foundation.clock import Clock, SystemClock
from foundation.round_trips import COMMIT, PreparingConnection, RoundTrip
from foundation.rows import Rows
from foundation.settings import Settings, get_settings

PIPELINE_BYTES_MAX = 32 * 1024


class Tx:
    """An open transaction. Contract functions take it first and never commit it.

    `now` is the one moment of the transaction. `rows` collects rows to be written just before the commit (call
    `flush` where a later read of this transaction must see them). What is given to `after_commit` runs once the
    commit has succeeded, in order, and not at all otherwise.
    """

    __slots__ = ("_after_commit", "_raw", "changed", "connection", "now", "rows")

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.rows = Rows()
        # Channels of the reference caches whose rows this transaction has changed (foundation.reference_cache).
        self.changed: set[str] = set()
        self._after_commit: list[Callable[[], None]] = []
        self._raw: PreparingConnection | None = None

    @property
    def raw(self) -> PreparingConnection:
        """The psycopg connection below, already inside this transaction's session."""
        if self._raw is None:
            self._raw = cast("PreparingConnection", self.connection.connection.driver_connection)
        return self._raw

    def execute(
        self, statement: Executable | str, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement: SQLAlchemy Core, or plain SQL with `:name` parameters."""
        if isinstance(statement, str):
            statement = sqlalchemy.text(statement)
        return self.connection.execute(statement, parameters)

    def ask(self, sql: LiteralString, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> psycopg.Cursor[TupleRow]:
        """Send one prepared statement through psycopg; inside a pipeline it does not wait for its answer."""
        return self.raw.execute(sql, parameters, prepare=True)

    def pipeline(self, payload: int = 0) -> AbstractContextManager[psycopg.Pipeline | None]:
        """Statements asked inside share a round trip; if `payload` (bytes, roughly) is large they go one by one.

        psycopg 3.3 waits for an answer after its last pipelined command even if the socket has not taken all of it yet;
        the server then waits for the rest, for ever (psycopg issue 685).
        """
        return self.raw.pipeline() if payload < PIPELINE_BYTES_MAX else nullcontext()

    def round_trip(self) -> RoundTrip:
        """Prepared statements that are sent together when the block ends; cheaper than `pipeline`, and plainer."""
        return RoundTrip(self.raw)

    def flush(self) -> None:
        """Write the collected rows now."""
        if self.rows:
            with self.round_trip() as trip:
                self.rows.pack(trip)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after_commit.append(action)

    def committed(self) -> None:
        """Run what waited for the commit. Called once, by whoever committed."""
        actions, self._after_commit = self._after_commit, []
        for action in actions:
            action()


class Database:
    """The pool of connections of one process. Make it after a fork, never before."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        timeouts = (
            f"-c statement_timeout={settings.statement_timeout_s * 1000} "
            f"-c lock_timeout={settings.lock_timeout_s * 1000} "
            "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
        )
        self.engine: Engine = sqlalchemy.create_engine(
            self.url,
            pool_size=settings.database_pool,
            max_overflow=settings.database_pool,
            pool_timeout=5,
            pool_recycle=1800,
            # The connection used last is used next: its session has everything warm, others may rest.
            pool_use_lifo=True,
            json_deserializer=msgspec.json.decode,
            connect_args={"options": timeouts, "prepare_threshold": 2, "connect_timeout": 5},
        )
        sqlalchemy.event.listen(self.engine, "do_connect", _connect)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL; a plain postgresql:// address is read as psycopg 3."""
        scheme, _, rest = self.settings.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.settings.database_url

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Tx]:
        """Open a transaction; commit when the block ends, roll back when it raises."""
        with self.engine.connect() as connection:
            tx = Tx(connection, self.clock.now())
            with connection.begin():
                if read_only:
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                yield tx
                if tx.rows:
                    # SQLAlchemy finds the transaction ended, and has nothing left to commit.
                    with tx.round_trip() as trip:
                        tx.rows.pack(trip)
                        trip.ask(COMMIT)
        tx.committed()

    def dispose(self) -> None:
        self.engine.dispose()


def _connect(_dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> PreparingConnection:
    return PreparingConnection.connect(*arguments, **named)


_database: Database | None = None


def database() -> Database:
    """The database of this process, made on first use."""
    global _database
    if _database is None:
        _database = Database(get_settings())
    return _database


def use_database(replacement: Database | None) -> None:
    """Make this the database of the process (application start, tests); None forgets it, as a forked child must."""
    global _database
    _database = replacement
