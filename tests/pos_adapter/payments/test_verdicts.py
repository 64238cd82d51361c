"""What a rail does not tell, two people decide by other evidence: once, in the trail, never against the rail."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from foundation.access import Principal
from foundation.clock import FixedClock
from foundation.database import Database
from organisation.staff.roles import Role
from pos_adapter.payments.boards import steps_of
from pos_adapter.payments.operations import Taken, _lease, ask_again, payments_of, read_payment, sweep
from pos_adapter.payments.refunds import refund, refunds_of, sweep_refunds
from pos_adapter.payments.rules import PaymentState, RefundState
from pos_adapter.payments.verdicts import (
    BeingAsked,
    Finding,
    Verdict,
    VerdictDecided,
    VerdictNotNeeded,
    VerdictOpen,
    VerdictState,
    VerdictUnknown,
    confirm,
    decline,
    propose,
    verdicts_of,
)
from pos_adapter.second_person import SecondPersonNeeded
from tests.field.shop import prove
from tests.member_api.callers import Caller
from tests.organisation.factories import a_person, principal_of
from tests.pos_adapter.payments.simulators import Simulator, cards_taken
from tests.pos_adapter.payments.test_card_payments import outcome, owed, settling
from tests.pos_adapter.tickets.callers import Floor

STATEMENT = "Statement 2026-01-06, line 14"


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with cards_taken(tmp_path, 0.3) as simulator:
        yield simulator


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> Floor:
    return Floor(http, database)


class People:
    """A cashier, and the manager who looks a second time."""

    def __init__(self, database: Database) -> None:
        with database.transaction() as tx:
            cashier = a_person(tx, "C1", name="Clara", role=Role.SERVICE_DESK, home_store="S01")
            manager = a_person(tx, "M1", name="Mona", role=Role.STORE_MANAGER, home_store="S01")
            self.cashier: Principal = principal_of(tx, cashier)
            self.manager: Principal = principal_of(tx, manager)


@pytest.fixture
def people(floor: Floor, database: Database) -> People:
    return People(database)


@pytest.fixture
def unknown(floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator) -> Taken:
    """A card payment that was booked, and whose acquirer has been silent ever since."""
    acquirer.faults(silent=1)
    settlement = settling(floor, floor.issued("C1", 1990))
    acquirer.faults(silent=1)
    sweep(database)
    acquirer.faults(lost=1)
    for _ in range(8):
        clock.advance(timedelta(minutes=6))
        sweep(database)
    with database.transaction(read_only=True) as tx:
        [payment] = payments_of(tx, settlement)
    assert payment.state is PaymentState.UNKNOWN
    return payment


def proposed(database: Database, by: Principal, payment: Taken, finding: Finding, refund: Any = None) -> Verdict:
    with database.transaction() as tx:
        return propose(tx, by, payment.id, refund, finding, STATEMENT)


def confirmed(database: Database, by: Principal, verdict: Verdict) -> Verdict:
    with database.transaction() as tx:
        return confirm(tx, by, verdict.payment_id, verdict.id)


@pytest.mark.parametrize(
    ("finding", "state", "settlement", "ticket"),
    [(Finding.MOVED, "succeeded", "paid", "paid"), (Finding.NOT_MOVED, "reversed", "failed", "issued")],
)
def test_two_people_end_a_payment_that_nobody_tells_of(
    floor: Floor, database: Database, clock: FixedClock, people: People, unknown: Taken, acquirer: Simulator,
    finding: Finding, state: str, settlement: str, ticket: str,
) -> None:  # fmt: skip
    verdict = proposed(database, people.cashier, unknown, finding)
    clock.advance(timedelta(minutes=2))
    done = confirmed(database, people.manager, verdict)
    assert (done.state, done.decided_by) == (VerdictState.CONFIRMED, people.manager.actor)
    acquirer.faults()
    for _ in range(3):
        sweep(database)
        clock.advance(timedelta(minutes=6))
    with database.transaction(read_only=True) as tx:
        now_at = read_payment(tx, unknown.id)
        last = steps_of(tx, unknown.id)[-1]
    assert (now_at.state.value, now_at.look_at) == (state, None)
    assert (last.action, last.state, last.detail) == ("verdict", state, STATEMENT)
    floor.desk = Caller(floor.desk.http, database, ("settlements.write", "tickets.read"), store="S01", terminal="D1")
    told = outcome(floor, unknown.settlement_id)
    [ticket_id] = [each["id"] for each in floor.desk.get("/v1/tickets", store="S01").get_json()["items"]]
    assert (told["state"], floor.state(ticket_id)) == (settlement, ticket)
    prove(database)


def test_nobody_confirms_what_they_proposed_and_no_machine_does(
    floor: Floor, database: Database, people: People, unknown: Taken
) -> None:
    verdict = proposed(database, people.manager, unknown, Finding.NOT_MOVED)
    with pytest.raises(SecondPersonNeeded):
        confirmed(database, people.manager, verdict)
    with database.transaction(read_only=True) as tx:
        assert read_payment(tx, unknown.id).state is PaymentState.UNKNOWN


def test_only_what_is_unknown_is_decided_by_people(
    floor: Floor, database: Database, people: People, acquirer: Simulator
) -> None:
    settlement = settling(floor, floor.issued("C1", 1990))
    with database.transaction(read_only=True) as tx:
        [payment] = payments_of(tx, settlement)
    with pytest.raises(VerdictNotNeeded):
        proposed(database, people.cashier, payment, Finding.MOVED)
    sweep(database)
    with pytest.raises(VerdictNotNeeded):
        proposed(database, people.cashier, payment, Finding.NOT_MOVED)
    assert owed(acquirer) == 1990


def test_one_proposal_at_a_time_and_each_is_decided_once(
    floor: Floor, database: Database, people: People, unknown: Taken
) -> None:
    first = proposed(database, people.cashier, unknown, Finding.MOVED)
    with pytest.raises(VerdictOpen):
        proposed(database, people.manager, unknown, Finding.NOT_MOVED)
    with database.transaction() as tx:
        assert decline(tx, people.manager, unknown.id, first.id).state is VerdictState.REFUSED
    with pytest.raises(VerdictDecided):
        confirmed(database, people.manager, first)
    second = proposed(database, people.cashier, unknown, Finding.NOT_MOVED)
    with database.transaction() as tx:
        assert decline(tx, people.cashier, unknown.id, second.id).state is VerdictState.WITHDRAWN
        with pytest.raises(VerdictUnknown):
            confirm(tx, people.manager, unknown.id, second.id + 99)


def test_the_rail_that_tells_after_all_overtakes_what_was_proposed(
    floor: Floor, database: Database, clock: FixedClock, people: People, unknown: Taken, acquirer: Simulator
) -> None:
    verdict = proposed(database, people.cashier, unknown, Finding.MOVED)
    acquirer.faults()
    clock.advance(timedelta(minutes=6))
    sweep(database)
    with database.transaction(read_only=True) as tx:
        assert read_payment(tx, unknown.id).state is PaymentState.REVERSED
        assert verdicts_of(tx, unknown.id)[0].state is VerdictState.OVERTAKEN
    with pytest.raises((VerdictNotNeeded, VerdictDecided)):
        confirmed(database, people.manager, verdict)
    assert owed(acquirer) == 0


def test_while_the_rail_is_being_asked_nobody_decides(
    floor: Floor, database: Database, clock: FixedClock, people: People, unknown: Taken
) -> None:
    verdict = proposed(database, people.cashier, unknown, Finding.NOT_MOVED)
    with database.transaction() as tx:
        ask_again(tx, unknown.id)
    assert _lease(database, unknown.id) is not None
    with pytest.raises(BeingAsked):
        confirmed(database, people.manager, verdict)


@pytest.mark.parametrize(("finding", "state"), [(Finding.MOVED, "succeeded"), (Finding.NOT_MOVED, "failed")])
def test_a_void_that_was_not_answered_and_then_refused_is_ended_by_people(
    floor: Floor, database: Database, clock: FixedClock, people: People, acquirer: Simulator, finding: Finding,
    state: str,
) -> None:  # fmt: skip
    settlement = settling(floor, floor.issued("C1", 1990))
    sweep(database)
    with database.transaction() as tx:
        [payment] = payments_of(tx, settlement)
        back = refund(tx, payment.id, 1990, "R1", "changed her mind")
    acquirer.faults(silent=1)
    for _ in range(14):
        sweep_refunds(database)
        clock.advance(timedelta(minutes=6))
    with database.transaction(read_only=True) as tx:
        [found] = refunds_of(tx, [payment.id])
    assert (found.state, found.wants.value) == (RefundState.UNKNOWN, "void")

    verdict = proposed(database, people.cashier, payment, finding, back.id)
    confirmed(database, people.manager, verdict)
    with database.transaction(read_only=True) as tx:
        [found] = refunds_of(tx, [payment.id])
        last = steps_of(tx, payment.id)[-1]
    assert (found.state.value, found.voided, found.look_at) == (state, finding is Finding.MOVED, None)
    assert (last.action, last.refund_id, last.detail) == ("refund_verdict", back.id, STATEMENT)
    if finding is Finding.NOT_MOVED:
        with database.transaction() as tx:
            assert refund(tx, payment.id, 1990, "R1", "again").state is RefundState.CREATED


def test_over_http_each_has_its_permission_and_what_was_said_is_shown(
    floor: Floor, http: FlaskClient, database: Database, people: People, unknown: Taken
) -> None:
    cashier = Caller(http, database, ("payments.read", "payments.resolve"), store="S01")
    path = f"/v1/payments/{unknown.id}/verdicts"
    wish = {"finding": "not_moved", "evidence": STATEMENT}
    answer = cashier.post(path, wish)
    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    assert (made["state"], made["refund"], made["evidence"]) == ("proposed", None, STATEMENT)
    assert cashier.post(path, wish).get_json()["code"] == "payment_verdict_open"
    assert cashier.post(f"{path}/{made['id']}/confirm", None).status_code == 403
    for nobody in ("0", "x", "-1", str(10**30), "1.5"):
        assert cashier.post(f"{path}/{nobody}/refuse", None).status_code == 404
    approver = Caller(http, database, ("payments.read", "payments.resolve", "payments.approve"), store="S01")
    refused = approver.post(f"{path}/{made['id']}/confirm", None)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "second_person_needed")
    [shown] = cashier.get(f"/v1/payments/{unknown.id}").get_json()["verdicts"]
    assert shown == made
    assert cashier.post(f"{path}/{made['id']}/refuse", None).get_json()["state"] == "withdrawn"
    elsewhere = Caller(http, database, ("payments.read", "payments.resolve"), store="S02")
    assert elsewhere.post(path, wish).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{}, {"finding": "perhaps", "evidence": STATEMENT}, {"finding": "moved", "evidence": "  "},
     {"finding": "moved", "evidence": STATEMENT, "refund": "x"}, {"finding": "moved", "evidence": "x" * 161}],
)  # fmt: skip
def test_a_verdict_that_cannot_be_read_is_refused(
    floor: Floor, http: FlaskClient, database: Database, unknown: Taken, wrong: Any
) -> None:
    cashier = Caller(http, database, ("payments.read", "payments.resolve"), store="S01")
    assert cashier.post(f"/v1/payments/{unknown.id}/verdicts", wrong).status_code == 422
    missing = {"finding": "moved", "evidence": STATEMENT, "refund": str(uuid4())}
    assert cashier.post(f"/v1/payments/{unknown.id}/verdicts", missing).status_code == 404
