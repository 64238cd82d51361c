"""`python -m benchmarks [--quick] [--only ...]`: the house beside floors of the same run."""

import argparse
import functools
import multiprocessing
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks import floor, lists, live, report, scoring
from benchmarks.big_house import big_house
from benchmarks.big_lake import BigSize
from benchmarks.house import House, Web, running_house, serving
from benchmarks.load import Client, Http, Line, Round, SetBased, drive
from benchmarks.machine import describe
from benchmarks.receipts import Maker, Shop, Till
from benchmarks.report import Comparison
from benchmarks.rounds import Subject, by_turns
from benchmarks.seeding import Size, seed

SALES_PER_BATCH = 100
SINGLE = "one sale a request"
BATCH = f"{SALES_PER_BATCH} sales a request"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure, on how large a shop."""

    size: Size
    rounds: int
    seconds: float
    connections_single: Sequence[int] = (1, 4, 16)
    connections_batch: Sequence[int] = (1, 4)


FULL = Plan(Size(), rounds=5, seconds=3.0)
QUICK_BIG = BigSize(members=20_000, lines=1_000_000)
QUICK = Plan(Size(stores=10, products=1_000, members=4_000), rounds=2, seconds=1.5)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured: the house, its web server and the floor's, and the shop as each of them knows it."""

    house: House
    web: Web
    floor_web: Web
    shop: Shop
    floor_shop: Shop
    tills: Sequence[Till]
    floor_tills: Sequence[Till]
    plan: Plan

    def singles(self, connections: int) -> Comparison:
        """One sale a request, beside the bare route and pgbench."""
        product = self._clients(connections, "/v1/sales", functools.partial(Http, self.web.port), 1)
        bare = self._floor_clients(connections, "/sales", functools.partial(Http, self.floor_web.port), 1)
        measured = self._measure(
            Subject("product", functools.partial(drive, product), self._all_processes, readers=True),
            Subject("bare route", functools.partial(drive, bare), {"web": self.floor_web.pid, **self._postgresql}),
            Subject(
                "pgbench",
                functools.partial(floor.run_pgbench, self.house, self.floor_shop, connections),
                self._postgresql,
            ),
        )
        return replace(
            measured,
            title=SINGLE,
            connections=connections,
            target=0.5 if connections > 1 else None,
            p95_target_ms=12.0 if connections == 4 else None,
        )

    def batches(self, connections: int) -> Comparison:
        """A hundred sales a request, beside a hundred sales a commit."""
        product = self._clients(connections, "/v1/sales/batch", functools.partial(Http, self.web.port), SALES_PER_BATCH)
        set_based = self._floor_clients(
            connections, "", functools.partial(SetBased, self.house.database_url), SALES_PER_BATCH
        )
        measured = self._measure(
            Subject("product", functools.partial(drive, product), self._all_processes, readers=True),
            Subject("set-based", functools.partial(drive, set_based), self._postgresql),
        )
        return replace(measured, title=BATCH, connections=connections, target=0.4)

    @property
    def _all_processes(self) -> dict[str, int]:
        return {"web": self.web.pid, **self.house.processes}

    @property
    def _postgresql(self) -> dict[str, int]:
        return {"postgresql": self.house.processes["postgresql"]}

    def _measure(self, *subjects: Subject) -> Comparison:
        product, *floors = by_turns(self.house, subjects, self.plan.rounds, self.plan.seconds)
        return Comparison("", 0, product, floors)

    def _clients(self, connections: int, path: str, line: Callable[[Maker, int], Line], sales: int) -> list[Client]:
        return clients(connections, self.shop, self.tills, path, line, sales)

    def _floor_clients(
        self, connections: int, path: str, line: Callable[[Maker, int], Line], sales: int
    ) -> list[Client]:
        return clients(connections, self.floor_shop, self.floor_tills, path, line, sales)


def clients(
    connections: int, shop: Shop, tills: Sequence[Till], path: str, line: Callable[[Maker, int], Line], sales: int
) -> list[Client]:
    """Each connection with tills of its own, used in turn, so that no till comes near its 600 requests a second.

    Batches have members of their own, too: two tills seldom send their queues with the same people in them.
    """
    return [
        Client(
            Maker(shop, path, tills[n::connections], shop.members[n::connections] if sales > 1 else shop.members, n),
            sales,
            line,
        )
        for n in range(connections)
    ]


def null_client(maker: Maker, seconds: float) -> Round:
    """What a client costs when the server does nothing: a socket that answers every request with the same bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = multiprocessing.get_context("fork").Process(target=_answer_always, args=(listening,), daemon=True)
        server.start()
        line = functools.partial(Http, listening.getsockname()[1])
        try:
            return drive([Client(maker, 1, line)], seconds)
        finally:
            server.kill()
            server.join(10)


def _answer_always(listening: socket.socket) -> None:
    answer = b"HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n" + b"x" * 300
    connection, _ = listening.accept()
    while connection.recv(262_144):
        connection.sendall(answer)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="about a minute, on a small shop; keeps no file")
    arguments.add_argument("--only", choices=("single", "batch", "scoring", "lists", "live"))
    given = arguments.parse_args()
    if given.only in (None, "scoring", "lists"):
        bench_big(given.only, quick=given.quick)
    if given.only in (None, "live"):
        bench_live(quick=given.quick)
    if given.only not in ("scoring", "lists", "live"):
        bench_sales(given.only, quick=given.quick)


def bench_big(only: str | None, *, quick: bool) -> None:
    """A scoring run, and live counts, beside hand-written queries over the same files."""
    with big_house(QUICK_BIG if quick else None) as big:
        machine = describe(big.house.database_url, big.house.directory)
        counted = lists.measure(big, rounds=3 if quick else lists.ROUNDS) if only != "scoring" else None
        scored = scoring.measure(big, rounds=1 if quick else scoring.ROUNDS) if only != "lists" else None
    if counted is not None:
        lists.show(counted)
        if not quick:
            lists.keep(machine, counted)
            print(f"Kept in {lists.RESULTS}")
    if scored is not None:
        scoring.show(scored)
        if not quick:
            scoring.keep(machine, scored)
            print(f"Kept in {scoring.RESULTS}")


def bench_live(*, quick: bool) -> None:
    """Tickets to the desk and "paid" to the handhelds, with their streams open."""
    with running_house() as house:
        machine = describe(house.database_url, house.directory)
        told = live.measure(house, live.QUICK if quick else live.Plan())
    live.show(machine, told)
    if not quick:
        live.keep(machine, told)
        print(f"Kept in {live.RESULTS}")


def bench_sales(only: str | None, *, quick: bool) -> None:
    """Sales over HTTP beside floors on the same servers."""
    plan = QUICK if quick else FULL
    comparisons: list[Comparison] = []
    with running_house() as house:
        machine = describe(house.database_url, house.directory)
        with serving(house, "regulars web", "web") as web, serving(house, "benchmarks.floor_web", "floor") as floor_web:
            shop, tills = seed(web.port, plan.size)
            floor_tills = [replace(till) for till in tills]
            bench = Bench(house, web, floor_web, shop, floor.build(house, shop), tills, floor_tills, plan)
            nothing = null_client(Maker(shop, "/v1/sales", tills, shop.members, seed=7), plan.seconds)
            if only != "batch":
                comparisons += [bench.singles(connections) for connections in plan.connections_single]
            if only != "single":
                comparisons += [bench.batches(connections) for connections in plan.connections_batch]
    report.show(machine, comparisons)
    print(f"A client costs {nothing.client_us:.0f} us a request against a socket that answers at once.")
    if not quick and only is None:
        report.keep(machine, comparisons, nothing.client_us)
        print(f"Kept in {report.RESULTS}")


if __name__ == "__main__":
    main()
