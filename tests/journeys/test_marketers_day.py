"""A marketer's day: a list of nested conditions, a campaign with a control group, a clerk's call, sales, and the lift.

Everything comes in by the doors of the house: members, products and receipts over HTTP, the list, the campaign and the
call on pages. Only what the worker does in the background is called here by hand.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from analytics.conditions.lake_session import close_lake_session
from foundation.database import Database
from marketing.campaigns.launching import work_on
from marketing.messages.sending import fill_inboxes
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page
from tests.journeys.one_till import Till, a_till, catch_up, enrol
from tests.marketing.campaigns.screens import log_in, look, served
from tests.organisation.factories import a_person_with_login

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TODAY = date(2026, 1, 5)
MEMBERS = 300
REGULARS = 260  # the rest came once, long ago


@pytest.fixture
def till(http: FlaskClient, database: Database) -> Till:
    """A store with 300 members who came before, and the people who work for it."""
    till = a_till(http, database)
    with database.transaction() as tx:
        for number, role in (("anna", Role.MARKETER), ("bo", Role.MARKETER)):
            a_person_with_login(tx, number, name=number.title(), role=role)
        a_person_with_login(tx, "clara", name="Clara", role=Role.SERVICE_DESK, home_store="S01")
    enrol(till, MEMBERS)
    till.post(list(_history(till)))
    catch_up(database)
    return till


def _history(till: Till) -> Iterator[dict[str, Any]]:
    for member in range(1, MEMBERS + 1):
        if member > REGULARS:
            yield till.receipt(member, TODAY - timedelta(days=200), 9_000)
            continue
        for visit in range(2 + member % 3):
            yield till.receipt(member, TODAY - timedelta(days=20 + 9 * visit + member % 7), 5_000 + 40 * (member % 50))


@pytest.fixture
def address(app: Flask, till: Till) -> Iterator[str]:
    with served(app) as address:
        yield address
    close_lake_session()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_marketers_day(
    new_page: "Callable[..., Page]", address: str, database: Database, till: Till, locale: str
) -> None:
    tag = f"day_{locale[:2]}"
    anna = new_page(locale=locale)
    complaints = log_in(anna, address, "anna", "/target-lists/new")
    _choose_the_members(anna, tag)
    _plan_the_campaign(anna, address, tag)

    bo = new_page(locale=locale)
    complaints += log_in(bo, address, "bo")
    bo.goto(f"{address}/campaigns/1")
    look(bo, f"{tag}_4_waits_for_bo")
    bo.click("[data-dialog=approve]")
    with another_page(bo):
        bo.click("dialog[open] button.primary")
    bo.wait_for_selector("form[data-action$='/launch']")

    anna.goto(f"{address}/campaigns/1")
    anna.on("dialog", lambda dialog: dialog.accept())
    anna.click("form[data-action$='/launch'] button")
    anna.wait_for_selector("[data-progress=live]")
    work_on(database, 1)
    fill_inboxes(database)
    anna.goto(f"{address}/campaigns/1")
    look(anna, f"{tag}_5_running")

    clara = new_page(locale=locale, width=390, height=844)
    complaints += log_in(clara, address, "clara", "/tasks")
    _make_a_call(clara, database, tag)

    _sell(till, database)
    catch_up(database)
    _read_the_result(anna, address, database, tag)
    boss = new_page(locale=locale, width=390, height=844)
    complaints += log_in(boss, address, "bo")
    boss.goto(f"{address}/campaigns/1/results")
    look(boss, f"{tag}_8_result")
    assert complaints == []


def _choose_the_members(page: "Page", tag: str) -> None:
    """Spent 50.00 in 90 days, and any of: two visits, or ... and there none of: a visit in the last three days."""
    from playwright.sync_api import expect

    def days(condition: Any, count: str) -> None:
        condition.locator(".span select").select_option("days")
        page.locator(condition_selector(condition) + " .span .value input").fill(count)

    def condition_selector(condition: Any) -> str:
        return f".condition[data-id='{condition.get_attribute('data-id')}']"

    page.locator(".group-foot .button").first.click()
    first = page.locator(".condition").first
    first.locator(".condition-main .value input").fill("50")
    days(first, "90")
    page.locator(".tree > .group > .group-foot .button").nth(1).click()
    inner = page.locator(".group .group").first
    inner.locator(".measure").first.select_option("visits")
    inner.locator(".condition").first.locator(".condition-main .value input").fill("2")
    days(page.locator(".group .group .condition").first, "90")
    page.locator(".group .group > .group-foot .button").nth(1).click()
    third = page.locator(".group .group .group").first
    third.locator(".join").select_option("none")
    third.locator(".measure").select_option("visits")
    third.locator(".condition-main .value input").fill("1")
    days(page.locator(".group .group .group .condition").first, "365")
    expect(page.locator(".live .live-count")).to_have_text(str(REGULARS))
    look(page, f"{tag}_1_list")
    page.fill("[name=list_name]", "Regulars")
    with another_page(page):
        page.click(".freeze button")
    page.wait_for_selector(".outline")
    page.click("a[href='/campaigns/new?list=1']")


def _plan_the_campaign(page: "Page", address: str, tag: str) -> None:
    """A coupon of 10.00, told in the inbox and by a call, half of the list kept back."""
    from playwright.sync_api import expect

    page.wait_for_selector("#campaign-form")
    assert page.input_value("[name=target_list]") == "1"
    page.fill("[name=name]", "Coffee week")
    page.check("[data-offer-kind=coupon]")
    page.fill("[name='coupon.name']", "10 off")
    page.fill("[name='coupon.amount']", "10")
    page.fill("[name='coupon.minimum_spend']", "50")
    page.click("[data-add-step]")
    page.select_option("[name='steps.0.channel']", "inbox")
    page.fill("[name='steps.0.texts.en.subject']", "Coffee week")
    page.fill("[name='steps.0.texts.en.body']", "Dear {{ name }}, {{ amount }} off with {{ coupon }}")
    page.fill("[name='steps.0.texts.zh.subject']", "咖啡周")
    page.fill("[name='steps.0.texts.zh.body']", "{{ name }}，凭{{ coupon }}立减{{ amount }}")
    page.click("[data-add-step]")
    page.select_option("[name='steps.1.channel']", "call")
    page.select_option("[name='steps.1.task_kind']", "call")
    page.fill("[name='steps.1.due_in_days']", "0")
    page.select_option("[name=control_share]", "0.5")
    expect(page.locator("[data-preview=zh] [data-preview-body]").first).to_contain_text("10.00")
    expect(page.locator("[data-e=members]")).to_have_text(str(REGULARS))
    look(page, f"{tag}_2_campaign")
    page.click("#campaign-form button[type=submit]")
    page.wait_for_url(f"{address}/campaigns/1")
    with another_page(page):
        page.click("form[data-action$='/submit'] button")
    page.wait_for_selector(".alert.info")
    look(page, f"{tag}_3_submitted")


def _make_a_call(page: "Page", database: Database, tag: str) -> None:
    """Clara takes the first of today's calls and says how it ended."""
    look(page, f"{tag}_6_tasks")
    page.click(".task-card a")
    page.wait_for_url("**/tasks/*")
    with another_page(page):
        page.click("form[data-action$='/start'] button")
    page.wait_for_selector(".outcomes")
    page.fill("#f-end-note", "Comes on Saturday")
    look(page, f"{tag}_6_call")
    page.locator(".outcomes button").first.click()
    page.wait_for_url("**/tasks")
    with database.transaction(read_only=True) as tx:
        done = tx.execute("SELECT origin, success FROM marketing.task WHERE state = 'done'").one()
    assert tuple(done) == ("campaign/1", True)


def _sell(till: Till, database: Database) -> None:
    """Everybody buys as always; those who were treated once more, forty of them with their coupon."""
    with database.transaction(read_only=True) as tx:
        treated = list(
            tx.execute("SELECT member_id FROM marketing.campaign_member WHERE arm = 'treated' ORDER BY 1").scalars()
        )
        codes = {row.member_id: row.code for row in tx.execute("SELECT member_id, code FROM member.coupon")}
    assert sorted(codes) == treated
    usual = [till.receipt(member, TODAY, 4_000 + 60 * (member % 40)) for member in range(1, REGULARS + 1, 2)]
    more = [
        till.receipt(member, TODAY, 6_000 + 25 * (member % 60), (codes[member], 1_000) if place < 40 else None)
        for place, member in enumerate(treated)
    ]
    till.post(usual + more)


def _read_the_result(page: "Page", address: str, database: Database, tag: str) -> None:
    page.goto(f"{address}/campaigns/1/results")
    assert page.locator(".verdict.good").count() == 1
    look(page, f"{tag}_7_result")
    page.goto(f"{address}/campaigns/1/members?arm=held_out")
    assert page.locator(".table tbody tr").count() == 50
    with database.transaction(read_only=True) as tx:
        used = tx.execute("SELECT count(*) FROM member.coupon WHERE state = 'redeemed'").scalar_one()
        sent_to_held_out = tx.execute(
            "SELECT count(*) FROM marketing.message AS m"
            " JOIN marketing.campaign_member AS c USING (campaign_id, member_id) WHERE c.arm <> 'treated'"
        ).scalar_one()
    assert (used, sent_to_held_out) == (40, 0)
