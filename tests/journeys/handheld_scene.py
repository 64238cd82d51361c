"""A counter with its handheld on a real server, beside a desk that settles through the API, for browser tests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx

from foundation.access import create_client
from foundation.database import Database, use_database
from foundation.settings import read_settings
from organisation.staff.roles import Role
from pos_adapter.catalogue.operations import put_products, put_promotions
from pos_adapter.catalogue.rules import ProductWish, PromotionMethod, PromotionWish
from pos_adapter.payments import card
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.rails import register_rail
from pos_adapter.payments.refunds import sweep_refunds
from pos_adapter.returns.operations import conclude_returns
from regulars.running.workers import register_everything
from tests.conftest import LiveServer, serve
from tests.member_api.people import enrolled
from tests.organisation.factories import PASSWORD, a_counter, a_person_with_login, a_store, made
from tests.pos_adapter.desk_scene import relaying
from tests.pos_adapter.payments.simulators import Simulator, codes_taken, simulated, wallet_apps, wallet_environment

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIPSTICK, CREAM, SAMPLE = "6901234567892", "6909876543210", "6900000000001"
LONG_NAME = "Rejuvenating night cream with hyaluronic acid and white tea, anniversary edition 75 ml 夜间焕活面霜"
ANSWER_S = 2.0
DESK = ("tickets.read", "tickets.write", "settlements.write", "sales.post", "sales.read", "parcels.write")


@dataclass
class Scene:
    """The store: its server, its database, a desk, and the acquirer and wallet apps of another world."""

    server: LiveServer
    database: Database
    token: str
    acquirer: Simulator
    apps: Simulator

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
        enrolled(tx, "13800138000", others={"card": "vip00012345"}, name="张三丰", home_store="S01")
        made(put_promotions(tx, [PromotionWish("ANNIV", name="Anniversary", method=PromotionMethod.MARKDOWN)])[0])


@contextmanager
def scene(
    environment: Mapping[str, str], folder: Path, furnish: Callable[[Database], None] = furnish
) -> Iterator[Scene]:
    """The store on a server; beside it a relay that tells the pages, and a worker that takes payments."""
    with (
        simulated("regulars.simulators.acquirer", folder) as acquirer,
        wallet_apps(folder, "--hurry", "10") as apps,
        rails(acquirer, apps),
        serve({**environment, "ACQUIRER": acquirer.address, **wallet_environment(apps)}, folder / "web.log") as server,
    ):
        database = Database(read_settings(environment))
        use_database(database)  # ids come in blocks from the database of the process
        register_everything()
        furnish(database)
        yield from _working(server, database, acquirer, apps)
        use_database(None)


@contextmanager
def rails(acquirer: Simulator, apps: Simulator) -> Iterator[None]:
    """Payments of this process go to the simulators, until the block ends."""
    register_rail("card", lambda: CardRail(acquirer.address, ANSWER_S))
    with codes_taken(apps, ANSWER_S):
        yield
    register_rail("card", card._configured)


def _working(server: LiveServer, database: Database, acquirer: Simulator, apps: Simulator) -> Iterator[Scene]:
    with database.transaction() as tx:
        client = create_client(tx, None, "desk", DESK, {"store": "S01"})
    token = httpx.post(
        f"{server.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
    ).json()["access_token"]
    stop = threading.Event()
    worker = threading.Thread(target=take_payments, args=(database, stop), daemon=True)
    worker.start()
    try:
        with relaying(database):
            yield Scene(server, database, token, acquirer, apps)
    finally:
        stop.set()
        worker.join()
        database.dispose()


def take_payments(database: Database, stop: threading.Event) -> None:
    """A worker that does every step of a payment and of a refund when it is due."""
    while not stop.wait(0.2):
        sweep(database)
        sweep_refunds(database)
        conclude_returns(database)


def log_in(page: "Page", scene: Scene, counter: str = "C1", who: str = "wangfang") -> list[str]:
    """Be Wang Fang, or somebody else, at a counter; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{scene.server.base_url}/login?next=/handheld")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{scene.server.base_url}/handheld")
    page.click(f"[data-counter={counter}]")
    page.wait_for_selector("html[data-ready]")
    # The shell is on the device as soon as its worker is in charge.
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.wait_for_function("() => document.getElementById('cache-note').textContent.includes('3')")
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
          const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
          const base = await done(indexedDB.open("regulars-handheld"));
          const all = await done(base.transaction(name).objectStore(name).getAll());
          base.close();
          return JSON.stringify(all);
        }""",
        name,
    )
    rows: list[Any] = json.loads(found)
    return rows


def shoot(page: "Page", path: Path) -> None:
    page.screenshot(path=path, full_page=False)
