"""What every report is asked: which business dates, which stores and formats, as far as the viewer acts in them."""

from dataclasses import dataclass
from datetime import date, timedelta

from analytics.measures.facts import Period, Where
from analytics.permissions import REPORTS
from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid, NotFound
from foundation.settings import get_settings
from organisation.contract import place_of, stores_by_code, stores_within

EARLIEST, LATEST = date(1970, 1, 1), date(2200, 12, 31)  # what tills can have meant, with room for the weeks around
DAYS_MAX = 370
DAYS_USUAL = 28
ONE_DAY = timedelta(days=1)


class PeriodUnusable(Invalid):
    """The days end before they begin, are too many, or lie where nothing was ever sold."""

    code = "period_unusable"


class StoreUnknown(NotFound):
    """There is no store with this code."""

    code = "store_unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """Business dates, both included; stores by id and formats by code, None: all of them."""

    since: date
    until: date
    stores: frozenset[int] | None
    formats: frozenset[str] | None

    @property
    def period(self) -> Period:
        return Period(self.since, self.until + ONE_DAY)

    @property
    def where(self) -> Where:
        return Where(stores=self.stores, formats=self.formats)


def asked_by(
    tx: Tx, viewer: Principal, since: date | None, until: date | None, store: str | None, format_: str | None
) -> Asked:
    """The question of a viewer: the last four weeks and all their stores, unless they say otherwise.

    Raises PeriodUnusable, StoreUnknown, and PlaceForbidden for a store that is not theirs.
    """
    today = local_date(tx.now, get_settings().company_timezone)
    last = until or (today if since is None else max(today, since))
    _check_day("/from", since)
    _check_day("/to", last)
    first = since or last - timedelta(days=DAYS_USUAL - 1)
    _check_days(first, last)
    return Asked(first, last, _stores(tx, viewer, store), frozenset({format_}) if format_ is not None else None)


def _check_day(pointer: str, day: date | None) -> None:
    if day is not None and not EARLIEST <= day <= LATEST:
        words = f"between {EARLIEST} and {LATEST}"
        raise PeriodUnusable(f"The days have to lie {words}", errors=[FieldError(pointer, words)])


def _check_days(first: date, last: date) -> None:
    if last < first:
        raise PeriodUnusable("The period ends before it begins", errors=[FieldError("/to", "before it begins")])
    if last - first >= timedelta(days=DAYS_MAX):
        words = f"at most {DAYS_MAX} days"
        raise PeriodUnusable(f"The period has {words}", errors=[FieldError("/to", words)])


def _stores(tx: Tx, viewer: Principal, code: str | None) -> frozenset[int] | None:
    if code is not None:
        viewer.require(REPORTS, place_of(code))
        found = stores_by_code(tx, (code,)).get(code)
        if found is None:
            raise StoreUnknown(f"there is no store {code}")
        return frozenset({found.id})
    viewer.require(REPORTS)
    return None if viewer.places is None else frozenset(store.id for store in stores_within(tx, viewer))
