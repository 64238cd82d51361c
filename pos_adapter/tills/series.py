"""A till's series over its days: what had arrived, what arrives, and so what is missing where. Pure."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from pos_adapter.tills.rules import GapPlace, Span, hull, missing_before, missing_inside, spans_of, subtract


# Tuples, not dataclasses: they are keys, hashed a million times while a year is posted.
class Till(NamedTuple):
    store_id: int
    terminal: str


class TillDay(NamedTuple):
    till: Till
    day: date


class Place(NamedTuple):
    """Where gaps are: inside a till's day, or before it."""

    till_day: TillDay
    place: GapPlace


@dataclass(slots=True)
class Heard:
    """Numbers of one till's day in a batch: of receipts that were recorded, and of refused ones that were parked."""

    recorded: set[int] = field(default_factory=set)
    parked: set[int] = field(default_factory=set)

    @property
    def reach(self) -> Span:
        numbers = self.recorded | self.parked
        return Span(min(numbers), max(numbers))


class Calendar:
    """The lowest and highest number of tills' days, and which day follows which."""

    def __init__(self, spans: Mapping[TillDay, Span]) -> None:
        self.spans = dict(spans)
        self._days: dict[Till, list[date]] = defaultdict(list)
        for till, day in spans:
            self._days[till].append(day)
        for days in self._days.values():
            days.sort()

    def span(self, till_day: TillDay) -> Span | None:
        return self.spans.get(till_day)

    def with_arrivals(self, heard: Mapping[TillDay, Heard]) -> "Calendar":
        """The calendar once the recorded receipts of a batch have arrived."""
        arrived = {
            till_day: hull(Span(min(numbers.recorded), max(numbers.recorded)), self.spans.get(till_day))
            for till_day, numbers in heard.items()
            if numbers.recorded
        }
        return Calendar({**self.spans, **arrived})

    def day_before(self, till_day: TillDay) -> TillDay | None:
        days = self._days[till_day.till]
        at = bisect_left(days, till_day.day)
        return TillDay(till_day.till, days[at - 1]) if at else None

    def day_after(self, till_day: TillDay) -> TillDay | None:
        days = self._days[till_day.till]
        at = bisect_right(days, till_day.day)
        return TillDay(till_day.till, days[at]) if at < len(days) else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of the days that a batch touches.

    `gaps` are open; `parked` and `explained` (before a day only) are numbers that are not missing although no receipt
    was recorded under them. All ascending.
    """

    gaps: Mapping[Place, Sequence[Span]]
    parked: Mapping[TillDay, Sequence[Span]]
    explained: Mapping[TillDay, Sequence[Span]]


def affected_days(after: Calendar, heard: Collection[TillDay]) -> set[TillDay]:
    """The touched days and the day that follows each: what is missing before that one may have changed."""
    following = {later for till_day in heard if (later := after.day_after(till_day)) is not None}
    return {till_day for till_day in heard if after.span(till_day) is not None} | following


def missing_now(
    before: Calendar, after: Calendar, heard: Mapping[TillDay, Heard], known: Known
) -> dict[Place, list[Span]]:
    """What is missing after a batch, at every place where that may have changed."""
    missing: dict[Place, list[Span]] = {}
    for till_day in affected_days(after, heard):
        if till_day in heard:
            missing[Place(till_day, GapPlace.INSIDE)] = _inside(before, till_day, heard[till_day], known)
        missing[Place(till_day, GapPlace.BEFORE)] = _before(after, till_day, known)
    return missing


def _inside(before: Calendar, till_day: TillDay, heard: Heard, known: Known) -> list[Span]:
    gaps = known.gaps.get(Place(till_day, GapPlace.INSIDE), ())
    arrived = spans_of(heard.recorded)
    missing = missing_inside(before.span(till_day), gaps, arrived) if arrived else gaps
    return subtract(missing, known.parked.get(till_day, ()))


def _before(after: Calendar, till_day: TillDay, known: Known) -> list[Span]:
    earlier = after.day_before(till_day)
    if earlier is None:
        return []
    gap = missing_before(after.spans[earlier], after.spans[till_day])
    accounted = [
        *known.explained.get(till_day, ()),
        *known.parked.get(earlier, ()),
        *known.parked.get(till_day, ()),
    ]
    return subtract([gap], sorted(accounted)) if gap is not None else []
