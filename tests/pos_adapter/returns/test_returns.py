"""Giving back at the counter: checked by who sold it, approved by somebody else, refunded the way the money came."""

import threading
from copy import copy
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.access import acting_as
from foundation.database import Database
from member_api.contract.ledger import Kind
from pos_adapter.returns.http import return_id
from pos_adapter.returns.operations import approve_return
from pos_adapter.returns.rules import ReturnNotOpen
from pos_adapter.second_person import SecondPersonNeeded
from tests.field.shop import PHONE_REF, points_of, prove
from tests.member_api.ledger.callers import balance
from tests.pos_adapter.returns.callers import ReturnFloor, counts, manager, three_counters_paid_by_everything


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> ReturnFloor:
    return ReturnFloor(http, database)


def approved(database: Database, red: str, by: str = "77") -> None:
    person = manager(by)
    with acting_as(person), database.transaction() as tx:
        approve_return(tx, person, return_id(red), "seen")


def states(database: Database, red: str) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return list(
            tx.execute(
                "SELECT state FROM pos.red_ticket_change WHERE red_ticket_id = :id ORDER BY n", {"id": red}
            ).scalars()
        )


def topics(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        found = tx.execute("SELECT topic FROM foundation.outbox WHERE topic LIKE 'return.%' ORDER BY id").scalars()
        return list(found)


def test_one_counter_s_line_of_a_receipt_paid_by_card_stored_value_and_e_coins_goes_back_to_the_cent(
    floor: ReturnFloor, database: Database
) -> None:
    member, sold = three_counters_paid_by_everything(floor, database)
    gold = sold["tickets"][2]
    with database.transaction(read_only=True) as tx:
        before = counts(tx)
    shown = floor.handhelds["C3"].post("/v1/returns/preview", {"ticket": gold}).get_json()
    with database.transaction(read_only=True) as tx:
        assert counts(tx) == before
    # Half of everything, less the 45 e-coins of this purchase that are spent already.
    assert {t["kind"]: t["amount"] for t in shown["tenders"]} == {
        "card": 13_000, "stored_value": 7_500, "ecoin": 5_000, "ecoin_clawback": 4_500,
    }  # fmt: skip
    assert (shown["amount"], shown["money"], shown["stored_value"], shown["missing"]) == (30_000, 13_000, 7_500, 0)
    assert shown["ecoins"] == {"back": 5_000, "taken_back": 6_000, "withheld": 4_500}
    assert shown["points"]["taken_back"] == 250
    issued = floor.back("C3", {"ticket": gold, "reason": "too heavy"}).get_json()
    assert issued["state"] == "approved", "within the limit"
    confirmed = [{"kind": t["kind"], "amount": t["amount"]} for t in shown["tenders"]]
    points_before = points_of(database)
    answer = floor.refund(issued["id"], tenders=confirmed)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["state"] == "refunded"
    assert points_of(database) == points_before - 250 == shown["points"]["balance_after"]
    assert balance(database, member, Kind.CASH)[0] == 20_000 - 15_000 + 7_500
    assert balance(database, member, Kind.ECOIN)[0] == 5_000
    posted = floor.desk.get(f"/v1/sales/{answer.get_json()['sale']}").get_json()
    assert {t["kind"]: t["amount"] for t in posted["tenders"]} == {t["kind"]: t["amount"] for t in shown["tenders"]}
    assert [line["original_line"] for line in posted["lines"]] == [3]
    assert states(database, issued["id"]) == ["return_issued", "approved", "refunded"]
    assert topics(database) == ["return.issued", "return.approved", "return.refunded"]
    prove(database)


def test_the_rest_of_that_receipt_goes_back_too_and_nothing_is_left_or_lost(
    floor: ReturnFloor, database: Database
) -> None:
    member, sold = three_counters_paid_by_everything(floor, database)
    money = 0
    for n in (3, 1, 2):
        red = floor.back(f"C{n}", {"ticket": sold["tickets"][n - 1]}).get_json()
        answer = floor.refund(red["id"])
        assert answer.status_code == 200, answer.text
        money += floor.red(red["id"])["refund"]["money"]
    assert balance(database, member, Kind.CASH)[0] == 20_000
    assert balance(database, member, Kind.ECOIN)[0] == 10_000
    # The 45 that were spent of what the purchase had brought came off the money.
    assert money == 35_000 - 4_500
    prove(database)


def test_more_than_is_left_is_refused_also_while_another_red_ticket_is_open(floor: ReturnFloor) -> None:
    sold = floor.sold(10_000)
    sale = sold["sales"][0]["id"]
    half = {"sale": sale, "lines": [{"original_line": 1, "quantity": "0.5"}]}
    first = floor.back("C1", half).get_json()
    assert first["amount"] == 5_000
    whole = floor.back("C1", {"sale": sale, "lines": [{"original_line": 1, "quantity": "1"}]})
    assert (whole.status_code, whole.get_json()["code"]) == (422, "returned_too_much")
    assert floor.refund(first["id"]).status_code == 200
    assert floor.back("C1", {"sale": sale, "lines": [{"original_line": 1, "quantity": "0.6"}]}).status_code == 422
    rest = floor.back("C1", {"sale": sale}).get_json()
    assert rest["amount"] == 5_000
    assert floor.refund(rest["id"]).status_code == 200
    nothing = floor.back("C1", {"sale": sale})
    assert (nothing.status_code, nothing.get_json()["code"]) == (422, "returned_too_much")


def test_over_the_limit_a_second_person_approves_and_never_who_issued_it_or_a_machine(
    floor: ReturnFloor, database: Database
) -> None:
    sold = floor.sold(60_000)
    red = floor.back("C1", {"ticket": sold["tickets"][0]}).get_json()
    assert (red["state"], red["over_limit"]) == ("return_issued", True)
    early = floor.refund(red["id"])
    assert (early.status_code, early.get_json()["code"]) == (409, "return_not_open")
    assert floor.desk.post(f"/v1/returns/{red['id']}/approve", {}).status_code == 403
    machine = manager()
    with database.transaction() as tx:
        tx.execute("UPDATE pos.red_ticket SET issued_by = 'person:77'")
    with pytest.raises(SecondPersonNeeded):
        approved(database, red["id"], machine.id)
    approved(database, red["id"], "78")
    with pytest.raises(ReturnNotOpen):
        approved(database, red["id"], "79")
    assert floor.refund(red["id"]).get_json()["state"] == "refunded"
    assert floor.red(red["id"])["approved_by"] == "person:78"


def test_a_refused_red_ticket_says_why_and_gives_the_goods_free_again(floor: ReturnFloor) -> None:
    sold = floor.sold(60_000)
    red = floor.back("C1", {"ticket": sold["tickets"][0]}).get_json()
    assert floor.handhelds["C2"].post(f"/v1/returns/{red['id']}/refuse", {"reason": "worn"}).status_code == 403
    refused = floor.desk.post(f"/v1/returns/{red['id']}/refuse", {"reason": "worn"})
    assert refused.get_json()["state"] == "refused"
    assert floor.red(red["id"])["history"][-1]["why"] == "worn"
    assert floor.refund(red["id"]).status_code == 409
    assert floor.back("C1", {"ticket": sold["tickets"][0]}).status_code == 201


def test_only_the_selling_counter_issues_a_red_ticket(floor: ReturnFloor) -> None:
    sold = floor.sold(1_000, 2_000)
    other = floor.back("C2", {"ticket": sold["tickets"][0]})
    assert other.status_code in (403, 422), other.text
    named = floor.back("C2", {"sale": sold["sales"][0]["id"], "lines": [{"original_line": 1, "quantity": "1"}]})
    assert named.status_code in (403, 422), named.text
    at_the_desk = floor.desk.post("/v1/returns", {"ticket": sold["tickets"][0]})
    assert (at_the_desk.status_code, at_the_desk.get_json()["code"]) == (403, "selling_counter_needed")
    both = floor.back(
        "C1",
        {"sale": sold["sales"][0]["id"], "lines": [{"original_line": n, "quantity": "1"} for n in (1, 2)]},
    )
    assert both.status_code in (403, 422), both.text


def test_paid_but_not_collected_needs_no_check_and_is_never_released_after(floor: ReturnFloor) -> None:
    sold = floor.sold(1_000, 2_000)
    first, second = sold["tickets"]
    red = floor.desk.post("/v1/returns", {"ticket": first, "kind": "not_collected"}).get_json()
    assert red["state"] == "approved"
    released = floor.handhelds["C1"].post(f"/v1/tickets/{first}/release", {})
    assert (released.status_code, released.get_json()["code"]) == (409, "ticket_not_open")
    assert floor.refund(red["id"]).get_json()["state"] == "refunded"
    assert floor.handhelds["C2"].post(f"/v1/tickets/{second}/release", {}).status_code == 200
    late = floor.desk.post("/v1/returns", {"ticket": second, "kind": "not_collected"})
    assert (late.status_code, late.get_json()["code"]) == (422, "return_contradicts_itself")


def test_an_even_exchange_hands_out_the_same_value_and_moves_no_money(floor: ReturnFloor, database: Database) -> None:
    sold = floor.sold(10_000)
    given = [{"line": 1, "quantity": "1", "amount": 9_000}]
    uneven = floor.back("C1", {"ticket": sold["tickets"][0], "kind": "exchange", "given": given})
    assert (uneven.status_code, uneven.get_json()["code"]) == (422, "return_contradicts_itself")
    given = [{"line": 1, "quantity": "1", "amount": 10_000, "product": None}]
    even = floor.back("C1", {"ticket": sold["tickets"][0], "kind": "exchange", "given": given})
    assert even.get_json()["state"] == "exchanged", even.text
    assert floor.refund(even.get_json()["id"]).status_code == 409
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.sale WHERE type = 'return'").scalar_one() == 0


def test_of_two_desks_that_refund_one_red_ticket_one_wins(floor: ReturnFloor, database: Database) -> None:
    sold = floor.sold(10_000, 5_000)
    for ticket, counter in zip(sold["tickets"], ("C1", "C2"), strict=True):
        red = floor.back(counter, {"ticket": ticket}).get_json()["id"]
        answers: list[Any] = []
        gate = threading.Barrier(2)

        def at(desk: Any, terminal: str, red: str = red, gate: Any = gate, answers: Any = answers) -> None:
            own = copy(desk)
            own.http = desk.http.application.test_client()
            gate.wait()
            answers.append(floor.refund(red, desk=own, terminal=terminal))

        threads = [
            threading.Thread(target=at, args=(floor.desk, "D1")),
            threading.Thread(target=at, args=(floor.other_desk, "D2")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [200, 409]
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT sum(amount) FROM pos.sale WHERE type = 'return'").scalar_one() == 15_000
    prove(database)


def test_a_refund_sent_twice_is_one_refund(floor: ReturnFloor, database: Database) -> None:
    sold = floor.sold(10_000)
    red = floor.back("C1", {"ticket": sold["tickets"][0]}, key="red").get_json()
    assert floor.back("C1", {"ticket": sold["tickets"][0]}, key="red").get_json() == red
    first = floor.desk.post(f"/v1/returns/{red['id']}/refund", {"terminal": "D1"}, key="again")
    again = floor.desk.post(f"/v1/returns/{red['id']}/refund", {"terminal": "D1"}, key="again")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json() == again.get_json()
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.sale WHERE type = 'return'").scalar_one() == 1


def test_what_was_shown_is_what_goes_back_or_the_desk_is_told(floor: ReturnFloor) -> None:
    red = floor.back("C1", {"ticket": floor.sold(10_000)["tickets"][0]}).get_json()
    wrong = floor.refund(red["id"], tenders=[{"kind": "cash", "amount": 10_000}])
    assert (wrong.status_code, wrong.get_json()["code"]) == (422, "refund_split_differs")
    assert wrong.get_json()["expected"]["tenders"] == [{"kind": "card", "amount": 10_000}]
    assert floor.refund(red["id"], tenders=[{"kind": "card", "amount": 10_000}]).status_code == 200


def test_red_tickets_are_listed_by_pages_and_seen_by_their_store_only(floor: ReturnFloor) -> None:
    sold = floor.sold(100, 200, 300)
    made = [floor.back(f"C{n}", {"ticket": sold["tickets"][n - 1]}).get_json()["id"] for n in (1, 2, 3)]
    page = floor.desk.get("/v1/returns", limit=2).get_json()
    rest = floor.desk.get("/v1/returns", limit=2, cursor=page["next_cursor"]).get_json()
    assert {item["id"] for item in page["items"] + rest["items"]} == set(made)
    assert len(page["items"]) == 2
    assert rest["next_cursor"] is None
    assert floor.desk.get("/v1/returns", state="refunded").get_json()["items"] == []
    assert floor.desk.get("/v1/returns", store="S09").status_code in (403, 404)
    assert floor.desk.get("/v1/returns/nonsense").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sale": "00000000-0000-0000-0000-000000000000"},
        {"ticket": "00000000-0000-0000-0000-000000000000"},
        {"original": {"store": "S01", "terminal": "D1", "business_date": "2026-01-05", "sequence": 1}},
        {"sale": "x"},
    ],
)
def test_what_was_never_sold_is_not_given_back(floor: ReturnFloor, body: Any) -> None:
    assert floor.back("C1", body).status_code in (404, 422)
    assert floor.desk.post("/v1/returns/preview", body).status_code in (404, 422)


def test_a_member_s_return_is_theirs_whoever_brings_it(floor: ReturnFloor, database: Database) -> None:
    _, sold = three_counters_paid_by_everything(floor, database)
    red = floor.back("C1", {"ticket": sold["tickets"][0]}).get_json()
    assert floor.red(red["id"])["member"] == floor.ticket(sold["tickets"][0])["member"]
    assert PHONE_REF["value"] not in str(floor.red(red["id"]))
