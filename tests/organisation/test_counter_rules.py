"""What a counter may become."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from organisation.counters.rules import (
    Counter,
    CounterDatesWrong,
    CounterIncomplete,
    CounterWish,
    Terms,
    plan_counter,
)
from organisation.dated import BEGINNING
from organisation.facts import CounterFacts, CounterMode, CounterStatus, CounterTerms, PromotionRate

TODAY = date(2026, 1, 5)
CONCESSION = CounterMode.CONCESSION


def a_counter() -> Counter:
    wish = CounterWish("S01", "C1", name="Watches", mode=CONCESSION, rate=Decimal("0.25"), area_m2=Decimal(30))
    return plan_counter(None, wish, TODAY).counter


def test_a_new_counter_sells_own_goods_and_takes_part_in_everything() -> None:
    counter = plan_counter(None, CounterWish("S01", "C1", name="Socks"), TODAY).counter
    assert counter.terms_on(TODAY) == Terms(CounterMode.OWN)
    assert (counter.takes_points, counter.takes_ecoins, counter.takes_coupons) == (True, True, True)


def test_a_new_counter_needs_a_name() -> None:
    with pytest.raises(CounterIncomplete):
        plan_counter(None, CounterWish("S01", "C1"), TODAY)


def test_a_counter_closes_after_it_has_opened() -> None:
    with pytest.raises(CounterDatesWrong):
        plan_counter(a_counter(), CounterWish("S01", "C1", opened_on=TODAY, closed_on=date(2025, 1, 1)), TODAY)


def test_the_same_content_again_changes_nothing() -> None:
    wish = CounterWish("S01", "C1", name="Watches", mode=CONCESSION, rate=Decimal("0.250000"), area_m2=Decimal(30))
    assert plan_counter(a_counter(), wish, TODAY).changes == {}


def test_a_new_rate_holds_from_its_day_and_keeps_the_rest_of_the_terms() -> None:
    wish = CounterWish("S01", "C1", rate=Decimal("0.3"), effective_from=date(2026, 2, 1))
    after = plan_counter(a_counter(), wish, TODAY)
    assert after.changes == {"rate": (Decimal("0.25"), Decimal("0.3")), "effective_from": (None, date(2026, 2, 1))}
    assert after.counter.terms_on(date(2026, 1, 31)) == Terms(CONCESSION, Decimal("0.25"))
    assert after.counter.terms_on(date(2026, 2, 1)) == Terms(CONCESSION, Decimal("0.3"))


def test_a_counter_may_turn_from_concession_to_own_on_a_day() -> None:
    wish = CounterWish("S01", "C1", mode=CounterMode.OWN, rate=None)
    after = plan_counter(a_counter(), wish, TODAY).counter
    assert after.terms == {BEGINNING: Terms(CONCESSION, Decimal("0.25")), TODAY: Terms(CounterMode.OWN)}


def test_a_promotion_may_have_a_rate_of_its_own() -> None:
    wish = CounterWish("S01", "C1", promotion_rates={"P7": Decimal("0.18")})
    after = plan_counter(a_counter(), wish, TODAY).counter
    assert after.promotion_rates_on(TODAY) == {"P7": Decimal("0.18")}
    assert after.terms_on(TODAY).rate == Decimal("0.25")


def test_a_closed_counter_may_open_again() -> None:
    closed = replace(a_counter(), status=CounterStatus.CLOSED)
    after = plan_counter(closed, CounterWish("S01", "C1", status=CounterStatus.OPEN), TODAY)
    assert after.changes == {"status": (CounterStatus.CLOSED, CounterStatus.OPEN)}


def facts() -> CounterFacts:
    return CounterFacts(
        id=1,
        code="C1",
        name="Watches",
        store_id=1,
        legal_unit="COMPANY",
        supplier="V1",
        format="department_store",
        category=("WATCHES",),
        brand=None,
        floor=None,
        takes_points=True,
        takes_ecoins=True,
        takes_coupons=True,
        status=CounterStatus.OPEN,
        terms=(
            CounterTerms(date(2025, 1, 1), CONCESSION, Decimal("0.25"), None),
            CounterTerms(date(2026, 1, 1), CONCESSION, Decimal("0.3"), None),
        ),
        promotion_rates=(
            PromotionRate("P7", date(2026, 1, 3), Decimal("0.18")),
            PromotionRate("P7", date(2026, 1, 9), None),
        ),
    )


@pytest.mark.parametrize(
    ("day", "promotion", "rate"),
    [
        (date(2024, 6, 1), None, "0.25"),
        (date(2025, 12, 31), None, "0.25"),
        (date(2026, 1, 1), None, "0.3"),
        (date(2026, 1, 2), "P7", "0.3"),
        (date(2026, 1, 3), "P7", "0.18"),
        (date(2026, 1, 8), "P7", "0.18"),
        (date(2026, 1, 9), "P7", "0.3"),
        (date(2026, 1, 3), "P8", "0.3"),
    ],
)
def test_the_rate_of_a_sale_is_that_of_its_day_and_promotion(day: date, promotion: str | None, rate: str) -> None:
    assert facts().rate_on(day, promotion) == Decimal(rate)
