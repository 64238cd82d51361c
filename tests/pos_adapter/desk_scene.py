"""A department store on a real server: three counters, two desks, a member with something on every account."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx

import pos_adapter.payments.card as card_module
from foundation.access import create_client
from foundation.database import Database, use_database
from foundation.events import run_relay
from foundation.live import Teller
from foundation.partitions import ensure_months
from foundation.settings import read_settings
from member_api.contract.coupons import CouponOffer, issue_coupons
from member_api.contract.ledger import Kind, Origin
from organisation.staff.roles import Role
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.rails import register_rail
from regulars.running.workers import register_everything
from tests.conftest import LiveServer, serve
from tests.member_api.ledger.callers import given
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import PASSWORD, a_counter, a_person_with_login, committed_store
from tests.pos_adapter.payments.simulators import Simulator, simulated

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCOPES = (
    "tickets.read",
    "tickets.write",
    "settlements.write",
    "parcels.write",
    "returns.issue",
    "sales.post",
    "sales.read",
    "catalogue.write",
    "shifts.work",
)
COUNTERS = (("C1", "Cosmetics", None), ("C2", "Shoes", None), ("C3", "Gold", "JEWEL"))
ANSWER_S = 3.0
MEMBER = {"kind": "phone", "value": PHONE}


@dataclass
class Scene:
    """The store on a real server; `call` is a machine with everything a counter and a desk may do."""

    server: LiveServer
    database: Database
    token: str
    acquirer: Simulator

    def take_payments(self) -> None:
        """What the worker does all day."""
        sweep(self.database)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": token_hex(8)}
        return httpx.request(method, self.server.base_url + path, json=body, headers=headers, timeout=30)

    def issue(self, counter: str, amount: int, member: Any = None) -> Any:
        """A ticket of a counter: its id and number."""
        lines = [{"line": 1, "quantity": "1", "amount": amount}]
        answer = self.call(
            "POST", "/v1/tickets", {"store": "S01", "counter": counter, "member": member, "lines": lines}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def somebody_with_a_coupon(self, amount: int) -> str:
        """Another member, with points and a coupon; the phone number."""
        phone = "13900139777"
        member = a_member(self.database, phone, name="李四", home_store="S01")
        given(self.database, member, 100_000, kind=Kind.POINTS)
        today = self.database.clock.now().date()
        with self.database.transaction() as tx:
            terms = CouponOffer("Welcome", "CNY", today - timedelta(days=1), today + timedelta(days=9), amount=amount)
            issue_coupons(tx, terms, [member], "campaign/1", by="test")
        return phone

    def settle(self, terminal: str, tickets: list[Any]) -> Any:
        """Settle by card at a desk; the response."""
        body = {
            "store": "S01", "terminal": terminal, "tickets": [ticket["id"] for ticket in tickets],
            "tenders": [{"kind": "card", "amount": sum(ticket["amount"] for ticket in tickets)}],
        }  # fmt: skip
        return self.call("POST", "/v1/settlements", body)

    def open_desk(self, page: "Page", terminal: str = "D1", who: str = "clara") -> list[str]:
        return open_desk(page, self.server.base_url, terminal, who)


def open_desk(page: "Page", base: str, terminal: str = "D1", who: str = "clara") -> list[str]:
    """Log in and open a desk; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{base}/login?next=/desk")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{base}/desk")
    page.wait_for_selector("#d-terminal:focus")
    page.keyboard.type(terminal)
    page.keyboard.press("Enter")
    page.wait_for_selector("#news.good")
    return complaints


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def says(page: "Page", words: str) -> None:
    """Wait until the desk says so."""
    page.wait_for_function("words => document.getElementById('said').textContent.includes(words)", arg=words)


def left(page: "Page", amount: str) -> None:
    """Wait until so much is left to pay."""
    page.wait_for_function("amount => document.getElementById('left').textContent === amount", arg=amount)


@contextmanager
def scene(environment: Mapping[str, str], log: Path) -> Iterator[Scene]:
    """The store, its server and its relay, until the block ends."""
    register_everything()
    database = Database(read_settings(environment))
    use_database(database)  # ids come in blocks from the database of the process
    committed_store(
        database, name="Parkview", format="department", currency="CNY", timezone="Asia/Shanghai", legal_unit="MALL"
    )
    with database.transaction() as tx:
        for code, name, unit in COUNTERS:
            a_counter(tx, code=code, name=name, **({"legal_unit": unit} if unit else {}))
        a_person_with_login(tx, "clara", name="Clara", role=Role.SERVICE_DESK, home_store="S01")
        a_person_with_login(tx, "mona", name="Mona", role=Role.STORE_MANAGER, home_store="S01")
        made = create_client(tx, None, "counters", SCOPES, {"store": "S01"})
    ensure_months(database, {database.clock.now().date()})
    member = a_member(database)
    given(database, member, 80_00, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
    given(database, member, 30_00, kind=Kind.ECOIN)
    with (
        simulated("regulars.simulators.acquirer", log.parent) as acquirer,
        relaying(database),
        serve({**environment, "ACQUIRER": acquirer.address}, log) as server,
    ):
        register_rail("card", lambda: CardRail(acquirer.address, ANSWER_S))
        answer = httpx.post(
            f"{server.base_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        yield Scene(server, database, answer.json()["access_token"], acquirer)
    register_rail("card", card_module._configured)
    use_database(None)
    database.dispose()


@contextmanager
def relaying(database: Database) -> Iterator[None]:
    """A relay that tells the pages, until the block ends."""
    stop = threading.Event()
    tell = Teller(database.settings.redis_url).tell
    relay = threading.Thread(target=run_relay, args=(database, stop, None, tell), daemon=True)
    relay.start()
    try:
        yield
    finally:
        stop.set()
        relay.join()
