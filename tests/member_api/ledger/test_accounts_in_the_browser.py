"""The accounts of a member at a desk, wide and on a phone: granted, redeemed, adjusted, approved by somebody else."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from foundation.clock import SystemClock
from foundation.database import Database, use_database
from foundation.settings import read_settings
from member_api.ledger.operations import Taking, place_hold
from member_api.ledger.rules import Kind
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page
from tests.member_api.ledger.callers import given, step
from tests.member_api.people import a_member
from tests.member_api.test_member_pages import hire
from tests.organisation.factories import PASSWORD, a_store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import LiveServer


def log_in(page: "Page", server: "LiveServer", username: str, path: str) -> None:
    page.goto(f"{server.base_url}/login?next={path}")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{server.base_url}{path}")


def fits(page: "Page", width: int, name: str) -> None:
    """Nothing sticks out to the side, and no id stands twice. LEDGER_SHOTS names a folder for pictures."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))
    if folder := os.environ.get("LEDGER_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.browser
def test_a_desk_moves_points_and_a_manager_approves(
    live_server: "LiveServer", new_page: "Callable[..., Page]", environment: object
) -> None:
    database = Database(read_settings(live_server.environment), SystemClock())
    use_database(database)
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake", currency="CNY")
    hire(database, "desk", Role.SERVICE_DESK, "林静")
    hire(database, "manager", Role.STORE_MANAGER, "Bob")
    soon = SystemClock().now().date() + timedelta(days=20)
    for width, language in ((1440, "en-US"), (390, "zh-CN")):
        member = a_member(database, f"1380013{width:04d}", home_store="S01")
        given(database, member, 500, expires_on=soon, source="welcome")
        given(database, member, 6_000, kind=Kind.ECOIN, source="anniversary", conditions={"stores": ["S01"]})
        with database.transaction() as tx:
            place_hold(tx, member, Taking(Kind.POINTS, 80), timedelta(hours=1), step())
        page = new_page(width=width, locale=language)
        accounts = f"/members/{member}/accounts"
        log_in(page, live_server, "desk", accounts)
        page.click("[data-dialog=redeem]")
        page.fill("#f-redeem-amount", "120")
        page.fill("#f-redeem-reason", "a mug")
        with another_page(page):
            page.click("#redeem .primary")
        page.get_by_text("300").first.wait_for()
        page.click("[data-dialog=adjust]")
        page.fill("#f-adjust-amount", "-20000")
        page.fill("#f-adjust-reason", "typed twice")
        with another_page(page):
            page.click("#adjust .primary")
        page.locator(".alert.info").wait_for()
        fits(page, width, f"accounts-{width}")
        page.goto(f"{live_server.base_url}/members/{member}/statement")
        page.get_by_text("−120").first.wait_for()
        fits(page, width, f"statement-{width}")

        manager = new_page(width=width, locale=language)
        log_in(manager, live_server, "manager", "/approvals")
        manager.get_by_text("−20,000").first.wait_for()
        fits(manager, width, f"approvals-{width}")
        manager.locator("[data-dialog^=refuse-]").click()
        with another_page(manager):
            manager.locator("dialog[open] .danger").click()
        manager.locator("[data-dialog^=refuse-]").wait_for(state="detached")
        manager.goto(f"{live_server.base_url}/earning-rules")
        fits(manager, width, f"rules-{width}")
    use_database(None)
    database.dispose()
