"""Rows 6 and 18 at the desk: gift cards redeemable many times; holds ignored, or committed though they were rejected.

Here what an account is to pay for a settlement whose card is still being asked is on hold: no other desk, till or
handheld can spend it, it is taken once, and where the hold is gone the card gets its money back.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.contract.ledger import InsufficientBalance, Kind, Origin, Taking, place_hold, redeem
from pos_adapter.payments.operations import sweep
from tests.field.shop import PHONE_REF, prove
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import balance, everything, given, step
from tests.member_api.people import a_member
from tests.pos_adapter.payments.simulators import Simulator, cards_taken
from tests.pos_adapter.payments.test_card_payments import by_card, outcome, owed, settling, until_ended
from tests.pos_adapter.tickets.callers import DESK, Floor

STORED = 10_000


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with cards_taken(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> Floor:
    return Floor(http, database)


@pytest.fixture
def member(floor: Floor, database: Database) -> int:
    """Somebody with 100.00 stored."""
    member = a_member(database)
    given(database, member, STORED, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
    return member


def stored(amount: int) -> dict[str, Any]:
    return {"kind": "stored_value", "amount": amount}


def waiting(floor: Floor, by_wallet: int) -> Any:
    """A settlement of a ticket of 100.00 that waits for a card, the rest set aside on the wallet."""
    ticket = floor.issued("C1", 10_000, member=PHONE_REF)
    return ticket, settling(floor, ticket, tenders=[stored(by_wallet), by_card(10_000 - by_wallet)])


def test_what_a_settlement_has_set_aside_no_other_desk_till_or_handheld_can_spend(
    floor: Floor, database: Database, member: int
) -> None:
    _, settlement = waiting(floor, 8_000)
    assert balance(database, member, Kind.CASH) == (STORED, 2_000)
    second = floor.issued("C2", 2_001, member=PHONE_REF)
    refused = floor.settle(second, desk=floor.other_desk, terminal="D2", tenders=[stored(2_001)])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "insufficient_balance")
    taken = floor.settle(second, desk=floor.other_desk, terminal="D2", tenders=[stored(2_000), by_card(1)])
    assert taken.status_code == 201, "what is left can be set aside too"
    with pytest.raises(InsufficientBalance), database.transaction() as tx:
        redeem(tx, member, Taking(Kind.CASH, 1), "a till", step())
    assert floor.state(second) == "settling"
    sweep(database)
    assert outcome(floor, settlement)["state"] == "paid"
    assert balance(database, member, Kind.CASH) == (0, 0)
    prove(database)


def test_a_settlement_whose_hold_is_refused_has_changed_nothing(floor: Floor, database: Database, member: int) -> None:
    ticket = floor.issued("C1", 20_000, member=PHONE_REF)
    before = everything(database)
    refused = floor.settle(ticket, tenders=[stored(STORED + 1), by_card(20_000 - STORED - 1)])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "insufficient_balance")
    assert everything(database) == before
    assert floor.state(ticket) == "issued"
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.payment").scalar_one() == 0


def test_what_was_set_aside_is_let_go_once_when_the_card_is_declined(
    floor: Floor, database: Database, member: int, acquirer: Simulator
) -> None:
    acquirer.faults(declined=1)
    ticket, settlement = waiting(floor, 8_000)
    for _ in range(3):
        sweep(database)
    assert outcome(floor, settlement)["state"] == "failed"
    assert balance(database, member, Kind.CASH) == (STORED, STORED)
    acquirer.faults()
    assert floor.settle(ticket, tenders=[stored(10_000)]).status_code == 201
    assert balance(database, member, Kind.CASH) == (0, 0)
    prove(database)


def test_where_the_hold_has_run_out_and_the_wallet_is_empty_the_card_gets_its_money_back(
    floor: Floor, database: Database, member: int, acquirer: Simulator, clock: FixedClock
) -> None:
    """The worker was away for two days; meanwhile the hold ended, and the stored value was spent at a till."""
    ticket, settlement = waiting(floor, 8_000)
    clock.advance(timedelta(days=2))
    with database.transaction() as tx:
        place_hold(tx, member, Taking(Kind.CASH, STORED), timedelta(days=9), step())
    floor.desk = Caller(floor.desk.http, database, DESK, store="S01", terminal="D1")
    told = until_ended(database, clock, floor, settlement)
    assert (told["state"], floor.state(ticket)) == ("failed", "issued")
    assert owed(acquirer) == 0
    assert balance(database, member, Kind.CASH) == (STORED, 0)
    prove(database)
