"""The loader's connection against a server that answers what the test tells it to."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import msgspec
import pytest

from regulars.demo import connection
from regulars.demo.connection import ClientLogin, Connection, DemoStopped

Script = list[tuple[int, dict[str, str], object]]
Seen = list[tuple[str, dict[str, str], bytes]]


class Server:
    """Answers each call with the next line of `script`; status 0 closes the connection without a word."""

    def __init__(self) -> None:
        self.script: Script = []
        self.seen: Seen = []
        self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/oauth/token":
                    outer.tokens += 1
                    return self._answer(200, {}, {"access_token": f"token-{outer.tokens}"})
                outer.seen.append((self.path, dict(self.headers), body))
                status, headers, content = outer.script.pop(0)
                if status == 0:
                    self.close_connection = True
                    return None
                return self._answer(status, headers, content)

            def _answer(self, status: int, headers: dict[str, str], content: object) -> None:
                body = msgspec.json.encode(content)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.001)
    server = Server()
    server.thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def send(server: Server) -> Iterator[Callable[[], connection.Reply]]:
    with Connection(server.url, ClientLogin("id", "secret")) as opened:
        yield lambda: opened.send("POST", "/v1/sales/batch", {"sales": []}, key="k1")


def test_a_lost_connection_and_a_busy_server_are_tried_again_with_the_same_key(
    server: Server, send: Callable[[], connection.Reply]
) -> None:
    server.script = [
        (0, {}, None),
        (503, {}, {"code": "unavailable"}),
        (429, {"Retry-After": "0"}, {"code": "rate_limited"}),
        (409, {}, {"code": "still_running", "retryable": True}),
        (200, {"Idempotency-Replayed": "true"}, {"results": []}),
    ]
    reply = send()
    assert (reply.status, reply.replayed) == (200, True)
    assert [headers["Idempotency-Key"] for _, headers, _ in server.seen] == ["k1"] * 5
    assert len({body for _, _, body in server.seen}) == 1


def test_a_token_that_has_run_out_is_asked_for_anew(server: Server, send: Callable[[], connection.Reply]) -> None:
    server.script = [(401, {}, {"code": "token_unknown"}), (200, {}, {"results": []})]
    assert send().status == 200
    assert [headers["Authorization"] for _, headers, _ in server.seen] == ["Bearer token-1", "Bearer token-2"]


def test_a_refusal_is_told_with_its_reason_and_not_tried_again(
    server: Server, send: Callable[[], connection.Reply]
) -> None:
    server.script = [(403, {}, {"code": "forbidden", "detail": "sales.post is needed"})]
    with pytest.raises(DemoStopped, match=r"403 forbidden sales\.post is needed"):
        send()
    assert len(server.seen) == 1


def test_a_server_that_stays_away_is_given_up_after_a_bounded_number_of_tries(
    server: Server, send: Callable[[], connection.Reply]
) -> None:
    server.script = [(503, {}, {"code": "unavailable"})] * 20
    with pytest.raises(DemoStopped, match="503"):
        send()
    assert len(server.seen) == connection.TRIES_MAX
