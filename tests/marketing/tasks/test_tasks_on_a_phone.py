"""A clerk's tasks on a phone and a manager's board on a laptop, in a real browser and in both languages."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.tasks.calling_back import Heard, call_back
from marketing.tasks.daily import remind_and_escalate
from marketing.tasks.operations import TaskWish, create_tasks
from marketing.tasks.scope import Actor, actor_of
from marketing.tasks.working import Completion, Entry, complete, log, start
from member_api.members.rules import Joined
from organisation.staff.storage import load_people
from tests.foundation.page_checks import another_page, complaints_about
from tests.marketing.tasks.factories import CLERK, DESK, MANAGER, a_clerk, a_member_of, acting
from tests.organisation.factories import PASSWORD, a_store

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
TODAY = date(2026, 1, 5)
DAY = timedelta(days=1)
# Where to keep pictures of every page, for whoever wants to look at them.
SHOTS = os.environ.get("SHOTS")


def actor(tx: Tx, number: str) -> Actor:
    return actor_of(acting(tx, load_people(tx, [number])[number]))


@pytest.fixture
def address(app: Flask, database: Database, clock: FixedClock) -> Iterator[str]:
    """West Lake with Chen Yu and Li Na at the desk, Wang Fang at a counter and Zhao Min managing; twelve members."""
    with database.transaction() as tx:
        a_store(tx, "S01", name="West Lake", timezone="Asia/Shanghai")
        a_store(tx, "S02", name="Riverside", timezone="Asia/Shanghai")
        a_clerk(tx, "CHEN", name="陈宇", **DESK)
        a_clerk(tx, "LI", name="李娜", **DESK)
        a_clerk(tx, "WANG", name="王芳", **CLERK)
        a_clerk(tx, "ZHAO", name="赵敏", **MANAGER)
        a_clerk(tx, "SUN", name="孙平", home_store="S02", **DESK)
        names = ["张三丰", "Li Xiaoming", "王小虎", "赵云", "钱多多", "孙尚香", "周瑜", "吴用", "郑和", "冯程程"]
        members = [
            a_member_of(tx, f"138001380{n:02}", name=name, joined=Joined(store="S01", staff="CHEN"))
            for n, name in enumerate(names)
        ]
    with database.transaction() as tx:
        create_tasks(tx, list(wishes(members)))
        work_somewhat(tx, members)
        remind_and_escalate(tx)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def wishes(members: list[int]) -> Iterator[TaskWish]:
    yield TaskWish(members[0], "call", "1", TODAY, assignee="CHEN", note="Bought a coffee machine. Call after six.")
    yield TaskWish(members[1], "birthday", "2", TODAY, assignee="CHEN", origin="trigger/birthday")
    yield TaskWish(members[2], "complaint", "3", TODAY - 4 * DAY, assignee="CHEN", note="The milk was sour.")
    yield TaskWish(members[3], "win_back", "4", TODAY + 3 * DAY, assignee="CHEN", origin="campaign/7")
    yield TaskWish(members[4], "call", "5", TODAY, pool=True)
    yield TaskWish(members[5], "win_back", "6", TODAY + DAY, pool=True)
    yield TaskWish(members[6], "complaint", "7", TODAY, assignee="LI")
    yield TaskWish(members[7], "complaint", "8", TODAY, assignee="LI")
    yield TaskWish(members[8], "call", "9", TODAY, assignee="WANG")


def work_somewhat(tx: Tx, members: list[int]) -> None:
    """Li has answered two complaints; for one the member was called back and was not content."""
    li, zhao = actor(tx, "LI"), actor(tx, "ZHAO")
    ids = {row.key: row.id for row in tx.execute("SELECT key, id FROM marketing.task WHERE key IN ('7', '8')")}
    for key in ("7", "8"):
        start(tx, li, ids[key])
        log(tx, li, ids[key], Entry("Spoke with the counter", None, 8))
        complete(tx, li, ids[key], Completion("goodwill", "A voucher over 50", 5))
    call_back(tx, zhao, ids["8"], Heard(True, 2, "It took too long"))


def log_in(page: "Page", address: str, who: str, where: str = "/tasks") -> list[str]:
    """Log in; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login?next={where}")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}{where}")
    return complaints


def picture(page: "Page", name: str) -> None:
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=Path(SHOTS) / f"{name}_{size and size['width']}.png", full_page=True)


def task_of(database: Database, key: str) -> int:
    with database.transaction() as tx:
        return int(tx.execute("SELECT id FROM marketing.task WHERE key = :key", {"key": key}).scalar_one())


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390, 360])
def test_every_page_of_follow_up_fits_and_can_be_used_by_everybody(
    new_page: "Callable[..., Page]", address: str, database: Database, locale: str, width: int
) -> None:
    tasks = {key: task_of(database, key) for key in ("1", "3", "5", "7", "8")}
    with database.transaction() as tx:
        member = tx.execute("SELECT member_id FROM marketing.task WHERE key = '8'").scalar_one()
        start(tx, actor(tx, "CHEN"), tasks["3"])
    lists = [f"/tasks?which={which}" for which in ("today", "overdue", "later", "pool", "call_backs")]
    clerk = [*lists, *(f"/tasks/{tasks[key]}" for key in ("1", "3", "5", "7")), f"/members/{member}/service"]
    clerk += [f"/follow-up/new?member={member}&kind=complaint", "/follow-up/kinds"]
    manager = ["/follow-up", "/follow-up?store=S01", "/follow-up/tasks?overdue=1", f"/tasks/{tasks['8']}"]
    manager += ["/follow-up/new", "/follow-up/kinds/call", f"/tasks/{tasks['3']}"]
    for who, paths in (("chen", clerk), ("zhao", manager)):
        page = new_page(locale=locale, width=width)
        complaints = log_in(page, address, who)
        for path in paths:
            answer = page.goto(f"{address}{path}")
            assert answer is not None
            assert answer.status == 200, path
            picture(page, f"{who}_{path.strip('/').replace('/', '-').replace('?', '-')}_{locale[:2]}")
            complaints += [f"{path}: {complaint}" for complaint in complaints_about(page)]
        assert complaints == []


def test_a_clerk_works_a_task_with_one_thumb(new_page: "Callable[..., Page]", address: str, database: Database) -> None:
    page = new_page(width=390, height=844)
    complaints = log_in(page, address, "chen")
    assert page.locator(".task-tabs b").all_inner_texts() == ["1", "2", "1", "2", "1"]
    page.wait_for_selector(".bottom .waiting:text-is('3')")
    page.click(".task-card a:has-text('张*')")
    call = page.locator("a.call")
    assert call.get_attribute("href") == "tel:+8613800138000"
    with another_page(page):
        page.click("button:has-text('Start')")
    page.wait_for_selector("a:has-text('Complete')")

    with page.expect_response(lambda answer: answer.url.endswith("/steps")) as ticked:
        page.click(".steps li:nth-child(2) label")
    assert ticked.value.json()["steps_done"] == [1]
    page.reload()
    assert page.locator(".steps input:checked").count() == 1

    page.click("label:has-text('No answer')")
    page.fill("#f-log-note", "Tried at noon")
    page.fill("#f-log-minutes", "2")
    with another_page(page):
        page.click("button:has-text('Write down')")
    page.wait_for_selector(".history :text('Tried at noon')")

    page.fill("#f-end-note", "Comes on Saturday")
    page.click(".outcomes button:has-text('Will come')")
    page.wait_for_url(f"{address}/tasks")
    assert page.locator(".task-tabs b").all_inner_texts()[1] == "1"
    with database.transaction() as tx:
        row = tx.execute("SELECT state, outcome, minutes FROM marketing.task WHERE key = '1'").one()
    assert (row.state, row.outcome) == ("done", "coming")
    assert complaints == []


def test_of_two_phones_one_takes_the_task(new_page: "Callable[..., Page]", address: str) -> None:
    first, second = new_page(width=390), new_page(width=390)
    for page, who in ((first, "chen"), (second, "li")):
        log_in(page, address, who)
        page.goto(f"{address}/tasks?which=pool")
    first.locator(".task-card", has_text="钱*").get_by_role("button").click()
    first.wait_for_url("**/tasks/*")
    second.locator(".task-card", has_text="钱*").get_by_role("button").click()
    second.wait_for_selector(".form-fault:not([hidden])")
    assert "somebody else has taken it" in second.locator(".form-fault:not([hidden])").inner_text()


def test_a_colleague_calls_the_member_back(new_page: "Callable[..., Page]", address: str, database: Database) -> None:
    page = new_page(width=390, locale="zh-CN")
    log_in(page, address, "chen", "/tasks?which=call_backs")
    page.click(".task-card a")
    page.click("label:has-text('否')")
    page.fill("#f-back-comment", "没有人打过电话")
    page.click("button:has-text('保存回访结果')")
    page.wait_for_url("**/tasks?which=call_backs")
    with database.transaction() as tx:
        row = tx.execute("SELECT state, refuted FROM marketing.task WHERE key = '7'").one()
    assert (row.state, row.refuted) == ("open", 1)


def test_a_counter_clerk_does_not_see_the_number(
    new_page: "Callable[..., Page]", address: str, database: Database
) -> None:
    page = new_page(width=390)
    log_in(page, address, "wang")
    page.click(".task-card a")
    assert page.locator("a.call").count() == 0
    assert "13800138" not in page.content()


def test_the_manager_hands_over_what_a_clerk_has(page: "Page", address: str, database: Database) -> None:
    log_in(page, address, "zhao", "/follow-up")
    row = page.locator("tr", has_text="陈宇")
    row.get_by_role("button", name="Hand over").click()
    dialog = page.locator("#hand-over")
    dialog.locator("select[name=to]").select_option("LI")
    dialog.get_by_role("button", name="Hand over").click()
    page.wait_for_selector(".toast")
    with database.transaction() as tx:
        people = load_people(tx, ["CHEN", "LI"])
        counts = tx.execute(
            "SELECT assignee_id, count(*) AS n FROM marketing.task WHERE state = 'open' GROUP BY 1"
        ).all()
    held = {row.assignee_id: row.n for row in counts}
    assert people["CHEN"].id not in held
    assert held[people["LI"].id] == 4


def test_the_manager_gives_chosen_tasks_to_somebody(page: "Page", address: str, database: Database) -> None:
    log_in(page, address, "zhao", "/follow-up/tasks?pool=1")
    boxes = page.locator("[data-pick]")
    for n in range(boxes.count()):
        boxes.nth(n).check()
    page.get_by_role("button", name="Give to …").click()
    dialog = page.locator("#give")
    dialog.locator("select[name=to]").select_option("WANG")
    dialog.get_by_role("button", name="Hand over").click()
    page.wait_for_selector(".toast")
    with database.transaction() as tx:
        left = tx.execute(
            "SELECT count(*) FROM marketing.task WHERE assignee_id IS NULL AND state = 'open'"
        ).scalar_one()
    assert left == 0
