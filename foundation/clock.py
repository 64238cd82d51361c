"""Time comes from a clock that is handed in, so that every rule can be tested at any moment."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is moved; for tests and for replays."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 5, 2, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> datetime:
        """Move the clock (backwards too: clocks in the field do) and return the new time."""
        self.at += by
        return self.at


def local_date(at: datetime, timezone: str) -> date:
    """The calendar date at `at` (aware) in the named IANA time zone."""
    return at.astimezone(ZoneInfo(timezone)).date()
