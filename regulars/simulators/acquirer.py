"""An acquirer that moves no money: ISO 8583 over TCP, a book that cannot lie, and faults on demand.

    python -m regulars.simulators.acquirer --port 8583 --control 8584 --book acquirer.jsonl --faults silent=0.05

It knows sales, refunds, reversals and echoes as pos_adapter/payments/card.py describes them. A message with the same
type, terminal, merchant, day and trace number is the same message: it is answered as before and booked once. What was
reversed before it arrived is refused when it comes; a sale that was given back in part is not reversed. On the control
port: `PUT /faults {"silent": 0.1}`, `GET /book`, `GET /daily/<YYYY-MM-DD>.csv` (the day's file, for
reconciliation), `GET /healthz`.

Faults, each a probability for a message: `slow` (answers within five seconds), `silent` (books it and never answers),
`lost` (neither), `late` (answers when nobody listens any more), `delayed` (arrives only then), `duplicate` (answers
twice), `declined`, `garbage`, `crash` (books it and dies). `--hurry 20` makes waits as much shorter.
"""

import argparse
import copy
import csv
import io
import os
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import iso8583
from iso8583.specs import default_ascii

from regulars.simulators.books import BookFile
from regulars.simulators.control import serve_control
from regulars.simulators.faults import Faults, fault_reader

FAULTS = ("slow", "silent", "lost", "late", "delayed", "duplicate", "declined", "garbage", "crash")
LENGTH = struct.Struct(">H")
SLOW_S, LATE_S, SILENT_S, IDLE_S = 5.0, 30.0, 60.0, 60.0
APPROVED, DECLINED, INVALID, NOT_LOCATED, TOO_MUCH = "00", "05", "12", "25", "61"


class Book:
    """What was booked, in a file of lines that is read again at the start. Safe between threads."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.Lock()
        self.sales: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, dict[str, str]] = {}
        self.reversed: set[str] = set()
        self.sale_of: dict[str, str] = {}
        self._file = BookFile(path)
        for entry in self._file.entries():
            self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        self.answers[entry["key"]] = entry["answer"]
        if entry["kind"] == "reversal" and entry["answer"]["39"] == NOT_LOCATED:
            # Told again later it is looked for again; and it will not be taken when it does come.
            del self.answers[entry["key"]]
            self.reversed.add(entry["original"])
        if entry["answer"]["39"] != APPROVED:
            return
        if entry["kind"] == "sale":
            self.sales[entry["original"]] = entry | {"refunded": 0, "reversed": False, "refunds": {}}
        elif entry["kind"] == "reversal":
            self._reverse(entry["original"])
        elif entry["kind"] == "refund":
            sale = self.sales[entry["of"]]
            sale["refunded"] += entry["amount"]
            sale["refunds"][entry["original"]] = {name: entry[name] for name in ("day", "trace", "amount")}
            self.sale_of[entry["original"]] = entry["of"]

    def _reverse(self, original: str) -> None:
        self.reversed.add(original)
        if (sale := self.sales.get(original)) is not None:
            sale["reversed"] = True
        elif (of := self.sale_of.pop(original, None)) is not None:
            gone = self.sales[of]["refunds"].pop(original)
            self.sales[of]["refunded"] -= gone["amount"]

    def write(self, entry: dict[str, Any]) -> None:
        """Book one message; called with the lock held."""
        self._file.add([entry])
        self._apply(entry)

    def shown(self) -> dict[str, Any]:
        """Every sale, with its refunds."""
        with self.lock:
            return {"sales": copy.deepcopy(list(self.sales.values()))}

    def daily(self, day: str) -> str:
        """The day's file: what stands of its sales and refunds after reversals, one line each."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("type", "merchant", "terminal", "number", "reference", "currency", "amount"))
        with self.lock:
            for sale in self.sales.values():
                place = (sale["merchant"], sale["terminal"])
                if sale["day"] == day and not sale["reversed"]:
                    reference = sale["answer"]["37"]
                    writer.writerow(("sale", *place, sale["trace"], reference, sale["currency"], sale["amount"]))
                for refund in sale["refunds"].values():
                    if refund["day"] == day:
                        amount = refund["amount"]
                        writer.writerow(("refund", *place, refund["trace"], "", sale["currency"], amount))
        return out.getvalue()


class Acquirer:
    """Decides about messages."""

    def __init__(self, book: Book, faults: Faults, hurry: float = 1.0) -> None:
        self.book, self.faults, self.hurry = book, faults, hurry

    def wait(self, seconds: float) -> None:
        time.sleep(seconds / self.hurry)

    def answer(self, message: Mapping[str, str]) -> dict[str, str]:
        """Judge and book a message; the same one again is answered as before."""
        type_ = message["t"]
        echo = {name: message[name] for name in ("3", "4", "7", "11", "41", "42", "49", "70") if name in message}
        answer = echo | {"t": f"{type_[:2]}{int(type_[2]) + 1}0"}
        if type_ == "0800":
            return answer | {"39": APPROVED}
        key = self._key(type_, message["3"], message)
        with self.book.lock:
            before = self.book.answers.get(key)
            if before is None:
                before = self._judge(type_, message, key)
        return answer | before

    @staticmethod
    def _key(type_: str, processing: str, message: Mapping[str, str]) -> str:
        terminal, merchant = message["41"].strip(), message["42"].strip()
        return f"{type_}/{processing}/{merchant}/{terminal}/{message['7'][:4]}/{message['11']}"

    def _judge(self, type_: str, message: Mapping[str, str], key: str) -> dict[str, str]:
        processing, amount = message["3"], int(message["4"])
        own = f"{message['42'].strip()}/{message['41'].strip()}/{processing}"
        named = message.get("90", "")
        day, trace = (named[10:14], named[4:10]) if type_ == "0400" else (message["7"][:4], message["11"])
        original = f"{own}/{day}/{trace}"
        entry: dict[str, Any] = {
            "key": key, "at": datetime.now(UTC).isoformat(), "merchant": message["42"].strip(),
            "terminal": message["41"].strip(), "trace": message["11"], "currency": message.get("49", ""),
            "amount": amount, "original": original, "day": _day(message["7"]),
        }  # fmt: skip
        if type_ == "0400":
            entry |= {"kind": "reversal", "answer": {"39": self._may_reverse(original)}}
        elif processing == "200000":
            entry |= {"kind": "refund", "of": f"{own.rpartition('/')[0]}/000000/{named[10:14]}/{named[4:10]}"}
            refused = original in self.book.reversed or self.faults.strike("declined")
            may = DECLINED if refused else self._may_refund(str(entry["of"]), amount)
            entry["answer"] = {"39": may, "37": message["37"]}
        else:
            declined = original in self.book.reversed or self.faults.strike("declined")
            reference = f"{len(self.book.answers) + 1:012d}"
            code = DECLINED if declined else APPROVED
            entry |= {"kind": "sale", "answer": {"39": code, "37": reference, "44": "****4321"}}
        self.book.write(entry)
        answer: dict[str, str] = entry["answer"]
        return answer

    def _may_reverse(self, original: str) -> str:
        if (sale := self.book.sales.get(original)) is not None:
            return INVALID if sale["refunds"] else APPROVED
        return APPROVED if original in self.book.sale_of else NOT_LOCATED

    def _may_refund(self, sale: str, amount: int) -> str:
        found = self.book.sales.get(sale)
        if found is None or found["reversed"]:
            return NOT_LOCATED
        return APPROVED if found["refunded"] + amount <= found["amount"] else TOO_MUCH


def _day(stamp: str) -> str:
    """The day of a message, in UTC: its month and day (DE 7) in the latest year that does not lie ahead."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    days = []
    for year in range(tomorrow.year - 4, tomorrow.year + 1):
        with suppress(ValueError):  # the 29th of February
            days.append(date(year, int(stamp[:2]), int(stamp[2:4])))
    return max(day for day in days if day <= tomorrow).isoformat()


class Line(socketserver.BaseRequestHandler):
    """One connection: messages behind their length, answered one after the other."""

    server: "Server"

    def handle(self) -> None:
        self.request.settimeout(IDLE_S)
        try:
            while True:
                (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
                self._one(self._exactly(length))
        except (OSError, EOFError):
            return

    def _exactly(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = self.request.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts

    def _one(self, raw: bytes) -> None:
        acquirer = self.server.acquirer
        try:
            message, _ = iso8583.decode(raw, default_ascii)
        except iso8583.DecodeError:
            return
        if acquirer.faults.strike("lost"):
            acquirer.wait(SILENT_S)
            raise EOFError
        if acquirer.faults.strike("delayed"):
            acquirer.wait(LATE_S)
        answer = acquirer.answer(message)
        if acquirer.faults.strike("crash"):
            os._exit(1)
        self._send(acquirer, answer)

    def _send(self, acquirer: Acquirer, answer: dict[str, str]) -> None:
        if acquirer.faults.strike("silent"):
            acquirer.wait(SILENT_S)
            raise EOFError
        if acquirer.faults.strike("late"):
            acquirer.wait(LATE_S)
        if acquirer.faults.strike("slow"):
            acquirer.wait(acquirer.faults.up_to(SLOW_S))
        encoded, _ = iso8583.encode(dict(answer), default_ascii)
        if acquirer.faults.strike("garbage"):
            encoded = bytearray(os.urandom(len(encoded)))
        for _ in range(2 if acquirer.faults.strike("duplicate") else 1):
            self.request.sendall(LENGTH.pack(len(encoded)) + encoded)


class Server(socketserver.ThreadingTCPServer):
    """A thread for each terminal that is connected."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, acquirer: Acquirer) -> None:
        super().__init__(("127.0.0.1", port), Line)
        self.acquirer = acquirer


def main(arguments: list[str] | None = None) -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description="A simulator of a card acquirer (ISO 8583)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--book", type=Path)
    parser.add_argument("--faults", type=fault_reader(FAULTS), default={})
    parser.add_argument("--seed", type=int)
    parser.add_argument("--hurry", type=float, default=1.0)
    asked = parser.parse_args(arguments)
    book, faults = Book(asked.book), Faults(FAULTS, asked.faults, asked.seed)
    acquirer = Acquirer(book, faults, asked.hurry)
    serve_control(asked.control, faults, book.shown, book.daily)
    with Server(asked.port, acquirer) as server:
        sys.stdout.write(f"acquirer on {asked.port}, control on {asked.control}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
