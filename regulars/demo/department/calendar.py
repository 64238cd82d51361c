"""The days of the department store: a whole month and more up to yesterday, today, and an anniversary at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ANNIVERSARY_DAYS_BEFORE, ANNIVERSARY_DAYS_AFTER = 4, 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """`days` business dates from `first_day` on, the last of them yesterday when the store was made."""

    first_day: date
    days: int

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def anniversary_from(self) -> date:
        return max(self.first_day, self.last_day - timedelta(days=ANNIVERSARY_DAYS_BEFORE - 1))

    @property
    def anniversary_until(self) -> date:
        return self.last_day + timedelta(days=ANNIVERSARY_DAYS_AFTER)

    def __iter__(self) -> Iterator[date]:
        return (self.first_day + timedelta(days=n) for n in range(self.days))

    def celebrates(self, day: date) -> bool:
        """Whether the anniversary lasts on this day."""
        return self.anniversary_from <= day <= self.anniversary_until


def since_last_month(now: datetime, zone: str) -> Calendar:
    """From the first day of the month before to the day before `now` on the wall of a store in this zone.

    So there is a whole calendar month, for what is agreed by the month.
    """
    yesterday = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    first = (yesterday.replace(day=1) - timedelta(days=1)).replace(day=1)
    return Calendar(first, (yesterday - first).days + 1)
