"""The simulator of the SMS gateway as its own process, and what phones got, by its own book."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from marketing.messages.gateway import SmsGateway, open_gateway
from regulars.running.postgres import free_port

KEY = "a-key-of-the-tests"


class Phones:
    """A running simulator."""

    def __init__(self, book: Path, *options: str) -> None:
        self.port = free_port()
        self.book = book
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, or start it again on its book."""
        command = [sys.executable, "-m", "regulars.simulators.sms_gateway", "--port", str(self.port), "--key", KEY]
        self.process = subprocess.Popen(
            [*command, "--book", str(self.book), *self.options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                httpx.get(f"{self.url}/healthz", timeout=1, trust_env=False)
                return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the simulator did not start")

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def gateway(self, answer_timeout_s: float = 5.0) -> SmsGateway:
        return open_gateway(self.url, KEY, answer_timeout_s)

    def faults(self, **faults: float) -> None:
        """These faults from now on, and no others."""
        answer = httpx.put(
            f"{self.url}/v1/faults", json=faults, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
        )
        assert answer.status_code == 200, answer.text

    def tail(self, size: int) -> list[dict[str, Any]]:
        """What phones got lately: out of about the last `size` times 200 bytes of the book."""
        if not self.book.exists():
            return []
        with self.book.open("rb") as file:
            file.seek(max(0, self.book.stat().st_size - size * 200))
            lines = file.read().split(b"\n")[1:-1]
        return [entry for entry in map(json.loads, lines) if "to" in entry]

    def got(self) -> list[dict[str, Any]]:
        """Every message that a phone got, in order."""
        if not self.book.exists():
            return []
        entries = [json.loads(line) for line in self.book.read_text().splitlines()]
        return [entry for entry in entries if "to" in entry]


@contextmanager
def phones(book: Path, *options: str) -> Iterator[Phones]:
    """A simulator for the length of a block."""
    running = Phones(book, *options)
    try:
        yield running
    finally:
        running.stop()
