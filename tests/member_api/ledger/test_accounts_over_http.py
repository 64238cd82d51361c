"""Accounts as tills, desks and office systems see and move them."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.members.operations import freeze
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import ERP, SOON, TILL, balance, everything, given
from tests.member_api.people import a_member
from tests.organisation.factories import a_store
from tests.pos_adapter.sales.factories import post, receipt, return_of


@pytest.fixture
def member(database: Database) -> int:
    with database.transaction() as tx:
        a_store(tx, "S01", currency="CNY")
    return a_member(database, home_store="S01")


@pytest.fixture
def erp(http: FlaskClient, database: Database, member: int) -> Caller:
    return Caller(http, database, ERP)


@pytest.fixture
def till(http: FlaskClient, database: Database, member: int) -> Caller:
    return Caller(http, database, TILL, store="S01", terminal="T1")


def points(amount: int, **more: Any) -> dict[str, Any]:
    return {"kind": "points", "amount": amount, "source": "welcome", "expires_on": "2026-12-31"} | more


# ------------------------------------------------------------------------------------------------ grants
def test_a_grant_makes_a_lot_that_says_where_it_comes_from(erp: Caller, member: int) -> None:
    answer = erp.post(
        f"/v1/members/{member}/grants",
        {
            "kind": "ecoin", "amount": 5000, "source": "sorry", "expires_on": "2026-06-30", "origin": "compensation",
            "funder": "supplier/9", "conditions": {"stores": ["S01"], "spend_at_least": 20000},
        },
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    assert answer.json["state"] == "posted"
    assert answer.json["balance"] == answer.json["available"] == 5000

    [account] = erp.get(f"/v1/members/{member}/accounts").json["items"]
    assert (account["kind"], account["format"], account["currency"]) == ("ecoin", None, "CNY")
    [lot] = account["lots"]
    assert lot["amount"] == 5000
    assert (lot["origin"], lot["source"], lot["funder"]) == ("compensation", "sorry", "supplier/9")
    assert (lot["expires_on"], lot["conditions"]) == ("2026-06-30", {"stores": ["S01"], "spend_at_least": 20000})


def test_points_without_a_last_day_last_as_the_rules_say(erp: Caller, member: int) -> None:
    erp.post(f"/v1/members/{member}/grants", {"kind": "points", "amount": 10, "source": "welcome"})
    [account] = erp.get(f"/v1/members/{member}/accounts").json["items"]
    assert account["lots"][0]["expires_on"] == "2028-01-31"
    assert account["lots"][0]["funder"] == "company"
    assert account["lots"][0]["origin"] == "grant"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": -5}, "/amount"),
        ({"amount": 1.5}, "/amount"),
        ({"amount": "5"}, "/amount"),
        ({"kind": "gold"}, "/kind"),
        ({"expires_on": "2026-01-04"}, "/expires_on"),
        ({"origin": "debt"}, "/origin"),
        ({"currency": "CNY"}, "/currency"),
        ({"kind": "ecoin", "currency": "XXY"}, "/currency"),
        ({"conditions": {"moon": "full"}}, "/conditions/moon"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_with_the_place_and_changes_nothing(
    erp: Caller, database: Database, member: int, change: dict[str, Any], pointer: str
) -> None:
    before = everything(database)
    answer = erp.post(f"/v1/members/{member}/grants", points(10) | change)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert everything(database) == before


def test_a_grant_to_nobody_is_not_found(erp: Caller) -> None:
    assert erp.post("/v1/members/999/grants", points(10)).json["code"] == "member_unknown"
    assert erp.post("/v1/members/x/grants", points(10)).status_code == 404


# ------------------------------------------------------------------------------------------------ idempotency
def test_a_grant_sent_again_is_answered_the_same_and_given_once(erp: Caller, database: Database, member: int) -> None:
    first = erp.post(f"/v1/members/{member}/grants", points(10), key="g1")
    again = erp.post(f"/v1/members/{member}/grants", points(10), key="g1")
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert balance(database, member) == (10, 10)
    assert erp.post(f"/v1/members/{member}/grants", points(11), key="g1").status_code == 422
    assert balance(database, member) == (10, 10)


def test_a_grant_without_a_key_is_refused(erp: Caller, member: int) -> None:
    answer = erp.http.post(f"/v1/members/{member}/grants", json=points(10), headers=erp.headers)
    assert (answer.status_code, answer.json and answer.json["code"]) == (400, "idempotency_key_missing")


# ------------------------------------------------------------------------------------------------ redemptions
def test_a_redemption_takes_the_soonest_expiry_first(erp: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    soon = given(database, member, 30, expires_on=SOON)
    answer = erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 50, "reason": "a mug"})
    assert answer.status_code == 201, answer.text
    assert answer.json["amount"] == -50
    assert answer.json["balance"] == 80
    assert answer.json["lots"][0] == {"lot": str(soon.lots[0][0]), "amount": -30}


def test_nobody_redeems_more_than_there_is(erp: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    before = everything(database)
    answer = erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 101, "reason": "a mug"})
    assert (answer.status_code, answer.json["code"]) == (422, "insufficient_balance")
    assert (answer.json["available"], answer.json["asked"]) == (100, 101)
    assert everything(database) == before


def test_a_lot_of_another_store_cannot_be_redeemed_here(till: Caller, database: Database, member: int) -> None:
    given(database, member, 100, conditions={"stores": ["S02"]})
    given(database, member, 20, conditions={"stores": ["S01"]})
    asks: dict[str, Any] = {"kind": "points", "reason": "a mug"}
    assert till.post(f"/v1/members/{member}/redemptions", asks | {"amount": 21}).json["available"] == 20
    assert till.post(f"/v1/members/{member}/redemptions", asks | {"amount": 20}).status_code == 201


def test_a_frozen_member_earns_and_cannot_spend(erp: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    with database.transaction() as tx:
        freeze(tx, member, reason="lost phone", by="test")
    before = everything(database)
    redemption = erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 1, "reason": "a mug"})
    hold = erp.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 1})
    assert (redemption.status_code, redemption.json["code"]) == (422, "member_cannot_spend")
    assert (hold.status_code, hold.json["code"]) == (422, "member_cannot_spend")
    assert everything(database) == before
    assert erp.post(f"/v1/members/{member}/grants", points(5)).status_code == 201


# ------------------------------------------------------------------------------------------------ holds
def test_a_hold_is_named_taken_in_part_and_the_rest_let_go(till: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    held = till.post(
        "/v1/holds",
        {"member": {"kind": "phone", "value": "138 0013 8000"}, "kind": "points", "amount": 60, "expires_in": 300},
    )
    assert held.status_code == 201, held.text
    assert (held.json["state"], held.json["captured"], held.json["ended_at"]) == ("open", 0, None)
    assert balance(database, member) == (100, 40)

    captured = till.post(f"/v1/holds/{held.json['id']}/capture", {"amount": 45})

    assert (captured.status_code, captured.json["state"], captured.json["captured"]) == (200, "captured", 45)
    assert balance(database, member) == (55, 55)
    before = everything(database)
    for path, body in (("capture", {"amount": 1}), ("release", {})):
        again = till.post(f"/v1/holds/{held.json['id']}/{path}", body)
        assert (again.status_code, again.json["code"], again.json["state"]) == (409, "hold_ended", "captured")
    assert everything(database) == before
    assert till.get(f"/v1/holds/{held.json['id']}").json == captured.json


def test_a_released_hold_can_never_be_captured(till: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    held = till.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 60}).json["id"]
    assert till.post(f"/v1/holds/{held}/release", {}).json["state"] == "released"
    assert till.post(f"/v1/holds/{held}/capture", {"amount": 1}).status_code == 409
    assert balance(database, member) == (100, 100)


def test_a_hold_whose_time_is_over_is_seen_so_by_everybody_at_once(
    till: Caller, database: Database, member: int, clock: FixedClock
) -> None:
    given(database, member, 100)
    held = till.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 60, "expires_in": 60}).json["id"]
    clock.advance(timedelta(seconds=60))
    assert till.get(f"/v1/holds/{held}").json["state"] == "expired"
    refused = till.post(f"/v1/holds/{held}/capture", {"amount": 1})
    assert (refused.status_code, refused.json["state"]) == (409, "expired")
    [account] = till.get(f"/v1/members/{member}/accounts").json["items"]
    assert (account["held"], account["available"]) == (0, 100)
    answer = till.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 100, "reason": "all"})
    assert answer.status_code == 201
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT state FROM member.hold").scalar_one() == "expired"


def test_what_was_held_before_a_member_was_frozen_can_still_be_captured(
    till: Caller, database: Database, member: int
) -> None:
    given(database, member, 100)
    held = till.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 60}).json["id"]
    with database.transaction() as tx:
        freeze(tx, member, reason="lost phone", by="test")
    assert till.post(f"/v1/holds/{held}/capture", {"amount": 60}).status_code == 200
    assert till.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 1}).status_code == 422


def test_no_more_can_be_captured_than_was_held(till: Caller, database: Database, member: int) -> None:
    given(database, member, 100)
    held = till.post("/v1/holds", {"member": str(member), "kind": "points", "amount": 60}).json["id"]
    answer = till.post(f"/v1/holds/{held}/capture", {"amount": 61})
    assert (answer.status_code, answer.json["code"]) == (422, "capture_too_large")
    assert balance(database, member) == (100, 40)


def test_a_hold_that_nobody_placed_is_not_found(till: Caller) -> None:
    for answer in (till.get("/v1/holds/9"), till.get("/v1/holds/x"), till.post("/v1/holds/9/release", {})):
        assert (answer.status_code, answer.json["code"]) == (404, "hold_unknown")


# ------------------------------------------------------------------------------------------------ the statement
def test_a_statement_runs_from_the_newest_with_the_balance_after_each_row(
    erp: Caller, database: Database, member: int, clock: FixedClock
) -> None:
    for amount in (100, 50, 25):
        given(database, member, amount)
        clock.advance(timedelta(minutes=1))
    erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 60, "reason": "a mug for 张三"})

    first = erp.get(f"/v1/members/{member}/statement", limit=2)
    assert [
        (row["kind"], row["accounts"][0]["amount"], row["accounts"][0]["balance"]) for row in first.json["items"]
    ] == [
        ("redemption", -60, 115),
        ("grant", 25, 175),
    ]
    assert first.json["items"][0]["reason"] == "a mug for 张三"
    assert 'rel="next"' in first.headers["Link"]
    clock.advance(timedelta(minutes=1))
    given(database, member, 1000)  # what comes later does not move the pages

    second = erp.get(f"/v1/members/{member}/statement", limit=2, cursor=first.json["next_cursor"])
    assert [
        (row["kind"], row["accounts"][0]["amount"], row["accounts"][0]["balance"]) for row in second.json["items"]
    ] == [
        ("grant", 50, 150),
        ("grant", 100, 100),
    ]
    assert second.json["next_cursor"] is None


def test_a_reason_is_shown_only_to_those_who_may_see_what_people_write_into_it(
    erp: Caller, till: Caller, member: int, database: Database
) -> None:
    given(database, member, 100)
    erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 60, "reason": "张三's mug"})
    assert till.get(f"/v1/members/{member}/statement").json["items"][0]["reason"] is None
    with database.transaction(read_only=True) as tx:
        [kept] = tx.execute("SELECT reason FROM member.journal WHERE kind = 'redemption'").scalars()
    assert "张三" not in kept


def test_every_point_names_the_purchase_the_lines_and_the_store_it_came_from(
    erp: Caller, database: Database, member: int, clock: FixedClock
) -> None:
    sold = post(database, receipt(9_990, 40, 5_000, member=str(member)))
    clock.advance(timedelta(minutes=1))
    erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 100, "reason": "a mug"})

    # Both have the same moment here, so which comes first is not what this is about.
    by_kind = {row["kind"]: row for row in erp.get(f"/v1/members/{member}/statement").json["items"]}
    redeemed, earned = by_kind["redemption"], by_kind["earn"]
    sale = sold.body["sale"]["id"]
    assert (earned["kind"], earned["reference"], earned["store"]) == ("earn", sale, "S01")
    for row in (earned, redeemed):
        [entry] = row["entries"]
        assert (entry["purchase"], entry["store"], entry["origin"]) == (sale, "S01", "purchase")
        assert entry["lines"] == [1, 3]
    [account] = erp.get(f"/v1/members/{member}/accounts").json["items"]
    assert account["lots"][0]["purchase"] == sale


def test_who_was_merged_is_answered_by_the_survivor(erp: Caller, database: Database, member: int) -> None:
    other = a_member(database, "13900139000")
    given(database, member, 70)
    with database.transaction() as tx:
        tx.execute("UPDATE member.member SET status = 'merged', merged_into = :survivor WHERE id = :id",
                   {"survivor": member, "id": other})  # fmt: skip
    assert erp.get(f"/v1/members/{other}/accounts").json["items"][0]["balance"] == 70
    assert erp.get(f"/v1/members/{other}/statement").json["items"][0]["kind"] == "grant"
    taken = erp.post(f"/v1/members/{other}/redemptions", {"kind": "points", "amount": 20, "reason": "a mug"})
    assert (taken.status_code, taken.json["member"]) == (201, str(member))
    assert balance(database, member) == (50, 50)


def test_a_debt_is_shown_as_one(erp: Caller, database: Database, member: int) -> None:
    sold = receipt(10_000, member=str(member))
    post(database, sold)
    erp.post(f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 90, "reason": "a mug"})
    post(database, return_of(sold, (1, 10_000)))
    [account] = erp.get(f"/v1/members/{member}/accounts").json["items"]
    assert (account["balance"], account["available"], account["debt"]) == (-90, -90, 90)
    [debt] = account["lots"]
    assert (debt["origin"], debt["amount"], debt["expires_on"]) == ("debt", -90, None)


# ------------------------------------------------------------------------------------------------ adjustments
def test_an_adjustment_goes_in_either_direction_and_makes_no_debt(erp: Caller, database: Database, member: int) -> None:
    path = f"/v1/members/{member}/adjustments"
    assert erp.post(path, {"kind": "points", "amount": 30, "reason": "forgotten receipt"}).status_code == 201
    down = erp.post(path, {"kind": "points", "amount": -20, "reason": "typing mistake"})
    assert (down.status_code, down.json["amount"], down.json["balance"]) == (201, -20, 10)
    before = everything(database)
    refused = erp.post(path, {"kind": "points", "amount": -11, "reason": "typing mistake"})
    assert (refused.status_code, refused.json["code"]) == (422, "insufficient_balance")
    assert everything(database) == before
    assert erp.post(path, {"kind": "points", "amount": 0, "reason": "nothing"}).status_code == 422


def test_a_machine_over_its_limit_waits_for_a_person(erp: Caller, database: Database, member: int) -> None:
    answer = erp.post(f"/v1/members/{member}/adjustments", {"kind": "points", "amount": 100_001, "reason": "migration"})
    assert (answer.status_code, answer.json["state"], answer.json["id"]) == (202, "pending", None)
    assert answer.json["approval"]
    assert balance(database, member) == (0, 0)


# ------------------------------------------------------------------------------------------------ earning rules
def test_rules_are_published_for_the_future_and_a_basket_can_be_tried(erp: Caller) -> None:
    [default] = erp.get("/v1/earning-rules").json["items"]
    assert (default["version"], default["in_force"]) == (1, True)
    programme = {
        "rates": [{"micro_points": 20000}],
        "thresholds": [{"name": "300 gives 60", "currency": "CNY", "spend": 30000, "get": 6000}],
    }
    basket = {"lines": [{"line": 1, "amount": 30000, "tax_rate": "0.13"}, {"line": 2, "amount": 199}]}

    tried = erp.post("/v1/earning-rules/preview", basket | {"programme": programme})
    assert tried.status_code == 200, tried.text
    assert (tried.json["points"], tried.json["version"]) == (603, None)
    assert [(e["offer"], e["amount"]) for e in tried.json["ecoins"]] == [("300 gives 60", 6000)]
    assert erp.post("/v1/earning-rules/preview", basket).json["points"] == 301

    published = erp.post("/v1/earning-rules", {"programme": programme, "valid_from": "2026-02-01T00:00:00+08:00"})
    assert published.status_code == 201, published.text
    assert published.json["in_force"] is False
    later = erp.post("/v1/earning-rules/preview", basket | {"at": "2026-02-01T00:00:00+08:00"})
    assert (later.json["points"], later.json["version"]) == (603, 2)
    past = erp.post("/v1/earning-rules", {"programme": {}, "valid_from": "2026-01-01T00:00:00+08:00"})
    assert (past.status_code, past.json["code"]) == (422, "programme_invalid")
    wrong = erp.post("/v1/earning-rules", {"programme": {"rates": [{"micro_points": -1}]}})
    assert wrong.json["errors"][0]["pointer"] == "/programme/rates/0/micro_points"


@pytest.mark.parametrize(
    ("programme", "pointer"),
    [
        ({"thresholds": [{"name": "x", "currency": "CNY", "spend": 1, "get": 1, "conditions": {"stores": 5}}]},
         "/programme/thresholds/0/conditions/stores"),
        ({"thresholds": [{"name": "x", "currency": "CNY", "spend": 1, "get": 1, "conditions": {"moon": "full"}}]},
         "/programme/thresholds/0/conditions/moon"),
        ({"thresholds": [{"name": "x", "currency": "XXY", "spend": 1, "get": 1}]}, "/programme/thresholds/0/currency"),
        ({"points_life": {"months": 5000}}, "/programme/points_life"),
        ({"grace": {"points": -1}}, "/programme/grace"),
        ({"rates": [{"micro_points": 1.5}]}, "/programme/rates/0/micro_points"),
        ({"colour": "red"}, "/programme"),
    ],
)  # fmt: skip
def test_rules_that_a_till_would_stumble_over_are_not_published(
    erp: Caller, programme: dict[str, Any], pointer: str
) -> None:
    answer = erp.post("/v1/earning-rules", {"programme": programme})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer
    assert len(erp.get("/v1/earning-rules").json["items"]) == 1


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-13-01T00:00:00Z"])
def test_a_moment_beyond_all_calendars_is_refused(erp: Caller, at: str) -> None:
    answer = erp.post("/v1/earning-rules/preview", {"lines": [{"line": 1, "amount": 1}], "at": at})
    assert answer.status_code == 422
