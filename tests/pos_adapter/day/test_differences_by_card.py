"""Payments and refunds by rail beside receipts and returns: what was taken or given back otherwise is named."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import pos_adapter.payments.card as card_module
from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.day.operations import obstacles_of
from pos_adapter.day.rules import DifferenceKind
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.rails import register_rail
from tests.pos_adapter.day.store import DayFloor
from tests.pos_adapter.payments.simulators import Simulator, simulated
from tests.pos_adapter.payments.test_card_payments import by_card, until_ended
from tests.pos_adapter.returns.test_returns_by_card import paid, until_known

ANSWER_S = 1.0


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with simulated("regulars.simulators.acquirer", tmp_path) as simulator:
        register_rail("card", lambda: CardRail(simulator.address, ANSWER_S))
        yield simulator
        register_rail("card", card_module._configured)


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> DayFloor:
    return DayFloor(http, database)


def test_a_payment_that_is_lost_is_named_with_its_settlement(
    floor: DayFloor, database: Database, clock: FixedClock
) -> None:
    paid(floor, database, clock, 10_000, 5_000)
    assert floor.differences() == []
    with floor.behind("pos.payment_step", "pos.payment") as tx:
        settlement = str(tx.execute("SELECT settlement_id FROM pos.payment").scalar_one())
        tx.execute("DELETE FROM pos.payment_step")
        tx.execute("DELETE FROM pos.payment")
    [found] = floor.differences()
    assert (found.kind, found.receipt, found.expected, found.found) == (
        DifferenceKind.PAYMENT, settlement, 15_000, None,
    )  # fmt: skip
    assert found.words == "the payment of tender 1 is gone"


def test_a_refund_given_twice_is_named_with_the_return_that_asked_once(
    floor: DayFloor, database: Database, clock: FixedClock
) -> None:
    tickets = paid(floor, database, clock, 10_000, 5_000)
    red = floor.back("C2", {"ticket": tickets[1]}).get_json()["id"]
    floor.refund(red)
    told = until_known(database, clock, floor, red)
    assert floor.differences() == []
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO pos.refund (id, payment_id, refund_no, store_id, state, amount, trace, wants, created_at,"
            " changed_at) SELECT gen_random_uuid(), payment_id, 'twice', store_id, state, amount, trace + 1, wants,"
            " created_at, changed_at FROM pos.refund"
        )
    [found] = floor.differences()
    assert (found.kind, found.receipt) == (DifferenceKind.REFUND, told["return_sale"])
    assert (found.expected, found.found) == (None, 5_000)


def test_a_refund_of_a_day_that_nobody_closes_is_named_on_the_next(
    floor: DayFloor, database: Database, clock: FixedClock
) -> None:
    paid(floor, database, clock, 10_000)
    floor.close(floor.yesterday - timedelta(days=1))
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO pos.refund (id, payment_id, refund_no, store_id, state, amount, trace, wants, created_at,"
            " changed_at) SELECT gen_random_uuid(), id, 'nobody asked', store_id, 'succeeded', 700, trace + 1,"
            " 'nothing', created_at - interval '1 day', created_at FROM pos.payment"
        )
    [found] = floor.differences()
    assert (found.kind, found.expected, found.found) == (DifferenceKind.REFUND, None, 700)


def test_a_day_with_a_payment_that_is_not_decided_stays_open(floor: DayFloor) -> None:
    floor.settle(floor.issued("C1", 10_000), tenders=[by_card(10_000)])
    with floor.database.transaction(read_only=True) as tx:
        obstacles = obstacles_of(tx, floor.store(tx), floor.today)
    today = floor.today.isoformat()
    assert {(each.kind.value, each.count, each.link) for each in obstacles} == {
        ("payment", 1, "/payments"), ("settlement", 1, f"/settlements?store=S01&day={today}&state=pending"),
    }  # fmt: skip
    assert floor.differences() == [], "what is not decided is open, and differs from nothing"


def test_a_shop_that_never_shuts_closes_yesterday_while_today_is_under_way(floor: DayFloor) -> None:
    floor.settle(floor.issued("C1", 10_000), tenders=[by_card(10_000)])
    tomorrow = floor.today + timedelta(days=1)
    with floor.database.transaction(read_only=True) as tx:
        store = floor.store(tx)
        assert obstacles_of(tx, store, floor.yesterday) == []
        left = {each.kind.value: each for each in obstacles_of(tx, store, tomorrow)}
    assert left.keys() == {"payment", "settlement"}, "what was left over keeps a later day open"
    assert f"day={floor.today.isoformat()}" in left["settlement"].link, "which leads to where it is shown"


def test_a_refund_that_is_asked_for_today_keeps_today_open_and_not_yesterday(
    floor: DayFloor, database: Database, clock: FixedClock
) -> None:
    tickets = paid(floor, database, clock, 10_000, 5_000)
    assert floor.refund(floor.back("C2", {"ticket": tickets[1]}).get_json()["id"]).get_json()["state"] == "refunding"
    with floor.database.transaction(read_only=True) as tx:
        store = floor.store(tx)
        assert obstacles_of(tx, store, floor.yesterday) == []
        today = {each.kind.value: each.count for each in obstacles_of(tx, store, floor.today)}
    assert today == {"payment": 1, "return": 1}


def test_a_drawer_is_not_counted_while_a_mixed_payment_waits_for_its_card(
    floor: DayFloor, database: Database, clock: FixedClock
) -> None:
    shift = floor.desk.post("/v1/shifts", {"store": "S01", "terminal": "D1", "float": 0}).get_json()["id"]
    mixed = [{"kind": "cash", "amount": 4_000}, by_card(6_000)]
    pending = floor.settle(floor.issued("C1", 10_000), tenders=mixed).get_json()

    def count() -> Any:
        return floor.desk.post(f"/v1/shifts/{shift}/count", {"tenders": [{"kind": "cash", "amount": 4_000}]})

    refused = count()
    assert (refused.status_code, refused.get_json()["code"]) == (409, "settlement_pending")
    link = f"/settlements?store=S01&day={floor.today.isoformat()}&state=pending&terminal=D1"
    assert refused.get_json()["link"] == link
    assert until_ended(database, clock, floor, pending["id"])["state"] == "paid"
    assert count().get_json()["over"] == 0
