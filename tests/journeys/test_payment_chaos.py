"""Payments under fire: every rail fails in every way it can, web and workers are killed, and the money is right.

At the end the acquirer's book, the wallet apps' book, our payments and refunds, the sales and their tenders, the
allocation to lines and the ledger agree to the cent; no ticket is stuck; nobody is charged or refunded twice.

The witnesses are the books of the simulators, programs of their own. `PAYMENT_CHAOS` (default 100; 5,000 for the
record) settlements, by `PAYMENT_CHAOS_DESKS` (8) desks at once, on a clock that runs `PAYMENT_CHAOS_HURRY` (10) times
as fast for payments.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import httpx
import pytest

from foundation.access import create_client
from foundation.database import Database
from foundation.queues import configure_queue
from foundation.settings import get_settings, read_settings
from member_api.contract.ledger import Kind
from pos_adapter.payments.refunds import refund, refundable_of_sale
from regulars.running.postgres import free_port
from regulars.running.workers import register_everything
from regulars.web import load_rooms
from tests.conftest import ROOT
from tests.member_api.ledger.callers import balance, given
from tests.member_api.people import a_member
from tests.organisation.factories import a_counter, committed_store
from tests.pos_adapter.payments.simulators import Simulator, simulated, wallet_apps, wallet_environment

SETTLEMENTS = int(os.environ.get("PAYMENT_CHAOS", "100"))
DESKS = int(os.environ.get("PAYMENT_CHAOS_DESKS", "8"))
HURRY = int(os.environ.get("PAYMENT_CHAOS_HURRY", "10"))
SEED = int(os.environ.get("PAYMENT_CHAOS_SEED", "20261122"))
KILL_EVERY_S = (12.0, 25.0)
PATIENCE_S = 15.0
MEMBERS, GIVEN = 12, 50_000_000
CALM_S = 240.0
DEADLINE_S = 240 + SETTLEMENTS * 1.0
SCOPES = ("tickets.read", "tickets.write", "settlements.write", "sales.post", "sales.read", "members.read")
SHARE = 0.04 if SETTLEMENTS < 1_000 else 0.03
ACQUIRER_FAULTS = {
    "slow": 0.05, "silent": SHARE, "lost": SHARE, "late": SHARE, "delayed": SHARE, "duplicate": 0.05, "declined": 0.06,
    "garbage": 0.02, "crash": SHARE / 10,
}  # fmt: skip
WALLET_FAULTS = {
    "slow": 0.05, "silent": SHARE, "lost": SHARE, "late": SHARE, "duplicate": 0.05, "declined": 0.05,
    "user_paying": 0.15, "system_error": SHARE, "garbage": 0.02, "crash": SHARE / 10,
}  # fmt: skip
WAYS = (("card",), ("wechat",), ("alipay",), ("card", "wechat"), ("alipay", "ecoin"), ("card", "alipay", "ecoin"))
AWAY = (httpx.HTTPError, OSError)


# ------------------------------------------------------------------------------------------------ the house


@dataclass
class Part:
    """One program of the house, started again whenever it is gone."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    kills: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def keep_up(self) -> None:
        if self.process is None or self.process.poll() is not None:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "regulars", *self.arguments], cwd=ROOT, env=dict(self.environment),
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip

    def kill(self) -> None:
        """kill -9, with everything that it started."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        self.kills += 1


@contextmanager
def tended(parts: Mapping[str, Part], simulators: Mapping[str, Simulator], crashes: Counter[str]) -> Iterator[None]:
    """Everything runs, and what is gone comes back, until the block ends."""
    stop = threading.Event()

    def tend() -> None:
        while not stop.is_set():
            for part in parts.values():
                part.keep_up()
            for name, simulator in simulators.items():
                if simulator.process is not None and simulator.process.poll() is not None:
                    crashes[name] += 1
                    simulator.start()
            stop.wait(0.2)

    tender = threading.Thread(target=tend, daemon=True)
    tender.start()
    try:
        yield
    finally:
        stop.set()
        tender.join(30)
        for part in parts.values():
            part.kill()


@dataclass
class Stage:
    """The store, its members, and how to reach everything."""

    database: Database
    base_url: str
    client: Any
    members: list[int]
    acquirer: Simulator
    wallets: Simulator
    parts: dict[str, Part]
    crashes: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def stage(
    fresh_database: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Any
) -> Iterator[Stage]:
    hurry = ("--hurry", str(HURRY))
    with (
        simulated("regulars.simulators.acquirer", tmp_path, *hurry) as acquirer,
        wallet_apps(tmp_path, *hurry) as wallets,
    ):
        port = free_port()
        variables = {
            **fresh_database, "PORT": str(port), "WEB_PROCESSES": "2", "ACQUIRER": acquirer.address,
            **wallet_environment(wallets), "PAYMENTS_HURRY": str(HURRY), "LOG_LEVEL": "error",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        register_everything()
        load_rooms()
        configure_queue()
        database = Database(read_settings(variables))
        committed_store(database, currency="CNY", legal_unit="MALL")
        with database.transaction() as tx:
            a_counter(tx, code="C1")
            client = create_client(tx, None, "chaos", SCOPES, {"store": "S01"})
        members = [a_member(database, f"+86138{n:08d}") for n in range(MEMBERS)]
        for member in members:
            given(database, member, GIVEN, kind=Kind.ECOIN, expires_on=date(2030, 1, 1))
        whole = {**os.environ, **variables}
        parts = {
            name: Part(arguments, whole, tmp_path / f"{name}.log")
            for name, arguments in {
                "web": ("web",), "payments": ("worker", "--payments"), "beat": ("beat",),
            }.items()
        }  # fmt: skip
        yield Stage(database, f"http://127.0.0.1:{port}", client, members, acquirer, wallets, parts)
        database.dispose()
    get_settings.cache_clear()


# ------------------------------------------------------------------------------------------------ who pays


class Desk(threading.Thread):
    """Issues tickets, settles them by whatever the customer has, and gives some of it back."""

    def __init__(self, stage: Stage, n: int, rounds: int, deadline: float) -> None:
        super().__init__(daemon=True)
        self.stage, self.n, self.rounds, self.deadline = stage, n, rounds, deadline
        self.chance = random.Random(f"{SEED}/{n}")
        self.http = httpx.Client(base_url=stage.base_url, timeout=15, trust_env=False)
        self.token = "none"
        self.settled: list[tuple[str, str]] = []
        self.returned: list[tuple[str, Any]] = []
        self.refused: list[Any] = []
        self.codes = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            for n in range(self.rounds):
                self.settle_one(n)
                if self.chance.random() < 0.5:
                    self.wait_for(self.settled[-1][0])
                if self.chance.random() < 0.6:
                    self.give_back(self.chance.choice(self.settled)[0], n)
        except BaseException as error:
            self.failed = error

    def settle_one(self, n: int) -> None:
        amounts = [self.chance.randrange(200, 9_000) for _ in range(self.chance.randint(1, 3))]
        lines = [{"line": n, "quantity": "1", "amount": amount} for n, amount in enumerate(amounts, 1)]
        way = self.chance.choice(WAYS)
        member = str(self.chance.choice(self.stage.members)) if "ecoin" in way or self.chance.random() < 0.3 else None
        ticket = self.insist("POST", "/v1/tickets", {"store": "S01", "counter": "C1", "member": member, "lines": lines})
        body = {
            "store": "S01", "terminal": f"D{self.n}", "tickets": [ticket["id"]],
            "tenders": self.tenders(way, sum(amounts)),
        }  # fmt: skip
        answer = self.insist("POST", "/v1/settlements", body)
        self.settled.append((answer["id"], ticket["id"]))

    def wait_for(self, settlement: str) -> None:
        """Stand there until it is known, but not for ever."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.outcome(settlement)["state"] == "pending":
            time.sleep(0.2)

    def outcome(self, settlement: str) -> Any:
        return self.insist("GET", f"/v1/settlements/{settlement}", None)

    def tenders(self, way: tuple[str, ...], owed: int) -> list[dict[str, Any]]:
        tenders: list[dict[str, Any]] = []
        for place, kind in enumerate(way):
            left = owed - sum(tender["amount"] for tender in tenders)
            amount = left if place == len(way) - 1 else self.chance.randrange(1, max(2, left // 2))
            if kind == "ecoin":
                tenders.append({"kind": "ecoin", "amount": amount})
            elif kind == "card":
                ask = {"rail": "card", "token": token_hex(8)}
                tenders.append({"kind": "card", "amount": amount, "payment": ask})
            else:
                tenders.append({"kind": "code", "amount": amount, "payment": {"rail": "code", "code": self.code(kind)}})
        return tenders

    def code(self, kind: str) -> str:
        """What stands on the payer's phone; now and then one that has paid already."""
        if self.chance.random() > 0.03 or not self.codes:
            self.codes += 1
        return f"{'13' if kind == 'wechat' else '28'}{self.n:04d}{self.codes:012d}"

    def give_back(self, settlement: str, n: int) -> None:
        """Return a line of what was paid, and have the rails give back their parts of it."""
        told = self.outcome(settlement)
        if told["state"] != "paid":
            return
        [sold] = told["sales"]
        sale = self.insist("GET", f"/v1/sales/{sold['id']}", None)
        left = [line for line in sale["lines"] if not line["returned"]]
        if not left:
            return
        chosen = left if self.chance.random() < 0.3 else [self.chance.choice(left)]
        lines = [
            {"line": place, "quantity": "1", "amount": line["amount"], "original_line": line["line"]}
            for place, line in enumerate(chosen, 1)
        ]
        body = {
            "store": "S01", "terminal": f"R{self.n}", "business_date": told["business_date"], "sequence": n + 1,
            "type": "return", "occurred_at": sale["occurred_at"], "currency": "CNY", "lines": lines,
            "original": {name: sale[name] for name in ("store", "terminal", "business_date", "sequence")},
            "tenders": [{"kind": "card", "amount": sum(line["amount"] for line in chosen)}],
        }  # fmt: skip
        answer = self.insist("POST", "/v1/sales", body, fine=(200, 201, 422))
        if answer.get("code"):
            if "expected" not in answer:
                self.refused.append(answer)
                return
            body["tenders"] = answer["expected"]["tenders"]
            answer = self.insist("POST", "/v1/sales", body)
        self.rails_give_back(sale, body["tenders"], answer["sale"]["id"])
        self.returned.append((sold["id"], body["tenders"]))

    def rails_give_back(self, sale: Any, shares: list[dict[str, Any]], number: str) -> None:
        amounts = {share["kind"]: share["amount"] for share in shares}
        for attempt in range(self.chance.choice((1, 1, 2))):  # sometimes it is asked for twice
            with self.stage.database.transaction() as tx:
                row = tx.execute("SELECT id FROM organisation.store WHERE code = 'S01'").one()
                day = date.fromisoformat(sale["business_date"])
                for paid in refundable_of_sale(tx, row.id, sale["terminal"], day, sale["sequence"]):
                    if amounts.get(paid.kind, 0) and (attempt or paid.left >= amounts[paid.kind]):
                        refund(tx, paid.payment_id, amounts[paid.kind], f"{UUID(number).hex}{paid.n}", "chaos")

    def insist(self, method: str, path: str, body: Any, fine: tuple[int, ...] = (200, 201)) -> Any:
        """The same request with the same key until it is answered for good: what a desk does."""
        key = token_hex(12)
        while time.monotonic() < self.deadline:
            try:
                headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
                answer = self.http.request(method, path, json=body, headers=headers)
                if answer.status_code == 401:
                    self.log_in()
                elif answer.status_code in fine:
                    return answer.json()
                elif not (answer.status_code in (409, 429, 503) and answer.json().get("retryable")):
                    raise AssertionError((method, path, body, answer.status_code, answer.text))
            except AWAY:
                pass
            time.sleep(0.1)
        raise AssertionError(f"no answer to {method} {path}")

    def log_in(self) -> None:
        made = self.stage.client
        asked = {"grant_type": "client_credentials"}
        answer = self.http.post("/oauth/token", data=asked, auth=(made.client_id, made.client_secret))
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]


# ------------------------------------------------------------------------------------------------ the test


@pytest.mark.timeout(int(DEADLINE_S + 3 * CALM_S))
def test_whatever_fails_the_money_is_right(stage: Stage) -> None:
    chance = random.Random(SEED)
    began = time.monotonic()
    with tended(stage.parts, {"acquirer": stage.acquirer, "wallets": stage.wallets}, stage.crashes):
        stage.acquirer.faults(**ACQUIRER_FAULTS)
        stage.wallets.faults(**WALLET_FAULTS)
        each = -(-SETTLEMENTS // DESKS)
        desks = [Desk(stage, n, each, began + DEADLINE_S) for n in range(DESKS)]
        for desk in desks:
            desk.start()
        while any(desk.is_alive() for desk in desks):
            time.sleep(chance.uniform(*KILL_EVERY_S))
            stage.parts[chance.choice(("web", "payments"))].kill()
        assert [desk.failed for desk in desks] == [None] * DESKS
        assert [desk.refused for desk in desks] == [[]] * DESKS
        fire_s = time.monotonic() - began
        # Faults go on for a while with nobody being killed; then the rails are well, and everything has to end.
        until_quiet(stage, 15.0, must=False)
        stage.acquirer.faults(declined=0.3)
        stage.wallets.faults(declined=0.3)
        until_quiet(stage, CALM_S, must=True)
        ask_again_for_what_was_refused(stage)
    report(stage, desks, fire_s)
    assert_enough_happened(stage, desks)
    the_rails_agree(stage)
    tickets_and_sales_agree(stage, desks)
    the_accounts_agree(stage)
    the_ledger_proves_itself(stage)


OPEN = """
SELECT (SELECT count(*) FROM pos.settlement WHERE state = 'pending') AS settlements,
       (SELECT count(*) FROM pos.payment WHERE state NOT IN ('succeeded', 'failed', 'reversed')) AS payments,
       (SELECT count(*) FROM pos.refund WHERE state NOT IN ('succeeded', 'failed')) AS refunds
"""


def until_quiet(stage: Stage, seconds: float, *, must: bool) -> None:
    until = time.monotonic() + seconds
    row: tuple[Any, ...] = ()
    while time.monotonic() < until:
        with stage.database.transaction(read_only=True) as tx:
            row = tuple(tx.execute(OPEN).one())
        if row == (0, 0, 0):
            return
        time.sleep(0.5)
    assert not must, f"settlements, payments, refunds that do not end: {row}"


def ask_again_for_what_was_refused(stage: Stage) -> None:
    """Refunds that the rails declined are asked for again, under their numbers, until they are given."""
    stage.acquirer.faults()
    stage.wallets.faults()
    rows: Sequence[Any] = ()
    for _ in range(10):
        with stage.database.transaction() as tx:
            rows = tx.execute("SELECT payment_id, amount, refund_no FROM pos.refund WHERE state = 'failed'").all()
            for row in rows:
                refund(tx, row.payment_id, row.amount, row.refund_no, "again")
        if not rows:
            return
        until_quiet(stage, CALM_S, must=True)
    raise AssertionError(f"{len(rows)} refunds are refused again and again")


def assert_enough_happened(stage: Stage, desks: list[Desk]) -> None:
    """The test tests something: there were kills, refunds, and undone payments."""
    with stage.database.transaction(read_only=True) as tx:
        undone, returned = tx.execute(
            "SELECT (SELECT count(*) FROM pos.payment WHERE state = 'reversed'), (SELECT count(*) FROM pos.refund)"
        ).one()
    assert sum(part.kills for part in stage.parts.values()) > len(stage.parts)
    assert min(undone, returned, sum(len(desk.returned) for desk in desks)) > 0


def report(stage: Stage, desks: list[Desk], fire_s: float) -> None:
    with stage.database.transaction(read_only=True) as tx:
        payments = dict(tx.execute("SELECT rail || ' ' || state, count(*) FROM pos.payment GROUP BY 1").all())
        refunds = dict(tx.execute("SELECT state, count(*) FROM pos.refund GROUP BY 1").all())
        steps = dict(tx.execute("SELECT action || ' ' || outcome, count(*) FROM pos.payment_step GROUP BY 1").all())
    kills = {name: part.kills for name, part in stage.parts.items() if name != "beat"}
    print(
        f"{sum(len(desk.settled) for desk in desks)} settlements, {sum(payments.values())} payments, "
        f"{sum(refunds.values())} refunds by {DESKS} desks in {fire_s:.0f} s, payments' clock x {HURRY}\n"
        f"killed: {kills}; crashed: {dict(stage.crashes)}\npayments: {payments}\nrefunds: {refunds}\nsteps: {steps}"
    )


PAYMENTS = """
SELECT p.*, coalesce((SELECT sum(r.amount) FROM pos.refund AS r WHERE r.payment_id = p.id AND r.state = 'succeeded'), 0)
       AS refunded, EXISTS (SELECT FROM pos.refund AS r WHERE r.payment_id = p.id AND r.voided) AS voided
FROM pos.payment AS p
"""


def the_rails_agree(stage: Stage) -> None:
    """What the books of the rails say of each payment is what we say; and they know of no others."""
    with stage.database.transaction(read_only=True) as tx:
        ours = tx.execute(PAYMENTS).all()
    kept_here = {"card": 0, "wallets": 0}
    kept_there = {
        "card": sum(kept_by_acquirer(sale) for sale in stage.acquirer.sales()),
        "wallets": sum(map(kept_by_wallet, stage.wallets.booked()["payments"])),
    }
    sales = {(sale["merchant"], sale["trace"]): sale for sale in stage.acquirer.sales()}
    numbers = {each["number"]: each for each in stage.wallets.booked()["payments"]}
    wrong: list[Any] = []
    for payment in ours:
        kept = payment.amount - payment.refunded if payment.state == "succeeded" else 0
        if payment.rail == "card":
            kept_here["card"] += kept
            found = sales.pop((str(payment.store_id), f"{(payment.trace - 1) % 999_999 + 1:06d}"), None)
            there = 0 if found is None else kept_by_acquirer(found)
            if found is not None and found["reversed"] != (payment.voided or payment.state == "reversed"):
                wrong.append((payment, found))
        else:
            kept_here["wallets"] += kept
            found = numbers.pop(payment.id.hex, None)
            there = 0 if found is None else kept_by_wallet(found)
        if there != kept:
            wrong.append((payment, found))
    assert wrong == []
    assert [sale for sale in sales.values() if kept_by_acquirer(sale)] == []
    assert [each for each in numbers.values() if kept_by_wallet(each)] == []
    assert kept_here == kept_there


def kept_by_acquirer(sale: Mapping[str, Any]) -> int:
    return 0 if sale["reversed"] else int(sale["amount"] - sale["refunded"])


def kept_by_wallet(each: Mapping[str, Any]) -> int:
    back = sum(refund["amount"] for refund in each["refunds"].values())
    return int(each["amount"] - back) if each["state"] == "paid" else 0


def tickets_and_sales_agree(stage: Stage, desks: list[Desk]) -> None:
    """Each settlement was wanted by a desk, and is paid with one sale, or nothing has come of it."""
    with stage.database.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT id, state, amount, sales FROM pos.settlement").all()
        tickets = {str(id): state for id, state in tx.execute("SELECT id, state FROM pos.ticket")}
        paid = {
            str(id): (count, total, states)
            for id, count, total, states in tx.execute(
                "SELECT settlement_id, count(*), sum(amount), array_agg(DISTINCT state) FROM pos.payment GROUP BY 1"
            )
        }
        sums = {
            str(id): (amount, tendered, allocated, taken) for id, amount, tendered, allocated, taken in tx.execute(SUMS)
        }
        returned = tx.execute(RETURNED).one()
    assert sorted(str(row.id) for row in rows) == sorted(id for desk in desks for id, _ in desk.settled)
    states = {str(row.id): row.state for row in rows}
    assert set(states.values()) <= {"paid", "failed"}
    for settlement, ticket in (each for desk in desks for each in desk.settled):
        assert tickets[ticket] == ("paid" if states[settlement] == "paid" else "issued")
    assert Counter(tickets.values())["settling"] == 0
    known = set()
    for row in rows:
        _, total, how = paid[str(row.id)]
        if row.state == "failed":
            assert set(how) <= {"failed", "reversed"}
            assert not row.sales
            continue
        assert how == ["succeeded"]
        [sale] = row.sales
        known.add(sale["id"])
        assert sums[sale["id"]] == (row.amount, row.amount, row.amount, total)
    assert known == set(sums)
    # What the returns say went back by card and by code is what the rails gave.
    assert returned.by_returns == returned.by_rails


SUMS = """
SELECT s.id, s.amount, (SELECT sum(t.amount) FROM pos.tender AS t WHERE t.sale_id = s.id),
       (SELECT sum(a.amount) FROM pos.allocation AS a WHERE a.sale_id = s.id),
       (SELECT sum(t.amount) FROM pos.tender AS t WHERE t.sale_id = s.id AND t.kind IN ('card', 'code'))
FROM pos.sale AS s WHERE s.type = 'sale'
"""
RETURNED = """
SELECT (SELECT coalesce(sum(abs(t.amount)), 0) FROM pos.tender AS t JOIN pos.sale AS s ON s.id = t.sale_id
        WHERE s.type = 'return' AND t.kind IN ('card', 'code')) AS by_returns,
       (SELECT coalesce(sum(amount), 0) FROM pos.refund WHERE state = 'succeeded') AS by_rails
"""


def the_accounts_agree(stage: Stage) -> None:
    """E-coins: what was given less what paid for sales plus what came back; nothing is held any more."""
    with stage.database.transaction(read_only=True) as tx:
        spent = tx.execute(
            "SELECT coalesce(sum(CASE WHEN s.type = 'sale' THEN t.amount ELSE -abs(t.amount) END), 0) FROM pos.tender"
            " AS t JOIN pos.sale AS s ON s.id = t.sale_id WHERE t.kind = 'ecoin'"
        ).scalar_one()
    wallets = [balance(stage.database, member, Kind.ECOIN) for member in stage.members]
    assert [available for _, available in wallets] == [whole for whole, _ in wallets]
    assert sum(whole for whole, _ in wallets) == MEMBERS * GIVEN - spent


def the_ledger_proves_itself(stage: Stage) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "regulars", "ledger", "verify"], cwd=ROOT, env=dict(stage.parts["web"].environment),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
