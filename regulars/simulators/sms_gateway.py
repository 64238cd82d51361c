"""An SMS gateway that sends nothing: takes messages over HTTP, writes them into a book, reports back, fails on demand.

    python -m regulars.simulators.sms_gateway --port 8025 --key secret --book book.jsonl \
        --report-to http://127.0.0.1:8000 --faults silent=0.05,error=0.02,crash=0.001

    POST /v1/messages       {"messages": [{"id", "to", "text"}]} -> {"results": [{"id", "status", "reference", "code"}]}
    POST /v1/messages/find  {"ids": [...]}                       -> the same, status "unknown" for what it does not have
    POST /v1/replies        {"from", "text"}: a phone answers; goes to the webhook
    PUT  /v1/faults         {"silent": 0.1}: faults from now on; the others stop
    GET  /v1/book           what phones got, newest last, and counts
    GET  /healthz

The book is the witness of the tests: one line for each message that a phone got, so a message that was sent twice
stands there twice. It is read again at the start, as a gateway keeps its data when a process dies. With `--idempotent`
(the default) an id is taken once; with `--no-idempotent` every call is a new message and nothing can be asked for.

Faults, each a probability. For a call: `slow` (answers after up to a second), `silent` (takes the messages and never
answers), `late` (answers nothing, and takes them seconds later), `error` (500, taken or not), `busy` (503, not taken),
`crash` (takes half of them and dies). For a message: `refuse`, and afterwards `undelivered`. For a report: `duplicate`,
`lost`, `delay` (up to 2 s).
"""

import argparse
import json
import os
import re
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from marketing.messages.signing import sign
from regulars.simulators.books import BookFile
from regulars.simulators.faults import Faults, fault_reader

FAULTS = ("slow", "silent", "late", "error", "busy", "crash", "refuse", "undelivered", "duplicate", "lost", "delay")
BODY_MAX = 8 * 1024 * 1024
MESSAGES_MAX = 1_000
REPORTS_AT_ONCE = 500
REPORT_PAUSE_S = 0.2
SILENCE_S = 30.0
LATE_S = 12.0
SHOWN_MAX = 200
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
REPORTS_PATH, REPLIES_PATH = "/v1/gateways/sms/reports", "/v1/gateways/sms/replies"


@dataclass(slots=True)
class Kept:
    """What the gateway knows of one id."""

    reference: str
    status: str
    code: str = ""

    def result(self, id_: str) -> dict[str, str]:
        return {"id": id_, "status": self.status, "reference": self.reference, "code": self.code}


class Book:
    """What phones got, in a file of lines, and what is known by id. Safe between threads."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, Kept] = {}
        self.lines = 0
        self.last: deque[dict[str, Any]] = deque(maxlen=SHOWN_MAX)
        self._file = BookFile(path)
        for entry in self._file.entries():
            self._remember(entry)

    def _remember(self, entry: dict[str, Any]) -> None:
        self.known[entry["id"]] = Kept(entry["reference"], entry.get("status", "accepted"), entry.get("code", ""))
        if "to" in entry:
            self.lines += 1
            self.last.append(entry)

    def write(self, entries: Sequence[dict[str, Any]]) -> None:
        """Called with the lock held."""
        self._file.add(entries)
        for entry in entries:
            self._remember(entry)


@dataclass(slots=True)
class Gateway:
    """The whole simulator."""

    book: Book
    key: str
    report_to: str
    idempotent: bool
    faults: Faults
    reports: deque[dict[str, Any]] = field(default_factory=deque)
    replies: deque[dict[str, Any]] = field(default_factory=deque)
    delayed: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def take(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """Take messages: each into the book, or refused."""
        results: list[dict[str, str]] = []
        entries: list[dict[str, Any]] = []
        in_this_call: dict[str, Kept] = {}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.book.lock:
            for message in messages:
                id_, number = str(message["id"]), str(message["to"])
                known = in_this_call.get(id_) or self.book.known.get(id_)
                if self.idempotent and known is not None:
                    results.append(known.result(id_))
                    continue
                kept = self._judge(number)
                entry = {"id": id_, "reference": kept.reference, "at": now, "status": kept.status, "code": kept.code}
                if kept.status == "accepted":
                    entry |= {"to": number, "text": str(message["text"])}
                    self._report(id_)
                entries.append(entry)
                in_this_call[id_] = kept
                results.append(kept.result(id_))
            self.book.write(entries)
        return results

    def _judge(self, number: str) -> Kept:
        reference = f"gw-{secrets.token_hex(6)}"
        if not NUMBER.fullmatch(number):
            return Kept(reference, "refused", "number_invalid")
        if self.faults.strike("refuse"):
            return Kept(reference, "refused", "blocked")
        return Kept(reference, "accepted")

    def _report(self, id_: str) -> None:
        bad = self.faults.strike("undelivered")
        report = {
            "id": id_,
            "status": "failed" if bad else "delivered",
            "code": "undelivered" if bad else "",
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        if self.faults.strike("lost"):
            return
        for _ in range(2 if self.faults.strike("duplicate") else 1):
            if self.faults.strike("delay"):
                self.delayed.append((time.monotonic() + self.faults.up_to(2.0), report))
            else:
                self.reports.append(report)

    def find(self, ids: Sequence[str]) -> list[dict[str, str]]:
        with self.book.lock:
            return [
                known.result(id_)
                if (known := self.book.known.get(id_)) is not None
                else {"id": id_, "status": "unknown", "reference": "", "code": ""}
                for id_ in ids
            ]

    def tell_for_ever(self) -> None:
        """Post reports and replies to the webhook, signed; what cannot be posted waits, in order."""
        with httpx.Client(base_url=self.report_to, timeout=10, trust_env=False) as client:
            while True:
                self._wake_delayed()
                told = self._tell(client, REPORTS_PATH, "reports", self.reports)
                told = self._tell(client, REPLIES_PATH, "replies", self.replies) or told
                if not told:
                    time.sleep(REPORT_PAUSE_S)

    def _wake_delayed(self) -> None:
        due = [entry for entry in list(self.delayed) if entry[0] <= time.monotonic()]
        for entry in due:
            self.delayed.remove(entry)
            self.reports.append(entry[1])

    def _tell(self, client: httpx.Client, path: str, name: str, waiting: deque[dict[str, Any]]) -> bool:
        batch = [waiting.popleft() for _ in range(min(len(waiting), REPORTS_AT_ONCE))]
        if not batch:
            return False
        body = json.dumps({name: batch}).encode()
        call, stamp = f"call-{secrets.token_hex(8)}", int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": call,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self.key, call, stamp, body),
        }
        try:
            answer = client.post(path, content=body, headers=headers)
        except httpx.HTTPError:
            answer = None
        if answer is None or answer.status_code >= 500 or answer.status_code in (409, 429):
            waiting.extendleft(reversed(batch))
            return False
        if answer.status_code >= 400:
            print(f"the webhook refused {len(batch)} {name}: {answer.status_code} {answer.text[:200]}", flush=True)
        return True


class Call(BaseHTTPRequestHandler):
    """One HTTP call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gateway: Gateway

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self._answer(200, {"status": "ok", "pid": os.getpid()})
        if self.path != "/v1/book" or not self._known():
            return self._answer(404, {})
        book = self.gateway.book
        with book.lock:
            answer = {"taken": book.lines, "known": len(book.known), "items": list(book.last)}
        return self._answer(200, answer)

    def do_PUT(self) -> None:
        body = self._body()
        if self.path != "/v1/faults" or not self._known() or not isinstance(body, dict):
            return self._answer(404, {})
        try:
            return self._answer(200, self.gateway.faults.become(body))
        except ValueError as error:
            return self._answer(422, {"detail": str(error)})

    def do_POST(self) -> None:
        body = self._body()
        if not self._known():
            return self._answer(401, {})
        if not isinstance(body, dict):
            return self._answer(400, {})
        if self.path == "/v1/messages":
            return self._take(body)
        if self.path == "/v1/messages/find" and self.gateway.idempotent and isinstance(body.get("ids"), list):
            return self._answer(200, {"results": self.gateway.find([str(id_) for id_ in body["ids"][:MESSAGES_MAX]])})
        if self.path == "/v1/replies":
            reply = {
                "id": f"re-{secrets.token_hex(6)}",
                "from": str(body.get("from", "")),
                "text": str(body.get("text", "")),
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
            self.gateway.replies.append(reply)
            return self._answer(202, reply)
        return self._answer(404, {})

    def _take(self, body: dict[str, Any]) -> None:
        messages = body.get("messages")
        whole = {"id", "to", "text"}
        if (
            not isinstance(messages, list)
            or len(messages) > MESSAGES_MAX
            or not all(isinstance(m, dict) and whole <= m.keys() for m in messages)
        ):
            return self._answer(422, {"detail": "messages must be a list of {id, to, text}"})
        gateway = self.gateway
        if gateway.faults.strike("busy"):
            return self._answer(503, {})
        if gateway.faults.strike("crash"):
            gateway.take(messages[: len(messages) // 2])
            print("crashing on demand", flush=True)
            os._exit(70)
        if gateway.faults.strike("late"):
            threading.Timer(gateway.faults.up_to(LATE_S), gateway.take, [messages]).start()
            return self._say_nothing()
        if gateway.faults.strike("error"):
            if gateway.faults.strike("error") or gateway.faults.up_to(1) < 0.5:
                gateway.take(messages)
            return self._answer(500, {})
        results = gateway.take(messages)
        if gateway.faults.strike("silent"):
            return self._say_nothing()
        if gateway.faults.strike("slow"):
            time.sleep(gateway.faults.up_to(1.0))
        return self._answer(200, {"results": results})

    def _say_nothing(self) -> None:
        """Keep the line open and never answer; whoever waits has a limit of its own."""
        self.close_connection = True
        self.connection.settimeout(SILENCE_S)
        try:
            self.connection.recv(1)
        except OSError:
            return

    def _known(self) -> bool:
        given = self.headers.get("Authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {self.gateway.key}".encode())

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_MAX:
            self.close_connection = True
            return None
        try:
            return json.loads(self.rfile.read(length))
        except ValueError:
            return None

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Numbers and texts do not belong in a log."""


def serve(gateway: Gateway, host: str, port: int) -> None:
    """Answer until the process is stopped."""
    server = ThreadingHTTPServer((host, port), type("CallHere", (Call,), {"gateway": gateway}), bind_and_activate=False)
    server.daemon_threads = True
    server.request_queue_size = 128
    server.server_bind()
    server.server_activate()
    if gateway.report_to:
        threading.Thread(target=gateway.tell_for_ever, daemon=True).start()
    print(f"SMS gateway simulator, process {os.getpid()}, listens on {host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see the top of this file."""
    parser = argparse.ArgumentParser(prog="sms_gateway", description="An SMS gateway that sends nothing.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--key", default=os.environ.get("SMS_GATEWAY_KEY", ""), help="default: SMS_GATEWAY_KEY")
    parser.add_argument("--book", type=Path, help="a file of lines; without it nothing outlives the process")
    parser.add_argument("--report-to", default="", help="where reports and replies are posted; without it none are")
    parser.add_argument("--faults", type=fault_reader(FAULTS), default={}, help="silent=0.05,error=0.02,...")
    parser.add_argument("--idempotent", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=None, help="chance from a fixed seed")
    given = parser.parse_args(arguments)
    if not given.key:
        parser.error("a key is needed: --key or SMS_GATEWAY_KEY")
    faults = Faults(FAULTS, given.faults, given.seed)
    gateway = Gateway(Book(given.book), given.key, given.report_to, given.idempotent, faults)
    try:
        serve(gateway, given.host, given.port)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
