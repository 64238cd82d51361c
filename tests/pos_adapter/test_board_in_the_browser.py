"""The overview and the board of repairs in a real browser: by the people who use them, on a desktop and on a phone."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.clock import FixedClock
from foundation.database import Database
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page, complaints_about
from tests.organisation.factories import PASSWORD, a_person_with_login, committed_store
from tests.pos_adapter.events import deliver
from tests.pos_adapter.repairs.factories import refuse, rows
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PHONE = {"kind": "phone", "value": "13800138000"}


@pytest.fixture
def address(app: Flask, database: Database, clock: FixedClock) -> Iterator[str]:
    """A store with a day's sales, a gap, a parked and flagged receipts; Anna and Bo manage it, Zoe another one."""
    committed_store(database, "S01", name="West Lake", format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    committed_store(database, "S02", name="Riverside", format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    with database.transaction() as tx:
        for number, home in (("anna", "S01"), ("bo", "S01"), ("zoe", "S02")):
            a_person_with_login(tx, number, name=number.title(), role=Role.STORE_MANAGER, home_store=home)
    sold = receipt(1990, 500, sequence=1)
    post(database, sold)
    post(database, return_of(sold, (2, 500), sequence=2))
    post(database, receipt(3000, sequence=5, member=PHONE))
    post(database, receipt(700, sequence=6, lines=[line(1, 700, product="NEW")]))
    refuse(database, receipt(1000, sequence=7, tenders=[{"kind": "card", "amount": 990}]))
    deliver(database)
    clock.advance(timedelta(minutes=2))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def log_in(page: "Page", address: str, who: str) -> list[str]:
    """Log in; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/overview")
    return complaints


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_of_the_board_fits_and_can_be_used_by_everybody(
    new_page: "Callable[..., Page]", address: str, database: Database, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    complaints = log_in(page, address, "anna")
    flagged = rows(database, "SELECT id FROM pos.sale WHERE open_flags <> '{}' ORDER BY sequence")
    parked = rows(database, "SELECT id FROM pos.parked_receipt")
    paths = ["/overview", "/overview?day=2020-01-01", "/repairs", "/repairs/flagged", "/repairs/gaps"]
    paths += ["/repairs/gaps?state=closed", "/repairs/discards", f"/repairs/parked/{parked[0][0]}"]
    for path in paths + [f"/repairs/flagged/{sale}" for (sale,) in flagged]:
        answer = page.goto(f"{address}{path}")
        assert answer is not None
        assert answer.status == 200, path
        assert complaints_about(page) == [], path
    assert complaints == []


def test_the_overview_shows_the_day_and_what_needs_somebody(page: "Page", address: str) -> None:
    log_in(page, address, "anna")

    stats = page.locator(".stat").all_inner_texts()
    assert [text.split("\n")[1] for text in stats[:4]] == ["1", "1", "2", "¥56.90"]
    assert "T1" in page.locator("table").inner_text()
    hours = page.locator(".hour-labels span").all_inner_texts()
    assert hours[0] == "8", "one sale is a bar among the hours of a day"
    assert hours[-1] == "21"


def test_a_parked_receipt_is_corrected_and_posted(page: "Page", address: str, database: Database) -> None:
    log_in(page, address, "anna")
    page.goto(f"{address}/repairs")
    with another_page(page):
        page.click("table a")
    page.wait_for_selector("[data-sums]:not(:empty)")
    assert "10.00" in page.locator("[data-sums]").inner_text()
    assert "9.90" in page.locator("[data-sums]").inner_text()
    page.fill("[name='tenders.0.amount']", "10.00")
    assert "agree" in page.locator("[data-sums]").inner_text()
    with another_page(page):
        page.click("#repost button[type=submit]")
    page.wait_for_selector(".badge.good")

    assert rows(database, "SELECT amount, state FROM pos.sale WHERE sequence = 7") == [(1000, "posted")]
    assert "Corrected and posted" in page.locator(".deeds").inner_text()


def test_a_receipt_is_discarded_by_two_people(
    new_page: "Callable[..., Page]", address: str, database: Database
) -> None:
    anna, bo = new_page(), new_page()
    log_in(anna, address, "anna")
    anna.goto(f"{address}/repairs")
    with another_page(anna):
        anna.click("table a")
    anna.click("[data-dialog=discard]")
    anna.fill("dialog [name=reason]", "a test of the printer")
    with another_page(anna):
        anna.click("dialog button[type=submit]")
    anna.wait_for_selector(".proposal-reason")
    assert anna.locator("button.danger").count() == 0, "who proposed it cannot confirm"

    log_in(bo, address, "bo")
    bo.goto(f"{address}/repairs/discards")
    bo.on("dialog", lambda dialog: dialog.accept())
    with another_page(bo):
        bo.click("button.danger")
    bo.wait_for_selector(".empty")
    assert rows(database, "SELECT state FROM pos.parked_receipt") == [("discarded",)]


def test_missing_numbers_are_explained_on_the_page(page: "Page", address: str, database: Database) -> None:
    log_in(page, address, "anna")
    page.goto(f"{address}/repairs/gaps")
    assert "3 – 4" in page.locator("table").inner_text()
    page.click("[data-dialog^=explain]")
    page.fill("dialog[open] [name=explanation]", "training of a new cashier")
    with another_page(page):
        page.click("dialog[open] button[type=submit]")
    page.wait_for_selector(".empty")
    assert rows(database, "SELECT explanation FROM pos.sequence_gap") == [("training of a new cashier",)]


def test_nobody_sees_the_board_of_another_store(page: "Page", address: str, database: Database) -> None:
    log_in(page, address, "zoe")
    parked = rows(database, "SELECT id FROM pos.parked_receipt")[0][0]

    page.goto(f"{address}/repairs?store=S01")
    assert page.locator(".empty").count() == 1
    answer = page.goto(f"{address}/repairs/parked/{parked}")
    assert answer is not None
    assert answer.status == 403
    page.goto(f"{address}/overview?store=S01")
    assert "West Lake" not in page.content()
