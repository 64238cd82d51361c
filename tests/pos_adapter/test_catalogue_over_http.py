"""The catalogue as tills' back offices put it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.catalogue.lookups import category_path, promotions_by_code
from tests.organisation.callers import Caller, a_machine


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    """A head-office system that may write the catalogue."""
    return a_machine(http, database, ["catalogue.write", "sales.read"])


MILK: dict[str, Any] = {
    "code": "6901234567892",
    "name": "Whole milk 1 l",
    "category": ["FOOD", "DAIRY"],
    "brand": "MEADOW",
    "unit_cost": 620,
    "regular_price": 1290,
    "currency": "CNY",
}


def look(caller: Caller, path: str, **query: Any) -> dict[str, Any]:
    answer = caller.get(f"{path}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def put(office: Caller, *products: Any) -> list[dict[str, Any]]:
    answer = office.put("/v1/products/batch", {"products": list(products)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.get_json()["results"]
    return results


def test_a_new_product_is_made_with_its_category_and_brand_and_the_same_again_changes_nothing(office: Caller) -> None:
    first = put(office, MILK)
    again = put(office, MILK)

    assert first == [{"status": 201, "body": {**MILK, "status": "active"}}]
    assert again == [{"status": 200, "body": {**MILK, "status": "active"}}]


def test_one_bad_item_never_blocks_the_rest(office: Caller) -> None:
    results = put(office, MILK, {"code": "", "unit_cost": -1}, {"name": "no code"}, "not an object", {"code": "B"})

    assert [result["status"] for result in results] == [201, 422, 422, 422, 201]
    assert {fault["pointer"] for fault in results[1]["problem"]["errors"]} == {
        "/products/1/code",
        "/products/1/unit_cost",
    }
    assert results[4]["body"]["name"] == "B"


def test_what_is_left_out_stays_and_null_takes_away(office: Caller) -> None:
    put(office, MILK)

    assert put(office, {"code": MILK["code"], "name": "Milk"})[0]["body"]["unit_cost"] == 620
    assert put(office, {"code": MILK["code"], "unit_cost": None, "brand": None})[0]["body"] == {
        **MILK,
        "name": "Milk",
        "unit_cost": None,
        "brand": None,
        "status": "active",
    }


def test_a_product_need_not_name_a_currency_and_may_stop_naming_it(office: Caller) -> None:
    unnamed = {key: value for key, value in MILK.items() if key != "currency"}

    assert put(office, unnamed)[0]["body"] == {**MILK, "currency": None, "status": "active"}
    assert put(office, MILK)[0]["body"]["currency"] == "CNY"
    assert put(office, {"code": MILK["code"], "currency": None})[0]["body"]["currency"] is None
    assert [cost["currency"] for cost in look(office, "/v1/products/costs", code=MILK["code"])["costs"]] == [None]


def test_the_same_product_twice_in_one_batch_ends_as_the_last_one_says(office: Caller) -> None:
    results = put(office, MILK, {"code": MILK["code"], "unit_cost": 700})

    assert [result["status"] for result in results] == [201, 200]
    assert look(office, "/v1/products", code=MILK["code"])["items"][0]["unit_cost"] == 700


def test_a_changed_cost_begins_a_period_of_its_own(office: Caller, clock: FixedClock) -> None:
    began = clock.now()
    put(office, MILK)
    clock.advance(timedelta(minutes=30))
    put(office, {"code": MILK["code"], "unit_cost": 650})

    costs = look(office, "/v1/products/costs", code=MILK["code"])["costs"]
    assert [cost["unit_cost"] for cost in costs] == [650, 620]
    assert costs[1]["valid_from"] == began.isoformat()


def test_products_are_listed_by_code_with_a_cursor(office: Caller) -> None:
    put(office, *({"code": f"P{n:03}", "category": ["FOOD", "DAIRY" if n % 2 else "BREAD"]} for n in range(25)))

    first = look(office, "/v1/products", limit=10)
    second = look(office, "/v1/products", limit=10, cursor=first["next_cursor"])
    third = look(office, "/v1/products", limit=10, cursor=second["next_cursor"])

    pages = [[item["code"] for item in answer["items"]] for answer in (first, second, third)]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [code for page in pages for code in page] == [f"P{n:03}" for n in range(25)]
    assert third["next_cursor"] is None
    assert 'rel="next"' in office.get("/v1/products?limit=10").headers["Link"]


def test_products_are_found_by_category_brand_and_words(office: Caller) -> None:
    put(office, MILK, {"code": "B1", "name": "Brown bread 100%", "category": ["FOOD", "BREAD"]}, {"code": "T1"})

    def found(**query: Any) -> list[str]:
        return [item["code"] for item in look(office, "/v1/products", **query)["items"]]

    assert found(category="FOOD") == [MILK["code"], "B1"]
    assert found(category="FOOD/DAIRY") == [MILK["code"]]
    assert found(brand="MEADOW") == [MILK["code"]]
    assert found(q="MILK") == [MILK["code"]]
    assert found(q="100%") == ["B1"]
    assert found(q="690") == [MILK["code"]]
    assert found(q="%") == ["B1"]


def test_a_category_path_is_known_to_the_posting_path(office: Caller, database: Database) -> None:
    put(office, MILK)

    with database.transaction() as tx:
        category_id = tx.execute("SELECT category_id FROM pos.product").scalar_one()
        assert category_path(tx, category_id) == ("FOOD", "DAIRY")
        assert category_path(tx, None) == ()


def test_categories_and_brands_are_given_names(office: Caller, database: Database) -> None:
    put(office, MILK)
    categories = office.put(
        "/v1/categories/batch", {"categories": [{"path": ["FOOD"], "name": "Food"}, {"path": ["TOYS", "BALLS"]}]}
    )
    brands = office.put("/v1/brands/batch", {"brands": [{"code": "MEADOW", "name": "Meadow Farms"}]})

    assert [result["status"] for result in categories.get_json()["results"]] == [200, 201]
    assert [result["status"] for result in brands.get_json()["results"]] == [200]
    with database.transaction() as tx:
        rows = tx.execute("SELECT array_to_string(path, '/') AS path, name FROM pos.category")
        assert {row.path: row.name for row in rows} == {
            "FOOD": "Food",
            "FOOD/DAIRY": "DAIRY",
            "TOYS": "TOYS",
            "TOYS/BALLS": "BALLS",
        }


PROMOTION = {
    "code": "P7",
    "name": "Spring markdown",
    "method": "markdown",
    "funders": [{"funder": "company", "share": "0.6"}, {"funder": "supplier:V9", "share": "0.4"}],
    "starts_on": "2026-03-01",
    "ends_on": "2026-03-31",
    "stores": ["S01"],
}


def test_a_promotion_carries_its_method_and_who_bears_it(office: Caller, database: Database) -> None:
    made = office.put("/v1/promotions/batch", {"promotions": [PROMOTION]})

    assert made.get_json()["results"] == [{"status": 201, "body": {**PROMOTION, "formats": []}}]
    with database.transaction() as tx:
        facts = promotions_by_code(tx, ["P7", "unheard of"])
    assert list(facts) == ["P7"]
    assert facts["P7"].funders == {"company": 6_000, "supplier:V9": 4_000}


def test_a_changed_promotion_is_known_to_the_posting_path_at_once(office: Caller, database: Database) -> None:
    with database.transaction() as tx:
        assert promotions_by_code(tx, ["P7"]) == {}
    office.put("/v1/promotions/batch", {"promotions": [PROMOTION]})
    with database.transaction() as tx:
        assert promotions_by_code(tx, ["P7"])["P7"].method == "markdown"
    office.put("/v1/promotions/batch", {"promotions": [{"code": "P7", "method": "coupon", "funder": "store"}]})
    with database.transaction() as tx:
        assert promotions_by_code(tx, ["P7"])["P7"].funders == {"store": 10_000}


def test_promotions_that_contradict_themselves_are_refused_each_on_its_own(office: Caller) -> None:
    answer = office.put(
        "/v1/promotions/batch",
        {
            "promotions": [
                {"code": "A"},
                {"code": "B", "method": "markdown", "starts_on": "2026-03-02", "ends_on": "2026-03-01"},
                {"code": "C", "method": "markdown", "funders": [{"funder": "company", "share": "0.6"}]},
                {"code": "D", "method": "wizardry"},
                PROMOTION,
            ]
        },
    )

    assert [(result["status"], result.get("problem", {}).get("code")) for result in answer.get_json()["results"]] == [
        (422, "promotion_incomplete"),
        (422, "promotion_dates_wrong"),
        (422, "funder_shares_off"),
        (422, "invalid_item"),
        (201, None),
    ]


def test_promotions_are_found_by_the_day_they_run_on(office: Caller) -> None:
    office.put("/v1/promotions/batch", {"promotions": [PROMOTION, {"code": "P8", "method": "points"}]})

    def found(**query: Any) -> list[str]:
        return [item["code"] for item in look(office, "/v1/promotions", **query)["items"]]

    assert found() == ["P7", "P8"]
    assert found(on="2026-03-31") == ["P7", "P8"]
    assert found(on="2026-04-01") == ["P8"]
    assert found(method="markdown") == ["P7"]


def test_who_may_not_write_the_catalogue_is_refused(http: FlaskClient, database: Database) -> None:
    reader = a_machine(http, database, ["sales.read"])

    assert reader.put("/v1/products/batch", {"products": [MILK]}).status_code == 403
    assert look(reader, "/v1/products")["items"] == []
