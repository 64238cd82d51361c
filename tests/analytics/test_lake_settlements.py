"""A settlement over several legal units is several receipts and one purchase: the lake shares its points rightly."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from tests.analytics.test_lake_exporting import in_lake, same
from tests.field.shop import PHONE_REF, points_of
from tests.member_api.people import a_member
from tests.pos_adapter.tickets.callers import Floor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def given_back(day: str, sequence: int, sold_under: int, line: int, amount: int) -> dict[str, Any]:
    return {
        "store": "S01", "terminal": "D1", "business_date": day, "sequence": sequence, "type": "return",
        "occurred_at": f"{day}T12:00:00+08:00", "currency": "CNY",
        "original": {"store": "S01", "terminal": "D1", "business_date": day, "sequence": sold_under},
        "lines": [{"line": 1, "quantity": "1", "amount": amount, "original_line": line}],
        "tenders": [{"kind": "card", "amount": amount}],
    }  # fmt: skip


def test_what_comes_back_of_any_part_takes_back_its_points(floor: Floor, database: Database) -> None:
    a_member(database)
    # Two lines of 1.50 earn one point each only together.
    tickets = [floor.issued(code, amount, member=PHONE_REF) for code, amount in (("C1", 10_050), ("C3", 35_050))]
    body = floor.settle(*tickets).get_json()
    same(database)
    sales = in_lake(database, "SELECT line, points, amount FROM lines ORDER BY line").to_pylist()
    assert [tuple(row.values()) for row in sales] == [(1, 101, 10_050), (2, 350, 35_050)]
    assert in_lake(database, "SELECT receipts, points FROM member_day").to_pylist() == [{"receipts": 2, "points": 451}]
    day = body["business_date"]
    mall, jewel = (sale["sequence"] for sale in body["sales"])
    assert floor.desk.post("/v1/sales", given_back(day, 1, jewel, 2, 35_050)).status_code == 201
    same(database)
    assert floor.desk.post("/v1/sales", given_back(day, 2, mall, 1, 10_050)).status_code == 201
    same(database)
    backs = in_lake(database, "SELECT points FROM lines WHERE type = 'return' ORDER BY amount").to_pylist()
    assert [row["points"] for row in backs] == [-351, -100]
    assert in_lake(database, "SELECT sum(points)::INT AS p FROM member_day").to_pylist() == [{"p": points_of(database)}]
