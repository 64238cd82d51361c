"""When the demo happens: the source's year, moved by whole weeks so that it ends in the week before the first run.

Whole weeks keep weekdays; the clock on the shop's wall keeps its time, also across changes of daylight saving.
The business date is the date on that wall.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from regulars.demo.source import Instants

STORE_ZONE = "America/New_York"
SOURCE_FIRST_DAY = date(2017, 1, 1)
SOURCE_LAST_DAY = date(2017, 12, 31)


@dataclass(frozen=True, slots=True)
class WallTimes:
    """The local time of each basket after the move. `offset_minutes` is local time less UTC."""

    local: Instants
    offset_minutes: NDArray[np.int64]

    def utc(self) -> Instants:
        """The same moments in UTC, to the second."""
        utc: Instants = (self.local - self.offset_minutes.astype("timedelta64[m]")).astype("datetime64[s]")
        return utc

    def business_dates(self) -> NDArray[np.str_]:
        """`2017-12-31`"""
        return np.datetime_as_string(self.local.astype("datetime64[D]"))

    def occurred_at(self) -> NDArray[np.str_]:
        """`2017-12-31T23:01:20-05:00`"""
        known = {minutes: _offset_text(int(minutes)) for minutes in np.unique(self.offset_minutes)}
        offsets = np.array([known[minutes] for minutes in self.offset_minutes.tolist()], dtype=np.str_)
        return np.char.add(np.datetime_as_string(self.local, unit="s"), offsets)


def weeks_until(today: date) -> int:
    """How many weeks to move the source so that its last day is the Sunday before the week of `today`."""
    sunday = today - timedelta(days=today.weekday() + 1)
    return (sunday - SOURCE_LAST_DAY).days // 7


def today_in_store() -> date:
    """The date where the stores are."""
    return datetime.now(ZoneInfo(STORE_ZONE)).date()


def last_business_date(at: Instants, offset_weeks: int) -> date:
    """The business date of the last of these UTC instants (in order of time), moved by whole weeks."""
    return date.fromisoformat(str(wall_times(at[-1:], offset_weeks).business_dates()[0]))


def wall_times(at: Instants, offset_weeks: int) -> WallTimes:
    """Local times of UTC instants, moved by whole weeks."""
    local = at + _offsets(at, utc=True).astype("timedelta64[m]")
    moved = local + np.timedelta64(7 * offset_weeks, "D")
    return WallTimes(moved, _offsets(moved, utc=False))


def _offsets(times: Instants, *, utc: bool) -> NDArray[np.int64]:
    """Minutes that the store's zone is ahead of UTC at each time, which is UTC or local.

    Asked once an hour of the data, because zones of the United States change on whole hours. A local time that
    a change of the clock skips or repeats gets the offset from before the change, which is one valid instant.
    """
    zone = ZoneInfo(STORE_ZONE)
    hours, where = np.unique(times.astype("datetime64[h]"), return_inverse=True)
    minutes = []
    for hour in hours.astype("datetime64[s]").tolist():
        local = hour.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone) if utc else hour.replace(tzinfo=zone)
        minutes.append(int(local.utcoffset().total_seconds()) // 60)
    return np.array(minutes, dtype=np.int64)[where]


def _offset_text(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
