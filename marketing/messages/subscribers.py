"""Somebody waits for a one-time code: a sender is woken at once."""

from collections.abc import Sequence

from foundation.database import Tx
from foundation.events import Event, subscribe
from foundation.queues import send_after_commit
from marketing.messages.codes import SEND_CODES_TASK
from member_api.contract.one_time_codes import ASKED_TOPIC


def wake_sender(tx: Tx, events: Sequence[Event]) -> None:
    """Once for any number of codes: the sender looks at all that wait."""
    if events:
        send_after_commit(tx, SEND_CODES_TASK)


subscribe("marketing.codes", (ASKED_TOPIC,), wake_sender)
