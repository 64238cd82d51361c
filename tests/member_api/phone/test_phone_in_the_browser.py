"""A customer joins by the shop's sign, shows the code, allows and withdraws: on a phone, in both languages."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from foundation.clock import SystemClock
from foundation.database import Database
from foundation.settings import Settings, read_settings
from member_api.phone.joining import Invitation, write_invitation
from tests.foundation.page_checks import look
from tests.member_api.phone.phones import texts
from tests.organisation.factories import committed_store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import LiveServer

SECONDS = 1000


@pytest.fixture
def shop(live_server: "LiveServer", settings: Settings) -> Iterator[Database]:
    database = Database(read_settings(live_server.environment), SystemClock())
    committed_store(database, name="Westlake", currency="CNY", timezone="Asia/Shanghai")
    yield database
    database.dispose()


@pytest.mark.browser
def test_a_customer_joins_shows_the_code_and_has_the_last_word(
    live_server: "LiveServer", new_page: "Callable[..., Page]", shop: Database
) -> None:
    sign = write_invitation(Invitation("S01"))
    for locale, width, number in (("en-US", 390, "13900139000"), ("zh-CN", 360, "13900139001")):
        zh = locale == "zh-CN"
        page = new_page(locale=locale, width=width)
        page.goto(f"{live_server.base_url}/join?i={sign}")
        page.get_by_role("heading", name="加入Westlake" if zh else "Join Westlake").wait_for()
        look(page, f"phone_join_{locale[:2]}")
        page.fill("#f-phone", "12")
        page.click(".primary")
        page.locator("#e-phone:not(:empty)").wait_for()
        page.fill("#f-phone", number)
        page.click(".primary")
        page.locator("#f-code").wait_for()
        look(page, f"phone_code_{locale[:2]}")
        page.fill("#f-code", texts(shop)[f"+86{number}"])
        page.click(".primary")
        page.locator("#f-name").wait_for()
        assert page.locator("input[type=checkbox]:checked").count() == 0
        look(page, f"phone_form_{locale[:2]}")
        page.fill("#f-name", "Ann Smith")
        page.locator("[name=channels][value=sms]").check()
        page.click(".primary")
        page.get_by_role("heading", name="Ann Smith").wait_for()
        shows_its_code(page)
        withdraws_in_two_taps(page, zh=zh)
        sets_a_pin(page)
        for path in (
            "",
            "/code",
            "/balances",
            "/coupons",
            "/receipts",
            "/me",
            "/consents",
            "/pin",
            "/pay",
            "/messages",
            "/help",
        ):
            page.goto(f"{live_server.base_url}/m{path}")
            look(page, f"phone{path.replace('/', '_')}_{locale[:2]}")
        page.click(".phone-bar a[href='/m/me']")
        page.click("form[action='/m/logout'] .button")
        page.wait_for_url(re.compile("/m/login$"))


def shows_its_code(page: "Page") -> None:
    """A new code comes by itself; without a network the page says that the old one may be over."""
    page.clock.install()
    page.click(".phone-show")
    digits = page.locator("[data-digits]")
    first = digits.inner_text()
    assert re.fullmatch(r"RG( \d{4}){4}", first)
    page.clock.run_for(31 * SECONDS)
    page.wait_for_function("first => document.querySelector('[data-digits]').textContent !== first", arg=first)
    page.context.set_offline(True)
    page.clock.run_for(31 * SECONDS)
    page.locator(".phone-code.is-over").wait_for()
    page.context.set_offline(False)
    page.clock.run_for(8 * SECONDS)
    page.locator(".phone-code:not(.is-over)").wait_for()
    page.clock.resume()


def withdraws_in_two_taps(page: "Page", *, zh: bool) -> None:
    page.click(".phone-bar a[href='/m']")
    page.click("a[href='/m/consents']")
    page.click(".phone-consents .danger >> nth=0")
    page.get_by_text("已撤回，即刻生效。" if zh else "Withdrawn. It holds from now on.").wait_for()
    assert page.locator(".phone-consents .danger").count() == 1  # interests, until they object


def sets_a_pin(page: "Page") -> None:
    page.click(".phone-bar a[href='/m/me']")
    page.click("a[href='/m/pin']")
    page.fill("#f-pin", "804217")
    page.fill("#f-again", "804217")
    page.click(".primary")
    page.locator(".alert.good").wait_for()
