"""What a handheld reads before it is cut off: its counters, its sheet, goods and prices page by page."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from organisation.contract import CounterStatus
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductStatus, ProductWish
from tests.member_api.callers import Caller
from tests.organisation.factories import a_counter, a_person, committed_store, made

HERE = {"store": "S01", "counter": "C1"}


@pytest.fixture
def handheld(http: FlaskClient, database: Database) -> Caller:
    committed_store(database, format="department", currency="CNY", timezone="Asia/Shanghai")
    with database.transaction() as tx:
        a_counter(tx, code="C1", name="Cosmetics", floor="1F")
        a_counter(tx, code="C2", name="Shoes", brand="STEP")
        a_counter(tx, code="C9", name="Gone", status=CounterStatus.CLOSED)
        a_person(tx, "E7", name="Wang Fang", home_store="S01")
    return Caller(http, database, ("tickets.write",), store="S01")


def put(database: Database, *wishes: ProductWish) -> None:
    with database.transaction() as tx:
        for outcome in put_products(tx, wishes):
            made(outcome)


def whole(handheld: Caller, **query: Any) -> tuple[list[Any], str]:
    """All pages, and the `since` for later."""
    items: list[Any] = []
    answer = handheld.get("/v1/handheld/products", **HERE | query).get_json()
    while True:
        items += answer["items"]
        if answer["next_cursor"] is None:
            return items, answer["since"]
        answer = handheld.get("/v1/handheld/products", **HERE | query | {"cursor": answer["next_cursor"]}).get_json()


def test_the_sheet_names_the_counter_its_terminal_and_who_sells(handheld: Caller) -> None:
    sheet = handheld.get("/v1/handheld/sheet", **HERE).get_json()
    assert (sheet["counter"]["name"], sheet["terminal"]) == ("Cosmetics", "H-C1")
    assert (sheet["store"]["currency"], sheet["store"]["exponent"]) == ("CNY", 2)
    assert sheet["salespeople"] == [{"code": "E7", "name": "Wang Fang"}]
    assert handheld.get("/v1/handheld/sheet", store="S01", counter="C9").status_code == 422
    assert handheld.get("/v1/handheld/sheet", store="S77", counter="C1").status_code == 403


def test_whoever_acts_in_several_stores_begins_at_one_that_has_counters(
    handheld: Caller, http: FlaskClient, database: Database
) -> None:
    for code in ("A00", "S02"):
        committed_store(database, code=code)
    with database.transaction() as tx:
        a_counter(tx, store="S02", code="C1", status=CounterStatus.CLOSED)
    page = Caller(http, database, ("tickets.write",)).get("/handheld").text
    facts = json.loads(re.findall(r'id="facts">(.*?)</script>', page)[0])
    assert [store["code"] for store in facts["stores"]] == ["S01", "A00", "S02"]


def test_only_open_counters_are_offered(handheld: Caller) -> None:
    items = handheld.get("/v1/handheld/counters", store="S01").get_json()["items"]
    assert [each["code"] for each in items] == ["C1", "C2"]


def test_goods_come_in_pages_and_later_only_what_changed(
    handheld: Caller, database: Database, clock: FixedClock
) -> None:
    put(database, *(ProductWish(f"P{n:02}", name=f"Product {n}", regular_price=100 + n) for n in range(25)))
    clock.advance(timedelta(minutes=15))
    items, since = whole(handheld, limit=10)
    assert [item[0] for item in items] == [f"P{n:02}" for n in range(25)]
    assert items[3] == ["P03", "Product 3", 103, True]

    assert whole(handheld, since=since)[0] == []
    put(database, ProductWish("P03", regular_price=99), ProductWish("P04", status=ProductStatus.DISCONTINUED))
    changed, _ = whole(handheld, since=since)
    assert changed == [["P03", "Product 3", 99, True], ["P04", "Product 4", 104, False]]


def test_what_committed_a_moment_ago_is_asked_for_again(handheld: Caller, database: Database) -> None:
    put(database, ProductWish("NEW", name="New"))
    _, since = whole(handheld)
    assert [item[0] for item in whole(handheld, since=since)[0]] == ["NEW"], "a neighbour may commit later than it"


@pytest.mark.parametrize("since", ["x", "WyJ4IiwxXQ", "W10"])
def test_a_since_that_is_none_is_refused(handheld: Caller, since: str) -> None:
    assert handheld.get("/v1/handheld/products", **HERE, since=since).status_code == 400


def test_a_counter_of_one_brand_keeps_that_brand_only(handheld: Caller, database: Database) -> None:
    put(database, ProductWish("A", brand="STEP"), ProductWish("B", brand="OTHER"), ProductWish("C"))
    assert [item[0] for item in whole(handheld, counter="C2")[0]] == ["A"]
    assert len(whole(handheld)[0]) == 3


def test_a_price_in_another_currency_is_no_price_here(handheld: Caller, database: Database) -> None:
    put(database, ProductWish("USD", regular_price=500, currency="USD"))
    assert whole(handheld)[0] == [["USD", "USD", None, True]]


def test_the_worker_may_keep_the_page_and_fetch(http: FlaskClient) -> None:
    answer = http.get("/handheld/worker.js")
    assert answer.headers["Service-Worker-Allowed"] == "/handheld"
    assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.text.startswith("self.SHELL = {")
    manifest = http.get("/handheld/app.webmanifest").get_json(force=True)
    assert (manifest["start_url"], manifest["display"]) == ("/handheld", "standalone")
