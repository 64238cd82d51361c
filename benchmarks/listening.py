"""Open pages: one process that holds every stream of every handheld and desk, and as many connections to a bare echo.

It notes when each event came on each stream, and how long a message took to the echo and back. Times are of the
machine's monotonic clock, which all processes share.
"""

import re
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

from benchmarks.load import TIMEOUT_S, processes

EVENT = re.compile(rb"event: (\S+)\ndata: (.*)\n\n")
ID = re.compile(rb'"id":"([^"]+)"')
HELLO = "hello"
MESSAGE = b"x" * 200 + b"\n"


@dataclass(frozen=True, slots=True)
class Page:
    """An open page of a store."""

    store: str
    token: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What came: for an event and the id it is about, when it came on which stream; and the echo's round trips."""

    arrivals: Mapping[tuple[str, str], Sequence[tuple[int, float]]]
    echoes: Sequence[float]


@dataclass(slots=True, eq=False)
class _Line:
    """A connection with what was read of it; `page` is its number, None for one to the echo."""

    connection: socket.socket
    page: int | None
    read: bytes = b""
    sent_at: float = 0.0


class Listener:
    """The process, as its parent sees it."""

    def __init__(self, port: int, echo_port: int, pages: Sequence[Page], echoes_a_second: float) -> None:
        self._pipe, theirs = processes.Pipe()
        work = _Work(port, echo_port, pages, echoes_a_second)
        self._process = processes.Process(target=work.run, args=(theirs,), daemon=True)
        self._process.start()

    def open(self) -> None:
        """Every page connects, and was told hello."""
        self._ask("open")

    def close(self) -> Heard:
        """Every page is closed; what they heard since they were opened."""
        heard: Heard = self._ask("close")
        return heard

    def heard(self) -> Heard:
        """What was heard so far."""
        heard: Heard = self._ask("heard")
        return heard

    def end(self) -> None:
        """The process is gone."""
        self._process.kill()
        self._process.join(10)

    def _ask(self, what: str) -> Any:
        self._pipe.send(what)
        if not self._pipe.poll(TIMEOUT_S):
            raise RuntimeError(f"the pages did not {what}")
        return self._pipe.recv()


@dataclass(slots=True)
class _Work:
    port: int
    echo_port: int
    pages: Sequence[Page]
    echoes_a_second: float
    lines: list[_Line] = field(default_factory=list)
    arrivals: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=dict)
    echoes: list[float] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    turn: int = 0

    def run(self, pipe: "Pipe[Any, Any]") -> None:
        """Do what the parent asks, and listen meanwhile."""
        self.selector.register(pipe.fileno(), selectors.EVENT_READ)
        next_echo = time.perf_counter()
        while True:
            for key, _ in self.selector.select(max(0.0, next_echo - time.perf_counter())):
                if isinstance(key.data, _Line):
                    self._read(key.data)
                else:
                    pipe.send(self._do(pipe.recv()))
            if time.perf_counter() >= next_echo:
                next_echo = max(next_echo + 1 / self.echoes_a_second, time.perf_counter())
                self._send_echo()

    def _do(self, what: str) -> Heard | None:
        if what == "open":
            self.arrivals, self.echoes = {}, []
            self._open()
            return None
        heard = Heard(self.arrivals, self.echoes)
        if what == "close":
            self._close()
        return heard

    def _open(self) -> None:
        for n, page in enumerate(self.pages):
            self._add(_stream_of(self.port, page), n)
            self._add(socket.create_connection(("127.0.0.1", self.echo_port), TIMEOUT_S), None)
        deadline = time.perf_counter() + TIMEOUT_S / 2
        while len(self.arrivals.get((HELLO, ""), ())) < len(self.pages):
            if time.perf_counter() > deadline:
                raise RuntimeError("not every page was let in")
            for key, _ in self.selector.select(0.1):
                if isinstance(key.data, _Line):
                    self._read(key.data)

    def _add(self, connection: socket.socket, page: int | None) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.lines.append(_Line(connection, page))
        self.selector.register(connection, selectors.EVENT_READ, self.lines[-1])

    def _close(self) -> None:
        for line in self.lines:
            with suppress(KeyError):
                self.selector.unregister(line.connection)
            line.connection.close()
        self.lines = []

    def _read(self, line: _Line) -> None:
        line.read += line.connection.recv(65_536)
        now = time.perf_counter()
        if line.page is None:
            if line.read.endswith(b"\n"):
                self.echoes.append(now - line.sent_at)
                line.read = b""
            return
        end = 0
        for found in EVENT.finditer(line.read):
            id = ID.search(found[2])
            key = (found[1].decode(), id[1].decode() if id else "")
            self.arrivals.setdefault(key, []).append((line.page, now))
            end = found.end()
        line.read = line.read[end:]

    def _send_echo(self) -> None:
        echoing = [line for line in self.lines if line.page is None]
        if echoing:
            self.turn += 1
            line = echoing[self.turn % len(echoing)]
            line.sent_at = time.perf_counter()
            line.connection.sendall(MESSAGE)


def _stream_of(port: int, page: Page) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    head = f"GET /v1/stores/{page.store}/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {page.token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def echo_always(listening: socket.socket) -> None:
    """A bare server, for a process of its own: what comes on a connection goes back on it."""
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
                continue
            if not _echo(key.fileobj):  # type: ignore[arg-type]
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]


def _echo(connection: socket.socket) -> bool:
    """False once the other side is gone."""
    try:
        data = connection.recv(65_536)
        connection.sendall(data)
    except OSError:
        return False
    return bool(data)
