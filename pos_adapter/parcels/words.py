"""Words of parcels: states, proofs, how long something lies."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask_babel import format_timedelta

from foundation.pages import lazy
from pos_adapter.parcels.rules import LIES_LONG_DAYS, ParcelState, Proof

STATE_WORDS: Mapping[ParcelState, tuple[Any, str]] = {
    ParcelState.LYING: (lazy("Lies here"), "info"),
    ParcelState.COLLECTED: (lazy("Collected"), "good"),
    ParcelState.SENT_BACK: (lazy("Back at its counters"), ""),
}
PROOF_WORDS: Mapping[Proof, Any] = {
    Proof.SLIP: lazy("Slip with the same label"),
    Proof.RECEIPT: lazy("Receipt"),
    Proof.MEMBER: lazy("The member's own phone"),
}
A_MINUTE = timedelta(minutes=1)
FEW_HOURS = timedelta(hours=2)


def lasting(time: timedelta) -> str:
    """How long, as people say it in the reader's language: 3 days, 2 hours, 5 minutes; a minute at least."""
    return str(format_timedelta(max(time, A_MINUTE), granularity="minute", threshold=1))


def urgency(lies: timedelta) -> str:
    """The colour of goods that lie so long."""
    return "warn" if lies > timedelta(days=LIES_LONG_DAYS) else ""


def patience(waits: timedelta) -> str:
    """The colour of goods that are paid and wait at their counter so long."""
    if waits > timedelta(days=1):
        return "danger"
    return "warn" if waits > FEW_HOURS else ""
