"""Closing a store's day: what stands in the way, what does not agree, and the figures that stay.

Locks: the store's books (an advisory lock), so that two people who close at once stand in line, and what arrives
meanwhile is either in this day's figures or in the next one's.
"""

from collections.abc import Sequence
from datetime import date

from foundation.access import Principal
from foundation.database import Tx
from organisation.contract import StoreFacts
from pos_adapter.day.rules import DayClose, Difference, Obstacle


def close_day(tx: Tx, principal: Principal, store: StoreFacts, day: date, note: str | None = None) -> DayClose:
    """Close a day of a store: open tickets expire, figures are taken and kept, later arrivals go to the next day.

    `note` says why it is closed although something does not agree. Days are closed in order, from the first on.
    Raises DayClosed, DayNotHere, DayNotReady (with what is open), DayDiffers (with what does not agree and no note).
    """
    raise NotImplementedError


def obstacles_of(tx: Tx, store: StoreFacts, day: date) -> list[Obstacle]:
    """What has to end before the day can be closed, each with the page where somebody can end it."""
    raise NotImplementedError


def differences_of(tx: Tx, store: StoreFacts, day: date) -> list[Difference]:
    """What does not agree in what is, or would be, posted on this day; each named. Reads only; at most 1,000."""
    raise NotImplementedError


def day_is_closed(tx: Tx, store_id: int, day: date) -> bool:
    """Whether this day of the store is closed: what comes now takes a later posting date."""
    raise NotImplementedError


def days_of(tx: Tx, store: StoreFacts, *, before: date | None, limit: int) -> Sequence[DayClose]:
    """The closed days of a store, the latest first."""
    raise NotImplementedError
