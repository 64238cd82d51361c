"""The shell in a real browser, on a desktop and on a phone, in both languages."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.access import set_login
from foundation.database import Database
from tests.foundation import web_room
from tests.foundation.conftest import PASSWORD
from tests.foundation.page_checks import complaints_about

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

OTHER_FIELDS = "for (const name of ['kind', 'reason', 'tell']) document.querySelector(`#f-${name}`).disabled = true"
KEEP_HOW_IT_IS_LEFT = """
const button = document.querySelector("form[data-json] button[type=submit]");
const told = () => `${button.disabled ? "disabled" : "enabled"}, ${button.textContent}`;
window.addEventListener("pagehide", () => sessionStorage.setItem("left", told()));
"""


@pytest.fixture
def address(web: Flask, database: Database) -> Iterator[str]:
    """The tests' application on a port, with Lin Mei who may do everything in it."""
    web_room.a_person("p1")
    with database.transaction() as tx:
        set_login(tx, "p1", "linmei", PASSWORD)
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def log_in(page: "Page", address: str, path: str = "/notes") -> list[str]:
    """Log in and go to `path`; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}{path}")
    page.fill("[name=username]", "linmei")
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}{path}")
    return complaints


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_of_the_shell_fits_and_can_be_reached_by_everybody(
    new_page: "Callable[..., Page]", address: str, locale: str, width: int
) -> None:
    page = new_page(locale=locale, width=width)
    complaints = log_in(page, address)
    for path in ("/notes", "/account", "/notes/nowhere", "/docs"):
        page.goto(f"{address}{path}")
        if path == "/docs":
            page.wait_for_selector(".info .title")
            continue
        assert complaints_about(page) == [], path
    assert [text for text in complaints if "404" not in text] == []


def test_faults_of_a_form_stand_at_their_fields(page: "Page", address: str) -> None:
    log_in(page, address)
    page.click("form[data-json] button[type=submit]")
    assert page.locator("#e-text").inner_text() != ""
    page.fill("#f-text", "books")
    page.fill("#f-amount", "12,5x")
    page.click("form[data-json] button[type=submit]")
    assert page.locator("#e-amount").inner_text() == "This is not an amount."
    page.fill("#f-amount", "12.50")
    # What the tests' route does not know (kind, reason ...) is told above the form; books is told at its field.
    page.evaluate(OTHER_FIELDS)
    page.click("form[data-json] button[type=submit]")
    page.locator("#e-amount", has_text="too much").wait_for()
    assert page.evaluate("document.activeElement.id") == "f-amount"
    assert page.get_attribute("#f-amount", "aria-invalid") == "true"


def test_a_form_sends_minor_units_with_token_and_key_and_goes_on(page: "Page", address: str) -> None:
    log_in(page, address)
    requests: list[Any] = []
    page.on("request", lambda request: requests.append(request) if request.url.endswith("/v1/notes") else None)
    page.evaluate(OTHER_FIELDS)
    page.fill("#f-text", "a new note")
    page.fill("#f-amount", "1,234.5")
    page.click("form[data-json] button[type=submit]")
    page.wait_for_selector(".toast")
    assert page.locator(".toast").inner_text() == "Added"
    [request] = requests
    assert request.post_data_json == {"text": "a new note", "amount": 123450}
    assert len(request.headers["x-csrf-token"]) == 64
    assert request.headers["idempotency-key"]


def test_what_was_done_cannot_be_pressed_again_before_the_page_that_follows_is_here(page: "Page", address: str) -> None:
    log_in(page, address)
    page.evaluate(OTHER_FIELDS)
    page.fill("#f-text", "a new note")
    page.fill("#f-amount", "12.50")
    page.evaluate(KEEP_HOW_IT_IS_LEFT)
    page.click("form[data-json] button[type=submit]")
    page.wait_for_selector(".toast")
    assert page.evaluate("sessionStorage.getItem('left')") == "disabled, Working …"
    assert page.is_enabled("form[data-json] button[type=submit]")


def test_the_same_content_is_sent_again_under_the_same_key_and_other_content_under_another(
    page: "Page", address: str
) -> None:
    log_in(page, address)
    keys: list[str] = []

    def lose(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.abort()

    page.route("**/v1/notes", lose)
    page.evaluate(OTHER_FIELDS)
    for text in ("one", "one", "two"):
        page.fill("#f-text", text)
        page.click("form[data-json] button[type=submit]")
        page.wait_for_selector("form[data-json]:not([aria-busy])")
        assert "nothing is done twice" in page.locator(".form-fault").inner_text()
    assert keys[0] == keys[1] != keys[2]


def test_the_menu_opens_on_the_phone_and_closes_again(new_page: "Callable[..., Page]", address: str) -> None:
    page = new_page(width=390, height=844)
    log_in(page, address)
    assert not page.is_visible("nav.side")
    page.click(".bottom button")
    assert page.is_visible("nav.side")
    page.keyboard.press("Escape")
    assert not page.is_visible("nav.side")
    page.click(".menu-button")
    page.click("nav.side button[type=submit]")
    page.wait_for_url(f"{address}/login")


def test_somebody_whose_session_ended_is_told_and_sent_to_the_log_in(page: "Page", address: str) -> None:
    log_in(page, address)
    page.context.clear_cookies()
    page.evaluate(OTHER_FIELDS)
    page.fill("#f-text", "too late")
    page.click("form[data-json] button[type=submit]")
    page.wait_for_url(f"{address}/login?next=%2Fnotes")


def test_a_dialog_opens_and_the_switch_changes_the_language_in_place(page: "Page", address: str) -> None:
    log_in(page, address)
    page.evaluate("document.querySelector('.button').dataset.dialog = 'd'")
    page.click("[data-dialog=d]")
    assert page.is_visible("dialog#d")
    page.click("dialog#d [data-close]")
    assert not page.is_visible("dialog#d")
    page.click("text=中文")
    page.wait_for_url(f"{address}/notes")
    assert page.get_attribute("html", "lang") == "zh-CN"
