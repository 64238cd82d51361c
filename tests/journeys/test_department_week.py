"""A week of the made-up department store."""

from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from regulars.demo.department.calendar import Calendar
from tests.journeys.department import Store, banks

pytestmark = pytest.mark.slow


def test_week(app: Flask, database: Database, clock: FixedClock, tmp_path: Path) -> None:
    calendar = Calendar(date(2026, 11, 16), 7)
    with banks(tmp_path):
        store = Store(app, database, clock, calendar, 40)
        for day in calendar:
            print(day, store.play(day, 0.1))
