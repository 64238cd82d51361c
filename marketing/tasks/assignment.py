"""Who gets a task: pure.

First whoever knows the member best (in the order given), then whoever of the store has the least to do; each only while
there is room. A clerk has room if all that is due by any day can still be done by then, so many standard minutes a day
(the earliest due first, Jackson 1955). A task for which nobody has room stays in the store's pool.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that wants somebody. `known_by` are ids of staff who know the member, the best first."""

    store: str
    due_on: date
    minutes: int
    known_by: tuple[int, ...] = ()


class Rota:
    """How much each clerk has to do, and by when. What is overdue counts for today."""

    def __init__(self, today: date, minutes_per_day: int, loads: Iterable[tuple[int, date, int]] = ()) -> None:
        self._today = today
        self._minutes_per_day = minutes_per_day
        self._due: dict[int, dict[date, int]] = {}
        self._total: dict[int, int] = {}
        for clerk, due_on, minutes in loads:
            self.add(clerk, due_on, minutes)

    def add(self, clerk: int, due_on: date, minutes: int) -> None:
        """Somebody has so many minutes more to do by a day."""
        by_day = self._due.setdefault(clerk, {})
        day = max(due_on, self._today)
        by_day[day] = by_day.get(day, 0) + minutes
        self._total[clerk] = self._total.get(clerk, 0) + minutes

    def load(self, clerk: int) -> int:
        """Minutes that somebody still has to do."""
        return self._total.get(clerk, 0)

    def has_room(self, clerk: int, due_on: date, minutes: int) -> bool:
        """Whether somebody could do this as well, and still be in time with everything."""
        due = max(due_on, self._today)
        by_day = self._due.get(clerk, {})
        until_then = minutes + sum(load for day, load in by_day.items() if day <= due)
        if until_then > self._capacity(due):
            return False
        for day in sorted(day for day in by_day if day > due):
            until_then += by_day[day]
            if until_then > self._capacity(day):
                return False
        return True

    def _capacity(self, day: date) -> int:
        return ((day - self._today).days + 1) * self._minutes_per_day


def assign(wanted: Sequence[Wanted], clerks: Mapping[str, Sequence[int]], rota: Rota) -> list[int | None]:
    """Who gets each task, in order; None: the pool of its store. `clerks` are those on duty, by store.

    What is given out counts on the rota at once, so that the next task sees it.
    """
    given: list[int | None] = []
    for task in wanted:
        here = clerks.get(task.store, ())
        on_duty = set(here)
        chosen = _first_with_room((clerk for clerk in task.known_by if clerk in on_duty), task, rota)
        if chosen is None:
            chosen = _first_with_room(sorted(here, key=lambda clerk: (rota.load(clerk), clerk)), task, rota)
        if chosen is not None:
            rota.add(chosen, task.due_on, task.minutes)
        given.append(chosen)
    return given


def _first_with_room(clerks: Iterable[int], task: Wanted, rota: Rota) -> int | None:
    return next((clerk for clerk in clerks if rota.has_room(clerk, task.due_on, task.minutes)), None)
