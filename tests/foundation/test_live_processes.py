"""What only real processes and real sockets can show."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from foundation.access.clients import NewClient, create_client, move_client, revoke_client
from foundation.database import Database
from foundation.settings import read_settings
from regulars.web import load_rooms
from tests.conftest import LiveServer, serve

PATH = "/v1/stores?limit=1"


@pytest.fixture(scope="module")
def two_processes(fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    load_rooms()
    with serve(fresh_database, tmp_path_factory.mktemp("live") / "web.log", processes=2) as server:
        yield server


@pytest.fixture
def outside(two_processes: LiveServer) -> Iterator[Database]:
    """A third process's view of the database: neither of those that serve."""
    database = Database(read_settings(two_processes.environment))
    yield database
    database.dispose()


@pytest.fixture
def make_token(two_processes: LiveServer, outside: Database) -> Callable[..., tuple[NewClient, str]]:
    def make(
        bindings: Mapping[str, str] | None = None, scopes: Sequence[str] = ("organisation.read",)
    ) -> tuple[NewClient, str]:
        with outside.transaction() as tx:
            client = create_client(tx, None, "live", scopes, bindings or {})
        answer = httpx.post(
            f"{two_processes.base_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client.client_id, client.client_secret),
        )
        return client, answer.json()["access_token"]

    return make


def statuses(server: LiveServer, token: str, count: int = 40) -> set[int]:
    """The statuses of `count` requests, each over a connection of its own: both processes take some."""

    def once(_: int) -> int:
        connection = HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
        try:
            connection.request("GET", PATH, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(once, range(count)))


def test_revoking_a_client_reaches_every_process_at_once(
    two_processes: LiveServer, outside: Database, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    client, token = make_token()
    assert statuses(two_processes, token) == {200}
    time.sleep(2.5)  # until the listeners of both have shown that they hear: entries live for a minute now
    assert statuses(two_processes, token) == {200}
    with outside.transaction() as tx:
        revoke_client(tx, client.client_id)
    until = time.monotonic() + 4
    while statuses(two_processes, token) != {401}:
        assert time.monotonic() < until, "a process goes on by what it has kept"


def test_moving_a_till_reaches_every_process_at_once(
    two_processes: LiveServer, outside: Database, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    client, token = make_token({"store": "S01", "terminal": "T1"})
    assert statuses(two_processes, token) == {200}
    with outside.transaction() as tx:
        move_client(tx, client.client_id, {"store": "S02", "terminal": "T1"})
    time.sleep(0.3)
    assert statuses(two_processes, token) == {200}


def _raw(server: LiveServer, request: bytes, body: Iterator[bytes]) -> tuple[int, dict[str, object]]:
    """Send a request byte by byte as its author wants, then read the whole answer."""
    host = urlsplit(server.base_url)
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=30) as connection:
        connection.sendall(request)
        for block in body:
            connection.sendall(block)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int(
            next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1]
        )
        while len(rest) < length:
            rest += connection.recv(65536)
    return int(head.split()[1]), json.loads(rest)


def test_a_refused_body_is_taken_in_so_that_its_sender_reads_the_answer(
    two_processes: LiveServer, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    _, token = make_token()
    size = 24 * 1024 * 1024
    block = b"x" * (1024 * 1024)
    for authorization in (f"Bearer {token}", "Bearer wrong"):
        head = (
            f"PUT /v1/stores/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        ).encode()
        status, problem = _raw(two_processes, head, (block for _ in range(24)))
        assert status == 413
        assert problem["code"] == "body_too_large"


def test_a_chunked_body_without_a_length_is_bounded_too(two_processes: LiveServer, outside: Database) -> None:
    with outside.transaction() as tx:
        client = create_client(tx, None, "live", ["organisation.write"], {})
    token = httpx.post(
        f"{two_processes.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client.client_id, client.client_secret),
    ).json()["access_token"]
    head = (
        f"PUT /v1/stores/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    body = (chunk if n < 12 else b"0\r\n\r\n" for n in range(13))
    status, problem = _raw(two_processes, head, body)
    assert (status, problem["code"]) == (413, "body_too_large")


def test_chunks_that_cannot_be_read_are_the_senders_mistake(
    two_processes: LiveServer, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    _, token = make_token(scopes=["organisation.write"])
    head = (
        f"PUT /v1/stores/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    status, problem = _raw(two_processes, head, iter([b"zz\r\n{}\r\n0\r\n\r\n"]))
    assert (status, problem["code"]) == (400, "body_cut")


def test_a_connection_goes_on_after_a_refused_body(
    two_processes: LiveServer, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    _, token = make_token()
    with httpx.Client(base_url=two_processes.base_url, headers={"Authorization": f"Bearer {token}"}) as client:
        for _ in range(3):
            assert client.put("/v1/stores/batch", content=b"x" * 100_000).status_code == 403
            assert client.get(PATH).status_code == 200


def test_metrics_of_all_processes_are_added_up(
    two_processes: LiveServer, make_token: Callable[..., tuple[NewClient, str]]
) -> None:
    _, token = make_token()

    def count() -> float:
        lines = httpx.get(f"{two_processes.base_url}/metrics").text.splitlines()
        name = 'regulars_http_requests_total{method="GET",route="/v1/stores",status="200"}'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = count()
    assert statuses(two_processes, token, 30) == {200}
    if "PROMETHEUS_MULTIPROC_DIR" in two_processes.environment:
        assert count() == before + 30
