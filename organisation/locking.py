"""Writers of stores, counters, staff and names take turns: there are few, and a batch is one short transaction."""

from foundation.database import Tx

MASTER_DATA_LOCK = 7_205_002


def lock_master_data(tx: Tx) -> None:
    """Wait for the turn to write master data; held until the commit. Taken before any row is locked."""
    tx.execute("SELECT pg_advisory_xact_lock(:key)", {"key": MASTER_DATA_LOCK})
