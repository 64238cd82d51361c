"""New scores may mean that somebody has entered: triggers are looked at when a scoring run is done."""

from collections.abc import Sequence

from foundation.database import Tx
from foundation.events import Event, subscribe
from foundation.queues import send_after_commit
from marketing.triggers.tasks import EVALUATE_ALL


def look_at_triggers(tx: Tx, events: Sequence[Event]) -> None:
    """However many runs ended, one look is enough."""
    if events:
        send_after_commit(tx, EVALUATE_ALL)


subscribe("marketing.triggers", {"scoring_run.done"}, look_at_triggers)
