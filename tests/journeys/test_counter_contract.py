"""The part of the HTTP contract that handhelds and desks are built against, route by route, as they would call it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from foundation.access import create_client, declared_permissions
from foundation.clock import FixedClock
from foundation.database import Database
from tests.journeys.test_tills_contract import Machine, log_in

PHONE = {"kind": "phone", "value": "+8613800138000"}
HANDHELD = ["tickets.read", "tickets.write", "sales.read", "members.read"]
DESK = ["tickets.read", "settlements.write", "sales.post", "sales.read", "members.read", "topups.write"]
LINE = {
    "line": 1, "kind": "goods", "product": "6901234567892", "quantity": "1.000", "unit_price": 2490, "amount": 1990,
    "regular_amount": 2490, "tax_rate": "0.13", "salesperson": "E7", "promotion": "P7",
    "discounts": [{"kind": "markdown", "promotion": "P7", "amount": 500}],
}  # fmt: skip


@dataclass
class Counter:
    """A store of two legal units: a handheld at each of two counters, a desk, and the back office."""

    erp: Machine
    shoes: Machine
    gold: Machine
    desk: Machine

    def ticket(self, **more: Any) -> dict[str, Any]:
        return {"id": str(uuid4()), "store": "S01", "counter": "SHOES", "member": PHONE, "lines": [LINE]} | more

    def issued(self, handheld: Machine | None = None, **more: Any) -> Any:
        return (handheld or self.shoes).done("POST", "/v1/tickets", self.ticket(**more))

    def settlement(self, *tickets: Any, **more: Any) -> dict[str, Any]:
        amount = sum(ticket["amount"] for ticket in tickets)
        return {
            "store": "S01", "terminal": "D1", "tickets": [ticket["id"] for ticket in tickets],
            "tenders": [{"kind": "card", "amount": amount, "reference": "A-1"}],
        } | more  # fmt: skip

    def state(self, ticket: Any) -> str:
        state: str = self.desk.get(f"/v1/tickets/{ticket['id']}")["state"]
        return state


@pytest.fixture
def counter(app: Flask, database: Database, clock: FixedClock) -> Counter:
    http = app.test_client()
    with database.transaction() as tx:
        new = create_client(tx, None, "erp", frozenset(declared_permissions()), {})
    erp = log_in(http, {"client_id": new.client_id, "client_secret": new.client_secret})
    for path, body in (
        ("stores", [{"code": "S01", "name": "One", "format": "department", "region": "east", "currency": "CNY",
                     "timezone": "Asia/Shanghai", "legal_unit": "MALL"}]),
        ("counters", [{"store": "S01", "code": "SHOES", "name": "Shoes", "mode": "own"},
                      {"store": "S01", "code": "GOLD", "name": "Gold", "mode": "concession", "legal_unit": "JEWEL"}]),
        ("products", [{"code": "6901234567892", "name": "Sandals", "category": ["SHOES"], "brand": "Step"}]),
        ("promotions", [{"code": "P7", "name": "Shoe week", "method": "markdown"}]),
        ("staff", [{"number": "E7", "name": "Seven", "home_store": "S01"}]),
    ):  # fmt: skip
        results = erp.done("PUT", f"/v1/{path}/batch", {path: body}, 200)["results"]
        assert {result["status"] for result in results} == {201}, results
    erp.done("POST", "/v1/members", {"name": "王小明", "phone": "138 0013 8000"})

    def client(name: str, scopes: list[str], **bound: str) -> Machine:
        return log_in(http, erp.done("POST", "/v1/clients", {"name": name, "scopes": scopes, "store": "S01"} | bound))

    return Counter(
        erp,
        client("handheld of shoes", HANDHELD, counter="SHOES"),
        client("handheld of gold", HANDHELD, counter="GOLD"),
        client("desk", DESK, terminal="D1"),
    )


def test_a_ticket_is_issued_once_whatever_the_device_repeats(counter: Counter) -> None:
    body = counter.ticket()
    issued = counter.shoes.done("POST", "/v1/tickets", body)
    assert (issued["id"], issued["state"], issued["amount"]) == (body["id"], "issued", 1990)
    assert isinstance(issued["number"], int)
    assert counter.shoes.done("POST", "/v1/tickets", body, 200) == issued
    other = body | {"lines": [LINE | {"amount": 1, "discounts": []}]}
    counter.shoes.refused("POST", "/v1/tickets", other, 409)
    assert len(counter.desk.get("/v1/tickets?store=S01")["items"]) == 1


def test_a_handheld_issues_for_its_own_counter_only(counter: Counter) -> None:
    counter.gold.refused("POST", "/v1/tickets", counter.ticket(), 403)
    counter.desk.refused("POST", "/v1/tickets", counter.ticket(), 403)
    assert counter.desk.get("/v1/tickets?store=S01")["items"] == []


def test_tickets_are_found_by_state_and_member(counter: Counter) -> None:
    mine = counter.issued()
    somebody = counter.issued(member=None)
    member = counter.erp.get("/v1/members?identifier=phone:%2B8613800138000")["items"][0]["id"]
    found = counter.desk.get(f"/v1/tickets?store=S01&state=issued&member={member}")
    assert [item["id"] for item in found["items"]] == [mine["id"]]
    assert found["next_cursor"] is None
    page = counter.desk.send("GET", "/v1/tickets?store=S01&limit=1")
    assert len(page.get_json()["items"]) == 1
    assert 'rel="next"' in page.headers["Link"]
    one = counter.desk.get(f"/v1/tickets/{somebody['id']}")
    assert (one["counter"], one["member"], one["lines"][0]["amount"]) == ("SHOES", None, 1990)


def test_a_ticket_is_cancelled_by_its_counter_and_then_is_over(counter: Counter) -> None:
    ticket = counter.issued()
    counter.gold.refused("POST", f"/v1/tickets/{ticket['id']}/cancel", {}, 403)
    assert counter.shoes.done("POST", f"/v1/tickets/{ticket['id']}/cancel", {}, 200)["state"] == "cancelled"
    counter.desk.refused("POST", "/v1/settlements", counter.settlement(ticket), 409)
    counter.shoes.refused("POST", f"/v1/tickets/{ticket['id']}/release", {}, 409)


def test_one_settlement_pays_several_counters_with_one_sale_for_each_legal_unit(counter: Counter) -> None:
    shoes = counter.issued()
    gold = counter.issued(counter.gold, counter="GOLD", lines=[{"line": 1, "quantity": "1", "amount": 50_000}])
    paid = counter.desk.done("POST", "/v1/settlements", counter.settlement(shoes, gold, cashier="E7", shift="M1"))
    assert paid["state"] == "paid"
    assert {sale["legal_unit"] for sale in paid["sales"]} == {"MALL", "JEWEL"}
    assert paid["points"] == {
        "earned": 519, "redeemed": 0, "balance": 519, "available": 519,
        "next_expiry": {"amount": 519, "on": "2028-01-31"},
    }  # fmt: skip
    assert [counter.state(shoes), counter.state(gold)] == ["paid", "paid"]
    sales = [counter.erp.get(f"/v1/sales/{sale['id']}") for sale in paid["sales"]]
    assert sorted(line["counter"] for sale in sales for line in sale["lines"]) == ["GOLD", "SHOES"]
    assert counter.desk.get(f"/v1/settlements/{paid['id']}")["id"] == paid["id"]
    assert counter.shoes.done("POST", f"/v1/tickets/{shoes['id']}/release", {}, 200)["state"] == "released"
    counter.shoes.refused("POST", f"/v1/tickets/{gold['id']}/release", {}, 403)


def test_a_settled_ticket_is_not_settled_again(counter: Counter) -> None:
    ticket = counter.issued()
    body = counter.settlement(ticket)
    first = counter.desk.send("POST", "/v1/settlements", body, key="one")
    again = counter.desk.send("POST", "/v1/settlements", body, key="one")
    assert (first.status_code, again.status_code, again.get_json()) == (201, 201, first.get_json())
    assert again.headers["Idempotency-Replayed"] == "true"
    counter.desk.refused("POST", "/v1/settlements", body, 409)
    assert counter.erp.get("/v1/members/1/accounts")["items"][0]["balance"] == 19


def test_loose_goods_and_stored_value_settle_together(counter: Counter) -> None:
    paid_in = counter.desk.done("POST", "/v1/members/1/topups", {"amount": 10_000, "bonus": 2_000, "tender": "cash"})
    assert paid_in["topup"]
    ticket = counter.issued()
    body = counter.settlement(
        ticket,
        lines=[{"line": 1, "quantity": "1", "amount": 1000, "counter": "GOLD"}],
        member=PHONE,
        tenders=[{"kind": "stored_value", "amount": 1990}, {"kind": "cash", "amount": 1000}],
    )
    counter.desk.done("POST", "/v1/settlements", body)
    cash = [item for item in counter.erp.get("/v1/members/1/accounts")["items"] if item["kind"] == "cash"]
    assert cash[0]["balance"] == 12_000 - 1990


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"tenders": [{"kind": "card", "amount": 1}]}, 422),
        ({"tickets": ["00000000-0000-4000-8000-000000000000"]}, 422),
        ({"tickets": "all"}, 422),
        ({"terminal": "D2"}, 403),
        ({"store": "S02"}, 403),
        ({"coupons": [{"code": "NONE", "amount": 10}], "tenders": [{"kind": "card", "amount": 1980}]}, 422),
        ({"surprise": 1}, 422),
    ],
)
def test_a_settlement_that_cannot_be_is_refused_and_leaves_the_ticket_open(
    counter: Counter, change: dict[str, Any], status: int
) -> None:
    ticket = counter.issued()
    counter.desk.refused("POST", "/v1/settlements", counter.settlement(ticket) | change, status)
    assert counter.state(ticket) == "issued"


def test_a_store_s_events_are_for_those_who_are_let_in(counter: Counter) -> None:
    assert counter.erp.http.get("/v1/stores/S01/events").status_code == 401
    counter.shoes.refused("GET", "/v1/stores/S02/events", None, 403)
