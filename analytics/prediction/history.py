"""Who bought when, in arrays made for windows.

Rows are sorted by member and day, so a window of days is a stretch of rows, and its sum the difference of two running
sums. Sums are of integers: their order cannot matter.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analytics.prediction.bg_nbd import Purchases

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAYS_OF_A_WEEK = 7.0
_STRAY = 200


@dataclass(frozen=True, slots=True)
class History:
    """What members bought, a row a member and day; days are whole numbers on any scale.

    `members` are the members' numbers, ascending; the rows of the i-th are `first_row[i]:first_row[i + 1]`, by day.
    `visit` is 1 on a day with a receipt and 0 on a day that only brought something back. Amounts are in minor units,
    net of returns. Of every array of results in this package, the i-th value is the i-th member's.
    """

    members: Ints
    first_row: Ints
    day: Ints
    visit: Ints
    spend: Ints
    promoted: Ints
    _key: Ints = field(repr=False)
    _running: dict[str, Ints] = field(repr=False)
    _visit_day: Ints = field(repr=False)

    @classmethod
    def of_rows(cls, member: Ints, day: Ints, visit: Ints, spend: Ints, promoted: Ints) -> "History":
        """From rows sorted by (member, day), at most one for each."""
        members, first = np.unique(member, return_index=True)
        return cls._made(members, np.append(first, len(member)), day, visit, spend, promoted)

    @classmethod
    def _made(cls, members: Ints, first_row: Ints, day: Ints, visit: Ints, spend: Ints, promoted: Ints) -> "History":
        owner = np.repeat(np.arange(len(members)), np.diff(first_row))
        running = {
            name: np.concatenate([[0], np.cumsum(values)])
            for name, values in (("visit", visit), ("spend", spend), ("promoted", promoted))
        }
        visits = visit > 0
        return cls(
            members, first_row, day, visit, spend, promoted, _key(owner, day), running, np.append(day[visits], 0)
        )

    def __len__(self) -> int:
        return len(self.members)

    def some(self, chosen: Ints) -> "History":
        """The same of some members, whose places are given in ascending order."""
        counts = np.diff(self.first_row)[chosen]
        first_row = np.concatenate([[0], np.cumsum(counts)])
        rows = np.repeat(self.first_row[chosen] - first_row[:-1], counts) + np.arange(first_row[-1])
        return self._made(
            self.members[chosen], first_row, self.day[rows], self.visit[rows], self.spend[rows], self.promoted[rows]
        )

    @property
    def first_day(self) -> int:
        """The day from which there is a history to speak of: half a per cent of all rows are before it.

        A receipt with a date from years ago, typed wrongly or imported, does not make the history longer.
        """
        place = len(self.day) // _STRAY
        return int(np.partition(self.day, place)[place])

    def rows_before(self, day: int) -> Ints:
        """For each member the place of the first row that is not before a day."""
        return np.searchsorted(self._key, _key(np.arange(len(self)), np.int64(day)))

    def sums(self, what: str, rows: Ints) -> Ints:
        """The running sum of `visit`, `spend` or `promoted` at places of rows; windows are differences of two."""
        return self._running[what][rows]

    def window(self, what: str, start: int, stop: int) -> Ints:
        """The sum over the days start <= day < stop."""
        return self.sums(what, self.rows_before(stop)) - self.sums(what, self.rows_before(start))

    def known_before(self, day: int) -> NDArray[np.bool_]:
        """Which members have a row before a day."""
        return self.rows_before(day) > self.first_row[:-1]

    def first_and_last_visit(self, before: int) -> tuple[Ints, Ints]:
        """The days of the first and last visit before a day; without any, the day of the first row for both."""
        start = self.sums("visit", self.first_row[:-1])
        stop = self.sums("visit", self.rows_before(before))
        came = stop > start
        fallback = np.minimum(self.day[self.first_row[:-1]], before - 1)
        first = np.where(came, self._visit_day[start], fallback)
        last = np.where(came, self._visit_day[np.maximum(stop, 1) - 1], fallback)
        return first, last

    def purchases(self, before: int) -> Purchases:
        """What BG/NBD needs, as known at the end of the day before a day; times in weeks."""
        first, last = self.first_and_last_visit(before)
        visits = self.sums("visit", self.rows_before(before)) - self.sums("visit", self.first_row[:-1])
        repeats = np.maximum(visits - 1, 0).astype(np.float64)
        return Purchases(repeats, (last - first) / DAYS_OF_A_WEEK, (before - 1 - first) / DAYS_OF_A_WEEK)


def _key(member: Ints, day: Ints | np.int64) -> Ints:
    """Member and day in one number that sorts as they do: days fit 32 bits, also negative ones."""
    return (member << 32) + (day + (1 << 31))
