"""The whole house as the operator runs it: one command, real processes, killed one after the other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from regulars.running.children import is_alive
from regulars.running.home import Home
from regulars.running.postgres import free_port

ROOT = Path(__file__).parents[2]
PARTS = ("postgresql", "valkey", "web", "worker", "payments", "beat", "relay", "sms-gateway", "acquirer", "wallet-apps")
ANSWERS_IN_A_ROW = 15


@dataclass(slots=True)
class House:
    """A running `regulars run`."""

    process: "subprocess.Popen[bytes]"
    home: Home
    base_url: str
    output: Path

    def pids(self) -> dict[str, int]:
        return self.home.running_processes()

    def readiness(self) -> tuple[int, dict[str, str]]:
        try:
            with urlopen(f"{self.base_url}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)["parts"]
        except HTTPError as error:
            return error.code, json.load(error)["parts"]
        except OSError:
            return 0, {}

    def wait_ready(self, timeout_s: float = 180) -> None:
        answers: list[bool] = []

        def is_ready() -> bool:
            # Each web process remembers what it found for a second, so we ask until both must have looked again.
            assert self.process.poll() is None, self.said()[-3000:]
            answers.append(self.readiness()[0] == 200)
            return len(answers) >= ANSWERS_IN_A_ROW and all(answers[-ANSWERS_IN_A_ROW:])

        wait_for(is_ready, timeout_s, lambda: f"{self.readiness()} {self.said()[-3000:]}")

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def start_again(self) -> None:
        self.process = start(self.home, int(self.base_url.rpartition(":")[2])).process

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def wait_for(true: Callable[[], bool], timeout_s: float, words: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {words()}"
        time.sleep(0.1)


def environment_of(home: Home, port: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a bare machine has, and nothing of the test run."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home.root.parent),
        "REGULARS_HOME": str(home.root),
        "PORT": str(port),
        **(more or {}),
    }


def start(home: Home, port: int, *arguments: str, more: Mapping[str, str] | None = None) -> House:
    output = home.root.parent / f"{home.root.name}.out"
    with output.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "regulars", "run", "--no-sales", *arguments],
            env=environment_of(home, port, more),
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return House(process, home, f"http://127.0.0.1:{port}", output)


@pytest.fixture(scope="module")
def home(server_directory: Path) -> Home:
    return Home(server_directory / "whole-house")


@pytest.fixture(scope="module")
def running(home: Home) -> Iterator[House]:
    house = start(home, free_port())
    yield house
    if house.process.poll() is None:
        house.stop()


@pytest.fixture
def house(running: House) -> House:
    """The one house of this module, up and ready; a test that stops it starts it again."""
    running.wait_ready()
    return running


def _log_in(house: House, client: Mapping[str, str]) -> int:
    import base64

    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    request = Request(
        f"{house.base_url}/oauth/token",
        data=b"grant_type=client_credentials",
        headers={"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"},
    )
    with urlopen(request, timeout=10) as answer:
        return int(answer.status)


def test_a_new_house_is_ready_says_where_and_writes_its_log_ins(house: House) -> None:
    status, parts = house.readiness()
    assert status == 200
    assert set(parts) >= {"database", "valkey", "relay", "worker", "migrations"}
    credentials = json.loads(house.home.credentials.read_text())
    assert credentials["base_url"] == house.base_url
    assert set(credentials["admin"]) == {"username", "password"}
    assert set(credentials["till"]) == {"client_id", "client_secret", "store", "terminal", "currency"}
    assert set(credentials["handheld"]) == {"client_id", "client_secret", "store", "counter"}
    assert set(credentials["desk"]) == {"client_id", "client_secret", "store", "terminal"}
    assert set(credentials["erp"]) == {"client_id", "client_secret"}
    assert credentials["handheld"]["store"] == credentials["desk"]["store"] == credentials["till"]["store"]
    assert house.home.credentials.stat().st_mode & 0o777 == 0o600
    for name in ("till", "handheld", "desk", "erp"):
        assert _log_in(house, credentials[name]) == 200
    assert house.base_url in house.said()
    assert credentials["admin"]["password"] in house.said()
    assert set(house.pids()) == {"parent", *PARTS}


@pytest.mark.parametrize("part", PARTS)
def test_whatever_is_killed_runs_again(house: House, part: str) -> None:
    killed = house.pids()[part]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: house.pids().get(part, killed) != killed, 30, house.said)
    house.wait_ready()
    assert f"{part} died (signal SIGKILL); starting it again" in house.said()


def test_a_second_house_on_the_same_home_is_told_who_is_there(house: House) -> None:
    other = start(house.home, free_port())
    assert other.process.wait(60) == 1
    assert f"Regulars runs already on {house.home.root} (pid {house.process.pid})" in other.said()
    assert house.readiness()[0] == 200


def test_a_taken_port_is_said_plainly_and_nothing_is_left_running(house: House, server_directory: Path) -> None:
    other = start(Home(server_directory / "other-house"), int(house.base_url.rpartition(":")[2]))
    assert other.process.wait(60) == 1
    assert "cannot be had (Address already in use)" in other.said()
    assert "make run PORT=" in other.said()
    assert other.pids() == {}


def test_given_servers_are_used_and_none_of_our_own_started(house: House, server_directory: Path) -> None:
    addresses = house.home.running_addresses()
    assert addresses is not None
    home = Home(server_directory / "without-servers")
    more = {name: addresses[name] for name in ("DATABASE_URL", "REDIS_URL")}
    # The same database wants the same keys.
    home.prepare()
    for key in house.home.keys.iterdir():
        (home.keys / key.name).write_text(key.read_text())
        (home.keys / key.name).chmod(0o600)
    other = start(home, free_port(), "--no-demo", more=more)
    try:
        other.wait_ready()
        assert set(other.pids()) == {"parent", "web", "worker", "payments", "beat", "relay"}
        assert not (home.root / "postgresql").exists()
        assert not (home.root / "valkey").exists()
    finally:
        assert other.stop() == 0
    assert house.readiness()[0] == 200


def test_status_tells_what_runs(house: House) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "regulars", "status"],
        env=environment_of(house.home, 1),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    for part in (*PARTS, "database", "worker"):
        assert part in told.stdout


def test_stopping_leaves_nothing_behind_and_the_next_start_keeps_log_ins(house: House) -> None:
    pids, log_ins = house.pids(), house.home.credentials.read_text()
    assert house.stop() == 0
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
    assert not house.home.addresses.exists()
    house.start_again()
    house.wait_ready()
    assert house.home.credentials.read_text() == log_ins


def test_a_killed_parent_takes_its_children_along_and_the_next_start_finds_all_well(house: House) -> None:
    pids = house.pids()
    house.process.kill()
    house.process.wait(10)
    wait_for(lambda: not any(map(is_alive, pids.values())), 40)
    house.start_again()
    house.wait_ready()
