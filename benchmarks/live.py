"""Bench (e): from the counter to the desk and back, while 200 handhelds of ten stores are connected.

    issued   from the moment a handheld is to send a ticket to its frame on the stream of the store's desk
    paid     from the moment a desk is to send its settlement to the frame "paid" on the stream of the handheld
    echo     a message to a bare TCP echo and back, on as many connections, held by the same process at the same time
    plain    sales over /v1/sales at a steady pace, with the streams open and without, by turns

Ten tickets a second, each settled a second later, in both. Everything is sent when it is due, whether or not what was
sent before has been answered, and is measured from that moment, so that a slow answer hides nothing.
"""

import itertools
import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from benchmarks.house import House, serving
from benchmarks.listening import Heard, Listener, Page, echo_always
from benchmarks.load import TIMEOUT_S, Connection, processes
from benchmarks.machine import Machine
from benchmarks.receipts import Maker, Shop, product_code, request
from benchmarks.seeding import Caller, Size, machine, office_of, seed

RESULTS = Path(__file__).with_name("results") / "live.json"
HANDHELDS_A_STORE = 20
TICKETS_A_SECOND = 10
PLAIN_A_SECOND = 50
SETTLED_AFTER_S = 1.0
SENDERS = 24
P95_MAX_MS = 250.0
# Plain requests keep their p95: by no more than this is it worse with the streams open.
PLAIN_RATIO_MAX = 1.25
PLAIN_SLACK_MS = 2.0
HANDHELD = ("tickets.read", "tickets.write")
DESK = ("tickets.read", "settlements.write", "sales.post", "sales.read")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, on how large a shop."""

    rounds: int = 5
    seconds: float = 12.0
    size: Size = field(default_factory=lambda: Size(stores=10, products=1_000, members=2_000))


QUICK = Plan(rounds=2, seconds=5.0)


@dataclass(frozen=True, slots=True)
class Handheld:
    """A handheld of a counter; `page` is its stream's number."""

    store: str
    counter: str
    token: str
    page: int


@dataclass(frozen=True, slots=True)
class Desk:
    """A store's cash desk."""

    store: str
    token: str
    page: int


@dataclass(frozen=True, slots=True)
class Counters:
    """Who takes part: handhelds in turn of the stores, desks by store, and tills that send plain sales."""

    shop: Shop
    handhelds: Sequence[Handheld]
    desks: Mapping[str, Desk]
    plain: Maker

    @property
    def pages(self) -> list[Page]:
        """Their streams, in the order of their numbers."""
        everybody: list[Handheld | Desk] = [*self.handhelds, *self.desks.values()]
        return [Page(each.store, each.token) for each in sorted(everybody, key=lambda each: each.page)]


@dataclass(slots=True)
class Taken:
    """Seconds of everything that was measured, all rounds."""

    issued: list[float] = field(default_factory=list)
    paid: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    plain_with: list[float] = field(default_factory=list)
    plain_without: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @staticmethod
    def of(seconds: Sequence[float]) -> "Figures":
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        return Figures(len(seconds), *(round(each * 1e3, 2) for each in (cuts[49], cuts[94], cuts[98], max(seconds))))


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, with so many streams open."""

    streams: int
    issued: Figures
    paid: Figures
    echo: Figures
    plain_with: Figures
    plain_without: Figures

    @property
    def missed(self) -> list[str]:
        """What falls short of what is promised."""
        slow = {"issued to desk": self.issued.p95, "paid to handheld": self.paid.p95}
        found = [f"{what}: p95 {p95:.0f} ms, wanted {P95_MAX_MS:.0f}" for what, p95 in slow.items() if p95 > P95_MAX_MS]
        kept = self.plain_without.p95 * PLAIN_RATIO_MAX + PLAIN_SLACK_MS
        if self.plain_with.p95 > kept:
            found.append(
                f"plain requests: p95 {self.plain_with.p95:.1f} ms, {self.plain_without.p95:.1f} without streams"
            )
        return found


# ------------------------------------------------------------------------------------------------ who takes part
def counters_of(port: int, size: Size) -> Counters:
    """A shop of many counters: each with a handheld of its own, each store with a desk."""
    shop, tills = seed(port, size)
    office = office_of(port)
    stores = sorted({till.store for till in tills})
    names = [f"H{n:02d}" for n in range(1, HANDHELDS_A_STORE + 1)]
    office.put_all(
        "PUT", "counters",
        [{"store": store, "code": name, "name": f"Counter {name}"} for store in stores for name in names],
    )  # fmt: skip
    pages = itertools.count()
    handhelds = [_handheld(port, office, store, name, next(pages)) for name in names for store in stores]
    desks = {store: _desk(port, office, store, next(pages)) for store in stores}
    return Counters(shop, handhelds, desks, Maker(shop, "/v1/sales", tills, shop.members, seed=11))


def _handheld(port: int, office: Caller, store: str, counter: str, page: int) -> Handheld:
    return Handheld(store, counter, machine(port, office, HANDHELD, {"store": store, "counter": counter}), page)


def _desk(port: int, office: Caller, store: str, page: int) -> Desk:
    return Desk(store, machine(port, office, DESK, {"store": store, "terminal": "D1"}), page)


def _ticket(handheld: Handheld, id: str, member: str, n: int) -> tuple[bytes, int]:
    """The request that issues a ticket of two goods, and what it comes to."""
    lines = [
        {
            "line": line,
            "quantity": "1",
            "product": product_code((2 * n + line) % 1_000),
            "amount": 1_000 + n % 900 + line,
        }
        for line in (1, 2)
    ]
    body = {
        "id": id, "store": handheld.store, "counter": handheld.counter, "member": json.loads(member), "lines": lines,
    }  # fmt: skip
    content = json.dumps(body).encode()
    return request("POST", "/v1/tickets", handheld.token, content), sum(int(str(line["amount"])) for line in lines)


def _settlement(desk: Desk, id: str, amount: int) -> bytes:
    tenders = [{"kind": "card", "amount": amount, "reference": id}]
    body = {"store": desk.store, "terminal": "D1", "tickets": [id], "tenders": tenders}
    return request("POST", "/v1/settlements", desk.token, json.dumps(body).encode())


# ------------------------------------------------------------------------------------------------ at a steady pace
@dataclass(frozen=True, slots=True)
class Scene:
    """One ticket: who issued it, and when it and its settlement were due."""

    id: str
    handheld: Handheld
    issue_due: float
    settle_due: float


@dataclass(frozen=True, slots=True)
class Paced:
    """What a round sent: its tickets, and the seconds of its plain requests."""

    scenes: Sequence[Scene]
    plain: Sequence[float]


class Senders:
    """Threads with a kept-alive connection each; what is due is sent by whoever is free."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._mine = threading.local()
        self._pool = ThreadPoolExecutor(SENDERS)

    def at(self, due: float, made: bytes, after: "Future[float] | None" = None) -> "Future[float]":
        """Send at a moment, once `after` was answered; the seconds from that moment to the answer."""
        time.sleep(max(0.0, due - time.perf_counter()))
        return self._pool.submit(self._send, due, made, after)

    def _send(self, due: float, made: bytes, after: "Future[float] | None") -> float:
        if after is not None:
            after.result(TIMEOUT_S)
        if not hasattr(self._mine, "connection"):
            self._mine.connection = Connection(self._port)
        answer: bytes = self._mine.connection.ask(made)
        if not answer.startswith(b"HTTP/1.1 20"):
            raise RuntimeError(f"refused: {answer[:1500].decode(errors='replace')}")
        return time.perf_counter() - due

    def end(self) -> None:
        """No thread is left."""
        self._pool.shutdown(cancel_futures=True)


def play(counters: Counters, senders: Senders, seconds: float, first: int) -> Paced:
    """Tickets, settlements and plain sales for so long, each sent when due. `first` numbers the tickets."""
    began = time.perf_counter() + 0.1
    scenes: list[Scene] = []
    issued: dict[str, Future[float]] = {}
    settled: list[Future[float]] = []
    plain: list[Future[float]] = []
    amounts: dict[str, int] = {}
    for due, what, n in _schedule(seconds):
        if what == "issue":
            handheld = counters.handhelds[(first + n) % len(counters.handhelds)]
            scene = Scene(str(uuid4()), handheld, began + due, began + due + SETTLED_AFTER_S)
            member = counters.shop.members[(first + n) % len(counters.shop.members)]
            made, amounts[scene.id] = _ticket(handheld, scene.id, member, first + n)
            issued[scene.id] = senders.at(scene.issue_due, made)
            scenes.append(scene)
        elif what == "settle":
            scene = scenes[n]
            made = _settlement(counters.desks[scene.handheld.store], scene.id, amounts[scene.id])
            settled.append(senders.at(scene.settle_due, made, issued[scene.id]))
        else:
            plain.append(senders.at(began + due, counters.plain.request(counters.plain.single())))
    for each in settled:
        each.result(TIMEOUT_S)
    return Paced(scenes, [each.result(TIMEOUT_S) for each in plain])


def _schedule(seconds: float) -> list[tuple[float, str, int]]:
    """What is due when, as (seconds from the beginning, what, its number)."""
    tickets = [(n / TICKETS_A_SECOND, n) for n in range(round(seconds * TICKETS_A_SECOND))]
    plain = [(n / PLAIN_A_SECOND + 0.005, "plain", n) for n in range(round(seconds * PLAIN_A_SECOND))]
    issue = [(due, "issue", n) for due, n in tickets]
    settle = [(due + SETTLED_AFTER_S, "settle", n) for due, n in tickets]
    return sorted([*issue, *settle, *plain])


# ------------------------------------------------------------------------------------------------ the measurement
def measure(house: House, plan: Plan) -> Result:
    """Rounds without and with the streams open, by turns. Raises RuntimeError when a page missed anything."""
    with serving(house, "regulars web", "web") as web, _echoing() as echo_port:
        counters = counters_of(web.port, plan.size)
        pages = counters.pages
        listener, senders = Listener(web.port, echo_port, pages, TICKETS_A_SECOND), Senders(web.port)
        taken, first = Taken(), 0
        try:
            play(counters, senders, 2.0, 10_000)  # a round that does not count
            for _ in range(plan.rounds):
                taken.plain_without += play(counters, senders, plan.seconds, first).plain
                first += round(plan.seconds * TICKETS_A_SECOND)
                listener.open()
                paced = play(counters, senders, plan.seconds, first)
                first += len(paced.scenes)
                _take(taken, counters, paced, _all_heard(listener, paced, pages))
        finally:
            senders.end()
            listener.end()
    figures = [getattr(taken, name) for name in ("issued", "paid", "echo", "plain_with", "plain_without")]
    return Result(len(pages), *map(Figures.of, figures))


@contextmanager
def _echoing() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        server = processes.Process(target=echo_always, args=(listening,), daemon=True)
        server.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.kill()
            server.join(10)


def _all_heard(listener: Listener, paced: Paced, pages: Sequence[Page]) -> Heard:
    """What was heard, once every page of a store has heard of each of its tickets; the pages are closed then."""
    deadline = time.monotonic() + TIMEOUT_S / 2
    while time.monotonic() < deadline and _unheard(listener.heard(), paced, pages):
        time.sleep(0.2)
    heard = listener.close()
    if unheard := _unheard(heard, paced, pages):
        raise RuntimeError(f"not every page heard everything, and once: {unheard[:5]}")
    return heard


def _unheard(heard: Heard, paced: Paced, pages: Sequence[Page]) -> list[str]:
    of_store: dict[str, list[int]] = {}
    for n, page in enumerate(pages):
        of_store.setdefault(page.store, []).append(n)
    return [
        f"{topic} {scene.id}"
        for scene in paced.scenes
        for topic in ("ticket.issued", "ticket.paid")
        if sorted(n for n, _ in heard.arrivals.get((topic, scene.id), ())) != of_store[scene.handheld.store]
    ]


def _take(taken: Taken, counters: Counters, paced: Paced, heard: Heard) -> None:
    for scene in paced.scenes:
        desk = counters.desks[scene.handheld.store]
        at_desk = dict(heard.arrivals["ticket.issued", scene.id])[desk.page]
        at_handheld = dict(heard.arrivals["ticket.paid", scene.id])[scene.handheld.page]
        taken.issued.append(at_desk - scene.issue_due)
        taken.paid.append(at_handheld - scene.settle_due)
    taken.echo += heard.echoes
    taken.plain_with += paced.plain


# ------------------------------------------------------------------------------------------------ telling
def show(machine: Machine, result: Result) -> None:
    """Print what was measured."""
    title = (
        f"{result.streams} streams of ten stores, {TICKETS_A_SECOND} tickets and as many settlements a second, "
        f"{PLAIN_A_SECOND} plain sales a second; load before {machine.load_before}"
    )
    table = Table("what", "times", "p50 ms", "p95 ms", "p99 ms", "most ms")
    for name, figures in _named(result).items():
        table.add_row(
            name,
            f"{figures.count:,}",
            *(f"{each:.1f}" for each in (figures.p50, figures.p95, figures.p99, figures.most)),
        )
    console = Console(width=130)
    console.print(title)
    console.print(table)
    for what in result.missed:
        console.print(f"MISSED: {what}")


def _named(result: Result) -> dict[str, Figures]:
    return {
        "issue at the handheld -> desk": result.issued,
        "settlement at the desk -> paid at the handheld": result.paid,
        "bare TCP echo, as many connections": result.echo,
        "plain sale, streams open": result.plain_with,
        "plain sale, no stream": result.plain_without,
    }


def keep(machine: Machine, result: Result) -> None:
    """Write the figures beside those of the other benches."""
    RESULTS.parent.mkdir(exist_ok=True)
    content: dict[str, Any] = {
        "machine": asdict(machine),
        "streams": result.streams,
        "tickets_a_second": TICKETS_A_SECOND,
        "plain_a_second": PLAIN_A_SECOND,
        "ms": {name: asdict(figures) for name, figures in _named(result).items()},
        "missed": result.missed,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
