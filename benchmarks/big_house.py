"""A house with the big lake in it: servers, migrated database, members, files. Made once for all benches of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from benchmarks.big_lake import BigLake, BigSize
from benchmarks.house import House, running_house
from foundation.database import Database
from foundation.settings import get_settings


@dataclass(frozen=True, slots=True)
class BigHouse:
    """`lines` in the lake, which took `seconds` to make and write."""

    house: House
    big: BigLake
    lines: int
    seconds: float


@contextmanager
def big_house(size: BigSize | None = None) -> Iterator[BigHouse]:
    """The house runs for the length of the block; settings of this process lead to it."""
    with running_house() as house:
        big, began = BigLake(size), time.monotonic()
        with psycopg.connect(house.database_url) as connection:
            big.insert(connection)
            connection.execute("ANALYZE")
        database = Database(get_settings())
        try:
            with database.transaction() as tx:
                tx.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                lines = big.write_lake(tx)
        finally:
            database.dispose()
        yield BigHouse(house, big, lines, time.monotonic() - began)
