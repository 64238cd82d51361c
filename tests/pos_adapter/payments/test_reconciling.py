"""A bank's daily file beside what we have: everything that differs is named."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import pos_adapter.payments.card as card_module
from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.payments.card import CardRail
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.rails import register_rail
from pos_adapter.payments.reconciling import FileUnreadable, differences_of, read_file, reconcile
from pos_adapter.payments.refunds import refund, sweep_refunds
from tests.member_api.callers import Caller
from tests.pos_adapter.payments.simulators import Simulator, simulated
from tests.pos_adapter.payments.test_refunds import ended, paid
from tests.pos_adapter.tickets.callers import Floor

HEADER = b"type,merchant,terminal,number,reference,currency,amount\n"


@pytest.fixture
def acquirer(tmp_path: Path) -> Iterator[Simulator]:
    with simulated("regulars.simulators.acquirer", tmp_path) as simulator:
        register_rail("card", lambda: CardRail(simulator.address, 1.0))
        yield simulator
        register_rail("card", card_module._configured)


@pytest.fixture
def floor(http: FlaskClient, database: Database, acquirer: Simulator) -> Floor:
    return Floor(http, database)


def compared(database: Database, clock: FixedClock, content: str) -> list[tuple[str, str, int | None, int | None]]:
    """The differences of today's file."""
    day = clock.now().date()
    with database.transaction() as tx:
        reconcile(tx, "card", day, content.encode(), "test")
        found = differences_of(tx, "card", day)
    return [(each.kind.value, each.entry.type, each.there, each.here) for _, each in found]


def test_a_day_on_which_everything_agrees(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    whole, part = paid(floor, database, "card", 1990), paid(floor, database, "card", 3000)
    paid(floor, database, "card", 4000)
    acquirer.faults(silent=1)
    floor.settle(floor.issued("C1", 500), tenders=[{"kind": "card", "amount": 500, "payment": {"rail": "card"}}])
    sweep(database)
    acquirer.faults()
    sweep(database)
    with database.transaction() as tx:
        refund(tx, whole.id, 1990, "R1", "void")
        refund(tx, part.id, 1000, "R2", "part")
    ended(database, clock, whole)
    ended(database, clock, part)
    file = acquirer.file(f"{clock.now():%Y-%m-%d}")
    assert len(file.splitlines()) == 4  # two sales that stand, one refund, and the columns
    assert compared(database, clock, file) == []
    # Read again, the day is replaced and not doubled.
    assert compared(database, clock, file) == []
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT lines, agreed, amount_there, amount_here FROM pos.reconciliation").all() == [
            (3, 3, 6000, 6000)
        ]


def test_every_planted_difference_is_named(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    for amount in (1000, 2000, 3000):
        paid(floor, database, "card", amount)
    lines = acquirer.file(f"{clock.now():%Y-%m-%d}").splitlines()
    head, first, second, third = lines
    stranger = first.replace(first.split(",")[3], "777777")
    changed = second[: -len("2000")] + "2001"
    found = compared(database, clock, f"{head}\n{first}\n{first}\n{changed}\n{stranger}\n")
    assert sorted(found) == [
        ("amount_differs", "sale", 2001, 2000),
        ("missing_here", "sale", 1000, None),
        ("missing_here", "sale", 1000, None),
        ("missing_there", "sale", None, 3000),
    ]
    assert third


def test_what_was_undone_here_and_stands_there_is_named(
    floor: Floor, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    payment = paid(floor, database, "card", 1990)
    before = acquirer.file(f"{clock.now():%Y-%m-%d}")
    with database.transaction() as tx:
        refund(tx, payment.id, 1990, "R1", "void")
    sweep_refunds(database)
    assert compared(database, clock, before) == [("missing_here", "sale", 1990, None)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        HEADER + b"sale,1,D1,5,x,156,-3\n",
        HEADER + b"gift,1,D1,5,x,156,3\n",
        b"\xff\xfe",
        HEADER + b'"x',
    ],
)
def test_what_is_no_daily_file_is_refused(content: bytes) -> None:
    with pytest.raises(FileUnreadable):
        read_file("card", content)


def test_payments_and_compared_days_over_http(
    floor: Floor, http: FlaskClient, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    payment = paid(floor, database, "card", 1990)
    compared(database, clock, HEADER.decode())
    office = Caller(http, database, ("payments.read", "payments.resolve"))
    listed = office.get("/v1/payments", settlement=str(payment.settlement_id)).get_json()["items"]
    assert [(each["id"], each["state"], each["store"]) for each in listed] == [(str(payment.id), "succeeded", "S01")]
    shown = office.get(f"/v1/payments/{payment.id}").get_json()
    assert [(step["action"], step["outcome"]) for step in shown["steps"]] == [("pay", "succeeded")]
    assert (shown["account"], shown["refunds"]) == ("****4321", [])
    assert office.post(f"/v1/payments/{payment.id}/ask", {}).get_json()["state"] == "succeeded"
    assert office.get("/v1/payments", state="open").get_json()["items"] == []
    [day] = office.get("/v1/reconciliations").get_json()["items"]
    assert (day["differences"], day["amount_here"]) == (1, 1990)
    [difference] = office.get(f"/v1/reconciliations/card/{day['day']}").get_json()["items"]
    assert (difference["kind"], difference["payment"]) == ("missing_there", str(payment.id))
    for path in ("/v1/payments/x", "/v1/reconciliations/card/2026-02-30", "/v1/reconciliations/card/1999-01-01"):
        assert office.get(path).status_code == 404
    elsewhere = Caller(http, database, ("payments.read",), store="S02")
    assert elsewhere.get(f"/v1/payments/{payment.id}").status_code == 404
    assert elsewhere.get("/v1/reconciliations").status_code == 403


def test_a_person_asks_again_about_a_payment_that_hangs(
    floor: Floor, http: FlaskClient, database: Database, clock: FixedClock, acquirer: Simulator
) -> None:
    acquirer.faults(lost=1)
    tender = {"kind": "card", "amount": 500, "payment": {"rail": "card"}}
    settlement = floor.settle(floor.issued("C1", 500), tenders=[tender]).get_json()["id"]
    for _ in range(3):
        sweep(database)
        clock.advance(timedelta(minutes=6))
    acquirer.faults()
    office = Caller(http, database, ("payments.read", "payments.resolve"))
    [hangs] = office.get("/v1/payments", state="open").get_json()["items"]
    assert hangs["settlement"] == settlement
    assert office.post(f"/v1/payments/{hangs['id']}/ask", {}).status_code == 200
    sweep(database)
    assert office.get(f"/v1/payments/{hangs['id']}").get_json()["state"] == "reversed"


def test_the_wallet_of_a_member_is_not_taken_without_proof(floor: Floor) -> None:
    ticket = floor.issued("C1", 1990)
    for payment in ({"rail": "wallet", "pin": "1234"}, {"rail": "wallet"}):
        tender = {"kind": "stored_value", "amount": 1990, "payment": payment}
        refused = floor.settle(ticket, tenders=[tender])
        assert (refused.status_code, refused.get_json()["code"]) == (422, "wallet_not_proved")
    tender = {"kind": "card", "amount": 1990, "payment": {"rail": "wallet", "pin": "1234"}}
    assert floor.settle(ticket, tenders=[tender]).get_json()["code"] == "wallet_not_proved"
    assert floor.state(ticket) == "issued"
