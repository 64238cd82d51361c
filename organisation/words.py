"""States, modes and formats in words, for the pages."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from organisation.facts import CounterMode, CounterStatus, StaffStatus, StoreStatus

STORE_STATUS: Mapping[StoreStatus, Any] = {
    StoreStatus.PLANNED: lazy("Planned"),
    StoreStatus.OPEN: lazy("Open"),
    StoreStatus.CLOSED: lazy("Closed"),
}
COUNTER_STATUS: Mapping[CounterStatus, Any] = {CounterStatus.OPEN: lazy("Open"), CounterStatus.CLOSED: lazy("Closed")}
STAFF_STATUS: Mapping[StaffStatus, Any] = {StaffStatus.ACTIVE: lazy("Working"), StaffStatus.LEFT: lazy("Left")}
MODES: Mapping[CounterMode, Any] = {
    CounterMode.OWN: lazy("Own goods"),
    CounterMode.CONCESSION: lazy("Concession"),
    CounterMode.CONSIGNMENT: lazy("Consignment"),
    CounterMode.LEASED: lazy("Leased"),
}
# Formats come into being on first use; these are the ones that everybody has.
FORMATS: Mapping[str, Any] = {
    "general": lazy("General"),
    "department_store": lazy("Department store"),
    "supermarket": lazy("Supermarket"),
    "convenience": lazy("Convenience store"),
    "online": lazy("Online"),
}


def format_words(code: str | None) -> str | None:
    """A format as people call it; its code if it has no other name."""
    return None if code is None else str(FORMATS.get(code, code))
