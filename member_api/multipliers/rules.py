"""Which multiplier a purchase earns under: pure decisions on values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from foundation.errors import FieldError, Invalid

PERCENT_MAX = 10_000


class MultiplierInvalid(Invalid):
    """The multiplier contradicts itself."""

    code = "multiplier_invalid"


@dataclass(frozen=True, slots=True)
class Multiplier:
    """Points times `percent` / 100 (200: double) for purchases of its days (both count), stores and formats.

    An empty tuple allows all.
    """

    name: str
    percent: int
    starts_on: date
    ends_on: date
    stores: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    funder: str = "company"


@dataclass(frozen=True, slots=True)
class Granted:
    """A recorded multiplier."""

    id: int
    reference: str
    terms: Multiplier


def check_multiplier(terms: Multiplier) -> None:
    """Raises MultiplierInvalid with every fault."""
    faults = []
    if not 100 < terms.percent <= PERCENT_MAX:
        faults.append(FieldError("/percent", f"must be above 100 and at most {PERCENT_MAX}"))
    if terms.starts_on > terms.ends_on:
        faults.append(FieldError("/ends_on", "lies before the first day"))
    if faults:
        raise MultiplierInvalid(faults[0].detail, errors=faults)


def counts(terms: Multiplier, day: date, store: str, format: str | None) -> bool:
    """Whether it multiplies what is bought there and then."""
    return (
        terms.starts_on <= day <= terms.ends_on
        and (not terms.stores or store in terms.stores)
        and (not terms.formats or format in terms.formats)
    )


def best(granted: Iterable[Granted]) -> Granted | None:
    """Multipliers do not multiply each other: the greatest counts, of equals the one granted first."""
    return max(granted, key=lambda each: (each.terms.percent, -each.id), default=None)
