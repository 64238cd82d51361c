"""The exporter is killed at random while tills post at full speed: the lake is the database, to the line and the cent.

Sales, returns and voids, some before their sale; members who come after their sales; products that become known after
they were sold; receipts given to another member. `CHAOS_ROUNDS` (default 3; 20 for the record) kills of an exporter
that never rests, while the house's own worker exports as well. At the end the lake is compared with the database by
`regulars lake check`, with what the tills remember, and row by row with a lake made again from the database, both
roll-ups included.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from regulars.running.home import Home
from regulars.running.postgres import free_port
from tests.journeys.test_kill_nine import Caller
from tests.running.test_house import ROOT, House, environment_of, start, wait_for

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
TILLS = 3
BATCH = 40
MEMBERS = 30
LATE_MEMBERS = 60
LATE_PRODUCTS = 40
DAYS = ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02")
LIVES_S = 2.5  # an exporter lives up to so long before it is killed


class Till(threading.Thread):
    """Posts batches of sales, returns and voids as fast as they are answered, and remembers what they came to."""

    def __init__(self, house: House, client: dict[str, str], store: str, terminal: str) -> None:
        super().__init__(daemon=True)
        self.caller = Caller(house, client)
        self.store, self.terminal = store, terminal
        self.random = random.Random(terminal)
        self.sequence = 0
        self.came_to: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.sales: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.voided: dict[int, tuple[int, int]] = {}
        self.to_come: list[dict[str, Any]] = []
        self.given_back: set[int] = set()
        self.unexpected: list[Any] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            batch = [self.receipt() for _ in range(BATCH)]
            status, answer = self.caller.insist("POST", "/v1/sales/batch", {"sales": batch})
            if status != 200:
                self.unexpected.append((status, answer))
                continue
            for receipt, result in zip(batch, answer["results"], strict=True):
                self.remember(receipt, result)

    def remember(self, receipt: dict[str, Any], result: dict[str, Any]) -> None:
        type = receipt["type"]
        if result["status"] not in (200, 201):
            self.unexpected.append((type, result))
            return
        amount = sum(line["amount"] for line in receipt["lines"])
        lines = len(receipt["lines"])
        if type == "sale" and receipt["sequence"] not in self.given_back:
            self.sales.append(receipt)
            self.ids.append(result["body"]["sale"]["id"])
        elif type == "void":
            amount, lines = self.voided[receipt["sequence"]]
        self.came_to[type] += amount if type == "sale" else -amount
        self.lines[type] += lines

    def receipt(self) -> dict[str, Any]:
        if self.to_come:
            return self.to_come.pop()
        chance = self.random.random()
        if chance > 0.98:
            return self.return_before_its_sale()
        if self.sales and chance < 0.16:
            sold = self.sales.pop(self.random.randrange(len(self.sales)))
            return self.void_of(sold) if chance < 0.04 else self.return_of(sold)
        return self.sale()

    def return_before_its_sale(self) -> dict[str, Any]:
        sold = self.sale()
        self.to_come.append(sold)
        self.given_back.add(sold["sequence"])
        return self.return_of(sold)

    def sale(self) -> dict[str, Any]:
        lines = [self.line(n) for n in range(1, self.random.randint(1, 5) + 1)]
        total = sum(line["amount"] for line in lines)
        voucher = total // 10 if self.random.random() < 0.2 else 0
        tenders = [{"kind": "card", "amount": total - voucher}]
        tenders += [{"kind": "voucher", "amount": voucher}] if voucher else []
        return self.heading("sale", self.random.choice(DAYS)) | {
            "member": self.member(),
            "lines": lines,
            "tenders": tenders,
        }

    def heading(self, type: str, day: str) -> dict[str, Any]:
        self.sequence += 1
        return {
            "store": self.store, "terminal": self.terminal, "business_date": day, "sequence": self.sequence,
            "type": type, "occurred_at": f"{day}T10:00:00+00:00", "currency": "USD", "lines": [], "tenders": [],
        }  # fmt: skip

    def member(self) -> Any:
        kind = self.random.random()
        if kind < 0.5:
            return str(self.random.randint(1, MEMBERS))
        return late_phone(self.random.randrange(LATE_MEMBERS)) if kind < 0.7 else None

    def line(self, n: int) -> dict[str, Any]:
        line: dict[str, Any] = {"line": n, "quantity": "1", "amount": self.random.randrange(100, 5_000)}
        if self.random.random() < 0.3:
            line["product"] = f"LATE{self.random.randrange(LATE_PRODUCTS)}"
        if self.random.random() < 0.3:
            line["discounts"] = [{"kind": "markdown", "amount": 50}]
        return line

    def void_of(self, sold: dict[str, Any]) -> dict[str, Any]:
        void = self.heading("void", DAYS[-1]) | {"original": number_of(sold)}
        self.voided[void["sequence"]] = (sum(line["amount"] for line in sold["lines"]), len(sold["lines"]))
        return void

    def return_of(self, sold: dict[str, Any]) -> dict[str, Any]:
        """Everything, so that the tenders go back as they came."""
        lines = [
            {"line": n, "original_line": line["line"], "quantity": line["quantity"], "amount": line["amount"]}
            for n, line in enumerate(sold["lines"], 1)
        ]
        return self.heading("return", DAYS[-1]) | {
            "original": number_of(sold), "lines": lines, "tenders": sold["tenders"],
        }  # fmt: skip


def number_of(receipt: dict[str, Any]) -> dict[str, Any]:
    return {name: receipt[name] for name in ("store", "terminal", "business_date", "sequence")}


def late_phone(n: int) -> dict[str, str]:
    return {"kind": "phone", "value": f"139{n:08d}"}


class Office(threading.Thread):
    """Enrols people who have bought already, makes products that were sold already, gives receipts to others."""

    def __init__(self, house: House, client: dict[str, str], tills: list[Till]) -> None:
        super().__init__(daemon=True)
        self.caller = Caller(house, client)
        self.caller.log_in()
        self.tills = tills
        self.random = random.Random("office")
        self.given = 0
        self.unexpected: list[Any] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        work = [*(("member", n) for n in range(LATE_MEMBERS)), *(("product", n) for n in range(LATE_PRODUCTS))]
        self.random.shuffle(work)
        while work and not self.stopping.wait(0.15):
            self.do(*work.pop())
            self.give()
        while work:
            self.do(*work.pop())

    def do(self, what: str, n: int) -> None:
        if what == "member":
            status, answer = self.caller.insist(
                "POST", "/v1/members", {"name": "Late", "phone": late_phone(n)["value"]}
            )
        else:
            product = {"code": f"LATE{n}", "name": f"Late {n}", "category": ["LATE", f"L{n % 5}"], "unit_cost": 37}
            status, answer = self.caller.insist("PUT", "/v1/products/batch", {"products": [product]})
        if status not in (200, 201):
            self.unexpected.append((what, status, answer))

    def give(self) -> None:
        """A receipt to another member; it may be refused (voided, or this member's already)."""
        ids = self.random.choice(self.tills).ids
        if not ids:
            return
        body = {"member": str(self.random.randint(1, MEMBERS)), "reason": "wrong card"}
        status, _ = self.caller.insist("POST", f"/v1/sales/{self.random.choice(ids)}/member", body)
        self.given += status in (200, 201)


@pytest.fixture
def house(server_directory: Path) -> Iterator[House]:
    house = start(Home(server_directory / "lake-kill"), free_port(), more={"RATE_LIMIT_MACHINE": "100000"})
    yield house
    if house.process.poll() is None:
        house.stop()


def child(house: House, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], env=environment_of(house.home, port_of(house)), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def port_of(house: House) -> int:
    return int(house.base_url.rpartition(":")[2])


def said_by(house: House, *arguments: str) -> str:
    process = child(house, *arguments)
    said, _ = process.communicate(timeout=250)
    assert process.returncode == 0, said[-3000:]
    return said


def database_of(house: House) -> "psycopg.Connection[Any]":
    addresses = json.loads((house.home.root / "run" / "addresses.json").read_text())
    return psycopg.connect(addresses["DATABASE_URL"], autocommit=True)


def hired(house: House) -> tuple[list[Till], Office]:
    credentials = json.loads(house.home.credentials.read_text())
    erp = Caller(house, credentials["erp"])
    erp.log_in()
    for n in range(MEMBERS):
        status, answer = erp.insist("POST", "/v1/members", {"name": f"Member {n}", "phone": f"138{n:08d}"})
        assert status == 201, answer
    store = credentials["till"]["store"]
    tills = []
    for n in range(TILLS):
        wish = {"name": f"lake {n}", "scopes": ["sales.post"], "store": store, "terminal": f"L{n}"}
        status, client = erp.insist("POST", "/v1/clients", wish)
        assert status == 201, client
        tills.append(Till(house, client, store, f"L{n}"))
    return tills, Office(house, credentials["erp"], tills)


def kill_exporters(house: House) -> list[int]:
    """Start an exporter and kill it, again and again; the position that the lake had reached at each death."""
    chance = random.Random("kill")
    reached = []
    with database_of(house) as connection:

        def position() -> int:
            return int(connection.execute("SELECT position FROM analytics.lake_state").fetchall()[0][0])

        for n in range(ROUNDS):
            exporter = child(house, "tests.journeys.lake_child", "export")
            assert exporter.stdout is not None
            assert exporter.stdout.readline().strip() == "up"
            if n == 0:  # however busy the machine is, one of them gets somewhere
                wait_for(lambda: position() > 0, 60, lambda: "nothing is exported")
            time.sleep(chance.uniform(0.05, LIVES_S))
            assert exporter.poll() is None, exporter.stdout.read()[-3000:]
            exporter.kill()
            exporter.wait()
            reached.append(position())
    return reached


def settle(house: House) -> None:
    """Wait until everything that was announced has its position, and nobody attaches or links any more."""
    with database_of(house) as connection:

        def quiet() -> bool:
            def seen() -> Any:
                return connection.execute(
                    "SELECT (SELECT count(*) FROM foundation.outbox), (SELECT position FROM foundation.relay),"
                    " (SELECT count(*) FROM pos.sale WHERE member_part = 'waiting'),"
                    " (SELECT count(*) FROM pos.sale_line WHERE product_id IS NULL AND product_code IS NOT NULL)"
                ).fetchall()[0]

            before = seen()
            time.sleep(2)
            return bool(before == seen() and (before[0], before[2], before[3]) == (0, 0, 0))

        wait_for(quiet, 120, lambda: "something goes on waiting for its member or product")


@pytest.mark.slow
def test_the_lake_is_the_database_however_often_its_exporter_is_killed(house: House) -> None:
    house.wait_ready()
    tills, office = hired(house)
    began = time.monotonic()
    for thread in [*tills, office]:
        thread.start()
    reached = kill_exporters(house)
    for till in tills:
        till.stopping.set()
    office.stopping.set()
    for thread in [*tills, office]:
        thread.join(120)
    posted = sum(till.sequence for till in tills)
    rate = posted / (time.monotonic() - began)
    assert [till.unexpected for till in tills] == [[]] * TILLS
    assert office.unexpected == []
    settle(house)

    checked = said_by(house, "regulars", "lake", "check")
    assert "no differences" in checked, checked
    exported = json.loads(said_by(house, "tests.journeys.lake_child", "digest"))
    remembered = {
        type: [sum(till.lines[type] for till in tills), sum(till.came_to[type] for till in tills)]
        for type in ("sale", "return", "void")
    }
    assert exported["types"] == remembered
    assert exported["mended"] > 0
    said_by(house, "regulars", "lake", "backfill")
    made_again = json.loads(said_by(house, "tests.journeys.lake_child", "digest"))
    assert made_again == exported
    with database_of(house) as connection:
        happened = dict(connection.execute("SELECT topic, count(*) FROM foundation.event GROUP BY topic").fetchall())
        files = connection.execute("SELECT count(*), count(retired_at) FROM analytics.lake_file").fetchall()[0]
    for topic in ("sale.attached", "sale.given", "sale.settled", "sales.linked"):
        assert happened[topic] > 0, happened
    assert reached[-1] > 0
    print(
        f"\n{ROUNDS} kills at positions {reached}; {posted} receipts, {rate:.0f} a second; lake {exported['tables']};"
        f" {happened['sale.attached']} attached, {happened['sale.given']} given,"
        f" {happened['sale.settled']} settled, {happened['sales.linked']} rounds of"
        f" mending; {files[0]} files, {files[1]} replaced; {checked.strip().splitlines()[-1]}"
    )
