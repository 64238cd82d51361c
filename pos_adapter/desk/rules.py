"""When a ticket waits too long: pure decisions on seconds.

A customer stands with a slip for some minutes; a payment is decided within two; goods are collected within half an
hour. Later than that, somebody of the floor looks.
"""

from enum import StrEnum

WAITS_LONG_S = 5 * 60
WAITS_TOO_LONG_S = 15 * 60
SETTLES_TOO_LONG_S = 2 * 60
UNCOLLECTED_S = 30 * 60


class Patience(StrEnum):
    """How urgent a wait is, by the colours of the house."""

    GOOD = "good"
    WARN = "warn"
    DANGER = "danger"


def patience(waited_s: int) -> Patience:
    """How urgent it is that an issued ticket has waited so many seconds."""
    if waited_s >= WAITS_TOO_LONG_S:
        return Patience.DANGER
    return Patience.WARN if waited_s >= WAITS_LONG_S else Patience.GOOD


def clock_text(seconds: int | None) -> str:
    """Seconds as minutes and seconds, 4:05, or with hours, 1:04:05; an en dash for nothing known."""
    if seconds is None:
        return "–"
    seconds = max(seconds, 0)
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
