"""What a clerk may take off alone, and a manager's code for more: one use, five minutes, five tries."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.access import Principal, PrincipalKind
from foundation.clock import FixedClock
from foundation.database import Database
from organisation.staff.roles import Role
from pos_adapter.discounts.operations import ManagerCode, new_code, set_limit
from pos_adapter.discounts.rules import ClerkRole, DiscountLimit, limit_on
from tests.member_api.callers import Caller
from tests.organisation.factories import a_person_with_login
from tests.pos_adapter.returns.callers import ReturnFloor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> ReturnFloor:
    return ReturnFloor(http, database)


def a_manager(database: Database, number: str = "M1", store: str = "S01") -> Principal:
    with database.transaction() as tx:
        person = a_person_with_login(tx, number, name="Mei", role=Role.STORE_MANAGER, home_store=store)
    return Principal(
        PrincipalKind.PERSON, str(person.id), "Mei", frozenset({"discounts.approve"}), frozenset({f"store/{store}"})
    )


def a_code(database: Database, manager: Principal) -> ManagerCode:
    with database.transaction() as tx:
        return new_code(tx, manager)


def reduced(floor: ReturnFloor, amount: int, approval: Any = None, **line: Any) -> Any:
    """A ticket of a thing that costs 100.00, for less; the response."""
    lines = [{"line": 1, "quantity": "1", "unit_price": 10_000, "amount": amount} | line]
    body = {"store": "S01", "counter": "C1", "lines": lines} | ({"approval": approval} if approval else {})
    return floor.handhelds["C1"].post("/v1/tickets", body)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def approved_by(floor: ReturnFloor, answer: Any) -> Any:
    return floor.ticket(answer.get_json()["id"])["approved_by"]


def test_within_the_limit_nobody_is_asked(floor: ReturnFloor) -> None:
    answer = reduced(floor, 8_000)
    assert answer.status_code == 201, answer.text
    assert approved_by(floor, answer) is None


def test_over_the_limit_a_manager_s_code_is_needed_and_kept_with_the_ticket(
    floor: ReturnFloor, database: Database
) -> None:
    refused = reduced(floor, 7_999)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "discount_needs_approval")
    assert refused.get_json()["errors"][0]["pointer"] == "/lines/0"
    manager = a_manager(database)
    code = a_code(database, manager)
    answer = reduced(floor, 5_000, {"staff": code.staff, "code": code.code})
    assert answer.status_code == 201, answer.text
    assert approved_by(floor, answer) == f"person:{manager.id}"
    again = reduced(floor, 5_000, {"staff": code.staff, "code": code.code})
    assert (again.status_code, again.get_json()["code"]) == (403, "approval_refused"), "a code is good once"


def test_a_ticket_sent_again_needs_no_second_code(floor: ReturnFloor, database: Database) -> None:
    code = a_code(database, a_manager(database))
    body = {
        "id": "6f1c7a52-5b57-4c37-9d0b-6d1a3f0c9a11", "store": "S01", "counter": "C1",
        "lines": [{"line": 1, "quantity": "1", "unit_price": 10_000, "amount": 5_000}],
        "approval": {"staff": code.staff, "code": code.code},
    }  # fmt: skip
    assert floor.handhelds["C1"].post("/v1/tickets", body, key="a").status_code == 201
    assert floor.handhelds["C1"].post("/v1/tickets", body, key="b").status_code == 200


def test_after_five_wrong_tries_a_code_is_dead_although_each_was_refused(
    floor: ReturnFloor, database: Database
) -> None:
    code = a_code(database, a_manager(database))
    for _ in range(5):
        assert reduced(floor, 5_000, {"staff": code.staff, "code": wrong(code.code)}).status_code == 403
    assert reduced(floor, 5_000, {"staff": code.staff, "code": code.code}).status_code == 403
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT tries FROM pos.manager_code").scalars().all() == [5]


def test_a_code_lives_five_minutes_and_a_new_one_ends_the_old(
    floor: ReturnFloor, database: Database, clock: FixedClock
) -> None:
    manager = a_manager(database)
    old = a_code(database, manager)
    new = a_code(database, manager)
    assert old.code == new.code or reduced(floor, 5_000, {"staff": "M1", "code": old.code}).status_code == 403
    clock.advance(timedelta(minutes=5))
    assert reduced(floor, 5_000, {"staff": "M1", "code": new.code}).status_code == 403


def test_a_manager_of_another_store_or_nobody_approves_nothing(floor: ReturnFloor, database: Database) -> None:
    from tests.organisation.factories import committed_store

    committed_store(database, code="S02", currency="CNY")
    code = a_code(database, a_manager(database, "M2", "S02"))
    assert reduced(floor, 5_000, {"staff": "M2", "code": code.code}).status_code == 403
    assert reduced(floor, 5_000, {"staff": "XX", "code": "123456"}).status_code == 403


def test_a_running_promotion_explains_a_discount_and_an_unknown_one_does_not(
    floor: ReturnFloor, http: FlaskClient, database: Database
) -> None:
    office = Caller(http, database, ("catalogue.write", "sales.read"))
    promotion = {
        "code": "ANNI",
        "name": "Anniversary",
        "method": "markdown",
        "funders": [{"funder": "store", "share": "1"}],
    }
    made = office.put("/v1/promotions/batch", {"promotions": [promotion]})
    assert made.status_code < 300, made.text
    half = {"kind": "markdown", "amount": 5_000}
    assert reduced(floor, 5_000, discounts=[{**half, "promotion": "ANNI"}]).status_code == 201
    assert reduced(floor, 5_000, discounts=[{**half, "promotion": "NONE"}]).status_code == 403
    assert reduced(floor, 5_000, discounts=[half]).status_code == 403


def test_an_edit_is_checked_like_an_issue(floor: ReturnFloor, database: Database) -> None:
    id = reduced(floor, 9_000).get_json()["id"]
    lines = [{"line": 1, "quantity": "1", "unit_price": 10_000, "amount": 100}]
    address = f"/v1/tickets/{id}"
    refused = floor.handhelds["C1"].put(address, {"lines": lines, "version": 1})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "discount_needs_approval")
    code = a_code(database, a_manager(database))
    approval = {"staff": code.staff, "code": code.code}
    assert floor.handhelds["C1"].put(address, {"lines": lines, "version": 1, "approval": approval}).status_code == 200
    assert floor.ticket(id)["approved_by"] is not None


def test_limits_are_dated_and_a_store_s_own_goes_first(floor: ReturnFloor, database: Database) -> None:
    with database.transaction() as tx:
        store = tx.execute("SELECT id FROM organisation.store").scalar_one()
        set_limit(tx, store, None, 5_000, date(2026, 1, 5), "test")
        set_limit(tx, store, None, 0, date(2026, 1, 6), "test")
    assert reduced(floor, 5_000).status_code == 201
    assert reduced(floor, 4_999).status_code == 403


def test_the_limit_in_force_is_the_most_special_and_latest() -> None:
    day = date(2026, 1, 5)
    general = DiscountLimit(None, None, 1_000, date(2020, 1, 1))
    desk = DiscountLimit(None, ClerkRole.DESK, 2_000, date(2020, 1, 1))
    shop = DiscountLimit(7, None, None, date(2026, 1, 1))
    later = DiscountLimit(7, None, 100, date(2026, 2, 1))
    every = [general, desk, shop, later]
    assert limit_on(every, 1, ClerkRole.COUNTER, day) == 1_000
    assert limit_on(every, 1, ClerkRole.DESK, day) == 2_000
    assert limit_on(every, 7, ClerkRole.DESK, day) is None
    assert limit_on(every, 7, ClerkRole.DESK, date(2026, 2, 1)) == 100
    assert limit_on([], 7, ClerkRole.DESK, day) == 0


def test_no_machine_gets_a_code(floor: ReturnFloor, http: FlaskClient, database: Database) -> None:
    machine = Caller(http, database, ("discounts.approve",))
    answer = machine.post("/v1/manager-codes", {})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "person_needed")
