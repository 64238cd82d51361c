"""Processes are killed at random while tills post: what was acknowledged is there, once, and the events have no gap.

The house is started as the operator starts it; its parent brings back what dies. `CHAOS_ROUNDS` (default 3; 20 for the
record) kills of web, worker and relay in turn, and of PostgreSQL every fourth time.
"""

import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from regulars.running.home import Home
from regulars.running.postgres import free_port
from tests.running.test_house import ROOT, House, environment_of, start, wait_for

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
TILLS = 4
PAUSE_S = 3.0
MEMBERS = 40
VICTIMS = ("web", "worker", "relay", "postgresql")
AWAY = (OSError, http.client.HTTPException)


class Caller:
    """A keep-alive connection that speaks JSON with a bearer token, and comes back after a loss."""

    def __init__(self, house: House, client: dict[str, str]) -> None:
        self.port = int(house.base_url.rpartition(":")[2])
        self.basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
        self.token = ""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)

    def call(self, method: str, path: str, body: Any, key: str | None = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        self.connection.request(method, path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def insist(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The same request with the same key until it is answered for good: what a till does."""
        key = str(uuid.uuid4())
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                status, answer = self.call(method, path, body, key)
            except AWAY:
                self.connection.close()
                time.sleep(0.05)
                continue
            if status == 401:
                self.log_in()
            elif status in (409, 429, 503) and answer.get("retryable"):
                time.sleep(0.05)
            else:
                return status, answer
        raise AssertionError(f"no answer to {path} within 90 s")

    def log_in(self) -> None:
        while True:
            try:
                self.connection.request(
                    "POST",
                    "/oauth/token",
                    "grant_type=client_credentials",
                    {"Authorization": f"Basic {self.basic}", "Content-Type": "application/x-www-form-urlencoded"},
                )
                answer = self.connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.token = json.loads(content)["access_token"]
                    return
            except AWAY:
                self.connection.close()
            time.sleep(0.1)


class Till(threading.Thread):
    """Posts sales as fast as they are answered and remembers what was acknowledged."""

    def __init__(self, house: House, client: dict[str, str], store: str, terminal: str, day: str) -> None:
        super().__init__(daemon=True)
        self.caller = Caller(house, client)
        self.store, self.terminal, self.day = store, terminal, day
        self.random = random.Random(terminal)
        self.acknowledged: dict[int, int] = {}
        self.earned: Counter[str] = Counter()
        self.unexpected: list[Any] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        sequence = 0
        while not self.stopping.is_set():
            sequence += 1
            amounts = [self.random.randrange(100, 5_000, 100) for _ in range(3)]
            sale = {
                "store": self.store, "terminal": self.terminal, "business_date": self.day, "sequence": sequence,
                "type": "sale", "occurred_at": f"{self.day}T10:00:00+00:00", "currency": "USD",
                "member": str(self.random.randint(1, MEMBERS)),
                "lines": [{"line": n, "quantity": "1", "amount": amount} for n, amount in enumerate(amounts, 1)],
                "tenders": [{"kind": "card", "amount": sum(amounts)}],
            }  # fmt: skip
            status, answer = self.caller.insist("POST", "/v1/sales", sale)
            if status in (200, 201):
                self.acknowledged[sequence] = sum(amounts)
                self.earned[answer["member"]["id"]] += sum(amounts) // 100
            else:
                self.unexpected.append((status, answer))


@pytest.fixture
def house(server_directory: Path) -> Iterator[House]:
    house = start(Home(server_directory / "chaos"), free_port(), more={"RATE_LIMIT_MACHINE": "100000"})
    yield house
    if house.process.poll() is None:
        house.stop()


def _database(house: House) -> "psycopg.Connection[Any]":
    addresses = json.loads((house.home.root / "run" / "addresses.json").read_text())
    return psycopg.connect(addresses["DATABASE_URL"], autocommit=True)


def _tills(house: House) -> list[Till]:
    credentials = json.loads(house.home.credentials.read_text())
    erp = Caller(house, credentials["erp"])
    erp.log_in()
    for n in range(MEMBERS):
        status, answer = erp.insist("POST", "/v1/members", {"name": f"Member {n}", "phone": f"138{n:08d}"})
        assert status == 201, answer
    store = credentials["till"]["store"]
    tills = []
    for n in range(TILLS):
        wish = {"name": f"chaos {n}", "scopes": ["sales.post"], "store": store, "terminal": f"K{n}"}
        status, client = erp.insist("POST", "/v1/clients", wish)
        assert status == 201, client
        tills.append(Till(house, client, store, f"K{n}", "2026-11-20"))
    return tills


def test_nothing_acknowledged_is_missing_and_nothing_is_doubled(house: House) -> None:
    house.wait_ready()
    tills = _tills(house)
    began = time.monotonic()
    for till in tills:
        till.start()
    time.sleep(PAUSE_S)
    before_kills = sum(len(till.acknowledged) for till in tills) / (time.monotonic() - began)
    for n in range(ROUNDS):
        victim = VICTIMS[n % len(VICTIMS)]
        os.kill(house.pids()[victim], signal.SIGKILL)
        time.sleep(PAUSE_S)
    house.wait_ready()
    time.sleep(PAUSE_S)
    for till in tills:
        till.stopping.set()
    for till in tills:
        till.join(120)
    posted = sum(len(till.acknowledged) for till in tills)
    print(f"{ROUNDS} kills, {posted} sales acknowledged, {before_kills:.0f} a second before the first kill")
    assert [till.unexpected for till in tills] == [[]] * TILLS

    with _database(house) as connection:
        _events_are_complete(connection)
        _sales_are_there_once(connection, tills)
        earned = sum((till.earned for till in tills), Counter())
        balances = connection.execute("SELECT member_id, balance FROM member.account WHERE kind = 'points'").fetchall()
        assert {str(member): balance for member, balance in balances} == dict(earned)
    verified = subprocess.run(
        [sys.executable, "-m", "regulars", "ledger", "verify"],
        env=environment_of(house.home, int(house.base_url.rpartition(":")[2])), cwd=ROOT, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout[-3000:] + verified.stderr[-3000:]


def _sales_are_there_once(connection: "psycopg.Connection[Any]", tills: list[Till]) -> None:
    rows = connection.execute(
        "SELECT terminal, sequence, amount FROM pos.sale WHERE terminal LIKE 'K%' ORDER BY 1, 2"
    ).fetchall()
    stored: dict[str, dict[int, int]] = {till.terminal: {} for till in tills}
    for terminal, sequence, amount in rows:
        assert sequence not in stored[terminal]
        stored[terminal][sequence] = amount
    assert stored == {till.terminal: till.acknowledged for till in tills}


def _events_are_complete(connection: "psycopg.Connection[Any]") -> None:
    def is_drained() -> bool:
        row = connection.execute("SELECT count(*) FROM foundation.outbox").fetchone()
        return row is not None and row[0] == 0

    wait_for(is_drained, 60, lambda: "the outbox is not drained")
    count, lowest, highest = connection.execute(
        "SELECT count(*), min(position), max(position) FROM foundation.event"
    ).fetchall()[0]
    assert (lowest, highest) == (1, count)
    doubled = connection.execute(
        "SELECT facts->>'sale', count(*) FROM foundation.event WHERE topic = 'sale.recorded'"
        " GROUP BY 1 HAVING count(*) > 1"
    ).fetchall()
    assert doubled == []
    announced, recorded = connection.execute(
        "SELECT (SELECT count(*) FROM foundation.event WHERE topic = 'sale.recorded'), (SELECT count(*) FROM pos.sale)"
    ).fetchall()[0]
    assert announced == recorded
