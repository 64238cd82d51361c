"""The door for tests and operators of a simulator, on a port of its own.

PUT /faults {"silent": 0.1}    GET /book    GET /daily/<path>.csv    GET /healthz
"""

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from regulars.simulators.faults import Faults

BODY_MAX = 64 * 1024
DAILY, CSV = "/daily/", ".csv"


def send(call: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    """Answer; who has gone meanwhile does not hear it."""
    with suppress(OSError):
        call.send_response(status)
        call.send_header("Content-Type", kind)
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)


def read_body(call: BaseHTTPRequestHandler) -> bytes:
    """What was sent, up to 64 KiB of it."""
    return call.rfile.read(min(int(call.headers.get("Content-Length", 0)), BODY_MAX))


def serve_control(port: int, faults: Faults, book: Callable[[], Any], daily: Callable[[str], str]) -> None:
    """Answer from now on, in a thread; `daily` makes the file of a path without its ending."""

    class Control(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, {"status": "ok", "pid": os.getpid()})
            elif self.path == "/book":
                self._answer(200, book())
            elif self.path.startswith(DAILY) and self.path.endswith(CSV):
                send(self, 200, daily(self.path.removeprefix(DAILY).removesuffix(CSV)).encode(), "text/csv")
            else:
                self._answer(404, {"error": "nothing here"})

        def do_PUT(self) -> None:
            try:
                self._answer(200, faults.become(json.loads(read_body(self))))
            except (ValueError, AttributeError) as error:
                self._answer(422, {"error": str(error)})

        def _answer(self, status: int, body: Any) -> None:
            send(self, status, json.dumps(body).encode(), "application/json")

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
