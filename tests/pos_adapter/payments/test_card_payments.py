"""Cards on the spot: a settlement waits for its payment, and every fault of the acquirer ends in the truth."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.contract.ledger import Kind
from pos_adapter.payments.operations import payments_of, sweep
from tests.field.shop import PHONE_REF
from tests.member_api.ledger.callers import SOON, balance, given
from tests.member_api.people import a_member
from tests.pos_adapter.payments.simulators import Simulator, cards_taken
from tests.pos_adapter.tickets.callers import Floor

ANSWER_S = 1.0


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    """One for each test: the clock stands still, and the same number at the same moment is the same payment."""
    with cards_taken(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> Floor:
    return Floor(http, database)


def by_card(amount: int) -> dict[str, Any]:
    return {"kind": "card", "amount": amount, "payment": {"rail": "card", "token": "tok-1"}}


def settling(floor: Floor, *tickets: str, **more: Any) -> UUID:
    """A settlement that waits for a card."""
    owed = sum(floor.ticket(ticket)["amount"] for ticket in tickets)
    answer = floor.settle(*tickets, **{"tenders": [by_card(owed)]} | more)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["state"] == "pending"
    return UUID(answer.get_json()["id"])


def outcome(floor: Floor, settlement: UUID) -> Any:
    return floor.desk.get(f"/v1/settlements/{settlement}").get_json()


def states(database: Database, settlement: UUID) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return [each.state.value for each in payments_of(tx, settlement)]


def until_ended(database: Database, clock: FixedClock, floor: Floor, settlement: UUID) -> Any:
    """Let the clock run and the sweeper work until the settlement has ended."""
    for _ in range(30):
        sweep(database)
        told = outcome(floor, settlement)
        if told["state"] != "pending":
            return told
        clock.advance(timedelta(seconds=10))
    raise AssertionError(f"it does not end: {states(database, settlement)}")


def owed(acquirer: Simulator) -> int:
    """What the acquirer owes us for everything, after reversals."""
    return sum(sale["amount"] - sale["refunded"] for sale in acquirer.sales() if not sale["reversed"])


def test_tickets_are_locked_until_the_card_has_paid(floor: Floor, database: Database, acquirer: Simulator) -> None:
    ticket = floor.issued("C1", 1990)
    before = owed(acquirer)
    settlement = settling(floor, ticket)
    assert floor.state(ticket) == "settling"
    refused = floor.settle(ticket, desk=floor.other_desk, terminal="D2")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "tickets_not_open")
    sweep(database)
    told = outcome(floor, settlement)
    assert (told["state"], floor.state(ticket)) == ("paid", "paid")
    assert told["sales"][0]["amount"] == 1990
    assert owed(acquirer) - before == 1990


def test_a_declined_card_gives_the_tickets_back(floor: Floor, database: Database, acquirer: Simulator) -> None:
    acquirer.faults(declined=1)
    ticket = floor.issued("C1", 1990)
    settlement = settling(floor, ticket)
    sweep(database)
    told = outcome(floor, settlement)
    assert (told["state"], floor.state(ticket)) == ("failed", "issued")
    assert "05" in told["failure"]
    acquirer.faults()
    assert floor.settle(ticket).status_code == 201


@pytest.mark.parametrize("fault", ["silent", "lost", "late", "garbage"])
def test_no_answer_is_reversed_and_nobody_is_charged(
    floor: Floor, database: Database, acquirer: Simulator, clock: FixedClock, fault: str
) -> None:
    acquirer.faults(**{fault: 1})
    ticket = floor.issued("C1", 1990)
    before = owed(acquirer)
    settlement = settling(floor, ticket)
    sweep(database)
    assert states(database, settlement) == ["reversing"]
    assert floor.state(ticket) == "settling"
    acquirer.faults()
    told = until_ended(database, clock, floor, settlement)
    assert (told["state"], floor.state(ticket)) == ("failed", "issued")
    assert states(database, settlement) == ["reversed"]
    assert owed(acquirer) == before


def test_an_acquirer_that_dies_and_comes_back_knows_what_it_booked(
    floor: Floor, database: Database, acquirer: Simulator, clock: FixedClock
) -> None:
    acquirer.faults(crash=1)
    ticket = floor.issued("C1", 1990)
    before = owed(acquirer)
    settlement = settling(floor, ticket)
    sweep(database)
    acquirer.stop()
    acquirer.start()
    told = until_ended(database, clock, floor, settlement)
    assert (told["state"], states(database, settlement)) == ("failed", ["reversed"])
    assert owed(acquirer) == before


def test_a_worker_that_died_with_its_message_out_never_sends_it_again(
    floor: Floor, database: Database, acquirer: Simulator, clock: FixedClock
) -> None:
    from pos_adapter.payments.operations import _lease, _speak
    from pos_adapter.payments.rails import rail

    ticket = floor.issued("C1", 1990)
    before = owed(acquirer)
    settlement = settling(floor, ticket)
    with database.transaction(read_only=True) as tx:
        payment = payments_of(tx, settlement)[0]
    leased = _lease(database, payment.id)
    assert leased is not None
    _speak(rail("card"), *leased)  # the acquirer has approved it, and nobody writes that down
    assert owed(acquirer) == before + 1990
    sweep(database)
    assert floor.state(ticket) == "settling"  # leased: nobody else touches it
    told = until_ended(database, clock, floor, settlement)
    assert (told["state"], states(database, settlement)) == ("failed", ["reversed"])
    assert owed(acquirer) == before


def test_what_the_member_s_accounts_pay_is_held_meanwhile(
    floor: Floor, database: Database, acquirer: Simulator, clock: FixedClock
) -> None:
    member = a_member(database)
    given(database, member, 500, kind=Kind.ECOIN, expires_on=SOON)
    ticket = floor.issued("C1", 1990, member=PHONE_REF)
    tenders = [{"kind": "ecoin", "amount": 500}, by_card(1490)]
    acquirer.faults(declined=1)
    settlement = settling(floor, ticket, tenders=tenders)
    assert balance(database, member, Kind.ECOIN) == (500, 0)
    sweep(database)
    assert outcome(floor, settlement)["state"] == "failed"
    assert balance(database, member, Kind.ECOIN) == (500, 500)
    acquirer.faults()
    settlement = settling(floor, ticket, tenders=tenders)
    sweep(database)
    assert outcome(floor, settlement)["state"] == "paid"
    assert balance(database, member, Kind.ECOIN) == (0, 0)


def test_two_cards_of_which_one_is_declined_charge_neither(
    floor: Floor, database: Database, acquirer: Simulator, clock: FixedClock
) -> None:
    ticket = floor.issued("C1", 2000)
    before = owed(acquirer)
    settlement = settling(floor, ticket, tenders=[by_card(1200), by_card(800)])
    with database.transaction(read_only=True) as tx:
        first, second = payments_of(tx, settlement)
    from pos_adapter.payments.operations import advance

    advance(database, first.id)
    acquirer.faults(declined=1)
    advance(database, second.id)
    acquirer.faults()
    told = until_ended(database, clock, floor, settlement)
    assert (told["state"], floor.state(ticket)) == ("failed", "issued")
    assert states(database, settlement) == ["reversed", "failed"]
    assert owed(acquirer) == before


def test_a_payment_that_nobody_takes_here_is_refused(floor: Floor) -> None:
    ticket = floor.issued("C1", 1990)
    for code in ("99" * 9, "1" * 16):
        tender = {"kind": "code", "amount": 1990, "payment": {"rail": "code", "code": code}}
        refused = floor.settle(ticket, tenders=[tender])
        assert (refused.status_code, refused.get_json()["code"]) == (422, "rail_unknown")
    assert floor.state(ticket) == "issued"


def test_no_secret_of_a_payment_is_kept(floor: Floor, database: Database, acquirer: Simulator) -> None:
    settlement = settling(floor, floor.issued("C1", 1990))
    with database.transaction(read_only=True) as tx:
        sealed = tx.execute("SELECT ask FROM pos.payment").scalar_one()
        assert b"tok-1" not in bytes(sealed)
        assert "tok-1" not in str(tx.execute("SELECT content::text, answer::text FROM pos.settlement").one())
    sweep(database)
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT ask FROM pos.payment").scalar_one() is None
        payment = payments_of(tx, settlement)[0]
    assert payment.account == "****4321"
    assert replace(payment).reference is not None
