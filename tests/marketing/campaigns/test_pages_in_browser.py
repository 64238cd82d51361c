"""Campaigns in a real browser: made by one, approved by another, launched, and a result that says what it can."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns.launching import work_on
from marketing.campaigns.plans import StepPlan, Treatment, Way, Words
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.foundation.page_checks import another_page
from tests.marketing.campaigns.factories import COUPON, a_draft, arms_of, launched, next_day
from tests.marketing.campaigns.screens import log_in, look, marketers_at_work

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TEXTS = {
    "en": Words("Dear {{ name }}, {{ amount }} off: {{ coupon }}"),
    "zh": Words("{{ name }}，满{{ minimum }}减{{ amount }}，券码{{ coupon }}"),
}
TEXT = StepPlan(Way.SMS, texts=TEXTS)


@pytest.fixture
def address(app: Flask, database: Database) -> Iterator[str]:
    with marketers_at_work(app, database) as address:
        yield address


def bought(database: Database, campaign_id: int, clock: FixedClock, planted: int) -> None:
    """Everybody buys as before; the treated for so much more."""
    generator = np.random.default_rng(5)
    today = next_day(clock, 0)
    spend = np.where(generator.random(600) < 0.6, 8_000 * generator.lognormal(0, 0.7, 600), 0).astype(int)
    rows = [
        LineFacts(today - timedelta(days=back), int(amount), member, profit=int(amount) // 4)
        for back in (0, 30)
        for member, amount in enumerate(spend, 1)
        if amount
    ]
    treated = sorted(arms_of(database, campaign_id)["treated"])
    if planted:
        extra = planted * generator.lognormal(0, 0.3, len(treated))
        rows += [LineFacts(today, int(e), m, profit=int(e) // 4) for m, e in zip(treated, extra, strict=True)]
    write_lake(database, rows)


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1440), ("zh-CN", 1440), ("en-US", 390), ("zh-CN", 390)])
def test_a_campaign_is_made_approved_launched_and_read(
    new_page: "Callable[..., Page]", address: str, database: Database, clock: FixedClock, locale: str, width: int
) -> None:
    from playwright.sync_api import expect

    page = new_page(locale=locale, width=width)
    complaints = log_in(page, address, "anna")
    look(page, f"campaigns_empty_{locale}")
    page.goto(f"{address}/campaigns/new")
    page.fill("[name=name]", "Spring")
    page.select_option("[name=target_list]", index=0)
    page.check("[data-offer-kind=coupon]")
    page.fill("[name='coupon.name']", "Ten off")
    page.fill("[name='coupon.amount']", "10")
    page.fill("[name='coupon.minimum_spend']", "50")
    page.click("[data-add-step]")
    page.fill("[name='steps.0.texts.en.body']", "Dear {{ name }}, {{ amount }} off: {{ coupon }}")
    page.fill("[name='steps.0.texts.zh.body']", "{{ name }}，满{{ minimum }}减{{ amount }}，券码{{ coupon }}")
    page.click("[data-add-step]")
    page.select_option("[name='steps.1.channel']", "call")
    page.select_option("[name='steps.1.task_kind']", "call")
    page.fill("[name='steps.1.after_days']", "3")
    page.select_option("[name=control_share]", "0.2")
    expect(page.locator("[data-preview=zh] [data-preview-body]").first).to_contain_text("50")
    expect(page.locator("[data-e=treated]")).to_have_text("471")
    look(page, f"campaign_editor_{locale}")
    page.click("#campaign-form button[type=submit]")
    page.wait_for_url(f"{address}/campaigns/1")
    look(page, f"campaign_draft_{locale}")
    page.goto(f"{address}/campaigns/1/edit")
    assert page.input_value("[name='coupon.amount']") == "10.00"
    assert page.input_value("[name='steps.1.task_kind']") == "call"
    page.goto(f"{address}/campaigns/1")
    with another_page(page):
        page.click("form[data-action$='/submit'] button")

    second = new_page(locale=locale, width=width)
    complaints += log_in(second, address, "bo")
    second.goto(f"{address}/campaigns/1")
    look(second, f"campaign_waits_{locale}")
    second.click("[data-dialog=approve]")
    with another_page(second):
        second.click("dialog[open] button.primary")
    second.wait_for_selector("form[data-action$='/launch']")

    page.goto(f"{address}/campaigns/1")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("form[data-action$='/launch'] button")
    page.wait_for_selector("[data-progress=live]")
    work_on(database, 1)
    page.goto(f"{address}/campaigns/1")
    look(page, f"campaign_running_{locale}")
    page.goto(f"{address}/campaigns/1/members?arm=treated")
    look(page, f"campaign_members_{locale}")
    bought(database, 1, clock, 4_000)
    page.goto(f"{address}/campaigns/1/results")
    assert page.locator(".verdict.good").count() == 1
    look(page, f"campaign_result_{locale}")
    page.goto(f"{address}/campaigns")
    look(page, f"campaigns_{locale}")
    assert complaints == []


@pytest.mark.parametrize(("planted", "kind"), [(0, "open"), (-6_000, "danger")])
def test_a_result_is_honest_where_nothing_or_harm_can_be_told(
    new_page: "Callable[..., Page]", address: str, database: Database, clock: FixedClock, planted: int, kind: str
) -> None:
    campaign = launched(database, 1, treatment=Treatment(coupon=COUPON, steps=(TEXT,)))
    bought(database, campaign.id, clock, planted)
    page = new_page()
    log_in(page, address, "anna")
    page.goto(f"{address}/campaigns/{campaign.id}/results")
    assert page.locator(f".verdict.{kind}").count() == 1
    look(page, f"campaign_result_{kind}")


def test_a_result_that_cannot_be_told_says_so(
    new_page: "Callable[..., Page]", address: str, database: Database
) -> None:
    with database.transaction() as tx:
        draft = a_draft(tx, 1)
    campaign = launched(database, 1, control_share=0)
    page = new_page()
    log_in(page, address, "anna")
    page.goto(f"{address}/campaigns/{draft.id}/results")
    look(page, "campaign_result_before")
    page.goto(f"{address}/campaigns/{campaign.id}/results")
    assert "Not enough members to tell" in page.inner_text(".verdict-words")
    look(page, "campaign_result_too_few")
