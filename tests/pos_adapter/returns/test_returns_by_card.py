"""What we took through a rail goes back through it; a red ticket is refunded only once that is known."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import pos_adapter.payments.card as card_module
from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.rails import register_rail
from pos_adapter.payments.refunds import sweep_refunds
from pos_adapter.returns.operations import conclude_returns, open_returns
from tests.field.shop import prove
from tests.pos_adapter.payments.simulators import Simulator, simulated
from tests.pos_adapter.payments.test_card_payments import by_card, owed, until_ended
from tests.pos_adapter.returns.callers import ReturnFloor

ANSWER_S = 1.0


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with simulated("regulars.simulators.acquirer", tmp_path) as simulator:
        register_rail("card", lambda: CardRail(simulator.address, ANSWER_S))
        yield simulator
        register_rail("card", card_module._configured)


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> ReturnFloor:
    return ReturnFloor(http, database)


def paid(floor: ReturnFloor, database: Database, clock: FixedClock, *amounts: int) -> list[str]:
    """Tickets of C1, C2 ... that one card has paid, taken by us."""
    tickets = [floor.issued(f"C{n}", amount) for n, amount in enumerate(amounts, 1)]
    pending = floor.settle(*tickets, tenders=[by_card(sum(amounts))]).get_json()
    assert until_ended(database, clock, floor, pending["id"])["state"] == "paid"
    return tickets


def until_known(database: Database, clock: FixedClock, floor: ReturnFloor, red: str) -> Any:
    for _ in range(30):
        sweep(database)
        sweep_refunds(database)
        conclude_returns(database)
        told = floor.red(red)
        if told["state"] == "refunded" or told["rails"][0]["state"] == "failed":
            return told
        clock.advance(timedelta(seconds=10))
    raise AssertionError(floor.red(red))


def test_a_part_of_a_card_payment_goes_back_by_the_card_once(
    floor: ReturnFloor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    tickets = paid(floor, database, clock, 10_000, 5_000)
    red = floor.back("C2", {"ticket": tickets[1]}).get_json()["id"]
    shown = floor.desk.post("/v1/returns/preview", {"ticket": tickets[0]}).get_json()
    assert [tender["ours"] for tender in shown["tenders"]] == [True]
    assert floor.refund(red).get_json()["state"] == "refunding"
    again = floor.refund(red)
    assert (again.status_code, again.get_json()["code"]) == (409, "refund_pending")
    told = until_known(database, clock, floor, red)
    assert (told["state"], told["rails"][0]["state"]) == ("refunded", "succeeded")
    assert owed(acquirer) == 10_000
    assert conclude_returns(database) == 0
    prove(database)


def test_an_acquirer_that_is_silent_keeps_the_red_ticket_refunding_until_the_money_is_back(
    floor: ReturnFloor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    tickets = paid(floor, database, clock, 10_000, 5_000)
    red = floor.back("C2", {"ticket": tickets[1]}).get_json()["id"]
    assert floor.refund(red).get_json()["state"] == "refunding"
    acquirer.faults(silent=1.0)
    sweep_refunds(database)
    conclude_returns(database)
    assert floor.red(red)["state"] == "refunding"
    acquirer.faults(silent=0.0)
    assert until_known(database, clock, floor, red)["state"] == "refunded"
    assert owed(acquirer) == 10_000


def test_a_refund_that_the_acquirer_refuses_is_asked_again_or_handed_over_otherwise(
    floor: ReturnFloor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    tickets = paid(floor, database, clock, 10_000, 5_000)
    red = floor.back("C2", {"ticket": tickets[1]}).get_json()["id"]
    floor.refund(red)
    acquirer.faults(declined=1.0)
    told = until_known(database, clock, floor, red)
    assert (told["state"], told["rails"][0]["state"]) == ("refunding", "failed")
    assert floor.refund(red).get_json()["state"] == "refunding"
    told = until_known(database, clock, floor, red)
    assert told["rails"][0]["state"] == "failed"
    done = floor.refund(red, instead="cash")
    assert done.get_json()["state"] == "refunded", done.text
    assert floor.red(red)["history"][-1]["why"] == "handed over as cash"
    assert owed(acquirer) == 15_000
    with database.transaction(read_only=True) as tx:
        store = tx.execute("SELECT store_id FROM pos.sale WHERE type = 'return'").scalar_one()
        assert open_returns(tx, store) == 0
    prove(database)
