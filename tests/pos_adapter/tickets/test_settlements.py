"""One payment for several counters: one sale a legal unit, one purchase for the accounts, one winner among desks."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from foundation.http import Keyed
from member_api.contract.coupons import CouponOffer, coupons_of, issue_coupons
from member_api.contract.ledger import Kind, Origin
from member_api.earning.operations import publish_rules
from pos_adapter.sales.receipts import Line, MemberRef, Tender
from pos_adapter.settlements.operations import Payment, SettlementWish, complete, settle
from tests.field.shop import PHONE_REF, open_lots, points_of, prove
from tests.member_api.ledger.callers import SOON, balance, given
from tests.member_api.people import a_member
from tests.organisation.factories import somebody
from tests.pos_adapter.tickets.callers import Floor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def rows(database: Database, sql: str) -> list[Any]:
    with database.transaction(read_only=True) as tx:
        return [tuple(row) for row in tx.execute(sql)]


def test_one_payment_settles_three_counters_with_a_sale_for_each_legal_unit(floor: Floor, database: Database) -> None:
    a_member(database)
    tickets = [floor.issued(code, amount, member=PHONE_REF) for code, amount in (("C1", 10_000), ("C2", 5_000))]
    tickets.append(floor.issued("C3", 35_000, member=PHONE_REF))
    answer = floor.settle(*tickets)
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    assert body["state"] == "paid"
    assert [(sale["legal_unit"], sale["amount"]) for sale in body["sales"]] == [("MALL", 15_000), ("JEWEL", 35_000)]
    assert body["points"]["earned"] == 500
    assert [floor.state(ticket) for ticket in tickets] == ["paid"] * 3
    assert rows(database, "SELECT counter_code, line, amount, allocated FROM pos.sale_line ORDER BY line") == [
        ("C1", 1, 10_000, [10_000]),
        ("C2", 2, 5_000, [5_000]),
        ("C3", 3, 35_000, [35_000]),
    ]
    assert rows(database, "SELECT count(*) FROM member.purchase") == [(1,)]
    prove(database)


def test_goods_are_released_by_their_counter_once_paid(floor: Floor) -> None:
    ticket = floor.issued("C1", 100)
    floor.settle(ticket)
    assert floor.handhelds["C2"].post(f"/v1/tickets/{ticket}/release", {}).status_code == 403
    assert floor.handhelds["C1"].post(f"/v1/tickets/{ticket}/release", {}).get_json()["state"] == "released"
    assert floor.handhelds["C1"].post(f"/v1/tickets/{ticket}/cancel", {}).status_code == 409


def test_offers_count_over_all_tickets_of_a_settlement(floor: Floor, database: Database) -> None:
    member = a_member(database)
    with database.transaction() as tx:
        offer = {"name": "anniversary", "currency": "CNY", "spend": 30_000, "get": 6_000, "repeat": False}
        publish_rules(tx, {"thresholds": [offer]}, tx.now, "", "test")
    tickets = [floor.issued(code, 10_000, member=PHONE_REF) for code in ("C1", "C2", "C3")]
    body = floor.settle(*tickets).get_json()
    assert body["ecoins"]["earned"] == 6_000
    assert balance(database, member, Kind.ECOIN) == (6_000, 6_000)
    # The gold goes back: what is left would not have earned the e-coins.
    gold = next(sale for sale in body["sales"] if sale["legal_unit"] == "JEWEL")
    back = {
        "store": "S01", "terminal": "D1", "business_date": body["business_date"], "sequence": 1, "type": "return",
        "occurred_at": f"{body['business_date']}T12:00:00+08:00", "currency": "CNY",
        "original": {
            "store": "S01", "terminal": "D1", "business_date": body["business_date"], "sequence": gold["sequence"],
        },
        "lines": [{"line": 1, "quantity": "1", "amount": 10_000, "original_line": 3}],
        "tenders": [{"kind": "card", "amount": 10_000}],
    }  # fmt: skip
    returned = floor.desk.post("/v1/sales", back)
    assert returned.status_code == 201, returned.text
    assert balance(database, member, Kind.ECOIN) == (0, 0)
    assert points_of(database) == 200
    prove(database)


def test_everything_pays_together_and_comes_back_by_both_sales(floor: Floor, database: Database) -> None:
    member = a_member(database)
    given(database, member, 8_000, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
    given(database, member, 3_000, kind=Kind.ECOIN, expires_on=SOON)
    with database.transaction() as tx:
        terms = CouponOffer("Ten off", "CNY", date(2026, 1, 1), date(2026, 1, 31), amount=1_000)
        issue_coupons(tx, terms, [member], "campaign/7", by="test")
    with database.transaction(read_only=True) as tx:
        code = coupons_of(tx, member, 1)[0].code
    before = open_lots(database)
    tickets = [floor.issued(code_, 10_000, member=PHONE_REF) for code_ in ("C1", "C3")]
    tenders = [
        {"kind": "stored_value", "amount": 8_000},
        {"kind": "ecoin", "amount": 3_000},
        {"kind": "card", "amount": 8_000},
    ]
    body = floor.settle(*tickets, tenders=tenders, coupons=[{"code": code, "amount": 1_000}]).get_json()
    assert body["state"] == "paid", body
    prove(database)
    for n, sale in enumerate(body["sales"], 1):
        read = floor.desk.get(f"/v1/sales/{sale['id']}").get_json()
        split = [
            {"kind": t["kind"], "amount": t["amount"]} | ({"units": t["units"]} if t["units"] else {})
            for t in read["tenders"]
            if t["amount"] and t["kind"] != "coupon"
        ]
        back = {
            "store": "S01", "terminal": "D1", "business_date": body["business_date"], "sequence": n,
            "type": "return", "occurred_at": f"{body['business_date']}T12:00:00+08:00", "currency": "CNY",
            "original": {
                "store": "S01", "terminal": "D1", "business_date": body["business_date"], "sequence": sale["sequence"],
            },
            "lines": [{"line": 1, "quantity": "1", "amount": 10_000, "original_line": n}],
            "coupons": [
                {"code": code, "amount": t["amount"]} for t in read["tenders"] if t["kind"] == "coupon" and t["amount"]
            ],
            "tenders": split,
        }  # fmt: skip
        returned = floor.desk.post("/v1/sales", back)
        assert returned.status_code == 201, returned.text
    assert open_lots(database) == before
    with database.transaction(read_only=True) as tx:
        assert coupons_of(tx, member, 1)[0].state == "issued"
    prove(database)


def test_a_voucher_s_face_is_shared_by_the_sales_that_it_paid(floor: Floor) -> None:
    """One voucher of 800 pays 500 of two legal units: their books together know one face, not two."""
    tickets = [floor.issued(code, amount) for code, amount in (("C1", 2_001), ("C3", 1_002))]
    tenders = [{"kind": "voucher", "amount": 500, "face": 800}, {"kind": "cash", "amount": 2_503}]
    sales = floor.settle(*tickets, tenders=tenders).get_json()["sales"]
    vouchers = [floor.desk.get(f"/v1/sales/{sale['id']}").get_json()["tenders"][0] for sale in sales]
    assert [(voucher["amount"], voucher["face"]) for voucher in vouchers] == [(333, 533), (167, 267)]


def test_a_settled_sale_is_not_voided(floor: Floor) -> None:
    body = floor.settle(floor.issued("C1", 100)).get_json()
    void = {
        "store": "S01", "terminal": "D1", "business_date": body["business_date"], "sequence": 1, "type": "void",
        "occurred_at": f"{body['business_date']}T12:00:00+08:00", "currency": "CNY", "lines": [], "tenders": [],
        "original": {
            "store": "S01", "terminal": "D1", "business_date": body["business_date"],
            "sequence": body["sales"][0]["sequence"],
        },
    }  # fmt: skip
    assert floor.desk.post("/v1/sales", void).status_code == 409


def test_a_ticket_is_settled_once(floor: Floor, database: Database) -> None:
    ticket, other = floor.issued("C1", 100), floor.issued("C2", 200)
    assert floor.settle(ticket).status_code == 201
    refused = floor.settle(ticket, other)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "tickets_not_open")
    assert refused.get_json()["tickets"] == [{"id": ticket, "number": 1, "state": "paid"}]
    assert floor.state(other) == "issued"
    assert rows(database, "SELECT count(*) FROM pos.sale") == [(1,)]


def test_two_desks_at_the_same_time_one_wins_and_the_other_is_told(floor: Floor, database: Database) -> None:
    """DESK_ROUNDS=1000 runs it as often as a busy year does."""
    rounds = int(os.environ.get("DESK_ROUNDS", "10"))
    winners: Counter[str] = Counter()
    desks = [("D1", _alone(floor.desk)), ("D2", _alone(floor.other_desk))]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            tickets = [floor.issued("C1", 100), floor.issued("C2", 200)]
            together = threading.Barrier(2)

            def try_at(at: tuple[str, Any], asked: list[str], together: threading.Barrier = together) -> Any:
                together.wait(30)
                tenders = [{"kind": "card", "amount": 300}]
                return floor.settle(*asked, desk=at[1], terminal=at[0], tenders=tenders)

            answers = list(pool.map(try_at, desks, (tickets, tickets[::-1])))
            assert sorted(answer.status_code for answer in answers) == [201, 409]
            [lost] = [answer.get_json() for answer in answers if answer.status_code == 409]
            assert lost["code"] == "tickets_not_open"
            assert {(each["id"], each["state"]) for each in lost["tickets"]} == {(id, "paid") for id in tickets}
            winners.update(desk for (desk, _), answer in zip(desks, answers, strict=True) if answer.status_code == 201)
    print(f"{rounds} rounds: {dict(winners)} won, every other was told 409 and changed nothing")
    assert rows(database, "SELECT count(*), sum(amount) FROM pos.sale") == [(rounds, 300 * rounds)]
    assert rows(database, "SELECT state, count(*) FROM pos.ticket GROUP BY 1") == [("paid", 2 * rounds)]
    assert rows(database, "SELECT count(*) FROM pos.settlement") == [(rounds,)]


def _alone(desk: Any) -> Any:
    """The same desk with a connection of its own, for a thread."""
    alone = copy(desk)
    alone.http = desk.http.application.test_client()
    return alone


def test_the_member_whom_the_desk_names_gets_the_points_also_when_a_payment_is_waited_for(
    floor: Floor, database: Database
) -> None:
    a_member(database)
    loose = [{"line": 1, "quantity": "1", "amount": 5_000}]
    at_once = floor.settle(lines=loose, tenders=[{"kind": "cash", "amount": 5_000}], member=PHONE_REF).get_json()
    assert at_once["points"]["earned"] == 50
    body = SettlementWish(
        "S01",
        "D1",
        (),
        (Tender("card", 5_000),),
        (Payment(1, Tender("card", 5_000), None),),
        (Line(1, "1", 5_000),),
        member=MemberRef(**PHONE_REF),
    )
    desk = somebody("settlements.write", "sales.post", stores=("S01",))
    waits = settle(database, desk, body, Keyed("desk", "later", b"x" * 32), lambda tx, settlement, payments: None)
    with database.transaction() as tx:
        assert complete(tx, UUID(waits.body["id"])).points.earned == 50  # type: ignore[union-attr]
    assert points_of(database) == 100


def test_what_cannot_be_settled_together_is_refused_and_changes_nothing(floor: Floor, database: Database) -> None:
    a_member(database)
    a_member(database, "13900139000")
    zhang = floor.issued("C1", 100, member=PHONE_REF)
    li = floor.issued("C2", 200, member={"kind": "phone", "value": "13900139000"})
    for body, status in (
        ({"tickets": [zhang, li], "tenders": [{"kind": "card", "amount": 300}]}, 422),
        ({"tickets": [zhang], "tenders": [{"kind": "card", "amount": 99}]}, 422),
        ({"tickets": [zhang, zhang], "tenders": [{"kind": "card", "amount": 200}]}, 422),
        ({"tickets": [str(uuid4())], "tenders": [{"kind": "card", "amount": 100}]}, 422),
        ({"tickets": [], "tenders": []}, 422),
        ({"tickets": [zhang], "tenders": [{"kind": "stored_value", "amount": 100}]}, 422),
        ({"tickets": [zhang], "terminal": "D2", "tenders": [{"kind": "card", "amount": 100}]}, 403),
    ):
        refused = floor.settle(**body)  # type: ignore[arg-type]
        assert refused.status_code == status, refused.text
    assert (floor.state(zhang), floor.state(li)) == ("issued", "issued")
    assert rows(database, "SELECT count(*) FROM pos.sale") == [(0,)]
    assert rows(database, "SELECT count(*) FROM pos.settlement") == [(0,)]


@pytest.mark.parametrize("member", [None, {"kind": "phone", "value": "13900139000"}])
@pytest.mark.parametrize("kind", ["points", "ecoin", "stored_value"])
def test_nobody_s_account_pays_nothing(floor: Floor, database: Database, kind: str, member: Any) -> None:
    """A till's sale has happened and is flagged; at our own desk the goods are still on the counter."""
    ticket = floor.issued("C1", 100, member=member)
    tenders = [{"kind": "cash", "amount": 60}, {"kind": kind, "amount": 40}]
    refused = floor.settle(ticket, tenders=tenders)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "settlement_contradicts_itself")
    assert [fault["pointer"] for fault in refused.get_json()["errors"]] == ["/tenders/1"]
    assert floor.state(ticket) == "issued"
    assert rows(database, "SELECT count(*) FROM pos.sale") == [(0,)]


def test_loose_goods_are_settled_with_tickets_or_alone(floor: Floor, database: Database) -> None:
    loose = [{"line": 1, "quantity": "1", "amount": 50}]
    body = floor.settle(floor.issued("C1", 100), lines=loose, tenders=[{"kind": "cash", "amount": 150}]).get_json()
    assert body["sales"][0]["amount"] == 150
    alone = floor.settle(lines=loose, tenders=[{"kind": "cash", "amount": 50}])
    assert alone.status_code == 201
    assert rows(database, "SELECT line, counter_code, amount FROM pos.sale_line ORDER BY sale_id, line").count(
        (2, None, 50)
    )


def test_a_settlement_waits_for_a_member_who_is_not_known_yet(floor: Floor, database: Database) -> None:
    stranger = {"kind": "phone", "value": "13900139000"}
    tickets = [floor.issued(code, 10_000, member=stranger) for code in ("C1", "C3")]
    body = floor.settle(*tickets).get_json()
    assert body["flags"] == ["unknown_member"]
    assert rows(database, "SELECT member_part, count(*), count(purchase_ref) FROM pos.sale GROUP BY 1") == [
        ("waiting", 2, 0)
    ]
    assert rows(database, "SELECT count(DISTINCT claim_id) FROM pos.sale") == [(1,)]
