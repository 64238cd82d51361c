"""The year of the demo moves by whole weeks and ends in the week before the first run."""

from datetime import date, timedelta

import numpy as np
import pytest

from regulars.demo.dates import SOURCE_LAST_DAY, wall_times, weeks_until
from regulars.demo.source import Instants


def _utc(*texts: str) -> Instants:
    return np.array(texts, dtype="datetime64[s]")


@pytest.mark.parametrize("day", range(7))
def test_the_data_end_on_the_sunday_before_the_week_of_the_first_run(day: int) -> None:
    monday = date(2026, 11, 16)
    weeks = weeks_until(monday + timedelta(days=day))
    assert SOURCE_LAST_DAY + timedelta(weeks=weeks) == date(2026, 11, 15)


def test_without_an_offset_each_moment_stays_the_moment_it_was() -> None:
    at = _utc("2017-01-01T11:53:26", "2017-07-04T23:59:59", "2018-01-01T04:01:20")
    times = wall_times(at, 0)
    assert (times.utc() == at).all()
    assert times.occurred_at().tolist() == [
        "2017-01-01T06:53:26-05:00",
        "2017-07-04T19:59:59-04:00",
        "2017-12-31T23:01:20-05:00",
    ]


def test_a_move_keeps_the_weekday_and_the_time_on_the_wall_across_daylight_saving() -> None:
    # 2017-03-13 had daylight saving time in New York; 463 weeks later, on 2026-01-26, it has not.
    times = wall_times(_utc("2017-03-13T14:30:00"), 463)
    assert times.occurred_at().tolist() == ["2026-01-26T10:30:00-05:00"]


def test_an_hour_that_the_clock_skips_is_still_one_moment() -> None:
    # 02:30 on 2017-03-05 moved by one week is 02:30 on the night that has no such time.
    times = wall_times(_utc("2017-03-05T07:30:00"), 1)
    assert times.utc().astype(str).tolist() == ["2017-03-12T07:30:00"]
    assert times.business_dates().tolist() == ["2017-03-12"]
