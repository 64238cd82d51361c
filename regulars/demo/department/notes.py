"""What the department store keeps in REGULARS_HOME: its days, so that they stay where they were on the first run.

demo-department-progress.json  written when the load begins
demo-department-loaded.json    written when all of it was posted; `regulars run` loads the store while it is missing
"""

from datetime import date, datetime
from pathlib import Path

import msgspec

from regulars.demo.department.calendar import Calendar
from regulars.demo.state import read_note, write_note

PROGRESS, LOADED = "demo-department-progress.json", "demo-department-loaded.json"


class Made(msgspec.Struct, frozen=True):
    """The days of the tills, how large the store is, when the handhelds' clocks were looked at (`began`); and the day
    that was played on its floor, once it was."""

    first_day: date
    days: int
    share: float
    floor_share: float
    began: datetime
    played: date | None = None

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.first_day, self.days)


def read_made(home: Path) -> Made | None:
    """What an earlier load noted in this home; of a complete one what it played, too."""
    return read_note(home / LOADED, Made) or read_note(home / PROGRESS, Made)


def write_made(home: Path, made: Made) -> None:
    """Note what is being made, or that it is complete."""
    write_note(home / (PROGRESS if made.played is None else LOADED), made)
