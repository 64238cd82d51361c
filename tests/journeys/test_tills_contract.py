"""The fixed part of the HTTP contract that tills, ERP and handhelds are built against, route by route."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from foundation.access import create_client, declared_permissions
from foundation.clock import FixedClock
from foundation.database import Database

SALE = {
    "store": "S01", "terminal": "T1", "business_date": "2026-01-05", "sequence": 1042, "type": "sale",
    "occurred_at": "2026-01-05T10:05:00+08:00", "currency": "CNY",
    "member": {"kind": "phone", "value": "+8613800138000"},
    "lines": [
        {
            "line": 1, "kind": "goods", "product": "6901234567892", "counter": "C12", "quantity": "1.000",
            "unit_price": 2490, "amount": 1990, "regular_amount": 2490, "tax_rate": "0.13", "salesperson": "E7",
            "promotion": "P7", "discounts": [{"kind": "markdown", "promotion": "P7", "amount": 500}],
        }
    ],
    "tenders": [{"kind": "card", "amount": 1890, "reference": "A-1"}, {"kind": "voucher", "amount": 100, "face": 200}],
}  # fmt: skip
ORIGINAL = {"store": "S01", "terminal": "T1", "business_date": "2026-01-05", "sequence": 1042}


@dataclass
class Machine:
    """A client with a token; every POST and PUT gets a new Idempotency-Key unless the test gives one."""

    http: FlaskClient
    token: str

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = key or secrets.token_hex(8)
        return self.http.open(path, method=method, json=body, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def done(self, method: str, path: str, body: Any, status: int = 201) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def refused(self, method: str, path: str, body: Any, status: int) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code == status, answer.text
        assert answer.mimetype == "application/problem+json"
        problem = answer.get_json()
        assert {"type", "title", "status", "detail", "code", "errors", "retryable", "request_id"} <= problem.keys()
        assert problem["status"] == status
        return problem


def log_in(http: FlaskClient, client: Mapping[str, str]) -> Machine:
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    answer = http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["token_type"] == "Bearer"
    return Machine(http, body["access_token"])


@pytest.fixture
def erp(app: Flask, database: Database, clock: FixedClock) -> Machine:
    with database.transaction() as tx:
        new = create_client(tx, None, "erp", frozenset(declared_permissions()), {})
    return log_in(app.test_client(), {"client_id": new.client_id, "client_secret": new.client_secret})


@pytest.fixture
def shop(erp: Machine) -> Machine:
    """A store with a counter, a product, a promotion, staff and a member, all made through the contract."""
    for path, body in (
        ("stores", [{"code": "S01", "name": "One", "format": "supermarket", "region": "east", "area_m2": 1200,
                     "currency": "CNY", "timezone": "Asia/Shanghai"}]),
        ("counters", [{"store": "S01", "code": "C12", "name": "Dairy", "mode": "own", "floor": "1", "area_m2": 20}]),
        ("products", [{"code": "6901234567892", "name": "Milk", "category": ["FOOD", "DAIRY"], "brand": "Moo",
                       "unit_cost": 1200}]),
        ("promotions", [{"code": "P7", "name": "Milk week", "method": "markdown"}]),
        ("staff", [{"number": "E7", "name": "Seven", "home_store": "S01"}]),
    ):  # fmt: skip
        results = erp.done("PUT", f"/v1/{path}/batch", {path: body}, 200)["results"]
        assert [result["status"] for result in results] == [201], results
    erp.done("POST", "/v1/members", {"name": "王小明", "phone": "138 0013 8000", "consents": {"sms": True}})
    return erp


def test_the_document_is_valid_openapi_31(erp: Machine) -> None:
    document = erp.http.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_a_sale_its_answer_and_its_repeats(shop: Machine) -> None:
    answer = shop.send("POST", "/v1/sales", SALE, key='"k-1"')
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["member"]["tier"] is None
    assert body["points"] == {
        "earned": 19, "redeemed": 0, "balance": 19, "available": 19, "next_expiry": {"amount": 19, "on": "2028-01-31"},
    }  # fmt: skip
    assert body["flags"] == []
    replayed = shop.send("POST", "/v1/sales", SALE, key="k-1")
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (201, "true")
    assert replayed.get_json() == body
    again = shop.send("POST", "/v1/sales", SALE)
    assert (again.status_code, again.get_json()) == (200, body)
    assert shop.refused("POST", "/v1/sales", SALE | {"member": None}, 409)["code"] == "receipt_number_taken"
    assert shop.send("POST", "/v1/sales", SALE | {"sequence": 2}, key="k-1").status_code == 422
    assert shop.http.post("/v1/sales", json=SALE, headers={"Authorization": f"Bearer {shop.token}"}).status_code == 400
    recorded = shop.get(f"/v1/sales/{body['sale']['id']}")
    assert recorded["lines"][0]["allocated"] == [1890, 100]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"tenders": [{"kind": "card", "amount": 1}]}, 422),
        ({"store": "S99"}, 422),
        ({"currency": "USD"}, 422),
        ({"coupons": [{"code": "X", "amount": 10}], "tenders": [{"kind": "card", "amount": 1980}]}, 422),
        ({"lines": "many"}, 422),
        ({"business_date": "yesterday"}, 422),
        ({"surprise": 1}, 422),
    ],
)
def test_what_contradicts_itself_is_refused(shop: Machine, change: dict[str, Any], status: int) -> None:
    shop.refused("POST", "/v1/sales", SALE | change, status)


def test_what_is_unknown_is_accepted_and_flagged(shop: Machine) -> None:
    line = SALE["lines"][0] | {"product": "999", "promotion": "P9"}  # type: ignore[index]
    unknown = SALE | {
        "lines": [line], "tenders": [{"kind": "seashells", "amount": 1990}],
        "member": {"kind": "phone", "value": "13900139000"},
    }  # fmt: skip
    body = shop.done("POST", "/v1/sales", unknown)
    assert set(body["flags"]) == {"unknown_product", "unknown_promotion", "unknown_tender", "unknown_member"}
    assert body["member"] is None


def test_returns_partial_full_without_original_and_voids(shop: Machine) -> None:
    shop.done("POST", "/v1/sales", SALE)
    back = SALE | {
        "type": "return", "sequence": 1043, "original": ORIGINAL, "member": None,
        "lines": [{"line": 1, "original_line": 1, "quantity": "0.500", "amount": 995}],
        "tenders": [{"kind": "card", "amount": 995}],
    }  # fmt: skip
    expected = shop.refused("POST", "/v1/sales", back, 422)["expected"]["tenders"]
    assert expected == [{"kind": "card", "amount": 945}, {"kind": "voucher", "amount": 50}]
    body = shop.done("POST", "/v1/sales", back | {"tenders": expected})
    assert (body["points"]["earned"], body["points"]["balance"]) == (-10, 9)
    void = {key: SALE[key] for key in ("store", "terminal", "business_date", "occurred_at", "currency")}
    shop.refused("POST", "/v1/sales", void | {"type": "void", "sequence": 1044, "original": ORIGINAL}, 409)
    too_much = back | {"sequence": 1045, "lines": [{"line": 1, "original_line": 1, "quantity": "1", "amount": 1990}]}
    too_much["tenders"] = [{"kind": "card", "amount": 1990}]
    assert shop.refused("POST", "/v1/sales", too_much, 422)["code"] == "returned_too_much"
    rest = shop.refused("POST", "/v1/sales", back | {"sequence": 1046}, 422)["expected"]["tenders"]
    assert shop.done("POST", "/v1/sales", back | {"sequence": 1046, "tenders": rest})["points"]["balance"] == 0
    lost = back | {"sequence": 1047, "original": ORIGINAL | {"sequence": 7}}
    assert shop.done("POST", "/v1/sales", lost)["flags"] == ["unknown_original"]
    another = shop.done("POST", "/v1/sales", SALE | {"sequence": 1048})
    assert another["points"]["balance"] == 19
    gone = void | {"type": "void", "sequence": 1049, "original": ORIGINAL | {"sequence": 1048}}
    assert shop.done("POST", "/v1/sales", gone)["points"]["balance"] == 0


def test_a_batch_answers_each_in_order(shop: Machine) -> None:
    batch = {"sales": [SALE, SALE, {"store": "S01"}, SALE | {"sequence": 1, "tenders": []}, SALE | {"sequence": 2}]}
    results = shop.done("POST", "/v1/sales/batch", batch, 200)["results"]
    assert [result["status"] for result in results] == [201, 200, 422, 422, 201]
    assert results[0]["body"] == results[1]["body"]
    assert results[3]["problem"]["code"] == "receipt_contradicts_itself"
    shop.refused("POST", "/v1/sales/batch", {"sales": [SALE] * 501}, 422)


def test_a_quote_writes_nothing(shop: Machine) -> None:
    shop.done("POST", "/v1/sales", SALE)
    basket = {"store": "S01", "currency": "CNY", "lines": SALE["lines"]}
    quoted = shop.done("POST", "/v1/sales/quote", {"basket": basket, "scan": "13800138000"}, 200)
    assert quoted["member"]["name"] == "王*"
    # 19.9 points and the 0.9 kept of the first sale.
    assert quoted["points"] == {"to_come": 20, "usable": 19, "money_value": 1}
    assert shop.get("/v1/members/1/accounts")["items"][0]["balance"] == 19
    shop.refused("POST", "/v1/sales/quote", {"basket": basket, "scan": "13900000000"}, 422)


def test_tills_are_bound_to_their_store_and_terminal(shop: Machine) -> None:
    body = {"name": "till", "scopes": ["sales.post", "sales.read"], "store": "S01", "terminal": "T1"}
    till = log_in(shop.http, shop.done("POST", "/v1/clients", body))
    till.done("POST", "/v1/sales", SALE)
    till.refused("POST", "/v1/sales", SALE | {"terminal": "T2"}, 403)
    till.refused("POST", "/v1/sales", SALE | {"store": "S02"}, 403)
    till.refused("POST", "/v1/members", {"name": "No"}, 403)
    results = till.done("POST", "/v1/sales/batch", {"sales": [SALE | {"terminal": "T2"}, SALE]}, 200)["results"]
    assert [result["status"] for result in results] == [403, 200]


def test_members_are_made_found_and_changed(shop: Machine) -> None:
    made = shop.done(
        "POST", "/v1/members",
        {"name": "Li Lei", "phone": "13700137000", "card": "vip-7", "email": "LL@Example.com", "birthday": "1990-05-17",
         "gender": "male", "home_store": "S01", "joined": {"store": "S01", "counter": "C12", "staff": "E7",
         "channel": "counter"}, "consents": {"sms": True}},
    )  # fmt: skip
    found = shop.get("/v1/members?identifier=phone:%2B8613700137000")
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert found["next_cursor"] is None
    assert shop.get("/v1/members?identifier=card:VIP-7")["items"][0]["id"] == made["id"]
    assert shop.send("PATCH", f"/v1/members/{made['id']}", {"gender": "other"}).status_code == 200
    assert shop.get(f"/v1/members/{made['id']}")["gender"] == "other"
    results = shop.done(
        "POST", "/v1/members/batch", {"members": [{"name": "A", "phone": "13600136000"}, {"phone": "x"}]}, 200
    )
    assert [result["status"] for result in results["results"]] == [201, 422]
    assert shop.send("GET", "/v1/members/999").status_code == 404


def test_accounts_grants_redemptions_adjustments_holds_and_the_statement(shop: Machine) -> None:
    member = "/v1/members/1"
    shop.done(
        "POST", f"{member}/grants",
        {"kind": "points", "amount": 500, "source": "welcome", "expires_on": "2027-01-31", "origin": "grant",
         "funder": "company"},
    )  # fmt: skip
    shop.done(
        "POST", f"{member}/grants", {"kind": "ecoin", "amount": 300, "source": "sorry", "expires_on": "2026-06-30"}
    )
    accounts = {item["kind"]: item for item in shop.get(f"{member}/accounts")["items"]}
    assert accounts["points"]["available"] == 500
    lot = {
        "amount": 500, "source": "welcome", "origin": "grant", "funder": "company", "expires_on": "2027-01-31",
    }  # fmt: skip
    [kept] = accounts["points"]["lots"]
    assert kept | lot == kept
    assert accounts["ecoin"]["currency"] == "CNY"
    hold = shop.done("POST", "/v1/holds", {"member": "1", "kind": "points", "amount": 200, "expires_in": 600})
    shop.refused("POST", f"{member}/redemptions", {"kind": "points", "amount": 301, "reason": "gift"}, 422)
    assert shop.send("POST", f"/v1/holds/{hold['id']}/capture", {"amount": 150}).status_code in (200, 201)
    shop.refused("POST", f"/v1/holds/{hold['id']}/release", {}, 409)
    shop.done("POST", f"{member}/redemptions", {"kind": "points", "amount": 50, "reason": "gift"})
    adjusted = shop.send("POST", f"{member}/adjustments", {"kind": "points", "amount": -1, "reason": "typing error"})
    assert adjusted.status_code in (201, 202)
    assert shop.get(f"{member}/accounts")["items"][0]["balance"] == 299
    page = shop.send("GET", f"{member}/statement?limit=2")
    assert len(page.get_json()["items"]) == 2
    assert 'rel="next"' in page.headers["Link"]
    shop.get(f"{member}/statement?limit=2&cursor={page.get_json()['next_cursor']}")


def test_what_is_open_without_a_token(erp: Machine) -> None:
    for path in ("/healthz", "/metrics", "/openapi.json", "/docs"):
        assert erp.http.get(path).status_code == 200
    assert erp.http.get("/readyz").status_code in (200, 503)
    assert erp.http.get("/").status_code in (302, 303)
    for path in ("/v1/sales/x", "/v1/members/1"):
        assert erp.http.get(path).status_code == 401
