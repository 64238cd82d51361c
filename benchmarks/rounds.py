"""Rounds: the product and its floors by turns, so that whatever else the machine does hits them alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from benchmarks.cpu import cpu_seconds
from benchmarks.house import House
from benchmarks.load import Round

CAUGHT_UP_S = 30.0
# The relay and every reader of events have nothing left to do.
BEHIND = """
SELECT (SELECT count(*) FROM foundation.outbox) + (SELECT count(*) FROM foundation.event
        WHERE position > (SELECT coalesce(min(position), 0) FROM foundation.consumer))
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to be measured. `processes` are the pids of what works for it, by name."""

    name: str
    run: Callable[[float], Round]
    processes: Mapping[str, int]


@dataclass(slots=True)
class Measured:
    """All rounds of one subject, and the CPU microseconds a sale that each process took in them."""

    name: str
    rounds: list[Round] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)
    events_behind: list[int] = field(default_factory=list)

    @property
    def sales_per_s(self) -> float:
        return statistics.median(each.sales_per_s for each in self.rounds)

    @property
    def p50_ms(self) -> float:
        return statistics.median(each.p50_ms for each in self.rounds)

    @property
    def p95_ms(self) -> float:
        return statistics.median(each.p95_ms for each in self.rounds)

    @property
    def client_us(self) -> float:
        return statistics.median(each.client_us for each in self.rounds)

    def cpu(self) -> dict[str, float]:
        """Median CPU microseconds a sale, by process."""
        return {name: statistics.median(used[name] for used in self.cpu_us) for name in self.cpu_us[0]}


def by_turns(house: House, subjects: Sequence[Subject], rounds: int, seconds: float) -> list[Measured]:
    """Each subject once a round, after a round of a second that does not count."""
    measured = [Measured(subject.name) for subject in subjects]
    for subject in subjects:
        subject.run(1.0)
    for _ in range(rounds):
        for subject, into in zip(subjects, measured, strict=True):
            _wait_until_caught_up(house)
            before = cpu_seconds(subject.processes)
            done = subject.run(seconds)
            after = cpu_seconds(subject.processes)
            into.rounds.append(done)
            into.cpu_us.append({name: (after[name] - before[name]) / done.sales * 1e6 for name in after})
            into.events_behind.append(_behind(house))
    return measured


def _behind(house: House) -> int:
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        row = connection.execute(BEHIND).fetchone()
        return int(row[0]) if row is not None else 0


def _wait_until_caught_up(house: House) -> None:
    """What the last round left to relay and worker must not slow down the next one."""
    deadline = time.monotonic() + CAUGHT_UP_S
    while _behind(house) and time.monotonic() < deadline:
        time.sleep(0.25)
