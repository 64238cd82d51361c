"""Stores, their terminals and counters: the numbers are real, everything else about them is made up.

Which baskets were sold in which store is real. Name, format, region and area are not in the source: the format
follows from how many baskets the store sold, the rest comes from the fixed seed.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from regulars.demo.chance import below
from regulars.demo.dates import STORE_ZONE
from regulars.demo.names import PLACES, SPOTS
from regulars.demo.source import Baskets, Integers

CURRENCY = "USD"

# Baskets a year from which a store is of a format, and the range of its area in square metres.
FORMATS = (
    ("hypermarket", 2_000, (5_200, 9_800)),
    ("supermarket", 100, (1_200, 3_600)),
    ("convenience", 0, (80, 340)),
)
REGIONS = ("north", "east", "south", "west", "lakes", "coast")
BASKETS_PER_TERMINAL = 800
TERMINALS_MAX = 6

# Departments that a shop of this size serves over a counter: department, name of the counter, square metres.
COUNTERS = (
    ("COSMETICS", "Cosmetics", 90),
    ("DELI", "Delicatessen", 120),
    ("SEAFOOD", "Fish", 60),
    ("PASTRY", "Bakery", 110),
    ("FLORAL", "Flowers", 45),
)


class Store(msgspec.Struct, frozen=True):
    """A store as `PUT /v1/stores/batch` takes it. `area_m2` is square metres."""

    code: str
    name: str
    format: str
    region: str
    area_m2: int
    currency: str = CURRENCY
    timezone: str = STORE_ZONE


class Counter(msgspec.Struct, frozen=True):
    """A counter as `PUT /v1/counters/batch` takes it."""

    store: str
    code: str
    name: str
    mode: str
    category: list[str]
    floor: str
    area_m2: int


@dataclass(frozen=True, slots=True)
class Places:
    """The stores in ascending order of their number in the source, and of each basket its store and terminal."""

    stores: list[Store]
    baskets_of_store: Integers
    store_of_basket: Integers
    terminal_of_basket: Integers
    sequence_of_basket: Integers

    @property
    def busiest(self) -> Store:
        """The store with most baskets: the store of the demo's till, desk and handheld."""
        return self.stores[int(self.baskets_of_store.argmax())]


def store_code(number: int) -> str:
    """The code of a store of the source: 367 is `S367`."""
    return f"S{number}"


def counters_of(store: Store) -> list[Counter]:
    """The counters of the demo's store: a department each, run by the store itself."""
    return [
        Counter(store.code, f"C{at}", name, "own", [department], "1", area)
        for at, (department, name, area) in enumerate(COUNTERS, start=1)
    ]


def staff_number(store: str, place: int) -> str:
    """The number of a store's member of staff: `E367-1`."""
    return f"E{store[1:]}-{place}"


def find_places(whole: Baskets) -> Places:
    """Places of the whole year. Formats and terminals of a part must be cut from these, see `part`.

    A terminal's sequence runs on from 1 over the whole year in order of time, without a gap.
    """
    numbers, store, count = np.unique(whole.store, return_inverse=True, return_counts=True)
    formats = _formats(count)
    areas = _areas(numbers, formats)
    regions = below("region", numbers, len(REGIONS))
    names = _names(numbers)
    terminals = np.minimum(1 + count // BASKETS_PER_TERMINAL, TERMINALS_MAX)
    terminal = 1 + below("terminal", whole.id, terminals[store])
    return Places(
        [
            Store(
                store_code(int(number)),
                f"{names[at]} {FORMATS[formats[at]][0].title()}",
                FORMATS[formats[at]][0],
                REGIONS[regions[at]],
                int(areas[at]),
            )
            for at, number in enumerate(numbers)
        ],
        count.astype(np.int64),
        store.astype(np.int64),
        terminal,
        _running(store * (TERMINALS_MAX + 1) + terminal),
    )


def _formats(baskets: Integers) -> list[int]:
    return [next(at for at, (_, least, _) in enumerate(FORMATS) if count >= least) for count in baskets.tolist()]


def _areas(numbers: Integers, formats: list[int]) -> Integers:
    low = np.array([FORMATS[at][2][0] for at in formats])
    high = np.array([FORMATS[at][2][1] for at in formats])
    return low + below("area", numbers, (high - low) // 10) * 10


def _names(numbers: Integers) -> list[str]:
    """A name of its own for each store, in the order that the seed deals them."""
    every = [f"{place} {spot}" for place in PLACES for spot in SPOTS]
    dealt = np.argsort(below("store name", np.arange(len(every)), 1 << 62))
    return [every[at] for at in dealt[: len(numbers)].tolist()]


def _running(keys: Integers) -> Integers:
    """1, 2, 3 ... among equal keys, in order of position."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    position = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    running = np.empty(len(keys), dtype=np.int64)
    running[order] = position + 1
    return running
