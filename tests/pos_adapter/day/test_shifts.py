"""A shift is opened with a float, counted blind, over or short, and handed in; who counts is told nothing before."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from foundation.access import Principal, PrincipalKind, acting_as
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.http import Keyed
from member_api.ledger.operations import Step
from member_api.topups.operations import TopUp, top_up
from pos_adapter.day.http import shift_id
from pos_adapter.day.operations import read_day
from pos_adapter.day.shifts import Shift, ShiftNotOpen, count_shift, read_shift, shift_for
from pos_adapter.returns.operations import RefundWish, refund_return
from pos_adapter.sales.incoming import SERVER_NUMBERS_FROM
from pos_adapter.tickets.numbers import next_number
from tests.member_api.people import a_member
from tests.organisation.factories import a_person, a_store
from tests.pos_adapter.day.store import DayFloor, manager
from tests.pos_adapter.returns.callers import CASH_DESK


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> DayFloor:
    return DayFloor(http, database)


def opened(floor: DayFloor, **more: Any) -> Any:
    answer = floor.desk.post("/v1/shifts", {"store": "S01", "terminal": "D1", "float": 50_000} | more)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def counted(floor: DayFloor, shift: str, **tenders: int) -> Any:
    body = {"tenders": [{"kind": kind, "amount": amount} for kind, amount in tenders.items()]}
    return floor.desk.post(f"/v1/shifts/{shift}/count", body)


def test_what_was_counted_is_held_against_float_receipts_returns_and_topups(floor: DayFloor, clock: FixedClock) -> None:
    floor.settle(floor.issued("C1", 700), tenders=[{"kind": "cash", "amount": 700}])
    clock.advance(timedelta(seconds=1))
    shift = opened(floor)
    sold = floor.sold(10_000, 5_000, tenders=[{"kind": "cash", "amount": 9_000}, {"kind": "card", "amount": 6_000}])
    floor.settle(
        floor.issued("C1", 900), desk=floor.other_desk, terminal="D2", tenders=[{"kind": "cash", "amount": 900}]
    )
    red = floor.back("C2", {"ticket": sold["tickets"][1]}).get_json()
    assert floor.refund(red["id"]).status_code == 200
    member = a_member(floor.database)
    floor.desk.post(f"/v1/members/{member}/topups", {"amount": 20_000, "tender": "cash"})
    told = counted(floor, shift["id"], cash=75_900, card=4_000).get_json()
    assert told["counts"][0]["tenders"] == [
        {"kind": "cash", "counted": 75_900, "expected": 50_000 + 9_000 - 3_000 + 20_000, "over": -100},
        {"kind": "card", "counted": 4_000, "expected": 4_000, "over": 0},
    ]
    assert (told["state"], told["over"]) == ("counted", -100)
    done = floor.desk.post(f"/v1/shifts/{shift['id']}/hand-in", {"amount": 25_900}).get_json()
    assert (done["state"], done["handed_in"]) == ("handed_in", 25_900)


def test_who_counts_is_not_told_what_should_be_there(floor: DayFloor) -> None:
    shift = opened(floor)
    floor.settle(floor.issued("C1", 700), tenders=[{"kind": "cash", "amount": 700}])
    told = floor.desk.get(f"/v1/shifts/{shift['id']}").get_json()
    assert (told["counts"], told["over"]) == ([], None)
    assert 50_700 not in told.values()


def test_a_settlement_carries_the_shift_that_is_open_at_its_desk_and_its_cashier(floor: DayFloor) -> None:
    with floor.database.transaction() as tx:
        a_person(tx, "E7")
    shift = opened(floor, cashier="E7")
    floor.settle(floor.issued("C1", 700))
    with floor.database.transaction(read_only=True) as tx:
        row = tx.execute("SELECT shift, cashier FROM pos.settlement").one()
    assert (row.shift, row.cashier) == (shift["code"], "E7")


def test_a_request_cannot_put_its_settlement_into_another_shift(floor: DayFloor) -> None:
    with floor.database.transaction() as tx:
        a_person(tx, "E7")
    shift = opened(floor, cashier="E7")
    assert floor.settle(floor.issued("C1", 700), shift="20260101-1", cashier="NOBODY").status_code == 201
    with floor.database.transaction(read_only=True) as tx:
        row = tx.execute("SELECT shift, cashier FROM pos.settlement").one()
    assert (row.shift, row.cashier) == (shift["code"], "E7")


def test_a_count_waits_for_settlements_under_way_and_has_all_that_carry_the_shift(
    floor: DayFloor, clock: FixedClock
) -> None:
    shift, who = opened(floor), manager()

    def count() -> Shift:
        with floor.database.transaction() as tx:
            return count_shift(tx, who, shift_id(shift["id"]), [("cash", 50_700)])

    with ThreadPoolExecutor(1) as cashier:
        with floor.database.transaction() as under_way:
            assert shift_for(under_way, floor.store(under_way), "D1") is not None
            counting = cashier.submit(count)
            with pytest.raises(TimeoutError):
                counting.result(0.3)
            clock.advance(timedelta(seconds=1))
            floor.settle(floor.issued("C1", 700), tenders=[{"kind": "cash", "amount": 700}])
        [cash] = counting.result(5).tenders
    with floor.database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT shift FROM pos.settlement").scalar_one() == shift["code"]
    assert (cash.expected, cash.over) == (50_700, 0)


@pytest.mark.parametrize("terminal", ["D1", None])
def test_a_count_waits_for_a_top_up_under_way_and_has_it(floor: DayFloor, terminal: str | None) -> None:
    shift, who, member = opened(floor), manager(), a_member(floor.database)
    with floor.database.transaction(read_only=True) as tx:
        opened_by = tx.execute("SELECT opened_by FROM pos.shift").scalar_one()

    def count() -> Shift:
        with floor.database.transaction() as tx:
            return count_shift(tx, who, shift_id(shift["id"]), [("cash", 50_000)])

    with ThreadPoolExecutor(1) as cashier:
        with floor.database.transaction() as under_way:
            wanted = TopUp(20_000, 0, "cash", terminal=terminal)
            top_up(under_way, member, wanted, Step("till/1", opened_by, "S01"))
            counting = cashier.submit(count)
            with pytest.raises(TimeoutError):
                counting.result(0.3)
        [cash] = counting.result(5).tenders
    assert (cash.expected, cash.over) == (70_000, -20_000)


def test_a_top_up_at_another_desk_keeps_nobody_from_counting(floor: DayFloor) -> None:
    shift, member = opened(floor), a_member(floor.database)
    with floor.database.transaction() as under_way:
        top_up(under_way, member, TopUp(20_000, 0, "cash", terminal="D2"), Step("till/1", "machine:9", "S01"))
        assert counted(floor, shift["id"], cash=50_000).status_code == 200


def test_a_count_waits_for_a_refund_under_way(floor: DayFloor, database: Database) -> None:
    shift, who = opened(floor), manager()
    sold = floor.sold(700, tenders=[{"kind": "cash", "amount": 700}])
    red = floor.back("C1", {"ticket": sold["tickets"][0]}).get_json()["id"]

    def count() -> Shift:
        with database.transaction() as tx:
            return count_shift(tx, who, shift_id(shift["id"]), [("cash", 50_000)])

    def refund() -> int:
        desk = Principal(PrincipalKind.MACHINE, "d1", "Desk", frozenset(CASH_DESK), None)
        with acting_as(desk):
            return refund_return(database, desk, UUID(red), RefundWish("D1"), Keyed("d1", "k", b"c")).status

    with ThreadPoolExecutor(2) as people:
        with database.transaction() as before:
            # The refund has taken its share of the shift, and stands in line for its number.
            next_number(before, floor.store(before).id, floor.today, "settlement/D1", 1, SERVER_NUMBERS_FROM)
            refunding = people.submit(refund)
            with pytest.raises(TimeoutError):
                refunding.result(0.5)
            counting = people.submit(count)
            with pytest.raises(TimeoutError):
                counting.result(0.3)
        assert refunding.result(5) == 200
        [cash] = counting.result(5).tenders
    assert (cash.expected, cash.over) == (50_000, 0)


def test_a_terminal_has_one_open_shift(floor: DayFloor) -> None:
    first = opened(floor)
    second = floor.desk.post("/v1/shifts", {"store": "S01", "terminal": "D1", "float": 0})
    assert (second.status_code, second.get_json()["code"]) == (409, "shift_open")
    counted(floor, first["id"], cash=50_000)
    assert opened(floor)["code"] != first["code"]


def test_a_drawer_is_counted_once_and_again_only_by_a_manager_who_says_why(floor: DayFloor) -> None:
    shift = opened(floor)
    assert counted(floor, shift["id"], card=5).status_code == 422
    assert counted(floor, shift["id"], cash=5, points=5).status_code == 422
    counted(floor, shift["id"], cash=49_000)
    again = counted(floor, shift["id"], cash=50_000)
    assert (again.status_code, again.get_json()["code"]) == (409, "shift_not_open")
    who = manager()
    with acting_as(who), floor.database.transaction() as tx:
        with pytest.raises(ShiftNotOpen):
            count_shift(tx, who, shift_id(shift["id"]), [("cash", 50_000)])
        recounted = count_shift(tx, who, shift_id(shift["id"]), [("cash", 50_000)], "a note lay under the tray")
    assert [count.tenders[0].over for count in recounted.counts] == [-1_000, 0]
    with floor.database.transaction(read_only=True) as tx:
        assert read_shift(tx, who, shift_id(shift["id"])).over == 0


def test_a_tender_that_nobody_knows_is_not_counted_unless_a_receipt_was_paid_with_it(floor: DayFloor) -> None:
    shift = opened(floor)
    tenders = [{"kind": kind, "amount": 1} for kind in ("cash", "cash", "shells", "points")]
    refused = floor.desk.post(f"/v1/shifts/{shift['id']}/count", {"tenders": tenders})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "count_contradicts_itself")
    assert refused.get_json()["errors"] == [
        {"pointer": "/tenders/2/kind", "detail": "there is no such tender"},
        {"pointer": "/tenders/3/kind", "detail": "cannot be counted"},
    ]
    assert floor.desk.get(f"/v1/shifts/{shift['id']}").get_json()["state"] == "open"
    floor.settle(floor.issued("C1", 700), tenders=[{"kind": "shells", "amount": 700}])
    [_, shells] = counted(floor, shift["id"], cash=50_000, shells=700).get_json()["counts"][0]["tenders"]
    assert (shells["kind"], shells["counted"], shells["expected"]) == ("shells", 700, 700)


def test_no_more_is_handed_in_than_was_counted(floor: DayFloor) -> None:
    shift = opened(floor)
    assert floor.desk.post(f"/v1/shifts/{shift['id']}/hand-in", {}).status_code == 409
    counted(floor, shift["id"], cash=50_000)
    assert floor.desk.post(f"/v1/shifts/{shift['id']}/hand-in", {"amount": 50_001}).status_code == 422


def test_where_shifts_are_needed_a_desk_without_one_settles_nothing(floor: DayFloor) -> None:
    assert floor.office.post("/v1/shift-rules", {"needed": True, "store": "S01"}).status_code == 201
    ticket = floor.issued("C1", 700)
    refused = floor.settle(ticket)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "shift_needed")
    assert floor.state(ticket) == "issued"
    opened(floor)
    assert floor.settle(ticket).status_code == 201
    assert floor.office.post("/v1/shift-rules", {"needed": False}).status_code == 201
    assert floor.settle(floor.issued("C1", 1), desk=floor.other_desk, terminal="D2").status_code == 409, "still here"
    assert [rule["needed"] for rule in floor.desk.get("/v1/shift-rules").get_json()["items"]] == [True, False]


def test_a_desk_is_told_its_own_store_s_rules_and_those_for_all(floor: DayFloor) -> None:
    with floor.database.transaction() as tx:
        a_store(tx, "S02")
    for body in ({"needed": False}, {"needed": True, "store": "S01"}, {"needed": True, "store": "S02"}):
        assert floor.office.post("/v1/shift-rules", body).status_code == 201
    assert [rule["store"] for rule in floor.desk.get("/v1/shift-rules").get_json()["items"]] == [None, "S01"]
    assert len(floor.office.get("/v1/shift-rules").get_json()["items"]) == 3


def test_a_desk_works_at_its_own_terminal_only(floor: DayFloor) -> None:
    shift = opened(floor)
    assert floor.other_desk.get(f"/v1/shifts/{shift['id']}").status_code == 404
    assert counted(floor, "no-uuid", cash=1).status_code == 404
    elsewhere = floor.desk.post("/v1/shifts", {"store": "S01", "terminal": "D2", "float": 0})
    assert (elsewhere.status_code, elsewhere.get_json()["code"]) == (403, "not_this_desk")
    listed = floor.other_desk.get("/v1/shifts", store="S01").get_json()
    assert listed["items"] == []
    assert [each["id"] for each in floor.office.get("/v1/shifts").get_json()["items"]] == [shift["id"]]


def test_what_is_sold_after_midnight_is_the_cashier_s_whose_shift_began_before(floor: DayFloor) -> None:
    with floor.database.transaction() as tx:
        tx.execute(
            "INSERT INTO pos.shift (id, store_id, terminal, code, business_date, cashier, state, currency,"
            " float_amount, opened_by, opened_at) VALUES (gen_random_uuid(), :store, 'T1', 'night', :day, 'E7',"
            " 'open', 'CNY', 0, 'person:7', :at)",
            {"store": floor.store(tx).id, "day": floor.yesterday, "at": f"{floor.yesterday}T22:00:00+08:00"},
        )
    floor.till_sale(1, 900)
    with floor.database.transaction(read_only=True) as tx:
        [tender] = read_day(tx, floor.store(tx), floor.today).figures.tenders
    assert (tender.terminal, tender.cashier) == ("T1", "E7")


def test_what_a_drawer_was_short_is_in_the_day_s_journal(floor: DayFloor) -> None:
    shift = opened(floor)
    floor.settle(floor.issued("C1", 700), tenders=[{"kind": "cash", "amount": 700}])
    counted(floor, shift["id"], cash=50_600)
    floor.desk.post(f"/v1/shifts/{shift['id']}/hand-in", {})
    floor.close()
    day = floor.office.get(f"/v1/stores/S01/days/{floor.today.isoformat()}").get_json()
    short = [entry for entry in day["entries"] if entry["account"] == "over_short"]
    assert [(entry["detail"], entry["debit"], entry["credit"]) for entry in short] == [("cash", 100, 0)]
