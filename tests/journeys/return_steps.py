"""Giving one counter's line back, as people do it on their own screens; each screen is looked at on the way."""

import re
from typing import TYPE_CHECKING

from tests.foundation.page_checks import another_page, look
from tests.organisation.factories import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Screen:
    """Somebody's own screen."""

    def __init__(self, page: "Page", address: str, who: str, name: str) -> None:
        self.page, self.address, self.name = page, address, name
        self.complaints: list[str] = []
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{address}/login")
        page.fill("[name=username]", who)
        page.fill("[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: not url.endswith("/login"))

    def go(self, path: str) -> "Page":
        self.page.goto(f"{self.address}{path}")
        return self.page

    def good(self, what: str) -> None:
        """What is shown keeps what every page must keep, and the browser has nothing to say about it."""
        look(self.page, f"{self.name}-{what}")
        # The stream of a store needs the real server (gunicorn); a plain one closes it.
        assert [each for each in self.complaints if "event-stream" not in each and "/events" not in each] == [], what


def issue_red_ticket(clerk: Screen, number: int) -> str:
    """The selling counter finds the ticket, checks its only line, and issues; returns what was shown before that."""
    page = clerk.go("/returns/new")
    clerk.good("new")
    page.fill("[name=number]", str(number))
    with another_page(page):
        page.get_by_role("button", name=re.compile("^(Find|查找)$")).click()
    clerk.good("found")
    with another_page(page):
        page.locator(".found a").first.click()
    page.locator(".sold input[type=checkbox]").check()
    clerk.good("lines")
    with another_page(page):
        page.get_by_role("button", name=re.compile("Show what goes back|查看退款明细")).click()
    clerk.good("preview")
    shown = page.locator(".back").inner_text()
    page.fill("[name=reason]", "Too heavy")
    page.get_by_role("button", name=re.compile("^(Issue red ticket|开红票)$")).click()
    page.wait_for_url(re.compile(r"/returns/[0-9a-f-]{36}$"))
    clerk.good("issued")
    return shown


def approve_first(manager: Screen) -> None:
    """The floor manager approves what stands first."""
    page = manager.go("/returns/approvals")
    manager.good("approvals")
    with another_page(page):
        page.get_by_role("button", name=re.compile("^(Approve|批准|同意)$")).click()
    page.wait_for_selector(".decide", state="detached")


def shows(screen: Screen, red: str, state: str) -> None:
    """Wait until the page that is open says by itself where a red ticket is."""
    screen.page.wait_for_selector(f"[data-shown='{red} {state}']", state="attached", timeout=60_000)


def refund_at_desk(desk: Screen, red: str, terminal: str = "D1") -> None:
    """The desk confirms the split that it is shown."""
    page = desk.go(f"/returns/{red}")
    page.fill("#refund [name=terminal]", terminal)
    desk.good("before")
    with another_page(page):
        page.locator("#refund button[type=submit]").click()
    page.wait_for_selector("#refund", state="detached")
