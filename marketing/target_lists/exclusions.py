"""Why a member whom a filter picks may not be reached all the same: near misses, each with its reason.

A folder that knows such a reason registers it at import time; the builder shows how many it concerns, and a list may
leave them out for good:

    register_exclusion("capped", lazy("Heard from us often enough"), lambda tx, near: capped(tx, near.members))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap

from foundation.database import Tx
from foundation.pages import lazy
from member_api.contract.conditions import Channel, Purpose, no_profiling, with_consent

NO_PROFILING = "no_profiling"
NO_CONSENT = "no_consent"


@dataclass(frozen=True, slots=True)
class Near:
    """Whom it is about: the members a filter picked, and the channel they would be reached by (None: not said)."""

    members: BitMap
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One reason. `bitmap` answers with the members it concerns, of those in `Near` or more."""

    name: str
    words: Any
    bitmap: Callable[[Tx, Near], BitMap]


_exclusions: dict[str, Exclusion] = {}


def register_exclusion(name: str, words: Any, bitmap: Callable[[Tx, Near], BitMap]) -> None:
    """Make a reason known. The same name again replaces it."""
    _exclusions[name] = Exclusion(name, words, bitmap)


def exclusions() -> Mapping[str, Exclusion]:
    """Every reason, by name, in the order in which they were registered."""
    return _exclusions


def _without_consent(tx: Tx, near: Near) -> BitMap:
    """Who said yes to no marketing by this channel; where none is said, by no channel at all."""
    channels = [Channel(near.channel)] if near.channel else [channel for channel in Channel if channel != Channel.ANY]
    return near.members - with_consent(tx, channels, Purpose.MARKETING)


register_exclusion(NO_PROFILING, lazy("Refused profiling"), lambda tx, _: no_profiling(tx))
register_exclusion(NO_CONSENT, lazy("No consent"), _without_consent)
