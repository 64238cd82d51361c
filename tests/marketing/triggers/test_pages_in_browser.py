"""Triggers in a real browser: made from a ready-made filter, approved by another, paused."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from foundation.database import Database
from marketing.triggers.firing import evaluate
from tests.foundation.page_checks import another_page
from tests.marketing.campaigns.screens import log_in, look, marketers_at_work

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def address(app: Flask, database: Database) -> Iterator[str]:
    with marketers_at_work(app, database) as address:
        yield address


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 1440), ("en-US", 390), ("zh-CN", 390)])
def test_a_trigger_is_made_approved_and_paused(
    new_page: "Callable[..., Page]",
    address: str,
    database: Database,
    locale: str,
    width: int,
) -> None:
    with database.transaction() as tx:
        tx.execute("UPDATE member.member SET birth_month_day = 107 WHERE id <= 30")
    page = new_page(locale=locale, width=width)
    complaints = log_in(page, address, "anna")
    page.goto(f"{address}/triggers")
    look(page, f"triggers_empty_{locale}")
    page.goto(f"{address}/triggers/new")
    page.fill("[name=name]", "Birthday greeting")
    page.select_option("[name=model]", "points_expiring")
    assert page.input_value("[name=occasion]") == "monthly"
    page.select_option("[name=model]", "birthday")
    page.fill("[name='parameters.days']:not(:disabled)", "5")
    page.click("[data-add-step]")
    page.select_option("[name='steps.0.channel']", "inbox")
    page.fill("[name='steps.0.texts.en.subject']", "Happy birthday")
    page.fill("[name='steps.0.texts.en.body']", "Dear {{ name }}, all the best!")
    page.fill("[name='steps.0.texts.zh.subject']", "生日快乐")
    page.fill("[name='steps.0.texts.zh.body']", "{{ name }}，祝您生日快乐！")
    page.wait_for_selector("[data-preview=zh]:not([hidden])")
    look(page, f"trigger_editor_{locale}")
    page.click("#trigger-form button[type=submit]")
    page.wait_for_url(f"{address}/triggers/1")
    with another_page(page):
        page.click("form[data-action$='/submit'] button")
    page.wait_for_selector(".alert.info")

    second = new_page(locale=locale, width=width)
    complaints += log_in(second, address, "bo")
    second.goto(f"{address}/triggers/1")
    second.click("[data-dialog=approve]")
    with another_page(second):
        second.click("dialog[open] button.primary")
    second.wait_for_selector("form[data-action$='/pause']")
    assert evaluate(database, 1) == 30
    second.goto(f"{address}/triggers/1")
    look(second, f"trigger_active_{locale}")
    second.goto(f"{address}/triggers")
    look(second, f"triggers_{locale}")
    second.goto(f"{address}/triggers/1")
    with another_page(second):
        second.click("form[data-action$='/pause'] button")
    second.wait_for_selector("form[data-action$='/resume']")
    assert complaints == []
