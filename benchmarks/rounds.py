"""Rounds: the product and its floors by turns, so that whatever else the machine does hits them alike."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from benchmarks.cpu import cpu_seconds
from benchmarks.house import House
from benchmarks.load import Round
from foundation.queues import configure_queue

READERS = "foundation.consume_everything"
QUIET_S = 20.0
QUIET_STEP_S = 0.2
# What relay and worker use when they have nothing to do.
QUIET_CPU = 0.05
BEHIND = """
SELECT (SELECT count(*) FROM foundation.outbox) + (SELECT count(*) FROM foundation.event
        WHERE position > (SELECT coalesce(min(position), 0) FROM foundation.consumer))
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to be measured. `processes` are the pids of what works for it, by name.

    With `readers` its events are read meanwhile, as many as it makes (see `_calling_readers`).
    """

    name: str
    run: Callable[[float], Round]
    processes: Mapping[str, int]
    readers: bool = False


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
        _run(subject, 1.0)
    for _ in range(rounds):
        for subject, into in zip(subjects, measured, strict=True):
            _wait_until_quiet(house)
            before = cpu_seconds(subject.processes)
            done = _run(subject, seconds)
            after = cpu_seconds(subject.processes)
            into.rounds.append(done)
            into.cpu_us.append({name: (after[name] - before[name]) / done.sales * 1e6 for name in after})
            into.events_behind.append(_behind(house))
    return measured


def _run(subject: Subject, seconds: float) -> Round:
    if not subject.readers:
        return subject.run(seconds)
    with _calling_readers(seconds):
        return subject.run(seconds)


@contextmanager
def _calling_readers(seconds: float) -> Iterator[None]:
    """Call every reader of events twice in a round, in the place of beat, which does it every ten seconds.

    What the last quarter of a round leaves is read in the next round, so that each pays for as much as it makes, and
    the floors between them are not disturbed.
    """
    caller = multiprocessing.get_context("fork").Process(target=_call_readers, args=(seconds,), daemon=True)
    caller.start()
    try:
        yield
    finally:
        caller.join(QUIET_S)


def _call_readers(seconds: float) -> None:
    queue = configure_queue()
    for pause in (seconds / 4, seconds / 2):
        time.sleep(pause)
        queue.send_task(READERS)


def _behind(house: House) -> int:
    """How many events wait for relay and readers."""
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        row = connection.execute(BEHIND).fetchone()
        return int(row[0]) if row is not None else 0


def _wait_until_quiet(house: House) -> None:
    """What a round has left to relay and worker must not slow down the next one."""
    behind = {name: house.processes[name] for name in ("relay", "worker")}
    deadline = time.monotonic() + QUIET_S
    while time.monotonic() < deadline:
        before = cpu_seconds(behind)
        time.sleep(QUIET_STEP_S)
        after = cpu_seconds(behind)
        if sum(after.values()) - sum(before.values()) <= QUIET_CPU * QUIET_STEP_S:
            return
