"""The builder in a real browser: three levels of conditions without a line of JSON, counted live, frozen, explained."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from analytics.conditions.lake_session import close_lake_session
from foundation.access import set_login
from foundation.database import Database
from member_api.members.rules import Birthday
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.analytics.test_conditions import put_names
from tests.foundation.page_checks import another_page, complaints_about
from tests.marketing.target_lists.members_and_sales import TODAY, Shop, a_shop
from tests.member_api.people import a_member
from tests.organisation.factories import PASSWORD, a_person

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
PEOPLE = "钱周吴郑冯陈褚卫蒋沈韩杨"


@pytest.fixture
def shop(database: Database) -> Shop:
    """The small shop, with twelve more members who buy dairy at different times, and a marketer."""
    shop = a_shop(database)
    with database.transaction() as tx:
        put_names(tx)
        person = a_person(tx, "M1", name="Lin Mei", role=Role.MARKETER, username="linmei")
        set_login(tx, str(person.id), "linmei", PASSWORD)
    members = [
        a_member(
            database,
            f"139001390{n:02d}",
            name=f"{family}小{'明红'[n % 2]}",
            home_store=("S01", "S02")[n % 2],
            birthday=Birthday(1960 + 5 * n, 120),
        )
        for n, family in enumerate(PEOPLE)
    ]
    write_lake(
        database,
        [
            LineFacts(TODAY - timedelta(3 * n), 120_00 * (n + 1), member, category_id=2, format="supermarket")
            for n, member in enumerate(members)
        ],
    )
    return shop


@pytest.fixture
def address(app: Flask, database: Database, shop: Shop) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    close_lake_session()


def log_in(page: "Page", address: str, path: str) -> list[str]:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}{path}")
    page.fill("[name=username]", "linmei")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}{path}")
    return complaints


def picture(page: "Page", name: str) -> None:
    """Keep what is seen, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def counted(page: "Page", count: int) -> None:
    page.wait_for_selector(".live[data-state=ready]")
    page.wait_for_function("n => document.querySelector('.live-count').textContent === String(n)", arg=count)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_marketer_builds_freezes_and_explains_a_list(
    new_page: "Callable[..., Page]", address: str, shop: Shop, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    complaints = log_in(page, address, "/target-lists/new")
    tag = f"{locale[:2]}_{width}"
    counted(page, 17)

    # Spent at least 300.00 in the last 10,000 days: typed as money, not in fen.
    page.locator(".group-foot .button").first.click()
    first = page.locator(".condition").first
    first.locator(".value input").fill("300")
    first.locator(".span select").select_option("days")
    page.locator(".condition .span .value input").first.fill("400")
    counted(page, 12)

    # ... and any of: bought dairy (found by typing), or lives in S02 - and there, none of: a visit in the last 5 days.
    page.locator(".group-foot .button").nth(1).click()
    inner = page.locator(".group .group").first
    inner.locator(".measure").first.select_option("categories")
    inner.locator("[role=combobox]").first.fill("dairy")
    page.wait_for_selector(".choices:not([hidden]) [role=option]")
    page.keyboard.press("Enter")
    inner.locator(":scope > .group-foot .button").first.click()
    inner.locator(".measure").nth(1).select_option("home_store")
    inner.locator("[role=combobox]").nth(1).fill("S02")
    page.wait_for_selector(".choices:not([hidden]) [role=option]")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    inner.locator(":scope > .group-foot .button").nth(1).click()
    third = page.locator(".group .group .group").first
    third.locator(".join").select_option("none")
    third.locator(".measure").select_option("visits")
    third.locator(".condition-main .value input").fill("1")
    counted(page, 11)
    page.wait_for_selector(".sample li a")
    picture(page, f"builder_{tag}")
    assert complaints_about(page) == []

    page.fill("[name=list_name]", "Dairy of S02")
    with another_page(page):
        page.click(".freeze button")
    page.wait_for_selector(".outline")
    assert page.locator(".table tbody tr").count() == 11
    page.fill("#q-member", str(shop.small))
    with another_page(page):
        page.press("#q-member", "Enter")
    page.wait_for_selector(".tree-why")
    picture(page, f"list_{tag}")
    assert complaints_about(page) == []
    page.goto(f"{address}/target-lists")
    assert page.locator(".table tbody tr").count() == 1
    picture(page, f"lists_{tag}")
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_is_not_finished_is_said_and_a_ready_made_filter_fills_in(
    new_page: "Callable[..., Page]", address: str, shop: Shop
) -> None:
    page = new_page()
    complaints = log_in(page, address, "/target-lists/new")
    counted(page, 17)
    page.locator(".group-foot .button").first.click()
    page.wait_for_selector(".live[data-state=unfinished]")
    assert page.locator(".freeze button").is_disabled()
    page.locator(".condition .remove").first.click()
    counted(page, 17)
    page.locator(".model").first.click()
    page.fill("#p-amount", "100.50")
    page.fill("#p-days", "5")
    picture(page, "model_en_1440")
    page.locator("#model-dialog .button.primary").click()
    page.wait_for_selector(".condition")
    assert page.locator(".condition-main .value input").input_value() == "100.50"
    page.wait_for_selector(".live[data-state=ready]")
    page.locator("[name=channel]").select_option("sms")
    page.wait_for_selector("[data-near=no_consent]:not([hidden])")
    page.locator("[data-near=no_consent] input").check()
    page.wait_for_selector(".live[data-state=ready]")
    assert complaints == []
