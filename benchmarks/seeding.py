"""The shop that is measured: made through the product's own routes."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.receipts import COUNTER, PROMOTION, Maker, Shop, Till, product_code
from foundation.access import create_client
from foundation.access.permissions import declared_permissions
from foundation.database import Database
from foundation.settings import get_settings
from regulars.web import load_rooms

ZONE = "Asia/Shanghai"
ITEMS_PER_REQUEST = 500
CONNECTIONS = 2
TERMINALS = 2


@dataclass(frozen=True, slots=True)
class Size:
    """How large the shop is."""

    stores: int = 40
    products: int = 5_000
    members: int = 20_000


class Caller:
    """A machine's calls to the product."""

    def __init__(self, port: int, client_id: str, client_secret: str) -> None:
        self._port = port
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        answer = self._send(
            "POST",
            "/oauth/token",
            b"grant_type=client_credentials",
            {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        self.token: str = answer["access_token"]

    def call(self, method: str, path: str, body: Mapping[str, Any], key: str) -> Any:
        """The answer to a request. Raises RuntimeError when it, or an item of it, is refused."""
        content = json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        answer = self._send(method, path, content, headers)
        for result in answer.get("results", ()):
            if result["status"] >= 400:
                raise RuntimeError(f"{method} {path}: {result}")
        return answer

    def put_all(self, method: str, what: str, items: Sequence[Any]) -> list[Any]:
        """Send all items in batches; the results in their order."""
        chunks = [items[at : at + ITEMS_PER_REQUEST] for at in range(0, len(items), ITEMS_PER_REQUEST)]

        def send(n: int) -> Any:
            return self.call(method, f"/v1/{what}/batch", {what: chunks[n]}, f"seed-{what}-{n}")

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return [result for answer in pool.map(send, range(len(chunks))) for result in answer["results"]]

    def _send(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, content, dict(headers))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)


def seed(port: int, size: Size) -> tuple[Shop, list[Till]]:
    """Make stores, counters, products, a promotion, members and tills; returns what receipts are made of."""
    office = office_of(port)
    codes = [f"S{n:02d}" for n in range(1, size.stores + 1)]
    office.put_all(
        "PUT",
        "stores",
        [{"code": code, "name": f"Store {code}", "format": "supermarket", "currency": "CNY", "timezone": ZONE}
         for code in codes],
    )  # fmt: skip
    office.put_all("PUT", "counters", [{"store": code, "code": COUNTER, "name": "Food"} for code in codes])
    office.put_all(
        "PUT",
        "promotions",
        [{"code": PROMOTION, "name": "Markdown", "method": "markdown", "funder": "company"}],
    )
    office.put_all("PUT", "products", [_product(n) for n in range(size.products)])
    phones = [f"+86138{n:08d}" for n in range(size.members)]
    office.put_all("POST", "members", [{"name": f"Member {n}", "phone": phone} for n, phone in enumerate(phones)])
    now = datetime.now(UTC).astimezone(ZoneInfo(ZONE))
    shop = Shop(
        now.date().isoformat(),
        now.isoformat(timespec="seconds"),
        size.products,
        [f'{{"kind":"phone","value":"{phone}"}}' for phone in phones],
    )
    office.put_all("POST", "sales", _first_sales(shop, codes))
    return shop, [_till(port, office, code, f"T{n}") for code in codes for n in range(1, TERMINALS + 1)]


def _first_sales(shop: Shop, stores: Sequence[str]) -> list[Any]:
    """One sale for every member: with it the account is opened, which the floor does not do either."""
    tills = [Till(store, "T0", "") for store in stores]
    maker = Maker(shop, "", tills, shop.members, seed=0)
    return [json.loads(maker.receipt(maker.next_till(), member)) for member in shop.members]


def _product(n: int) -> dict[str, Any]:
    category = [f"D{n % 20}", f"D{n % 20}-{n % 200}"]
    return {"code": product_code(n), "name": f"Product {n}", "category": category, "brand": f"B{n % 300}",
            "unit_cost": 400 + n % 4000}  # fmt: skip


def office_of(port: int) -> Caller:
    """A machine with every permission, let in as only the command line may."""
    load_rooms()
    database = Database(get_settings())
    try:
        with database.transaction() as tx:
            made = create_client(tx, None, "Benchmark office", declared_permissions(), {})
    finally:
        database.dispose()
    return Caller(port, made.client_id, made.client_secret)


def _till(port: int, office: Caller, store: str, terminal: str) -> Till:
    return Till(store, terminal, machine(port, office, ["sales.post"], {"store": store, "terminal": terminal}))


def machine(port: int, office: Caller, scopes: Sequence[str], bindings: Mapping[str, str]) -> str:
    """The token of a new machine that is bound so."""
    name = "/".join(bindings.values())
    made = office.call("POST", "/v1/clients", {"name": name, "scopes": scopes, **bindings}, f"seed-client-{name}")
    return Caller(port, made["client_id"], made["client_secret"]).token
