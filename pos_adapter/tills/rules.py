"""Which numbers of a till are missing: arithmetic over ranges, never over single numbers.

A till numbers its receipts 1, 2, 3 ... . Some tills start again every day, some go on. A range of nine billion
missing numbers is one `Span`, so a nonsensical number costs no more than a sensible one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GapPlace(StrEnum):
    """Where numbers are missing: inside a business date, or between the date before and its first number."""

    INSIDE = "inside"
    BEFORE = "before"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Numbers from `first` to `last`, both included; never empty."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def overlaps(self, other: "Span") -> bool:
        return self.first <= other.last and other.first <= self.last


def spans_of(numbers: Iterable[int]) -> list[Span]:
    """Numbers, in any order and as often as they come, as ascending runs without a hole."""
    runs: list[Span] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1].last + 1:
            runs[-1] = Span(runs[-1].first, number)
        else:
            runs.append(Span(number, number))
    return runs


def subtract(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What is left of `spans` without `taken`. Both ascending; spans do not overlap each other. Linear."""
    left: list[Span] = []
    at = 0
    for span in spans:
        first = span.first
        while at < len(taken) and taken[at].first <= span.last:
            if taken[at].first > first:
                left.append(Span(first, taken[at].first - 1))
            first = max(first, taken[at].last + 1)
            if first > span.last:
                break  # it may reach into the next span
            at += 1
        if first <= span.last:
            left.append(Span(first, span.last))
    return left


def hull(one: Span, other: Span | None) -> Span:
    """The smallest span that holds both."""
    return one if other is None else Span(min(one.first, other.first), max(one.last, other.last))


def missing_inside(day: Span | None, gaps: Sequence[Span], arrived: Sequence[Span]) -> list[Span]:
    """The gaps of a business date after more numbers arrived.

    `day` is the span of what had arrived before (None: nothing), `gaps` the ascending gaps there were in it, at
    least those that `arrived` (ascending, not empty) touches. What was not missing before and lies within `day` is
    not missing now, so that a gap once explained does not come back.
    """
    now = hull(Span(arrived[0].first, arrived[-1].last), day)
    if day is None:
        return subtract([now], arrived)
    below = [Span(now.first, day.first - 1)] if now.first < day.first else []
    above = [Span(day.last + 1, now.last)] if now.last > day.last else []
    return subtract([*below, *gaps, *above], arrived)


def missing_before(earlier: Span | None, day: Span) -> Span | None:
    """The numbers missing between the business date before (`earlier`, None: there is none) and this one.

    A series that goes on continues after the last number; one that starts again (its first number is not above
    the last of the date before) starts where it started then.
    """
    if earlier is None:
        return None
    expected = earlier.last + 1 if day.first > earlier.last else earlier.first
    return Span(expected, day.first - 1) if day.first > expected else None


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing numbers that are on record. `announced_at` is None while they may still be on their way."""

    id: int
    span: Span
    noticed_at: datetime
    announced_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewGap:
    """Missing numbers to be put on record; a part of an older gap keeps the moments of that one."""

    span: Span
    part_of: Gap | None


@dataclass(frozen=True, slots=True)
class GapChanges:
    closed: tuple[Gap, ...]
    resized: tuple[tuple[Gap, Span], ...]
    opened: tuple[NewGap, ...]


def reconcile(known: Sequence[Gap], missing: Sequence[Span]) -> GapChanges:
    """What to change so that the gaps on record are exactly `missing`. Both ascending.

    The first missing span that overlaps a gap takes its place, further ones are opened as parts of it.
    """
    taken: dict[int, Span] = {}
    opened: list[NewGap] = []
    at = 0
    for span in missing:
        while at < len(known) and known[at].span.last < span.first:
            at += 1
        gap = known[at] if at < len(known) and known[at].span.overlaps(span) else None
        if gap is None or gap.id in taken:
            opened.append(NewGap(span, gap))
        else:
            taken[gap.id] = span
    return GapChanges(
        closed=tuple(gap for gap in known if gap.id not in taken),
        resized=tuple((gap, taken[gap.id]) for gap in known if gap.id in taken and taken[gap.id] != gap.span),
        opened=tuple(opened),
    )
