"""A store with one till, for journeys: it posts over HTTP, and what relay and exporter do all day is done by hand."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask.testing import FlaskClient

from analytics.lake.exporting import bring_up_to
from foundation.database import Database
from foundation.events import move_batch
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import committed_store

SCOPES = ("members.write", "members.read", "sales.post", "catalogue.write")
RECEIPTS_AT_ONCE = 250


class Till:
    """The one till of the store."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.number = 0

    def receipt(self, member: int, day: date, amount: int, coupon: tuple[str, int] | None = None) -> dict[str, Any]:
        """One coffee machine less, at so much."""
        self.number += 1
        off = coupon[1] if coupon else 0
        return {
            "store": "S01", "terminal": "T1", "business_date": day.isoformat(), "sequence": self.number, "type": "sale",
            "occurred_at": f"{day.isoformat()}T09:30:00+08:00", "currency": "CNY", "member": str(member),
            "lines": [{"line": 1, "product": "COFFEE", "quantity": "1", "amount": amount, "tax_rate": "0.13"}],
            "coupons": [{"code": coupon[0], "amount": off}] if coupon else [],
            "tenders": [{"kind": "card", "amount": amount - off}],
        }  # fmt: skip

    def post(self, receipts: Sequence[dict[str, Any]]) -> None:
        """Post them in batches; every one must be taken."""
        for start in range(0, len(receipts), RECEIPTS_AT_ONCE):
            answer = self.caller.post("/v1/sales/batch", {"sales": receipts[start : start + RECEIPTS_AT_ONCE]})
            assert answer.status_code == 200, answer.text
            assert {result["status"] for result in answer.json["results"]} == {201}, answer.text[:2000]


def a_till(http: FlaskClient, database: Database) -> Till:
    """The supermarket S01, which sells coffee machines, and its till."""
    committed_store(database, "S01", name="西湖店", format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    till = Till(a_machine(http, database, SCOPES))
    put = till.caller.put("/v1/products/batch", {"products": [{"code": "COFFEE", "name": "Coffee", "unit_cost": 2000}]})
    assert put.status_code == 200, put.text
    return till


def enrol(till: Till, count: int) -> None:
    """So many members of the store, 1, 2, 3 ..., who agree to be told of things."""
    people = [
        {"name": f"会员{n}", "phone": f"138{n:08d}", "home_store": "S01", "consents": {"app": True, "phone": True}}
        for n in range(1, count + 1)
    ]
    for start in range(0, count, 150):
        answer = till.caller.post("/v1/members/batch", {"members": people[start : start + 150]})
        assert {result["status"] for result in answer.json["results"]} == {201}, answer.text[:2000]


def catch_up(database: Database) -> None:
    """What relay and exporter do all day."""
    while True:
        with database.transaction() as tx:
            if not move_batch(tx):
                break
    bring_up_to(database)
