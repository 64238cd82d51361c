"""What a load did, counted while it runs and said at its end."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msgspec

from regulars.demo.connection import Problem, Reply
from regulars.demo.receipts import Money


class Points(msgspec.Struct):
    """The points block of a sale's answer."""

    earned: int = 0


class Body(msgspec.Struct):
    """What the loader reads of an item's answer; everything else passes unread."""

    flags: list[Any] = []
    points: Points | None = None


class Outcome(msgspec.Struct):
    """One entry of `results`."""

    status: int
    body: Body | None = None
    problem: Problem | None = None


class Outcomes(msgspec.Struct):
    """The answer of every batch route."""

    results: list[Outcome]


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many items of one kind refused for one reason; `first` names one of them."""

    what: str
    status: int
    code: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one kind of thing: `new` were made, `known` stood there already, `skipped` were not sent
    again because an earlier run had their answer."""

    what: str
    new: int
    known: int
    refused: int
    skipped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DemoReport:
    """A whole load. `lines` and `money` are what the source holds for the baskets asked for, in cents;
    `points` and `flags` are what the server answered for the sales that this run sent."""

    offset_weeks: int
    parts: tuple[Part, ...]
    lines: int
    money: Money
    points: int
    flags: dict[str, int]
    refusals: tuple[Refusal, ...]
    seconds: float
    client_cpu_seconds: float

    @property
    def sales(self) -> Part:
        """The part that matters most."""
        return next(part for part in self.parts if part.what == "sales")

    @property
    def complete(self) -> bool:
        """Whether nothing was refused."""
        return not self.refusals


@dataclass(slots=True)
class Tally:
    """Counts answers from several threads at once."""

    new: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    points: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    _refusals: Counter[tuple[str, int, str, str]] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def count(self, what: str, reply: Reply) -> int:
        """Count a batch route's answer; returns how many items it had."""
        outcomes = msgspec.json.decode(reply.content, type=Outcomes).results
        with self._lock:
            for outcome in outcomes:
                self._count_one(what, outcome, replayed=reply.replayed)
        return len(outcomes)

    def skip(self, what: str, count: int) -> None:
        """Count items that an earlier run had the answer for."""
        with self._lock:
            self.skipped[what] += count

    def part(self, what: str) -> Part:
        """The counts of one kind so far."""
        seconds = self.seconds.get(what, 0.0)
        return Part(what, self.new[what], self.known[what], self.refused[what], self.skipped[what], seconds)

    def refusals(self) -> tuple[Refusal, ...]:
        """Every reason, the most frequent first."""
        return tuple(Refusal(*reason, count) for reason, count in self._refusals.most_common())

    def _count_one(self, what: str, outcome: Outcome, *, replayed: bool) -> None:
        if outcome.status >= 400:
            problem = outcome.problem or Problem()
            self.refused[what] += 1
            self._refusals[(what, outcome.status, problem.code, problem.detail)] += 1
            return
        if outcome.status == 201 and not replayed:
            self.new[what] += 1
        else:
            self.known[what] += 1
        if outcome.body is not None:
            self.flags.update(_flag_name(flag) for flag in outcome.body.flags)
            self.points += outcome.body.points.earned if outcome.body.points else 0


def _flag_name(flag: Any) -> str:
    """A flag is a word, or an object whose `code` or `kind` is the word."""
    if isinstance(flag, dict):
        return str(flag.get("code") or flag.get("kind") or flag.get("flag"))
    return str(flag)
