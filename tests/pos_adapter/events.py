"""What the relay and the workers would do, done now."""

from foundation.database import Database
from foundation.events import consume, move_batch
from pos_adapter.repairs import subscribers as _repairs  # noqa: F401 - registers
from pos_adapter.tills import subscribers as _tills  # noqa: F401 - registers


def deliver(database: Database) -> None:
    """Give every committed event to the tills and to the repairs."""
    with database.transaction() as tx:
        move_batch(tx)
    for name in ("pos.tills", "pos.parked"):
        consume(database, name)
