"""Row 13: orders paid while the server was away reopened as draft, and the payment was lost.

Here a ticket or a settlement that is paid stays paid: whatever comes late – the device's queue, an edit, a
cancellation, another desk, the end of the day, a payment's late answer, somebody who gives the settlement up – changes
nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.errors import DomainError
from pos_adapter.payments import operations
from pos_adapter.payments.operations import advance, ask_again, conclude, payments_of, sweep
from pos_adapter.payments.rails import Told
from pos_adapter.payments.rules import Outcome
from pos_adapter.settlements.operations import complete, fail
from pos_adapter.tickets import live
from pos_adapter.tickets.operations import expire_tickets, lock_tickets, step
from pos_adapter.tickets.rules import STEPS, TicketState
from tests.field.shop import PHONE_REF, prove
from tests.member_api.ledger.callers import the_books
from tests.member_api.people import a_member
from tests.pos_adapter.payments.simulators import Simulator, cards_taken
from tests.pos_adapter.tickets.callers import Floor

TABLES = ("ticket", "ticket_change", "settlement", "sale", "sale_line", "payment", "payment_step")
TOPICS = [*live.TOPICS]
AMOUNT = 1990
LINES = [{"line": 1, "quantity": "1", "amount": AMOUNT}]


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with cards_taken(tmp_path) as simulator:
        yield simulator


class Paid:
    """A ticket of a member that a card paid through us, and everything that was recorded of it."""

    def __init__(self, floor: Floor, database: Database) -> None:
        self.floor, self.database = floor, database
        a_member(database)
        self.body = {"id": str(uuid4()), "store": "S01", "counter": "C1", "member": PHONE_REF, "lines": LINES}
        self.key = str(uuid4())
        assert floor.handhelds["C1"].post("/v1/tickets", self.body, key=self.key).status_code == 201
        self.ticket = str(self.body["id"])
        self.wish = {
            "store": "S01", "terminal": "D1", "tickets": [self.ticket],
            "tenders": [{"kind": "card", "amount": AMOUNT, "payment": {"rail": "card"}}],
        }  # fmt: skip
        self.settling_key = str(uuid4())
        answer = floor.desk.post("/v1/settlements", self.wish, key=self.settling_key)
        self.settlement = UUID(answer.get_json()["id"])
        sweep(database)
        with database.transaction(read_only=True) as tx:
            [self.payment] = payments_of(tx, self.settlement)

    def recorded(self) -> Any:
        """Every row of tickets with their history, settlements, sales, payments and accounts; what pages were told."""
        with self.database.transaction(read_only=True) as tx:
            rows = [[str(row) for row in tx.execute(f"SELECT * FROM pos.{table} ORDER BY 1, 2")] for table in TABLES]
            told = tx.execute("SELECT topic, facts FROM foundation.outbox WHERE topic = ANY(:live)", {"live": TOPICS})
            return rows, [str(row) for row in told], the_books(self.database)

    def states(self) -> tuple[str, str]:
        """Of the ticket, and of the settlement."""
        with self.database.transaction(read_only=True) as tx:
            ticket = tx.execute("SELECT state FROM pos.ticket").scalar_one()
            return ticket, tx.execute("SELECT state FROM pos.settlement").scalar_one()


@pytest.fixture
def paid(http: FlaskClient, database: Database, acquirer: Simulator) -> Paid:
    made = Paid(Floor(http, database), database)
    assert made.states() == ("paid", "paid")
    return made


def the_queue_again(paid: Paid, _: FixedClock) -> None:
    """The handheld never heard the answer, and sends what it issued while the server was away."""
    for key in (paid.key, str(uuid4())):
        answer = paid.floor.handhelds["C1"].post("/v1/tickets", paid.body, key=key)
        assert answer.status_code in (200, 201)
        assert answer.get_json()["id"] == paid.ticket


def the_queue_again_with_other_content(paid: Paid, _: FixedClock) -> None:
    other = paid.body | {"lines": [LINES[0] | {"amount": 1}]}
    assert paid.floor.handhelds["C1"].post("/v1/tickets", other).status_code == 409


def an_edit_that_was_made_before(paid: Paid, _: FixedClock) -> None:
    for version in range(1, 5):
        body = {"lines": [LINES[0] | {"amount": 1}], "version": version}
        assert paid.floor.handhelds["C1"].put(f"/v1/tickets/{paid.ticket}", body).status_code == 409


def a_cancellation(paid: Paid, _: FixedClock) -> None:
    refused = paid.floor.handhelds["C1"].post(f"/v1/tickets/{paid.ticket}/cancel", {"why": "changed her mind"})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "ticket_not_open")


def another_desk(paid: Paid, _: FixedClock) -> None:
    refused = paid.floor.settle(paid.ticket, desk=paid.floor.other_desk, terminal="D2")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "tickets_not_open")
    assert refused.get_json()["tickets"][0]["state"] == "paid"


def the_same_desk_again(paid: Paid, _: FixedClock) -> None:
    again = paid.floor.desk.post("/v1/settlements", paid.wish, key=paid.settling_key)
    assert again.get_json()["id"] == str(paid.settlement)
    assert paid.floor.desk.post("/v1/settlements", paid.wish).status_code == 409


def a_void_from_a_till(paid: Paid, _: FixedClock) -> None:
    told = paid.floor.desk.get(f"/v1/settlements/{paid.settlement}").get_json()
    original = {"store": "S01", "terminal": "D1", "business_date": told["business_date"]}
    void = original | {
        "sequence": 1, "type": "void", "occurred_at": f"{told['business_date']}T12:00:00+08:00", "currency": "CNY",
        "lines": [], "tenders": [], "original": original | {"sequence": told["sales"][0]["sequence"]},
    }  # fmt: skip
    assert paid.floor.desk.post("/v1/sales", void).status_code == 409


def the_end_of_many_days(paid: Paid, clock: FixedClock) -> None:
    for _ in range(3):
        clock.advance(timedelta(days=1))
        assert expire_tickets(paid.database) == 0
        sweep(paid.database)


def somebody_gives_the_settlement_up(paid: Paid, _: FixedClock) -> None:
    with paid.database.transaction() as tx:
        assert fail(tx, paid.settlement, "a worker that was asleep").state == "paid"
    with paid.database.transaction() as tx:
        assert complete(tx, paid.settlement).state == "paid"


def the_payment_is_asked_about_again(paid: Paid, clock: FixedClock) -> None:
    with paid.database.transaction() as tx:
        ask_again(tx, paid.payment.id)
    clock.advance(timedelta(minutes=10))
    assert advance(paid.database, paid.payment.id) is None
    assert conclude(paid.database, paid.settlement).value == "paid"


def an_answer_that_was_judged_late(paid: Paid, _: FixedClock) -> None:
    """A worker that slept since it sent the payment wakes up with "no answer" in its hands."""
    no_answer = Told(Outcome.NO_ANSWER, words="nothing came")
    assert operations._judge(paid.database, paid.payment, no_answer).state.value == "succeeded"


LATE: list[Callable[[Paid, FixedClock], None]] = [
    the_queue_again, the_queue_again_with_other_content, an_edit_that_was_made_before, a_cancellation, another_desk,
    the_same_desk_again, a_void_from_a_till, the_end_of_many_days, somebody_gives_the_settlement_up,
    the_payment_is_asked_about_again, an_answer_that_was_judged_late,
]  # fmt: skip


@pytest.mark.parametrize("late", LATE, ids=lambda each: each.__name__)
def test_whatever_comes_late_changes_nothing_of_what_is_paid(
    paid: Paid, clock: FixedClock, late: Callable[[Paid, FixedClock], None]
) -> None:
    before = paid.recorded()
    late(paid, clock)
    assert paid.recorded() == before
    prove(paid.database)


def test_handed_over_is_as_terminal_as_paid(paid: Paid, clock: FixedClock) -> None:
    assert paid.floor.handhelds["C1"].post(f"/v1/tickets/{paid.ticket}/release", None).status_code == 200
    before = paid.recorded()
    assert paid.states() == ("released", "paid")
    assert paid.floor.settle(paid.ticket).status_code == 409
    for late in (the_queue_again, an_edit_that_was_made_before, a_cancellation, the_end_of_many_days):
        late(paid, clock)
    assert paid.recorded() == before


@pytest.mark.parametrize("state", TicketState)
def test_no_step_leads_from_paid_to_unpaid(paid: Paid, state: TicketState) -> None:
    before = paid.recorded()
    if state is TicketState.RELEASED:
        assert STEPS[TicketState.PAID] == {state}, "handing over is all that may follow"
        return
    with suppress(DomainError), paid.database.transaction() as tx:
        [ticket] = lock_tickets(tx, [UUID(paid.ticket)])
        step(tx, ticket, state, "somebody")
        raise AssertionError(f"a paid ticket became {state}")
    assert paid.recorded() == before
