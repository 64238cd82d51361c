"""Offers and coupons over HTTP, and their pages."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.database import Database
from organisation.staff.roles import Role, Scope
from tests.field.shop import a_shop
from tests.member_api.callers import Caller
from tests.member_api.test_member_pages import Browser
from tests.organisation.factories import a_person_with_login

OFFER: dict[str, Any] = {
    "name": "Ten off",
    "currency": "CNY",
    "amount": 1000,
    "minimum_spend": 5000,
    "starts_on": "2026-01-01",
    "ends_on": "2026-01-31",
    "categories": [["FOOD", "DAIRY"]],
}


@pytest.fixture
def marketer(http: FlaskClient, database: Database) -> Caller:
    return Caller(http, database, ["coupons.read", "coupons.write"])


@pytest.fixture
def member(database: Database) -> int:
    return a_shop(database)


def test_an_offer_is_made_given_listed_and_taken_back(marketer: Caller, member: int) -> None:
    made = marketer.post("/v1/coupon-offers", OFFER)
    assert made.status_code == 201
    offer = made.get_json()["id"]
    given = marketer.post(f"/v1/coupon-offers/{offer}/coupons", {"members": [str(member)]})
    assert (given.status_code, given.get_json()) == (201, {"issued": 1})
    again = marketer.post(f"/v1/coupon-offers/{offer}/coupons", {"members": [str(member)]})
    assert again.get_json() == {"issued": 0}
    [coupon] = marketer.get(f"/v1/members/{member}/coupons").get_json()["items"]
    assert (coupon["state"], coupon["amount"], len(coupon["code"])) == ("issued", 1000, 12)
    taken = marketer.post(f"/v1/members/{member}/coupons/{coupon['id']}/revoke", {})
    assert taken.get_json()["state"] == "revoked"
    assert marketer.post(f"/v1/members/{member}/coupons/{coupon['id']}/revoke", {}).status_code == 409
    read = marketer.get(f"/v1/coupon-offers/{offer}").get_json()
    assert read["totals"] == {"issued": 1, "redeemed": 0, "revoked": 1, "amount": 0}
    assert read["categories"] == [["FOOD", "DAIRY"]]


def test_offers_are_paged_newest_first(marketer: Caller) -> None:
    made = [marketer.post("/v1/coupon-offers", OFFER | {"name": f"No {n}"}).get_json()["id"] for n in range(3)]
    first = marketer.get("/v1/coupon-offers", limit=2).get_json()
    second = marketer.get("/v1/coupon-offers", limit=2, cursor=first["next_cursor"]).get_json()
    assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": 1.5}, "/amount"),
        ({"amount": None}, "/amount"),
        ({"percent": 10}, "/amount"),
        ({"ends_on": "2025-01-01"}, "/ends_on"),
        ({"currency": "XYZ"}, "/currency"),
        ({"name": " "}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_at_its_place(
    marketer: Caller, change: dict[str, Any], pointer: str
) -> None:
    refused = marketer.post("/v1/coupon-offers", OFFER | change)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.get_json()["errors"]]
    assert marketer.get("/v1/coupon-offers").get_json()["items"] == []


def test_coupons_for_nobody_are_refused_whole(marketer: Caller, member: int) -> None:
    offer = marketer.post("/v1/coupon-offers", OFFER).get_json()["id"]
    refused = marketer.post(f"/v1/coupon-offers/{offer}/coupons", {"members": [str(member), "999999"]})
    assert refused.status_code == 404
    assert marketer.get(f"/v1/members/{member}/coupons").get_json()["items"] == []
    assert marketer.post("/v1/coupon-offers/999/coupons", {"members": [str(member)]}).status_code == 404


def test_whoever_may_only_look_may_not_offer(http: FlaskClient, database: Database) -> None:
    reader = Caller(http, database, ["coupons.read"])
    assert reader.post("/v1/coupon-offers", OFFER).status_code == 403
    assert Caller(http, database, ["sales.read"]).get("/v1/coupon-offers").status_code == 403


def test_whoever_acts_in_one_store_offers_what_counts_there(
    http: FlaskClient, database: Database, marketer: Caller, member: int
) -> None:
    here = Caller(http, database, ["coupons.read", "coupons.write"], store="S01")
    assert here.post("/v1/coupon-offers", OFFER).get_json()["code"] == "place_forbidden"
    assert here.post("/v1/coupon-offers", OFFER | {"stores": ["S01", "S02"]}).status_code == 403
    own = here.post("/v1/coupon-offers", OFFER | {"stores": ["S01"]})
    assert own.status_code == 201, own.text
    given = f"/v1/coupon-offers/{own.get_json()['id']}/coupons"
    assert here.post(given, {"members": [str(member)]}).get_json() == {"issued": 1}
    everywhere = marketer.post("/v1/coupon-offers", OFFER).get_json()["id"]
    assert here.post(f"/v1/coupon-offers/{everywhere}/coupons", {"members": [str(member)]}).status_code == 403
    marketer.post(f"/v1/coupon-offers/{everywhere}/coupons", {"members": [str(member)]})
    of_all, of_own = here.get(f"/v1/members/{member}/coupons").get_json()["items"]
    assert here.post(f"/v1/members/{member}/coupons/{of_all['id']}/revoke", {}).status_code == 403
    assert here.post(f"/v1/members/{member}/coupons/{of_own['id']}/revoke", {}).status_code == 200


def test_pages_show_nobody_a_button_that_would_be_refused(
    app: Flask, database: Database, marketer: Caller, member: int
) -> None:
    with database.transaction() as tx:
        a_person_with_login(tx, "E7", role=Role.MARKETER, home_store="S01", scope=Scope.STORE)
        a_person_with_login(tx, "E8", role=Role.MARKETER)
    for stores in (["S01"], []):
        made = marketer.post("/v1/coupon-offers", OFFER | {"stores": stores}).get_json()["id"]
        marketer.post(f"/v1/coupon-offers/{made}/coupons", {"members": [str(member)]})
    in_store, everywhere = Browser(app, "e7"), Browser(app, "e8")
    assert "Make an offer" in everywhere.get("/coupons")
    assert "Make an offer" not in in_store.get("/coupons")
    assert everywhere.get(f"/members/{member}/coupons").count("/revoke") == 2
    assert in_store.get(f"/members/{member}/coupons").count("/revoke") == 1
