"""A cashier's shift and a manager's day in a real browser: counted blind, handed in, closed, in both languages."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from foundation.clock import local_date
from organisation.contract import CounterMode
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page, look
from tests.organisation.factories import a_counter, a_person_with_login
from tests.pos_adapter.desk_scene import MEMBER, Scene, scene
from tests.pos_adapter.payments.test_pages_in_the_browser import open_as

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = [("en-US", 1440), ("zh-CN", 1440), ("zh-CN", 390), ("en-US", 360)]


@pytest.fixture(scope="module")
def store(
    environment: Any, fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with scene(fresh_database, tmp_path_factory.mktemp("day") / "web.log") as found:
        with found.database.transaction() as tx:
            a_person_with_login(tx, "olga", name="Olga", role=Role.HEAD_OFFICE)
            a_person_with_login(tx, "dora", name="Dora", role=Role.STORE_MANAGER, home_store="S01")
            a_counter(
                tx, code="C2", mode=CounterMode.CONCESSION, rate="0.25", supplier="V9", guaranteed_minimum=100_000_00,
                effective_from=date(2020, 1, 1),
            )  # fmt: skip
        _a_day_is_played(found)
        yield found


def _a_day_is_played(store: Scene) -> None:
    today = today_of(store)
    for n, (amount, day) in enumerate([(880_00, today - timedelta(days=1)), (1_299_00, today)], 1):
        _rung(store, n, amount, day)
    tickets = [store.issue("C1", 100_00, MEMBER), store.issue("C2", 200_00, MEMBER), store.issue("C3", 300_00, MEMBER)]
    tenders = [
        {"kind": "cash", "amount": 540_00},
        {"kind": "stored_value", "amount": 50_00},
        {"kind": "ecoin", "amount": 10_00},
    ]
    body = {"store": "S01", "terminal": "D2", "tickets": [each["id"] for each in tickets], "tenders": tenders}
    assert store.call("POST", "/v1/settlements", body).status_code == 201


def _rung(store: Scene, sequence: int, amount: int, day: date) -> None:
    lines = [
        {"line": 1, "quantity": "1", "amount": amount - 100_00, "counter": "C1", "tax_rate": "0.13"},
        {"line": 2, "quantity": "1", "amount": 100_00, "counter": "C2", "tax_rate": "0.06"},
    ]
    body = {
        "store": "S01", "terminal": "T1", "business_date": day.isoformat(), "sequence": sequence, "type": "sale",
        "occurred_at": f"{day.isoformat()}T00:00:00+08:00", "currency": "CNY", "lines": lines,
        "tenders": [{"kind": "card", "amount": amount}],
    }  # fmt: skip
    assert store.call("POST", "/v1/sales", body).status_code == 201


def today_of(store: Scene) -> date:
    return local_date(store.database.clock.now(), "Asia/Shanghai")


def press(page: "Page", selector: str, path: str) -> None:
    """Press a button that posts, and wait for the page that follows."""
    posts = page.expect_response(lambda answer: path in answer.url and answer.request.method == "POST")
    with another_page(page), posts as answered:
        page.click(selector)
    assert answered.value.ok, answered.value.text()


def test_a_cashier_opens_counts_blind_and_hands_in(new_page: "Callable[..., Page]", store: Scene) -> None:
    page = new_page(width=1440)
    page.on("dialog", lambda dialog: dialog.accept())
    open_as(page, store, "clara", "/shifts")
    look(page, "shifts_empty")
    page.fill("[name=terminal]", "D1")
    page.fill("[name=float]", "500.00")
    press(page, "form[data-json] button.primary", "/v1/shifts")
    page.wait_for_url("**/shifts/*")
    assert "500.00" in page.inner_text("main")
    settled = store.settle("D1", [store.issue("C1", 59_90)])
    assert settled.status_code == 201
    page.reload()
    look(page, "shift_open")
    assert "59.90" not in page.inner_text("main"), "nobody is told before it is counted"
    page.fill("[name='tenders.0.amount']", "499.00")
    page.fill("[name='tenders.1.amount']", "59.90")
    press(page, "form[data-json] button.primary", "/count")
    page.wait_for_selector(".day-short")
    assert "1.00" in page.inner_text(".day-short")
    look(page, "shift_counted")
    page.fill("[name=amount]", "400")
    press(page, "form[data-json] button.primary", "/hand-in")
    page.wait_for_url("**/slip")
    look(page, "shift_slip")


@pytest.mark.parametrize(("locale", "width"), WIDTHS)
def test_the_manager_sees_the_day_before_it_is_closed(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    open_as(page, store, "dora", "/days")
    look(page, f"days_open_{locale[:2]}")
    page.goto(f"{store.server.base_url}/days/S01/{today_of(store)}")
    look(page, f"day_open_{locale[:2]}")
    page.goto(f"{store.server.base_url}/shifts")
    look(page, f"shifts_{locale[:2]}")


def test_a_day_with_an_open_shift_says_where_to_go_and_one_that_differs_asks_why(
    new_page: "Callable[..., Page]", store: Scene
) -> None:
    today = today_of(store)
    opened = store.call("POST", "/v1/shifts", {"store": "S01", "terminal": "D2", "float": 0})
    assert opened.status_code == 201, opened.text
    page = new_page(locale="zh-CN", width=390)
    page.on("dialog", lambda dialog: dialog.accept())
    open_as(page, store, "dora", f"/days/S01/{today}")
    assert page.query_selector("[data-dialog=close-day]") is None
    look(page, "day_in_the_way_zh")
    page.click(".day-way a")
    page.wait_for_url("**/shifts?**")
    id = opened.json()["id"]
    store.call("POST", f"/v1/shifts/{id}/count", {"tenders": [{"kind": "cash", "amount": 0}]})
    store.call("POST", f"/v1/shifts/{id}/hand-in", {})
    with store.database.transaction() as tx:
        tx.execute("UPDATE pos.sale SET amount = amount + 1 WHERE terminal = 'T1' AND business_date = :d", {"d": today})
    page.goto(f"{store.server.base_url}/days/S01/{today}")
    look(page, "day_differs_zh")
    page.click("[data-dialog=close-day]")
    look(page, "day_closing_zh")
    page.fill("[name=note]", "收银机故障，已核实")
    press(page, "#close-day button.primary", "/close")
    page.wait_for_selector(".alert")
    look(page, "day_closed_zh")


@pytest.mark.parametrize(("locale", "width"), WIDTHS)
def test_the_closed_day_and_a_counter_s_statement(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int
) -> None:
    today = today_of(store)
    page = new_page(locale=locale, width=width)
    open_as(page, store, "dora", "/days")
    look(page, f"days_{locale[:2]}")
    page.goto(f"{store.server.base_url}/days/S01/{today}")
    look(page, f"day_{locale[:2]}")
    _the_journal_is_unfolded_by_hand_and_on_paper(page)
    page.goto(f"{store.server.base_url}/statements")
    look(page, f"statement_choose_{locale[:2]}")
    page.goto(f"{store.server.base_url}/statements?counter=C2&from={today.replace(day=1)}&to={today}")
    look(page, f"statement_{locale[:2]}")
    assert "V9" in page.inner_text("main")


def _the_journal_is_unfolded_by_hand_and_on_paper(page: "Page") -> None:
    entries = page.locator("details.day-fold:not([data-phone-closed])")
    assert entries.count() > 1
    assert not entries.first.locator("table").is_visible()
    entries.first.locator("summary").press("Enter")
    assert entries.first.locator("table").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(each.is_visible() for each in page.locator("details.day-fold table").all())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not entries.nth(1).locator("table").is_visible()


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 390)])
def test_the_head_office_sees_the_accounts_of_the_company(
    new_page: "Callable[..., Page]", store: Scene, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    open_as(page, store, "olga", "/days/accounts")
    look(page, f"accounts_{locale[:2]}")
    assert page.query_selector(".badge.danger") is None, "what moved is what members own"
