"""Days on which trade is not as usual, by a name that says which day of which holiday it is.

Lunar holidays fall on other days each year; the same name in another year is the same lunar day. The moments of the
new moons are China's calendar's (GB/T 33661-2017); a company adds its own days, or those of another country.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType

# First day of the first month; fifth of the fifth; fifteenth of the eighth.
SPRING_FESTIVAL = (
    "2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 "
    "2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-03"
)
DRAGON_BOAT = (
    "2015-06-20 2016-06-09 2017-05-30 2018-06-18 2019-06-07 2020-06-25 2021-06-14 2022-06-03 2023-06-22 2024-06-10 "
    "2025-05-31 2026-06-19 2027-06-09 2028-05-28 2029-06-16 2030-06-05"
)
MID_AUTUMN = (
    "2015-09-27 2016-09-15 2017-10-04 2018-09-24 2019-09-13 2020-10-01 2021-09-21 2022-09-10 2023-09-29 2024-09-17 "
    "2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22 2030-09-12"
)
# Days before and after the day itself on which people shop for it, or for nothing else.
LUNAR = (
    ("spring festival", SPRING_FESTIVAL, range(-7, 8)),
    ("dragon boat", DRAGON_BOAT, range(-1, 2)),
    ("mid-autumn", MID_AUTUMN, range(-2, 2)),
)
SOLAR = (
    ("new year", 1, 1, 1),
    ("labour day", 5, 1, 5),
    ("national day", 10, 1, 7),
)


@cache
def chinese_holidays() -> Mapping[date, str]:
    """The holidays of mainland China from 2015 to 2030, by day; of two on one day, the lunar one."""
    days: dict[date, str] = {}
    for year in range(2015, 2031):
        for name, month, first, count in SOLAR:
            days.update({date(year, month, first + n): f"{name} {n}" for n in range(count)})
    for name, dates, around in LUNAR:
        for text in dates.split():
            days.update({date.fromisoformat(text) + timedelta(days=n): f"{name} {n}" for n in around})
    return MappingProxyType(days)
