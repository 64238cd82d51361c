"""A database for each example of a property: many in one test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database, use_database
from foundation.reference_cache import drop_all
from foundation.settings import Settings

SweptDatabase = Callable[[], tuple[Database, FixedClock]]


@pytest.fixture
def swept_database(settings: Settings, _broom: Any) -> Iterator[SweptDatabase]:
    """Makes the database of the process as the migrations left it, at the same moment, as often as it is called.

    Each has a pool of its own, so that the blocks of ids begin anew with it.
    """
    made: list[Database] = []

    def sweep() -> tuple[Database, FixedClock]:
        for database in made:
            database.dispose()
        made.clear()
        _broom.sweep()
        drop_all()
        clock = FixedClock()
        database = Database(settings, clock)
        use_database(database)
        made.append(database)
        return database, clock

    yield sweep
    use_database(None)
    for database in made:
        database.dispose()
