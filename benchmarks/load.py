"""Clients: one process a connection, doing one thing after the other; nothing else, so that they cost little.

The same clients drive the product and its floors. What they cost themselves is measured too (`Round.client_us`).
"""

import gc
import multiprocessing
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from statistics import quantiles
from typing import Any, Protocol

import psycopg

from benchmarks.receipts import Maker, Till, new_key

# Children are forked: they share the rendered parts of receipts, and begin at once.
processes = multiprocessing.get_context("fork")
TIMEOUT_S = 30.0
HEAD_END = b"\r\n\r\n"
POSTED = b'"status":201'


class Line(Protocol):
    """A connection in the client's process: `make` prepares what `send` sends; only sending is timed."""

    def make(self) -> Any: ...

    def send(self, prepared: Any) -> str | None:
        """None when it was done, else what was answered."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who posts: `open` makes the line, in the process that uses it."""

    maker: Maker
    sales: int
    open: Callable[[Maker, int], Line]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured: sales a second, milliseconds a request, the clients' CPU microseconds a sale."""

    sales_per_s: float
    p50_ms: float
    p95_ms: float
    client_us: float
    sales: int


@dataclass(frozen=True, slots=True)
class _Result:
    times: list[float]
    cpu_s: float
    tills: list[Till]
    refused: str | None


def drive(clients: Sequence[Client], seconds: float) -> Round:
    """Post for so long, all clients at once. Raises RuntimeError when anything is refused."""
    sides = [processes.Pipe() for _ in clients]
    workers = [
        processes.Process(target=_work, args=(client, seconds, child), daemon=True)
        for client, (_, child) in zip(clients, sides, strict=True)
    ]
    for worker in workers:
        worker.start()
    parents = [parent for parent, _ in sides]
    for parent in parents:
        parent.recv()
    began = time.perf_counter()
    for parent in parents:
        parent.send("go")
    results = [_received(parent, seconds) for parent in parents]
    took = time.perf_counter() - began
    for worker in workers:
        worker.join(TIMEOUT_S)
    for client, result in zip(clients, results, strict=True):
        # The child's copy of the tills has moved on; nobody buys the same twice.
        client.maker.seed += 1_000
        client.maker.start_over()
        for till, now in zip(client.maker.tills, result.tills, strict=True):
            till.sequence = now.sequence
    return _round(results, took, clients[0].sales)


def _received(parent: "Pipe[Any, Any]", seconds: float) -> _Result:
    if not parent.poll(seconds + TIMEOUT_S):
        raise RuntimeError("a client did not come back")
    result: _Result = parent.recv()
    if result.refused is not None:
        raise RuntimeError(f"refused: {result.refused}")
    return result


def _round(results: Sequence[_Result], took: float, sales: int) -> Round:
    times = sorted(took for result in results for took in result.times)
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    cpu_s = sum(result.cpu_s for result in results)
    done = len(times) * sales
    return Round(done / took, cuts[49] * 1e3, cuts[94] * 1e3, cpu_s / done * 1e6, done)


def _work(client: Client, seconds: float, pipe: "Pipe[Any, Any]") -> None:
    line = client.open(client.maker, client.sales)
    gc.disable()
    pipe.send("ready")
    pipe.recv()
    times: list[float] = []
    clock = time.perf_counter
    cpu = time.process_time()
    ends = clock() + seconds
    refused = None
    now = 0.0
    while now < ends and refused is None:
        prepared = line.make()
        began = clock()
        refused = line.send(prepared)
        now = clock()
        times.append(now - began)
    pipe.send(_Result(times, time.process_time() - cpu, list(client.maker.tills), refused))


class Connection:
    """A kept-alive connection to a web server, on a blocking socket; answers are read, not parsed."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """The whole answer to a request, head and body."""
        self._socket.sendall(request)
        answer = self._socket.recv(262_144)
        while (head := answer.find(HEAD_END)) < 0:
            answer += self._more()
        at = answer.lower().find(b"content-length:", 0, head)
        whole = head + 4 + int(answer[at + 15 : answer.find(b"\r", at)])
        while len(answer) < whole:
            answer += self._more()
        return answer

    def _more(self) -> bytes:
        part = self._socket.recv(262_144)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def close(self) -> None:
        self._socket.close()


class Http:
    """Sales over a connection to a web server."""

    def __init__(self, port: int, maker: Maker, sales: int) -> None:
        self._maker = maker
        self._sales = sales
        self._connection = Connection(port)

    def make(self) -> bytes:
        maker = self._maker
        return maker.request(maker.single() if self._sales == 1 else maker.batch(self._sales))

    def send(self, prepared: bytes) -> str | None:
        answer = self._connection.ask(prepared)
        if not answer.startswith(b"HTTP/1.1 20") or (self._sales > 1 and answer.count(POSTED) != self._sales):
            return answer[:1500].decode(errors="replace")
        return None


class SetBased:
    """A plain connection to the database: so many sales in one call of the floor's set-based function."""

    def __init__(self, database_url: str, maker: Maker, sales: int) -> None:
        self._maker = maker
        self._sales = sales
        self._connection = psycopg.connect(database_url, autocommit=True)

    def make(self) -> str:
        return self._maker.batch(self._sales).decode()

    def send(self, prepared: str) -> str | None:
        parameters = (self._maker.next_till().token, new_key(), prepared)
        row = self._connection.execute("SELECT floor.post_sales(%s, %s, %s)", parameters, prepare=True).fetchone()
        return None if row is not None and row[0] == self._sales else f"posted {row}"
