"""Pages of messages in a real browser, in both languages, on a laptop and on a phone: looked at, written, published."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Channel
from marketing.messages.sending import fill_inboxes, send_texts
from member_api.consents.rules import Channel as ConsentChannel
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page, complaints_about
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import Phones
from tests.organisation.factories import PASSWORD, a_person_with_login, a_store

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
PAGES = ("/messages", "/messages/list", "/messages/templates", "/messages/templates/new", "/messages/rules")


@pytest.fixture
def address(app: Flask, database: Database, clock: FixedClock, the_phones: Phones) -> Iterator[str]:
    rules_of_sending(database)
    with database.transaction() as tx:
        a_store(tx, "S01")
        a_person_with_login(tx, "E1", role=Role.ADMINISTRATOR)
        text, letter = a_template(tx), a_template(tx, channel=Channel.INBOX)
        yes = a_reader(tx, 1, words={ConsentChannel.SMS: True, ConsentChannel.APP: True})
        no = a_reader(tx, 2, words={})
        for member in (yes, no):
            queue_messages(tx, [a_wish(text, member), a_wish(letter, member, step="letter", channel=Channel.INBOX)])
    send_texts(database, the_phones.gateway())
    fill_inboxes(database)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def signed_in(page: "Page", address: str) -> "Page":
    page.goto(f"{address}/login")
    page.fill("input[name=username]", "e1")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_a_good_page(address: str, new_page: "Callable[..., Page]", locale: str, width: int) -> None:
    page = signed_in(new_page(locale=locale, width=width), address)
    for path in (*PAGES, "/messages/templates/1", "/members/1/messages", "/members/2/messages"):
        answer = page.goto(address + path)
        assert answer is not None
        assert answer.status == 200, path
        assert complaints_about(page) == [], path


def test_a_template_is_written_with_its_look_before_the_eyes(address: str, page: "Page") -> None:
    signed_in(page, address).goto(f"{address}/messages/templates/new")
    page.fill("input[name=name]", "Spring")
    page.fill("input[name=code]", "spring")
    page.fill("textarea[name='texts.en.body']", "Dear {{ name }}, {{ wrong }}")
    page.wait_for_selector(".message-phone.faulty")
    assert "wrong" in page.inner_text(".message-phone.faulty .bubble")
    page.fill("textarea[name='texts.en.body']", "Dear {{ name }}, {{ points }} points wait")
    page.wait_for_selector("[data-language=en] .bubble:has-text('Alex Smith')")
    assert "Reply STOP" in page.inner_text("[data-language=en] .bubble")
    with another_page(page):
        page.click("button:has-text('Save')")
    page.wait_for_selector("text=version 1")


def test_rules_are_published_from_the_page(address: str, page: "Page") -> None:
    signed_in(page, address).goto(f"{address}/messages/rules")
    page.fill("input[name=quiet_from]", "22:00")
    page.fill("input[name=quiet_to]", "08:30")
    page.select_option("select[name='caps.0.message_class']", "marketing")
    page.select_option("select[name='caps.0.channel']", "sms")
    page.fill("input[name='caps.0.count_max']", "3")
    page.fill("input[name='caps.0.window_days']", "7")
    page.on("dialog", lambda dialog: dialog.accept())
    with another_page(page):
        page.click("button:has-text('Publish')")
    page.wait_for_selector("text=22:00 – 08:30")
    assert page.input_value("input[name='caps.0.count_max']") == "3"


def test_a_member_s_language_is_chosen_on_the_page(address: str, page: "Page") -> None:
    signed_in(page, address).goto(f"{address}/members/1/messages")
    page.select_option("select[name=language]", "zh")
    with another_page(page):
        page.click("form[data-method=PUT] button")
    page.wait_for_selector("select[name=language] option[value=zh][selected]", state="attached")
