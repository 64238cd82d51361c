"""What a store may become."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from organisation.dated import BEGINNING
from organisation.facts import StoreStatus
from organisation.stores.rules import (
    Company,
    CurrencyFixed,
    Store,
    StoreDatesWrong,
    StoreIncomplete,
    StorePlan,
    StoreWish,
    plan_store,
)

COMPANY = Company(format="general", legal_unit="COMPANY", currency="CNY", timezone="Asia/Shanghai")
TODAY = date(2026, 1, 5)


def plan(before: Store | None, wish: StoreWish) -> StorePlan:
    return plan_store(before, wish, COMPANY, TODAY)


def a_store() -> Store:
    return plan(None, StoreWish("S01", name="Main", area_m2=Decimal(1000))).store


def test_a_new_store_takes_from_the_company_what_is_left_out() -> None:
    store = plan(None, StoreWish("S01", name="Main")).store
    assert (store.format, store.legal_unit, store.currency, store.timezone, store.status, store.region) == (
        "general",
        "COMPANY",
        "CNY",
        "Asia/Shanghai",
        StoreStatus.OPEN,
        None,
    )


def test_a_new_store_needs_a_name() -> None:
    with pytest.raises(StoreIncomplete):
        plan(None, StoreWish("S01"))


def test_what_is_left_out_stays_and_null_takes_away() -> None:
    store = replace(a_store(), region="EAST", opened_on=date(2020, 1, 1))
    after = plan(store, StoreWish("S01", region=None)).store
    assert (after.region, after.opened_on, after.name) == (None, date(2020, 1, 1), "Main")


def test_the_same_content_again_changes_nothing() -> None:
    again = plan(a_store(), StoreWish("S01", name="Main", currency="CNY", area_m2=Decimal("1000.00")))
    assert again.changes == {}
    assert again.area is None


def test_the_currency_may_change_until_something_was_posted() -> None:
    assert plan(a_store(), StoreWish("S01", currency="HKD")).store.currency == "HKD"
    with pytest.raises(CurrencyFixed):
        plan(replace(a_store(), currency_fixed=True), StoreWish("S01", currency="HKD"))


def test_a_fixed_currency_may_be_named_again() -> None:
    assert plan(replace(a_store(), currency_fixed=True), StoreWish("S01", currency="CNY")).changes == {}


def test_a_store_closes_after_it_has_opened() -> None:
    with pytest.raises(StoreDatesWrong):
        plan(a_store(), StoreWish("S01", opened_on=date(2026, 1, 2), closed_on=date(2026, 1, 1)))


def test_the_first_area_has_always_been_so_and_the_next_holds_from_today() -> None:
    first = a_store()
    assert first.areas == {BEGINNING: Decimal(1000)}
    second = plan(first, StoreWish("S01", area_m2=Decimal(1200))).store
    assert (second.area_on(date(2026, 1, 4)), second.area_on(TODAY)) == (Decimal(1000), Decimal(1200))


def test_an_area_may_be_dated_ahead_and_the_past_stays() -> None:
    ahead = plan(a_store(), StoreWish("S01", area_m2=Decimal(800), effective_from=date(2026, 3, 1)))
    assert ahead.changes["area_m2"] == (Decimal(1000), Decimal(800))
    assert ahead.store.area_on(date(2026, 2, 28)) == Decimal(1000)
    assert ahead.store.area_on(date(2026, 3, 1)) == Decimal(800)


def test_an_area_that_is_no_longer_known_is_not_zero() -> None:
    after = plan(a_store(), StoreWish("S01", area_m2=None)).store
    assert after.area_on(TODAY) is None


def test_a_supermarket_divides_its_area_by_category() -> None:
    dairy, meat = ("FOOD", "DAIRY"), ("FOOD", "MEAT")
    first = plan(a_store(), StoreWish("S01", category_areas={dairy: Decimal(40), meat: Decimal(60)})).store
    second = plan(first, StoreWish("S01", category_areas={dairy: Decimal(50)}))
    assert second.changes == {"area_m2 FOOD / DAIRY": (Decimal(40), Decimal(50)), "effective_from": (None, TODAY)}
    assert second.store.category_areas_on(TODAY) == {dairy: Decimal(50), meat: Decimal(60)}
