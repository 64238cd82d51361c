"""Several prepared statements in one round trip: the posting path's way to the database.

psycopg's own pipeline writes and polls after every statement: 12 writes and 22 polls for one sale, and at each of them
another thread may take the interpreter. Here all statements go out in one write and their answers are awaited once.
It is libpq's pipeline mode, driven by psycopg's generators, which read while they send, so that any amount can go.

Parameters are bytes in PostgreSQL's text format and so are the columns of the answers: hot statements speak JSON.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, LiteralString

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

_numbers = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """SQL with $1, $2 ...; made once in a process, prepared once on each connection."""

    sql: LiteralString
    name: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"regulars_{next(_numbers)}".encode())


BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")


class PreparingConnection(psycopg.Connection[TupleRow]):
    """A connection that knows which of our statements its session has."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.prepared: set[bytes] = set()

    def _deallocate(self, name: bytes | None) -> PQGen[None]:
        # psycopg forgets everything that was prepared when it rolls back or drops something: DEALLOCATE ALL.
        if name is None:
            self.prepared.clear()
        return super()._deallocate(name)


class Reply:
    """The answer to one statement, once the round trip is over."""

    __slots__ = ("_result",)

    def __init__(self) -> None:
        self._result: PGresult | None = None

    def row(self) -> tuple[bytes | None, ...]:
        """The columns of the only row."""
        result = self._result
        if result is None or result.ntuples != 1:
            raise LookupError("a row was expected, one")
        return tuple([result.get_value(0, column) for column in range(result.nfields)])


class RoundTrip:
    """Statements on their way; they are sent when the block ends, in the transaction of the connection.

    A transaction is begun if none is open. Raises psycopg's error of the first statement that failed; what came after
    it was not done, and the transaction has to be rolled back.
    """

    __slots__ = ("_connection", "_waiting")

    def __init__(self, connection: PreparingConnection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Statement, Sequence[bytes | None], Reply]] = []

    def ask(self, statement: Statement, *parameters: bytes | None) -> Reply:
        reply = Reply()
        self._waiting.append((statement, parameters, reply))
        return reply

    def __enter__(self) -> "RoundTrip":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._go()

    def _go(self) -> None:
        connection = self._connection
        pgconn = connection.pgconn
        prepared = connection.prepared
        if pgconn.transaction_status == TransactionStatus.IDLE:
            self._waiting.insert(0, (BEGIN, (), Reply()))
        sends: list[Callable[[], None]] = []
        fresh: dict[int, bytes] = {}
        places: list[tuple[int, Reply]] = []
        for statement, parameters, reply in self._waiting:
            if statement.name not in prepared and statement.name not in fresh.values():
                fresh[len(sends)] = statement.name
                sends.append(partial(pgconn.send_prepare, statement.name, statement.sql.encode()))
            places.append((len(sends), reply))
            sends.append(partial(pgconn.send_query_prepared, statement.name, parameters))
        answers = self._exchange(sends)
        for place, answer in enumerate(answers):
            if answer.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(answer, encoding="utf-8")
            if place in fresh:
                prepared.add(fresh[place])
        for place, reply in places:
            reply._result = answers[place]

    def _exchange(self, sends: Sequence[Callable[[], None]]) -> list[PGresult]:
        pgconn = self._connection.pgconn
        pgconn.enter_pipeline_mode()
        try:
            answers = self._connection.wait(_talk(pgconn, sends))
        except BaseException:
            # Half an exchange is of no use to anybody; the server rolls back what it has of it.
            self._connection.close()
            raise
        pgconn.exit_pipeline_mode()
        return answers


def _talk(pgconn: PGconn, sends: Sequence[Callable[[], None]]) -> PQGen[list[PGresult]]:
    for send in sends:
        send()
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    answers: list[PGresult] = []
    for _ in sends:
        answers += yield from generators.fetch_many(pgconn)
    yield from generators.fetch_many(pgconn)  # the answer to the sync
    return answers
