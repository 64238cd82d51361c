"""The desk's pages without a browser: what is printed and noted, what the supervisor's board counts, who sees what."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from organisation.staff.roles import Role
from pos_adapter.desk import pages
from pos_adapter.desk.floor import read_board
from pos_adapter.desk.receipt import paper_of
from pos_adapter.desk.rules import Patience, clock_text, patience
from pos_adapter.places import stores_to_show
from pos_adapter.settlements.reading import read_settlement
from tests.field.shop import PHONE_REF
from tests.member_api.people import a_member
from tests.organisation.factories import PASSWORD, a_person_with_login, committed_store, somebody
from tests.pos_adapter.tickets.callers import Floor


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Floor:
    return Floor(http, database)


def board(database: Database) -> Any:
    viewer = somebody("floor.read", stores=("S01",))
    with database.transaction(read_only=True) as tx:
        [store] = stores_to_show(tx, viewer, "floor.read", "S01")
        return read_board(tx, store, tx.now.date())


def test_the_first_print_is_the_original_and_every_other_a_copy(floor: Floor) -> None:
    settled = floor.settle(floor.issued("C1", 100)).get_json()["id"]
    prints = [floor.desk.post(f"/v1/settlements/{settled}/prints", {}).get_json() for _ in range(3)]
    assert prints == [{"n": 1, "copy": False}, {"n": 2, "copy": True}, {"n": 3, "copy": True}]
    again = [floor.desk.post(f"/v1/settlements/{settled}/prints", {}, key="one-print") for _ in range(2)]
    assert [answer.get_json()["n"] for answer in again] == [4, 4]


def test_there_is_no_receipt_of_what_is_not_paid_or_not_there(floor: Floor) -> None:
    assert floor.desk.post("/v1/settlements/x/prints", {}).status_code == 404
    assert floor.desk.post("/v1/settlements/00000000-0000-4000-8000-000000000000/prints", {}).status_code == 404


def test_the_paper_has_a_sale_for_each_legal_unit_and_lines_by_counter(floor: Floor, database: Database) -> None:
    a_member(database)
    tickets = [floor.issued("C1", 10_000, 250, member=PHONE_REF), floor.issued("C3", 35_000, member=PHONE_REF)]
    loose = [{"line": 1, "quantity": "3", "amount": 600, "regular_amount": 900}]
    tenders = [{"kind": "card", "amount": 45_850, "reference": "AUTH-778899"}]
    settled = floor.settle(*tickets, lines=loose, tenders=tenders).get_json()
    viewer = somebody("tickets.read", stores=("S01",))
    with database.transaction(read_only=True) as tx:
        paper = paper_of(tx, read_settlement(tx, viewer, UUID(settled["id"])))
    units = [(sale.legal_unit, sale.amount, [counter.code for counter in sale.counters]) for sale in paper.sales]
    assert units == [("MALL", 10_850, ["C1", ""]), ("JEWEL", 35_000, ["C3"])]
    assert [sale.sequence for sale in paper.sales] == [sale["sequence"] for sale in settled["sales"]]
    [line] = paper.sales[0].counters[1].lines
    assert (line.quantity, line.amount, line.regular_amount) == ("3", 600, 900)
    assert [(tender.kind, tender.detail) for tender in paper.tenders] == [("card", "…8899")]
    assert paper.member is not None
    assert paper.member.points is not None
    assert (paper.member.name, paper.member.points.earned) == ("张*", 458)


def test_the_board_tells_who_waits_and_how_long_each_counter_and_clerk_takes(
    floor: Floor, database: Database, clock: FixedClock
) -> None:
    def by(clerk: str) -> dict[str, Any]:
        return {"lines": [{"line": 1, "quantity": "1", "amount": 100, "salesperson": clerk}]}

    first, second = floor.issued("C1", 100, **by("E7")), floor.issued("C2", 100, **by("E8"))
    clock.advance(timedelta(minutes=4))
    floor.settle(first)
    clock.advance(timedelta(minutes=2))
    floor.settle(second)
    floor.handhelds["C1"].post(f"/v1/tickets/{first}/release", {})
    waits = floor.issued("C1", 500)
    clock.advance(timedelta(minutes=31))
    seen = board(database)
    assert (seen.whole.issued, seen.whole.paid, seen.whole.released, seen.whole.open) == (3, 2, 1, 1)
    assert [(pace.code, pace.issued_to_paid_s, pace.paid_to_released_s) for pace in seen.counters] == [
        ("C1", 240, 120),
        ("C2", 360, None),
    ]
    assert {(pace.code, pace.issued_to_paid_s) for pace in seen.clerks} == {("E7", 240), ("E8", 360), ("", None)}
    assert [(str(each.id), each.waited_s, each.patience) for each in seen.waiting] == [(waits, 1860, Patience.DANGER)]
    assert [str(each.id) for each in seen.uncollected] == [second]
    assert seen.stuck == ()


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (-3, "0:00"), (65, "1:05"), (3905, "1:05:05")])
def test_waits_are_written_as_minutes_and_seconds(seconds: int | None, text: str) -> None:
    assert clock_text(seconds) == text


def test_a_wait_becomes_urgent() -> None:
    assert [patience(minutes * 60) for minutes in (0, 5, 15)] == [Patience.GOOD, Patience.WARN, Patience.DANGER]


def test_pages_of_the_desk_are_for_those_who_settle_and_the_board_for_supervisors(
    app: Flask, floor: Floor, database: Database
) -> None:
    committed_store(database, code="S02", currency="CNY")
    settled = floor.settle(floor.issued("C1", 100)).get_json()["id"]
    with database.transaction() as tx:
        for number, role, home in (
            ("clerk", Role.COUNTER_STAFF, "S01"),
            ("clara", Role.SERVICE_DESK, "S01"),
            ("mona", Role.STORE_MANAGER, "S01"),
            ("zoe", Role.STORE_MANAGER, "S02"),
        ):
            a_person_with_login(tx, number, name=number, role=role, home_store=home)
    paths = ("/desk", "/floor", f"/settlements/{settled}", f"/settlements/{settled}/receipt")
    seen = {who: tuple(_status(app, who, path) for path in paths) for who in ("clerk", "clara", "mona", "zoe")}
    assert seen == {
        "clerk": (403, 403, 200, 200),
        "clara": (200, 403, 200, 200),
        "mona": (200, 200, 200, 200),
        "zoe": (200, 200, 404, 404),
    }


def _status(app: Flask, who: str, path: str) -> int:
    with app.test_client() as browser:
        assert browser.post("/login", data={"username": who, "password": PASSWORD}).status_code == 303
        return int(browser.get(path).status_code)


@pytest.mark.parametrize(
    "path",
    ["/desk?terminal=%00", "/desk?store=%00&terminal=D1", "/settlements?terminal=%00&day=x&state=x", "/settlements/x",
     "/settlements?cursor=x", "/settlements?day=0001-01-01", "/floor?store=%00&part=1", "/settlements/x/receipt"],
)  # fmt: skip
def test_what_cannot_be_read_breaks_no_page(app: Flask, floor: Floor, database: Database, path: str) -> None:
    with database.transaction() as tx:
        a_person_with_login(tx, "mona", role=Role.STORE_MANAGER, home_store="S01")
    assert _status(app, "mona", path) < 500


def test_a_desk_opens_with_a_terminal_and_asks_for_one_without(app: Flask, floor: Floor, database: Database) -> None:
    with database.transaction() as tx:
        a_person_with_login(tx, "clara", role=Role.SERVICE_DESK, home_store="S01")
    with app.test_client() as browser:
        browser.post("/login", data={"username": "clara", "password": PASSWORD})
        assert 'id="entry"' in browser.get("/desk?terminal=D1").text
        assert "data-open-desk" in browser.get("/desk").text
        assert "data-open-desk" in browser.get("/desk?terminal=a%20b").text


def test_the_board_shows_the_busiest_and_all_of_them_when_asked(
    app: Flask, floor: Floor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "BUSIEST", 1)
    for counter in ("C1", "C1", "C2"):
        floor.issued(counter, 100)
    with database.transaction() as tx:
        a_person_with_login(tx, "mona", role=Role.STORE_MANAGER, home_store="S01")
    with app.test_client() as browser:
        browser.post("/login", data={"username": "mona", "password": PASSWORD})
        few, whole = (browser.get(f"/floor?store=S01&part=1{more}").text for more in ("", "&all=1"))
        assert "store=S01&amp;part=1&amp;all=1" in browser.get("/floor?store=S01&all=1").text
    for told, where in (("Show all 2", few), ("Only the busiest", whole)):
        assert told in where
    assert few.count("<tr>") < whole.count("<tr>")
