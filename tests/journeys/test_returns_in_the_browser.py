"""One counter's line of a three-counter receipt comes back: issued on a phone, approved, refunded at a desk.

Card, stored value and e-coins paid for it, and some of the e-coins that it brought are spent already. Each person has a
page of their own; the pages are checked for what every page must keep, in both languages.
"""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.database import Database
from member_api.contract.ledger import Kind
from organisation.staff.roles import Role
from tests.field.shop import prove
from tests.journeys.return_steps import Screen, approve_first, issue_red_ticket, refund_at_desk
from tests.member_api.ledger.callers import balance
from tests.organisation.factories import a_person_with_login
from tests.pos_adapter.returns.callers import ReturnFloor, three_counters_paid_by_everything

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CLERK, CASHIER, MANAGER = "ling", "tao", "mei"


@pytest.fixture
def floor(app: Flask, database: Database) -> ReturnFloor:
    floor = ReturnFloor(app.test_client(), database)
    with database.transaction() as tx:
        for number, name, role in (
            (CLERK, "Ling", Role.COUNTER_STAFF),
            (CASHIER, "Tao", Role.SERVICE_DESK),
            (MANAGER, "Mei", Role.STORE_MANAGER),
        ):
            a_person_with_login(tx, number, name=name, role=role, home_store="S01")
        # A low limit, so that the floor manager is asked.
        tx.execute(
            "INSERT INTO pos.return_limit (amount, valid_from, set_by, set_at)"
            " VALUES (10000, '2026-01-01', 'test', now())"
        )
    return floor


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize(("locale", "width"), [("en-US", 390), ("zh-CN", 360), ("zh-CN", 1440)])
def test_one_counter_s_line_goes_back_from_the_phone_to_the_desk(
    new_page: "Callable[..., Page]", address: str, floor: ReturnFloor, database: Database, locale: str, width: int
) -> None:
    member, sold = three_counters_paid_by_everything(floor, database)
    number = floor.ticket(sold["tickets"][2])["number"]
    shot = f"{locale[:2]}-{width}"
    clerk = Screen(new_page(locale=locale, width=width), address, CLERK, f"{shot}-clerk")
    clerk.go("/returns")
    clerk.good("list-empty")
    shown = issue_red_ticket(clerk, number)
    assert "130.00" in shown, "what the customer gets in money"
    assert "45.00" in shown, "what comes off for spent e-coins"
    red = clerk.page.url.rpartition("/")[2]
    assert floor.red(red)["state"] == "return_issued"
    manager = Screen(new_page(locale=locale, width=width), address, MANAGER, f"{shot}-manager")
    approve_first(manager)
    assert floor.red(red)["state"] == "approved"
    desk = Screen(new_page(locale=locale, width=max(width, 390)), address, CASHIER, f"{shot}-desk")
    desk.go("/returns?show=refund")
    desk.good("to-refund")
    refund_at_desk(desk, red)
    desk.good("refunded")
    assert floor.red(red)["state"] == "refunded"
    clerk.go(f"/returns/{red}")
    clerk.good("told")
    clerk.go("/returns?show=all")
    clerk.good("list-all")
    assert balance(database, member, Kind.CASH)[0] == 12_500
    assert balance(database, member, Kind.ECOIN)[0] == 5_000
    prove(database)


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 390)])
def test_a_manager_s_code_is_shown_once_and_lets_a_clerk_take_more_off(
    new_page: "Callable[..., Page]", address: str, floor: ReturnFloor, locale: str, width: int
) -> None:
    manager = Screen(new_page(locale=locale, width=width), address, MANAGER, f"{locale[:2]}-{width}-manager")
    page = manager.go("/discounts/code")
    page.locator("#code button").click()
    page.wait_for_selector("[data-code]:not([hidden])")
    manager.good("code")
    code = page.locator("[data-digits]").inner_text()
    body: dict[str, Any] = {"store": "S01", "counter": "C1"}
    body["lines"] = [{"line": 1, "quantity": "1", "unit_price": 10_000, "amount": 5_000}]
    body["approval"] = {"staff": MANAGER, "code": code}
    assert floor.handhelds["C1"].post("/v1/tickets", body).status_code == 201
    page = manager.go("/discounts/code")
    manager.good("code-used")
    assert code not in page.content()
