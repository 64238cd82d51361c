"""How long the web server waits for a sender: a connection that stands still must not keep a thread for ever."""

import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Nothing for this long, or a request that is not complete after so long, counts as a sender who went away.
STILL_S = 5.0
REQUEST_S = 60.0
# Nobody takes in what we answer for this long.
ANSWER_S = 60.0


class PatientSocket:
    """A connection whose sender has REQUEST_S for each request; after that it reads as ended."""

    def __init__(self, connection: socket.socket, still_s: float = STILL_S, request_s: float = REQUEST_S) -> None:
        self._connection = connection
        self._still_s, self._request_s = still_s, request_s
        self._gone = False
        self.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin(self) -> None:
        """A request begins: its time starts."""
        self._until = time.monotonic() + self._request_s

    def hand_over(self) -> socket.socket:
        """The connection itself, for whoever goes on writing to it; the web server is left with a dead one."""
        taken, self._connection = self._connection, socket.socket()
        return taken

    def recv(self, size: int) -> bytes:
        """What came; b"" once the sender, or our patience, has ended."""
        left = self._until - time.monotonic()
        if self._gone or left <= 0:
            return self._give_up()
        self._connection.settimeout(min(left, self._still_s))
        try:
            return self._connection.recv(size)
        except TimeoutError:
            return self._give_up()
        finally:
            self._connection.settimeout(ANSWER_S)

    def _give_up(self) -> bytes:
        # For good: what comes late is never taken for the beginning of another request.
        self._gone = True
        return b""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, none of which waits for ever."""

    def handle(self, conn: Any) -> Any:
        """Answer the request that begins on this connection."""
        if isinstance(conn.sock, PatientSocket):
            conn.sock.begin()
        else:
            conn.sock = PatientSocket(conn.sock)
        return super().handle(conn)
