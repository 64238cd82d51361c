"""What happens in a store reaches the open pages of its desks and handhelds, over real sockets, and nothing is lost."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

from foundation.access import create_client
from foundation.database import Database
from foundation.events import run_relay
from foundation.live import Teller
from foundation.settings import read_settings
from regulars.running.workers import register_everything
from tests.conftest import LiveServer, serve
from tests.organisation.factories import a_counter, committed_store

SCOPES = ("tickets.read", "tickets.write", "settlements.write", "sales.post", "sales.read")
WAIT_S = 20.0


@dataclass
class Store:
    """A store on a real server, with a relay beside it."""

    server: LiveServer
    token: str
    other_token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": token_hex(8)}
        return httpx.request(method, self.server.base_url + path, json=body, headers=headers, timeout=20)

    def issue(self, amount: int = 100) -> Any:
        lines = [{"line": 1, "quantity": "1", "amount": amount}]
        answer = self.call("POST", "/v1/tickets", {"store": "S01", "counter": "C1", "lines": lines})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def settle(self, ticket: Any) -> None:
        tenders = [{"kind": "cash", "amount": ticket["amount"]}]
        body = {"store": "S01", "terminal": "D1", "tickets": [ticket["id"]], "tenders": tenders}
        answer = self.call("POST", "/v1/settlements", body)
        assert answer.status_code == 201, answer.text


@dataclass
class Listener:
    """An open page: what it was told, as (id, event, data)."""

    told: list[tuple[int, str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def waits_for(self, event: str, count: int = 1) -> list[Any]:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            found = [data for _, name, data in list(self.told) if name == event]
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{event} did not come {count} times: {self.told}")


def frames(lines: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    """The events of a stream as (id, event, data)."""
    frame: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            frame[name] = value
        elif "event" in frame:
            yield int(frame["id"]), frame["event"], json.loads(frame["data"])
            frame = {}


def listen(store: Store, listener: Listener, headers: dict[str, str]) -> None:
    """Be a page: read until it is closed, and come back where the connection was silent, as browsers do."""
    address = f"{store.server.base_url}/v1/stores/S01/events"
    while not listener.closed.is_set():
        with (
            suppress(httpx.ReadTimeout),
            httpx.stream("GET", address, headers=headers, timeout=httpx.Timeout(10, read=1)) as response,
        ):
            assert response.headers["Content-Type"].startswith("text/event-stream")
            for told in frames(response.iter_lines()):
                listener.told.append(told)
                headers["Last-Event-ID"] = str(told[0])


@contextmanager
def listening(store: Store, last: int | None = None) -> Iterator[Listener]:
    """A page that is open until the block ends."""
    listener = Listener()
    headers = {"Authorization": f"Bearer {store.token}"} | ({"Last-Event-ID": str(last)} if last is not None else {})
    thread = threading.Thread(target=listen, args=(store, listener, headers), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.closed.set()
        thread.join(15)


@pytest.fixture(scope="module")
def store(environment: Any, fresh_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    register_everything()
    settings = read_settings(fresh_database)
    database = Database(settings)
    committed_store(database, currency="CNY")
    committed_store(database, code="S02", currency="CNY")
    with database.transaction() as tx:
        a_counter(tx, code="C1")
        made = [create_client(tx, None, "desk", SCOPES, {"store": code}) for code in ("S01", "S02")]
    log: Path = tmp_path_factory.mktemp("live") / "web.log"
    with relaying(database), serve(fresh_database, log, processes=2) as server:
        tokens = [
            httpx.post(
                f"{server.base_url}/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=(client.client_id, client.client_secret),
            ).json()["access_token"]
            for client in made
        ]
        yield Store(server, *tokens)
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


def test_a_desk_hears_of_a_ticket_and_the_handheld_that_it_is_paid(store: Store) -> None:
    with listening(store) as page:
        page.waits_for("hello")
        ticket = store.issue(1990)
        assert page.waits_for("ticket.issued")[-1]["ticket"]["number"] == ticket["number"]
        store.settle(ticket)
        assert page.waits_for("ticket.paid")[-1]["ticket"]["id"] == ticket["id"]
        assert page.waits_for("settlement.paid")[-1]["settlement"]["amount"] == 1990


def test_a_page_that_comes_back_is_told_what_it_missed_in_order_and_once(store: Store) -> None:
    with listening(store) as page:
        page.waits_for("hello")
        store.issue()
        page.waits_for("ticket.issued")
        last = page.told[-1][0]
    missed = [store.issue()["id"] for _ in range(3)]
    with listening(store, last) as page:
        found = [data["ticket"]["id"] for data in page.waits_for("ticket.issued", 3)]
        assert found == missed
        after = store.issue()["id"]
        assert page.waits_for("ticket.issued", 4)[-1]["ticket"]["id"] == after
        ids = [position for position, _, _ in page.told]
        assert ids == sorted(set(ids))


def test_two_hundred_pages_hear_everything_and_plain_requests_are_answered_meanwhile(store: Store) -> None:
    pages = 200
    with httpx.Client(limits=httpx.Limits(max_connections=pages + 10), timeout=30) as client:
        headers = {"Authorization": f"Bearer {store.token}"}
        address = f"{store.server.base_url}/v1/stores/S01/events"
        streams = [
            client.send(client.build_request("GET", address, headers=headers), stream=True) for _ in range(pages)
        ]
        assert {stream.status_code for stream in streams} == {200}
        assert httpx.get(f"{store.server.base_url}/healthz", timeout=10).status_code == 200
        tickets = [store.issue()["id"] for _ in range(5)]
        for stream in streams:
            told = b""
            for part in stream.iter_raw():
                told += part
                if all(ticket.encode() in told for ticket in tickets):
                    break
            assert [told.count(f'"id":"{ticket}"'.encode()) for ticket in tickets] == [1] * 5
            stream.close()


def test_another_store_s_machine_hears_nothing(store: Store) -> None:
    address = f"{store.server.base_url}/v1/stores/S01/events"
    assert httpx.get(address, headers={"Authorization": f"Bearer {store.other_token}"}).status_code == 403
    assert httpx.get(address).status_code == 401


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_a_last_event_id_that_is_none_is_refused(store: Store, last: str) -> None:
    headers = {"Authorization": f"Bearer {store.token}", "Last-Event-ID": last}
    answer = httpx.get(f"{store.server.base_url}/v1/stores/S01/events", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "last_event_id_unreadable")
