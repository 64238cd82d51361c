"""The statement of a counter: by mode and rate band, e-coins and suppliers' shares, guaranteed minimum."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from organisation.contract import CounterMode, counters_by_code
from pos_adapter.day.rules import whole_months
from pos_adapter.day.statements import guaranteed_in
from tests.organisation.factories import a_counter
from tests.pos_adapter.day.store import DayFloor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> DayFloor:
    floor = DayFloor(http, database)
    with database.transaction() as tx:
        a_counter(
            tx, code="C1", mode=CounterMode.CONCESSION, rate=Decimal("0.25"), supplier="V9",
            promotion_rates={"P7": Decimal("0.20")}, guaranteed_minimum=310_000,
        )  # fmt: skip
    return floor


def sold(floor: DayFloor, sequence: int, amount: int, **line: Any) -> str:
    lines = [{"line": 1, "quantity": "1", "amount": amount, "counter": "C1", "tax_rate": "0.13"} | line]
    return floor.till_sale(sequence, amount, lines=lines)


def given_back(floor: DayFloor, sequence: int, amount: int, quantity: str, sold_on: date) -> None:
    """The first receipt of a day, given back today."""
    till = {"store": "S01", "terminal": "T1"}
    body = till | {
        "business_date": floor.today.isoformat(), "sequence": sequence, "type": "return",
        "occurred_at": f"{floor.today.isoformat()}T00:00:00+08:00", "currency": "CNY",
        "original": till | {"business_date": sold_on.isoformat(), "sequence": 1},
        "lines": [{"line": 1, "quantity": quantity, "amount": amount, "original_line": 1, "counter": "C1"}],
        "tenders": [{"kind": "cash", "amount": amount}],
    }  # fmt: skip
    answer = floor.erp.post("/v1/sales", body)
    assert answer.status_code == 201, answer.text


def statement(floor: DayFloor, since: date | None = None) -> Any:
    today = floor.today
    first = since or today.replace(day=1)
    answer = floor.office.get("/v1/counters/S01/C1/statements", **{"from": first.isoformat(), "to": today.isoformat()})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_a_concession_is_owed_its_base_less_the_rate_of_the_day_and_the_promotion(floor: DayFloor) -> None:
    sold(floor, 1, 100_000)
    sold(floor, 2, 50_000, promotion="P7")
    assert (statement(floor)["bands"], statement(floor)["days_open"]) == ([], floor.today.day)
    floor.close()
    told = statement(floor)
    bands = [(b["promotion"], b["rate"], b["base"], b["commission"], b["payable"]) for b in told["bands"]]
    assert bands == [(None, "0.250000", 100_000, 25_000, 75_000), ("P7", "0.200000", 50_000, 10_000, 40_000)]
    assert (told["amount"], told["payable"], told["supplier"], told["days_open"]) == (150_000, 115_000, "V9", 0)


def test_benefits_that_a_supplier_bears_come_off_what_it_is_owed(floor: DayFloor) -> None:
    # Hand-worked in the formulas of the trade: price 1,000, 100 e-coins used, the supplier bears 40, rate 25 %.
    sold(floor, 1, 90_000, discounts=[{"kind": "ecoin", "amount": 10_000, "funder_share": 4_000}])
    floor.close()
    [band] = statement(floor)["bands"]
    assert (band["base"], band["benefits"], band["borne"]) == (100_000, 10_000, 4_000)
    assert (band["commission"], band["payable"]) == (25_000, 71_000)
    assert round((90_000 - band["payable"]) / 1.13) == 16_814, "the gross profit of the same line"


def test_a_return_takes_off_what_was_owed_for_the_sale(floor: DayFloor) -> None:
    sold(floor, 1, 100_000)
    given_back(floor, 2, 40_000, "0.4", floor.today)
    floor.close()
    [band] = statement(floor)["bands"]
    assert (band["amount"], band["payable"], band["lines"]) == (60_000, 45_000, 2)


def test_a_sale_given_back_on_another_day_leaves_not_a_cent_with_the_supplier(floor: DayFloor) -> None:
    # A quarter of 19.90 is 4.975: a half, on either day.
    with floor.database.transaction() as tx:
        a_counter(tx, code="C1", mode=CounterMode.CONCESSION, rate=Decimal("0.25"), effective_from=floor.yesterday)
    floor.till_sale(1, 1_990, floor.yesterday, lines=[{"line": 1, "quantity": "1", "amount": 1_990, "counter": "C1"}])
    floor.close(floor.yesterday)
    [band] = statement(floor, floor.yesterday)["bands"]
    assert (band["commission"], band["payable"]) == (498, 1_492)
    given_back(floor, 2, 1_990, "1", floor.yesterday)
    floor.close()
    [band] = statement(floor, floor.yesterday)["bands"]
    assert (band["lines"], band["base"], band["commission"], band["payable"]) == (2, 0, 0, 0)


def test_a_guaranteed_minimum_counts_by_the_days_of_its_terms(floor: DayFloor) -> None:
    with floor.database.transaction() as tx:
        a_counter(tx, code="C1", guaranteed_minimum=620_000, effective_from=date(2026, 1, 21))
    with floor.database.transaction(read_only=True) as tx:
        counter = counters_by_code(tx, floor.store(tx).id, ["C1"])["C1"]
    # Own goods until the 4th, then 16 days of 310,000 and 11 of 620,000 a month of 31.
    assert guaranteed_in(counter, date(2026, 1, 1), date(2026, 1, 31)) == 380_000


def test_whole_months_of_a_period() -> None:
    assert whole_months(date(2026, 1, 1), date(2026, 2, 27)) == [(date(2026, 1, 1), date(2026, 1, 31))]
    assert whole_months(date(2025, 12, 2), date(2026, 1, 31)) == [(date(2026, 1, 1), date(2026, 1, 31))]
    assert whole_months(date(2026, 1, 5), date(2026, 1, 31)) == []


def test_a_period_is_a_year_at_most_and_a_counter_is_one_of_the_store(floor: DayFloor) -> None:
    ask = floor.office.get
    year = {"from": "2025-01-01", "to": "2026-01-05"}
    assert ask("/v1/counters/S01/C1/statements", **year).get_json()["code"] == "period_invalid"
    assert ask("/v1/counters/S01/C9/statements", **{"from": "2026-01-01", "to": "2026-01-05"}).status_code == 404
    assert ask("/v1/counters/S01/C1/statements", **{"from": "soon", "to": "2026-01-05"}).status_code == 422
    assert floor.desk.get("/v1/counters/S01/C1/statements", **year).status_code == 403
