"""A scoring run that is done means that the sales have been looked at anew: so are the expectations."""

from collections.abc import Sequence

from analytics.expectations.tasks import EXPECT
from foundation.database import Tx
from foundation.events import Event, subscribe
from foundation.queues import send_after_commit


def expect_anew(tx: Tx, events: Sequence[Event]) -> None:
    """However many runs ended, once is enough."""
    if events:
        send_after_commit(tx, EXPECT)


subscribe("analytics.expectations", {"scoring_run.done"}, expect_anew)
