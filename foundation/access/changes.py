"""When somebody's access changes, every process forgets what it had kept about them.

The change is told inside its own transaction and heard when that commits (foundation/reference_cache.py).
"""

from foundation.database import Tx
from foundation.reference_cache import announce_change

CHANNEL = "access"
EVERYBODY = ""


def access_changed(tx: Tx, subject: str = EVERYBODY) -> None:
    """Say that what a person (id) or a client (client id) may do has changed: permissions, places, bindings, anything.

    Takes effect when this transaction commits: at once in this process, within milliseconds in the others, after five
    seconds in one that cannot be told. Without a subject it means everybody, as when a role is changed.
    """
    announce_change(tx, CHANNEL, subject)
