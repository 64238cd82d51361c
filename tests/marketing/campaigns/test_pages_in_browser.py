"""Campaigns in a real browser: made by one, approved by another, launched, and a result that says what it can."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns.launching import work_on
from marketing.campaigns.plans import StepPlan, Treatment, Way, Words
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.foundation.page_checks import complaints_about
from tests.marketing.campaigns.factories import COUPON, a_draft, a_list, arms_of, launched, many_members, next_day
from tests.organisation.factories import PASSWORD, a_person_with_login

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("SHOTS")
TEXT = StepPlan(Way.SMS, texts={"en": Words("Dear {{ name }}, {{ amount }} off: {{ coupon }}"),
                                "zh": Words("{{ name }}，满{{ minimum }}减{{ amount }}，券码{{ coupon }}")})  # fmt: skip


@pytest.fixture
def address(app: Flask, database: Database) -> Iterator[str]:
    """600 members on a list; Anna and Bo do marketing."""
    with database.transaction() as tx:
        many_members(tx, 600)
        a_list(tx, "Came last month")
        for number in ("anna", "bo"):
            a_person_with_login(tx, number, name=number.title(), role=Role.MARKETER)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def log_in(page: "Page", address: str, who: str) -> list[str]:
    """Log in; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login?next=/campaigns")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}/campaigns")
    return complaints


def look(page: "Page", name: str) -> None:
    """What is wrong with the page; and a picture of it where SHOTS names a folder."""
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=Path(SHOTS) / f"{name}_{size and size['width']}.png", full_page=True)
    assert complaints_about(page) == []


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
    page.click("form[data-action$='/submit'] button")
    page.wait_for_selector(".badge, .alert.info")

    second = new_page(locale=locale, width=width)
    complaints += log_in(second, address, "bo")
    second.goto(f"{address}/campaigns/1")
    look(second, f"campaign_waits_{locale}")
    second.click("[data-dialog=approve]")
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
