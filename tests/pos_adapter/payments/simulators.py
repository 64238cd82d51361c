"""Simulators of the outside as programs of their own, on free ports, with their faults."""

import atexit
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

import pos_adapter.payments.card as card_module
from pos_adapter.payments import alipay, wechat
from pos_adapter.payments.alipay import AlipayRail, Keys, read_keys
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.rails import register_rail
from pos_adapter.payments.wechat import WeChatRail
from regulars.running.keys import keep_key_pair
from regulars.running.postgres import free_port

ROOT = Path(__file__).parents[3]
WECHAT_KEY = "shared-key"


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


@cache
def alipay_keys() -> tuple[Path, Path]:
    """The private keys of a merchant and of a wallet app, as the house makes them; `.pub.pem` lies beside each."""
    folder = Path(tempfile.mkdtemp(prefix="alipay-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return keep_key_pair(folder, "merchant")[0], keep_key_pair(folder, "app")[0]


def merchant_keys() -> Keys:
    """What a merchant knows: the own private key, and the wallet app's public one."""
    ours, theirs = alipay_keys()
    return read_keys(ours.read_text(), theirs.with_suffix(".pub.pem").read_text())


def wallet_environment(apps: Simulator) -> dict[str, str]:
    """The settings of a house whose wallet apps these are."""
    ours, theirs = alipay_keys()
    return {
        "WALLET_APPS_URL": f"http://{apps.address}",
        "WALLET_APPS_KEY": WECHAT_KEY,
        "ALIPAY_PRIVATE_KEY_FILE": str(ours),
        "ALIPAY_PUBLIC_KEY_FILE": str(theirs.with_suffix(".pub.pem")),
    }


@contextmanager
def wallet_apps(folder: Path, *more: str) -> Iterator[Simulator]:
    """Both wallet apps until the block ends; nobody is told of them."""
    ours, theirs = alipay_keys()
    keys = ("--key", WECHAT_KEY, "--alipay-key", str(theirs), "--alipay-merchant", str(ours.with_suffix(".pub.pem")))
    with simulated("regulars.simulators.wallet_apps", folder, *keys, *more) as apps:
        yield apps


@contextmanager
def codes_taken(apps: Simulator, answer_s: float = 1.0) -> Iterator[None]:
    """Payment codes of this process go to these wallet apps, until the block ends."""
    url = f"http://{apps.address}"
    register_rail("wechat", lambda: WeChatRail(url, WECHAT_KEY, answer_s))
    register_rail("alipay", lambda: AlipayRail(url, merchant_keys(), answer_s))
    yield
    register_rail("wechat", wechat._configured)
    register_rail("alipay", alipay._configured)


@contextmanager
def cards_taken(folder: Path, answer_s: float = 1.0) -> Iterator[Simulator]:
    """An acquirer that takes the cards of this process, until the block ends."""
    with simulated("regulars.simulators.acquirer", folder) as acquirer:
        register_rail("card", lambda: CardRail(acquirer.address, answer_s))
        yield acquirer
        register_rail("card", card_module._configured)
