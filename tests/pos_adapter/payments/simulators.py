"""Simulators of the outside as programs of their own, on free ports, with their faults."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import pos_adapter.payments.card as card_module
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.rails import register_rail
from regulars.running.postgres import free_port

ROOT = Path(__file__).parents[3]


@dataclass
class Simulator:
    """One program: its address for us, its control for tests."""

    module: str
    port: int
    control: int
    book: Path
    more: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, also again after it has crashed; its book is kept."""
        command = [sys.executable, "-m", self.module, "--port", str(self.port), "--control", str(self.control)]
        command += [*self.more]
        self.process = subprocess.Popen([*command, "--book", str(self.book)], cwd=ROOT, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if httpx.get(f"http://127.0.0.1:{self.control}/healthz", timeout=1).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"{self.module} did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def faults(self, **faults: float) -> None:
        assert httpx.put(f"http://127.0.0.1:{self.control}/faults", json=faults).status_code == 200

    def booked(self) -> dict[str, list[dict[str, Any]]]:
        """The whole book."""
        found: dict[str, list[dict[str, Any]]] = httpx.get(f"http://127.0.0.1:{self.control}/book").json()
        return found

    def file(self, path: str) -> str:
        """A daily file."""
        return httpx.get(f"http://127.0.0.1:{self.control}/daily/{path}.csv").text

    def sales(self) -> list[dict[str, Any]]:
        """What it has booked."""
        found: list[dict[str, Any]] = httpx.get(f"http://127.0.0.1:{self.control}/book").json()["sales"]
        return found


@contextmanager
def simulated(module: str, folder: Path, *more: str) -> Iterator[Simulator]:
    """A simulator until the block ends."""
    made = Simulator(module, free_port(), free_port(), folder / f"{module.rpartition('.')[2]}.jsonl", more)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def cards_taken(folder: Path, answer_s: float = 1.0) -> Iterator[Simulator]:
    """An acquirer that takes the cards of this process, until the block ends."""
    with simulated("regulars.simulators.acquirer", folder) as acquirer:
        register_rail("card", lambda: CardRail(acquirer.address, answer_s))
        yield acquirer
        register_rail("card", card_module._configured)
