"""Profit of lines as they are posted: own goods, counters of others, and who bears what."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from foundation.database import Database
from member_api.ledger.operations import Grant, Step, grant
from member_api.ledger.rules import Kind
from organisation.contract import CounterMode
from pos_adapter.catalogue.operations import put_products, put_promotions
from pos_adapter.catalogue.rules import ProductWish, PromotionMethod, PromotionWish
from tests.analytics.test_lake_exporting import deliver, in_lake, same
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import a_counter, committed_store
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="department", currency="CNY", timezone="Asia/Shanghai")
    with database.transaction() as tx:
        a_counter(
            tx, code="C1", mode=CounterMode.CONCESSION, rate=Decimal("0.25"), supplier="V9", category=("WOMEN",),
            brand="SILK",
        )  # fmt: skip
        a_counter(tx, code="C2", mode=CounterMode.LEASED, supplier="V8")
        a_counter(tx, code="C3", mode=CounterMode.CONCESSION, supplier="V7")
        put_products(tx, [ProductWish("OWN", category=("WOMEN",), brand="SILK", unit_cost=333)])
        put_promotions(
            tx,
            [
                PromotionWish(
                    "SHARED", method=PromotionMethod.MARKDOWN,
                    funders={"company": Decimal("0.6"), "supplier:V9": Decimal("0.4")},
                ),
                PromotionWish("CARD", method=PromotionMethod.MEMBER_PRICE, funders={"company": Decimal(1)}),
            ],
        )  # fmt: skip
    a_member(database)
    return database


def profits(house: Database, columns: str = "profit") -> list[Any]:
    deliver(house)
    rows = in_lake(house, f"SELECT {columns} FROM lines ORDER BY occurred_at, line").to_pylist()
    return [tuple(row.values()) if "," in columns else row[columns] for row in rows]


def at(minute: int) -> str:
    return datetime(2026, 1, 5, 2, minute, tzinfo=UTC).isoformat()


def test_what_each_line_of_a_mixed_basket_earns(house: Database) -> None:
    lines = [
        line(1, 1130, product="OWN", tax_rate="0.13", quantity="1.5"),
        line(2, 1000, counter="C1", tax_rate="0.13"),
        line(3, 1000, counter="C2"),
        line(4, 1000, counter="C3"),
        line(5, 1000, product="NOBODY KNOWS"),
        line(6, 1000, kind="gift_card"),
    ]
    post(house, receipt(1130, 1000, 1000, 1000, 1000, 1000, lines=lines))
    # 1130/1.13 - 1.5 x 333 (499.5, rounded up); 250/1.13 = 221.24; leased; no rate; no cost; not goods.
    assert profits(house, "profit, cost, counter_mode") == [
        (500, 500, None),
        (221, None, "concession"),
        (0, None, "leased"),
        (None, None, "concession"),
        (None, None, None),
        (None, None, None),
    ]
    same(house)
    dimensions = in_lake(house, "SELECT DISTINCT category_id, brand_id FROM lines WHERE line IN (1, 2)")
    assert dimensions.num_rows == 1, "a typed price takes category and brand of its counter"


def test_e_coins_that_a_supplier_bears_come_back_to_the_store(house: Database) -> None:
    with house.transaction() as tx:
        (member,) = tx.execute("SELECT id FROM member.member").one()
    give(house, member, 100_00, funder="company")
    spend = receipt(
        1000_00, member=PHONE_REF, lines=[line(1, 1000_00, counter="C1", tax_rate="0.13")],
        tenders=[{"kind": "card", "amount": 900_00}, {"kind": "ecoin", "amount": 100_00}], occurred_at=at(1),
    )  # fmt: skip
    post(house, spend)
    # The company bears them all: (900 - 750) / 1.13.
    assert profits(house, "profit, money, benefit") == [(132_74, 900_00, 100_00)]
    give(house, member, 60_00, funder="company")
    give(house, member, 40_00, funder="supplier:V9")
    again = receipt(
        1000_00, member=PHONE_REF, lines=[line(1, 1000_00, counter="C1", tax_rate="0.13")],
        tenders=[{"kind": "card", "amount": 900_00}, {"kind": "ecoin", "amount": 100_00}], occurred_at=at(2),
    )  # fmt: skip
    post(house, again)
    assert profits(house)[1] == 168_14
    same(house)


def give(house: Database, member: int, amount: int, *, funder: str) -> None:
    with house.transaction() as tx:
        grant(
            tx,
            member,
            Grant(Kind.ECOIN, amount, "gift", funder=funder, currency="CNY"),
            Step(f"{funder}/{amount}", "test"),
        )


def test_a_discounts_share_is_as_stated_or_else_by_the_promotions_funders(house: Database) -> None:
    stated = [{"kind": "markdown", "amount": 100_00, "funder_share": 30_00}]
    by_promotion = [{"kind": "markdown", "amount": 100_00, "promotion": "SHARED"}]
    for minute, discounts in enumerate((stated, by_promotion)):
        sold = line(1, 900_00, counter="C1", tax_rate="0", discounts=discounts)
        post(house, receipt(900_00, lines=[sold], occurred_at=at(minute)))
    # 900 x 25 % and what the supplier bears of the 100.
    assert profits(house) == [225_00 + 30_00, 225_00 + 40_00]
    assert profits(house, "promoted, amount") == [(True, 900_00)] * 2


def test_member_prices_points_and_e_coins_alone_are_no_promotion(house: Database) -> None:
    lines = [
        line(1, 100, discounts=[{"kind": "member_price", "amount": 5}]),
        line(2, 100, discounts=[{"kind": "e-coin", "amount": 5}, {"kind": "points", "amount": 1}]),
        line(3, 100, discounts=[{"kind": "points", "amount": 5}, {"kind": "threshold", "amount": 5}]),
        line(4, 100, promotion="CARD"),
        line(5, 100, promotion="SHARED"),
        line(6, 100),
    ]
    post(house, receipt(*[100] * 6, lines=lines))
    assert profits(house, "line, promoted") == [(1, False), (2, False), (3, True), (4, False), (5, True), (6, False)]


def test_what_comes_back_is_what_was_sold_also_when_the_cost_has_changed(house: Database) -> None:
    sold = receipt(1130, lines=[line(1, 1130, product="OWN", tax_rate="0.13", regular_amount=1400, promotion="SHARED")])
    post(house, sold)
    with house.transaction() as tx:
        put_products(tx, [ProductWish("OWN", unit_cost=999, category=("MEN",))])
    post(house, return_of(sold, (1, 1130), occurred_at=at(5)))
    same(house)
    columns = "amount, cost, profit, regular_amount, tax_rate, promoted, quantity_milli"
    assert profits(house, columns) == [
        (1130, 333, 667, 1400, 1300, True, 1000),
        (-1130, -333, -667, -1400, 1300, True, -1000),
    ]
    assert in_lake(house, "SELECT sum(profit)::INT AS p, count(DISTINCT category_id) AS c FROM lines").to_pylist() == [
        {"p": 0, "c": 1}
    ]
