"""A counter with its handheld on a real server, beside a desk that settles through the API, for browser tests."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx

from foundation.access import create_client
from foundation.database import Database
from foundation.events import run_relay
from foundation.live import Teller
from foundation.settings import read_settings
from organisation.staff.roles import Role
from pos_adapter.catalogue.operations import put_products, put_promotions
from pos_adapter.catalogue.rules import ProductWish, PromotionMethod, PromotionWish
from regulars.running.workers import register_everything
from tests.conftest import LiveServer
from tests.organisation.factories import PASSWORD, a_counter, a_person_with_login, a_store, made

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIPSTICK, CREAM, SAMPLE = "6901234567892", "6909876543210", "6900000000001"
LONG_NAME = "Rejuvenating night cream with hyaluronic acid and white tea extract, limited anniversary edition 75 ml 夜间焕活面霜"
DESK = ("tickets.read", "tickets.write", "settlements.write", "sales.post", "sales.read")


@dataclass
class Scene:
    """The store: its server, its database, and a desk."""

    server: LiveServer
    database: Database
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": token_hex(8)}
        return httpx.request(method, self.server.base_url + path, json=body, headers=headers, timeout=20)

    def tickets(self, counter: str = "C1") -> list[Any]:
        found: list[Any] = self.call("GET", f"/v1/tickets?store=S01&counter={counter}&limit=500").json()["items"]
        return found

    def settle(self, *tickets: Any) -> Any:
        """Pay tickets at the desk, by card."""
        tenders = [{"kind": "card", "amount": sum(ticket["amount"] for ticket in tickets)}]
        ids = [ticket["id"] for ticket in tickets]
        answer = self.call(
            "POST", "/v1/settlements", {"store": "S01", "terminal": "D1", "tickets": ids, "tenders": tenders}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()


def furnish(database: Database) -> None:
    """A department store with two counters, goods with prices, and Wang Fang who works at a counter."""
    with database.transaction() as tx:
        a_store(tx, "S01", name="West Lake", format="department", currency="CNY", timezone="Asia/Shanghai")
        a_counter(tx, code="C1", name="Cosmetics", floor="1F")
        a_counter(tx, code="C2", name="Ladies' shoes and leather goods of the north wing", floor="2F")
        a_person_with_login(tx, "wangfang", name="Wang Fang", role=Role.COUNTER_STAFF, home_store="S01")
        wishes = [
            ProductWish(LIPSTICK, name="Lipstick 03 rose", regular_price=19900),
            ProductWish(CREAM, name=LONG_NAME, regular_price=128000),
            ProductWish(SAMPLE, name="Gift box without a price"),
        ]
        for outcome in put_products(tx, wishes):
            made(outcome)
        made(put_promotions(tx, [PromotionWish("ANNIV", name="Anniversary", method=PromotionMethod.MARKDOWN)])[0])


@contextmanager
def scene(server: LiveServer, environment: Any) -> Iterator[Scene]:
    """The store on a server, with a relay beside it that tells the pages."""
    register_everything()
    database = Database(read_settings(environment))
    furnish(database)
    with database.transaction() as tx:
        client = create_client(tx, None, "desk", DESK, {"store": "S01"})
    token = httpx.post(
        f"{server.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
    ).json()["access_token"]
    stop = threading.Event()
    relay = threading.Thread(
        target=run_relay, args=(database, stop, None, Teller(database.settings.redis_url).tell), daemon=True
    )
    relay.start()
    try:
        yield Scene(server, database, token)
    finally:
        stop.set()
        relay.join()
        database.dispose()


def log_in(page: "Page", scene: Scene, counter: str = "C1") -> list[str]:
    """Be Wang Fang at a counter; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{scene.server.base_url}/login?next=/handheld")
    page.fill("[name=username]", "wangfang")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/handheld")
    page.click(f"[data-counter={counter}]")
    page.wait_for_selector("html[data-ready]")
    # The shell is on the device as soon as its worker is in charge.
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.wait_for_function("document.getElementById('cache-note').textContent.includes('3')")
    return complaints


def scan(page: "Page", code: str) -> None:
    """What a scanner does: type fast, wherever the focus is, and end with Enter."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def wait_unsent(page: "Page", count: int) -> None:
    page.wait_for_selector(f"#sent[data-unsent='{count}']")


def stored(page: "Page", name: str) -> list[Any]:
    """Everything in one store of the device."""
    found: str = page.evaluate(
        """async (name) => {
          const base = await new Promise((done) => { const r = indexedDB.open("regulars-handheld"); r.onsuccess = () => done(r.result); });
          const all = await new Promise((done) => { const r = base.transaction(name).objectStore(name).getAll(); r.onsuccess = () => done(r.result); });
          base.close();
          return JSON.stringify(all);
        }""",
        name,
    )
    rows: list[Any] = json.loads(found)
    return rows


def shoot(page: "Page", path: Path) -> None:
    page.screenshot(path=path, full_page=False)
