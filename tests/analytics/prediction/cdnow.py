"""The CDNOW sample: purchases of 2,357 customers from January 1997 to June 1998.

Read from the data file inside the `lifetimes` wheel, without importing that package (it is no longer kept up).
Source: Fader, Hardie and Lee, Marketing Science 24(2), 2005.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import files
from pathlib import Path

FIT_UNTIL = date(1997, 10, 1)
"""The first day of the second half: 39 weeks are known before it, 39 follow."""
HORIZON_DAYS = 273
CUSTOMERS = 2357


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row of the file: `customer` is the number within the sample, `amount` in cents (8 rows have none)."""

    customer: int
    day: date
    quantity: int
    amount: int


def purchases() -> Iterator[Purchase]:
    """All rows, in the file's order. Two numbers lead each: the one in the whole file, and the one in the sample."""
    for row in _file().read_text(encoding="ascii").splitlines():
        _, customer, day, quantity, dollars = row.split()
        whole, cents = dollars.split(".")
        yield Purchase(int(customer), date.fromisoformat(day), int(quantity), int(whole) * 100 + int(cents))


def _file() -> Path:
    found = [file for file in files("lifetimes") or [] if file.name == "CDNOW_sample.txt"]
    return Path(str(found[0].locate()))
