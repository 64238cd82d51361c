"""Sales per square metre, worked by hand: January 2026 has 31 days, and what has no area is not lost."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from analytics.lake.reading import open_lake
from analytics.measures.facts import EVERYWHERE, Period, Where
from analytics.measures.places import Locations, Place, areas_of_places, selling_areas
from foundation.database import Database, Tx
from organisation.contract import AreaDays, counters_by_code, stores_by_code
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.organisation.factories import a_counter, a_store

JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))
DAY = date(2026, 1, 20)


def laid_out(tx: Tx, place: Place, where: Where = EVERYWHERE, depth: int = 1) -> list[dict[str, Any]]:
    with open_lake(tx) as lake:
        found: list[dict[str, Any]] = selling_areas(lake, tx, place, JANUARY, where, depth=depth).to_pylist()
    return found


def ids(tx: Tx) -> tuple[int, int, int, int, int]:
    """Store 1 (1,000 m2), store 2 (unknown), store 3 (online); counters 1 (50 m2, from the 11th) and 2 (unknown)."""
    a_store(tx, "S1", area_m2=Decimal(1000), format="department")
    a_store(tx, "S2", format="market")
    a_store(tx, "S3", area_m2=Decimal(9), format="online")
    a_counter(tx, "S1", "C1", area_m2=Decimal(50), opened_on=date(2026, 1, 11), brand="Acme")
    a_counter(tx, "S1", "C2", brand="Acme")
    stores = stores_by_code(tx, ["S1", "S2", "S3"])
    counters = counters_by_code(tx, stores["S1"].id, ["C1", "C2"])
    return (*(stores[code].id for code in ("S1", "S2", "S3")), counters["C1"].id, counters["C2"].id)  # type: ignore[return-value]


def sold(tx: Tx) -> tuple[int, int, int, int, int]:
    one, two, three, first, second = places = ids(tx)
    write_lake(
        tx,
        [
            # One receipt over both counters and the shelf; a return; a receipt in each other store.
            LineFacts(DAY, 200_000, store_id=one, receipt=1, line=1, counter_id=first, profit=50_000),
            LineFacts(DAY, 100_000, store_id=one, receipt=1, line=2, counter_id=second, profit=30_000),
            LineFacts(DAY, 30_000, store_id=one, receipt=1, line=3, profit=None),
            LineFacts(DAY, -20_000, store_id=one, receipt=2, type="return", counter_id=first, profit=-5_000),
            LineFacts(DAY, 7_000, store_id=two, receipt=3, format="market", profit=700),
            LineFacts(DAY, 90_000, store_id=three, receipt=4, format="online", profit=9_000),
            LineFacts(DAY, 5_000, store_id=one, receipt=5, format="online", profit=500),
        ],
    )
    return places


def test_sales_profit_and_receipts_on_the_area_of_a_store(tx: Tx) -> None:
    one, *_ = sold(tx)
    # 1,000 m2 on 31 days. Sales 200,000 + 100,000 + 30,000 - 20,000; profit 75,000; one receipt.
    no_area, online, store = laid_out(tx, Place.STORE)
    assert store == {
        "currency": "CNY",
        "kind": "place",
        "place": str(one),
        "net_sales": 310_000,
        "gross_profit": 75_000,
        "profit_known": pytest.approx(280 / 310),  # nobody knows what the shelf cost
        "receipts": 1,
        "area_m2_days": 31_000.0,
        "sales_per_m2": 10.0,
        "profit_per_m2": pytest.approx(75_000 / 31_000),
        "receipts_per_100_m2": pytest.approx(100 / 31_000),
    }
    # Store 2 has no known area; store 3 is online, and so is an order that store 1 sent out.
    assert (no_area["kind"], no_area["place"], no_area["net_sales"], no_area["sales_per_m2"]) == (
        "no_area", None, 7_000, None,
    )  # fmt: skip
    assert (online["kind"], online["net_sales"], online["area_m2_days"]) == ("online", 95_000, None)


def test_a_counter_is_open_from_its_opening_on_and_what_it_has_no_area_for_stands_apart(tx: Tx) -> None:
    _, _, _, first, _ = sold(tx)
    no_area, online, counter = laid_out(tx, Place.COUNTER)
    # 50 m2 on 21 days.
    assert (counter["place"], counter["area_m2_days"], counter["net_sales"]) == (str(first), 1_050.0, 180_000)
    assert counter["sales_per_m2"] == pytest.approx(180_000 / 1_050)
    # The other counter, the shelf and store 2; the receipt over all of them is one here as well.
    assert (no_area["net_sales"], no_area["receipts"]) == (137_000, 2)
    assert no_area["net_sales"] + online["net_sales"] + counter["net_sales"] == 412_000


@pytest.mark.parametrize("place", Place)
def test_rows_sum_to_the_whole_whatever_they_are(tx: Tx, place: Place) -> None:
    sold(tx)
    found = laid_out(tx, place)
    assert sum(row["net_sales"] for row in found) == 412_000
    assert sum(row["gross_profit"] or 0 for row in found) == 85_200


def test_a_brand_with_a_counter_of_unknown_area_has_none(tx: Tx) -> None:
    sold(tx)
    assert [row["kind"] for row in laid_out(tx, Place.BRAND)] == ["no_area", "online"]
    assert [row["kind"] for row in laid_out(tx, Place.ALL)] == ["no_area", "online"]
    (row, _) = laid_out(tx, Place.ALL, Where(formats=["department", "online"]))
    assert row["kind"] == "online"


def test_chosen_stores_alone_bring_their_area(tx: Tx) -> None:
    one, *_ = sold(tx)
    _, place = laid_out(tx, Place.ALL, Where(stores=[one]))
    assert (place["place"], place["area_m2_days"], place["net_sales"]) == ("", 31_000.0, 310_000)


def test_the_area_of_a_category_is_its_counters_and_what_supermarkets_set_aside() -> None:
    at = Locations(
        store_formats={1: "department", 2: "market"},
        counter_brands={},
        counter_categories={11: ("FOOD", "DAIRY"), 12: ("SHOES",), 13: ()},
        category_paths={1: ("FOOD",), 2: ("FOOD", "DAIRY"), 3: ("SHOES",), 4: ("FOOD", "FRUIT"), 5: ("TOYS",)},
    )
    areas = [
        AreaDays(1, None, None, 31, Decimal(31_000)),
        AreaDays(1, 11, None, 31, Decimal(310)),
        AreaDays(1, 12, None, 31, None),
        AreaDays(1, 13, None, 31, Decimal(99)),
        # In store 2 food has 1,860, of which dairy 620: the upper one holds the lower one.
        AreaDays(2, None, ("FOOD",), 31, Decimal(1860)),
        AreaDays(2, None, ("FOOD", "DAIRY"), 31, Decimal(620)),
        # A store that never opened says nothing.
        AreaDays(3, None, ("FOOD",), 0, None),
    ]
    assert areas_of_places(Place.CATEGORY, areas, at, 1) == {"1": 2170.0}
    assert areas_of_places(Place.CATEGORY, areas, at, 2) == {"2": 930.0}


def test_a_place_without_an_open_day_has_no_area() -> None:
    at = Locations({1: "department"}, {}, {}, {})
    assert areas_of_places(Place.STORE, [AreaDays(1, None, None, 0, None)], at) == {}
    assert areas_of_places(Place.STORE, [AreaDays(1, None, None, 3, Decimal(6))], at) == {"1": 6.0}


def test_currencies_stand_apart_on_the_same_ground(database: Database) -> None:
    with database.transaction() as tx:
        a_store(tx, "S1", area_m2=Decimal(100))
        store = stores_by_code(tx, ["S1"])["S1"].id
        write_lake(
            tx,
            [LineFacts(DAY, 3_100, store_id=store), LineFacts(DAY, 6_200, store_id=store, currency="HKD")],
        )
        found = laid_out(tx, Place.STORE)
    assert [(row["currency"], row["sales_per_m2"]) for row in found] == [("CNY", 1.0), ("HKD", 2.0)]
