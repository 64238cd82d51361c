"""Area x open days, worked by hand: January 2026 has 31 days."""

from datetime import date
from decimal import Decimal

from foundation.database import Tx
from organisation.contract import areas_between
from organisation.facts import StoreStatus
from tests.organisation.factories import a_counter, a_store

SINCE, UNTIL = date(2026, 1, 1), date(2026, 2, 1)


def areas(tx: Tx, since: date = SINCE, until: date = UNTIL) -> list[tuple[object, object, int, object]]:
    found = areas_between(tx, since, until)
    return [(each.counter_id is not None, each.category, each.open_days, each.area_m2_days) for each in found]


def test_an_area_that_changes_counts_by_its_days(tx: Tx) -> None:
    a_store(tx, area_m2=Decimal(1000))
    a_store(tx, area_m2=Decimal("1200.5"), effective_from=date(2026, 1, 21))
    # 20 days of 1,000 and 11 of 1,200.5.
    assert areas(tx) == [(False, None, 31, Decimal("33205.50"))]
    assert areas(tx, date(2026, 1, 25), date(2026, 1, 27)) == [(False, None, 2, Decimal("2401.00"))]


def test_days_before_the_opening_and_after_the_closing_are_none(tx: Tx) -> None:
    a_store(
        tx, area_m2=Decimal(100), opened_on=date(2026, 1, 10), closed_on=date(2026, 1, 19), status=StoreStatus.CLOSED
    )
    a_counter(tx, area_m2=Decimal(10), opened_on=date(2026, 1, 15))
    # The last day is open: 10 days for the store, 5 for its counter.
    assert areas(tx) == [(False, None, 10, Decimal("1000.00")), (True, None, 5, Decimal("50.00"))]
    assert areas(tx, date(2026, 2, 1), date(2026, 3, 1)) == [(False, None, 0, None), (True, None, 0, None)]


def test_an_area_unknown_on_an_open_day_is_unknown_and_none_is_none(tx: Tx) -> None:
    a_store(tx, "S01")
    a_store(tx, "S02", area_m2=Decimal(0))
    a_store(tx, "S03", area_m2=Decimal(50))
    a_store(tx, "S03", area_m2=None, effective_from=date(2026, 1, 31))
    a_store(tx, "S04", area_m2=Decimal(50), status=StoreStatus.PLANNED)
    assert areas(tx) == [(False, None, 31, None)] * 3


def test_a_place_that_closed_without_a_date_has_no_known_days(tx: Tx) -> None:
    a_store(tx, area_m2=Decimal(50), status=StoreStatus.CLOSED)
    a_counter(tx, area_m2=Decimal(5))
    assert areas(tx) == [(False, None, 31, None), (True, None, 31, None)]


def test_categories_of_a_supermarket_have_areas_of_their_own(tx: Tx) -> None:
    a_store(tx, area_m2=Decimal(100), category_areas={("FOOD",): Decimal(60), ("FOOD", "DAIRY"): Decimal(12)})
    a_store(tx, category_areas={("FOOD", "DAIRY"): Decimal(6)}, effective_from=date(2026, 1, 11))
    assert areas(tx) == [
        (False, None, 31, Decimal("3100.00")),
        (False, ("FOOD",), 31, Decimal("1860.00")),
        (False, ("FOOD", "DAIRY"), 31, Decimal("246.00")),
    ]
