"""Payments go back once, never more than was paid, whatever the rail does."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.payments.operations import PaymentContradicts, Taken, payments_of, sweep
from pos_adapter.payments.refunds import (
    Refund,
    RefundNumberReused,
    refund,
    refundable_of_sale,
    refunds_of,
    sweep_refunds,
    when_refund_ends,
)
from pos_adapter.payments.rules import RefundState
from tests.pos_adapter.payments.simulators import Simulator, cards_taken, codes_taken, wallet_apps
from tests.pos_adapter.payments.test_card_payments import by_card
from tests.pos_adapter.payments.test_wallet_apps import fresh_code
from tests.pos_adapter.tickets.callers import Floor

ANSWER_S = 1.0
RAILS = ("card", "wechat", "alipay")


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with cards_taken(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def wallets(tmp_path: Path) -> Iterator[Simulator]:
    with wallet_apps(tmp_path, "--hurry", "100") as simulator, codes_taken(simulator):
        yield simulator


@pytest.fixture
def simulators(acquirer: Simulator, wallets: Simulator) -> Callable[[str], Simulator]:
    return lambda way: acquirer if way == "card" else wallets


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator, wallets: Simulator) -> Floor:
    return Floor(http, database)


def paid(floor: Floor, database: Database, way: str, amount: int = 1990) -> Taken:
    """A payment that succeeded."""
    ticket = floor.issued("C1", amount)
    tender = by_card(amount) if way == "card" else {
        "kind": "code", "amount": amount, "payment": {"rail": "code", "code": fresh_code(way)},
    }  # fmt: skip
    answer = floor.settle(ticket, tenders=[tender]).get_json()
    sweep(database)
    with database.transaction(read_only=True) as tx:
        [payment] = payments_of(tx, UUID(answer["id"]))
    assert payment.state.value == "succeeded"
    return payment


def back(database: Database, payment: Taken, amount: int, number: str) -> Refund:
    with database.transaction() as tx:
        return refund(tx, payment.id, amount, number, "the customer changed her mind")


def ended(database: Database, clock: FixedClock, payment: Taken) -> list[Refund]:
    """The refunds of a payment once all have ended."""
    found: list[Refund] = []
    for _ in range(40):
        sweep_refunds(database)
        with database.transaction(read_only=True) as tx:
            found = refunds_of(tx, [payment.id])
        if all(each.state in (RefundState.SUCCEEDED, RefundState.FAILED) for each in found):
            return found
        clock.advance(timedelta(seconds=10))
    raise AssertionError(found)


def gone_back(simulator: Simulator, payment: Taken) -> int:
    """What the rail gave back of a payment, by its book."""
    book = simulator.booked()
    if "sales" in book:
        [sale] = [each for each in book["sales"] if each["answer"]["37"] == payment.reference]
        return int(sale["amount"] if sale["reversed"] else sale["refunded"])
    [found] = [each for each in book["payments"] if each["number"] == payment.id.hex]
    return sum(each["amount"] for each in found["refunds"].values())


def test_the_whole_of_a_card_payment_goes_back_on_its_day_as_a_void(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    payment = paid(floor, database, "card")
    back(database, payment, 1990, "R1")
    [done] = ended(database, clock, payment)
    assert (done.state, done.voided) == (RefundState.SUCCEEDED, True)
    [sale] = acquirer.sales()
    assert (sale["reversed"], sale["refunds"]) == (True, {})


def test_a_day_later_it_goes_back_as_a_refund(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    payment = paid(floor, database, "card")
    clock.advance(timedelta(days=1))
    back(database, payment, 1990, "R1")
    [done] = ended(database, clock, payment)
    assert (done.state, done.voided) == (RefundState.SUCCEEDED, False)
    assert acquirer.sales()[0]["refunded"] == 1990


@pytest.mark.parametrize("way", RAILS)
def test_parts_go_back_until_nothing_is_left(
    floor: Floor, database: Database, clock: FixedClock, simulators: Callable[[str], Simulator], way: str
) -> None:
    payment = paid(floor, database, way)
    back(database, payment, 1000, "R1")
    back(database, payment, 500, "R2")
    with pytest.raises(PaymentContradicts) as refused:
        back(database, payment, 491, "R3")
    assert refused.value.facts["left"] == 490
    assert [each.state for each in ended(database, clock, payment)] == [RefundState.SUCCEEDED] * 2
    assert gone_back(simulators(way), payment) == 1500


@pytest.mark.parametrize("way", RAILS)
def test_the_same_number_again_is_the_same_refund(
    floor: Floor, database: Database, clock: FixedClock, simulators: Callable[[str], Simulator], way: str
) -> None:
    payment = paid(floor, database, way)
    first = back(database, payment, 700, "R1")
    assert back(database, payment, 700, "R1").id == first.id
    ended(database, clock, payment)
    assert back(database, payment, 700, "R1").state is RefundState.SUCCEEDED
    sweep_refunds(database)
    assert gone_back(simulators(way), payment) == 700
    with pytest.raises(RefundNumberReused):
        back(database, payment, 701, "R1")


FAULTS = [("card", fault) for fault in ("silent", "lost", "late", "garbage", "crash")] + [
    (way, fault) for way in ("wechat", "alipay") for fault in ("silent", "lost", "system_error", "duplicate", "crash")
]


@pytest.mark.parametrize(("way", "fault"), FAULTS)
@pytest.mark.parametrize("amount", [1990, 700])
def test_every_fault_gives_back_once(
    floor: Floor, database: Database, clock: FixedClock, simulators: Callable[[str], Simulator], way: str, fault: str,
    amount: int,
) -> None:  # fmt: skip
    payment, simulator = paid(floor, database, way), simulators(way)
    simulator.faults(**{fault: 1})
    back(database, payment, amount, "R1")
    sweep_refunds(database)
    if fault == "crash":
        simulator.stop()
        simulator.start()
    simulator.faults()
    [done] = ended(database, clock, payment)
    assert done.state is RefundState.SUCCEEDED
    assert gone_back(simulator, payment) == amount


@pytest.mark.parametrize("way", RAILS)
def test_a_refund_that_was_refused_can_be_asked_for_again_under_its_number(
    floor: Floor, database: Database, clock: FixedClock, simulators: Callable[[str], Simulator], way: str
) -> None:
    payment, simulator = paid(floor, database, way), simulators(way)
    simulator.faults(declined=1)
    heard: list[RefundState] = []
    when_refund_ends(lambda _, what: heard.append(what.state))
    back(database, payment, 700, "R1")
    assert [each.state for each in ended(database, clock, payment)] == [RefundState.FAILED]
    simulator.faults()
    back(database, payment, 700, "R1")
    assert [each.state for each in ended(database, clock, payment)] == [RefundState.SUCCEEDED]
    assert gone_back(simulator, payment) == 700
    assert heard == [RefundState.FAILED, RefundState.SUCCEEDED]


def test_what_was_not_paid_does_not_go_back(floor: Floor, database: Database, acquirer: Simulator) -> None:
    acquirer.faults(declined=1)
    answer = floor.settle(floor.issued("C1", 1990), tenders=[by_card(1990)]).get_json()
    sweep(database)
    with database.transaction(read_only=True) as tx:
        [payment] = payments_of(tx, UUID(answer["id"]))
    with pytest.raises(PaymentContradicts):
        back(database, payment, 100, "R1")


def test_a_sale_knows_the_payments_of_ours_that_paid_it(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    payment = paid(floor, database, "card")
    back(database, payment, 90, "R1")
    with database.transaction(read_only=True) as tx:
        row = tx.execute("SELECT terminal, business_date, sequence FROM pos.sale").one()
        [left] = refundable_of_sale(tx, payment.store_id, row.terminal, row.business_date, row.sequence)
        assert refundable_of_sale(tx, payment.store_id, "T9", row.business_date, row.sequence) == []
    assert (left.payment_id, left.kind, left.amount, left.left) == (payment.id, "card", 1990, 1900)
