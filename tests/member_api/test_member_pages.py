"""The pages of members, as people at a desk and at a counter use them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.access import set_login
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.pages.words import read_catalogue
from foundation.settings import read_settings
from member_api.members.searching import as_identifiers, is_last_four
from member_api.tiers.operations import put_tiers
from member_api.tiers.rules import Tier
from organisation.staff.roles import Role
from tests.foundation.page_checks import another_page
from tests.member_api.people import a_member
from tests.organisation.factories import PASSWORD, a_person, a_store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import LiveServer


def hire(database: Database, username: str, role: Role, name: str) -> None:
    with database.transaction() as tx:
        person = a_person(tx, username.upper(), name=name, role=role, home_store="S01", username=username)
        set_login(tx, str(person.id), username, PASSWORD)


@pytest.fixture
def house(database: Database) -> Database:
    """A store with a service desk (desk) and counter staff (counter)."""
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
    hire(database, "desk", Role.SERVICE_DESK, "林静")
    hire(database, "counter", Role.COUNTER_STAFF, "Ann")
    return database


class Browser:
    """A person's session: pages are read as text, forms are posted with their token."""

    def __init__(self, app: Flask, username: str, language: str = "en") -> None:
        self.http: FlaskClient = app.test_client()
        self.headers = {"Accept": "text/html", "Accept-Language": language}
        assert self.http.post("/login", data={"username": username, "password": PASSWORD}).status_code == 303
        self.token = ""

    def get(self, path: str) -> str:
        answer = self.http.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found = re.search(r'name="csrf-token" content="([^"]+)"', answer.text)
        self.token = found[1] if found else ""
        return answer.text

    def search(self, text: str) -> str:
        """The page that searching leads to."""
        self.get("/members")
        data = {"q": text, "csrf_token": self.token}
        return self.http.post("/members/search", data=data, headers=self.headers, follow_redirects=True).text


@pytest.mark.parametrize(
    ("typed", "kinds", "last_four"),
    [
        ("138 0013 8000", ["phone", "card"], False),
        ("+85291234567", ["phone", "card"], False),
        ("8000", ["phone", "card"], True),
        ("ｖｉｐ００１", ["card"], False),
        ("A1B2", ["card"], True),
        ("zhang@example.com", ["email"], False),
        ("张三", ["card"], False),
    ],
)
def test_one_box_is_tried_as_everything_it_can_be(typed: str, kinds: list[str], last_four: bool) -> None:
    assert [identifier.kind for identifier in as_identifiers(typed)] == kinds
    assert is_last_four(typed) == last_four


def test_a_whole_number_leads_straight_to_the_member_who_is_shown_masked(app: Flask, house: Database) -> None:
    member = a_member(house, others={"card": "VIP00012345"}, name="张三丰", home_store="S01")
    desk = Browser(app, "desk")
    for typed in ("138 0013 8000", "vip00012345"):
        page = desk.search(typed)
        assert f"Member {member}" in page
        assert "138****8000" in page
        assert "张三丰" not in page
        assert "13800138000" not in page
    whole = desk.get(f"/members/{member}?whole=1")
    assert "张三丰" in whole
    assert "+8613800138000" in whole


def test_counter_staff_cannot_unmask_and_have_no_desk(app: Flask, house: Database) -> None:
    member = a_member(house, name="张三丰", home_store="S01")
    page = Browser(app, "counter").get(f"/members/{member}?whole=1")
    assert "张三丰" not in page
    assert "Show personal data" not in page
    assert 'data-dialog="freeze"' not in page
    assert 'data-dialog="freeze"' in Browser(app, "desk").get(f"/members/{member}")


def test_last_four_show_one_masked_choice_and_never_a_list(app: Flask, house: Database) -> None:
    a_member(house, "13800138000", name="张三丰", home_store="S01")
    counter = Browser(app, "counter")
    assert "张*" in counter.search("8000")
    a_member(house, "13900008000", name="李四", home_store="S01")
    page = counter.search("8000")
    assert "2 members fit" in page
    assert "张*" not in page
    assert "Nobody was found" in counter.search("0007")


def test_a_whole_name_lists_people_to_the_desk_only(app: Flask, house: Database) -> None:
    for phone in ("13900000001", "13900000002"):
        a_member(house, phone, name="王小明", home_store="S01")
    assert Browser(app, "desk").search("王 小明").count("+861390000000") == 2
    assert "2 members fit" in Browser(app, "counter").search("王小明")


def test_pages_speak_chinese(app: Flask, house: Database) -> None:
    member = a_member(house, home_store="S01")
    desk = Browser(app, "desk", "zh-CN")
    page = desk.get(f"/members/{member}")
    for words in ("基本资料", "会员识别方式", "会员授权", "显示个人信息", "冻结", "未询问"):
        assert words in page
    for words in ("Who the member is", "What this member allows", "Freeze", "Standing"):
        assert words not in page
    assert "办理入会" in desk.get("/members/new")


def test_nobody_else_sees_member_pages(app: Flask, house: Database) -> None:
    stranger = app.test_client()
    for path in ("/members", "/members/new", "/members/1"):
        assert stranger.get(path, headers={"Accept": "text/html"}).status_code == 303
    assert stranger.post("/members/search", data={"q": "1"}).status_code in (401, 403)
    desk = Browser(app, "desk")
    assert desk.http.post("/members/search", data={"q": "1"}).status_code == 403  # without its token
    assert desk.http.get("/members/999", headers=desk.headers).status_code == 404


def test_no_word_of_ours_is_said_otherwise_in_another_package() -> None:
    """The catalogues of all packages become one: of two translations of one text the last one read would win."""
    root = Path(__file__).parents[2]
    said: dict[str, set[str]] = {}
    for catalogue in root.glob("*/**/zh/LC_MESSAGES/messages.po"):
        if ".venv" not in catalogue.parts:
            for message in read_catalogue(catalogue):
                if message.id and message.string:
                    said.setdefault(str(message.id), set()).add(str(message.string))
    ours = read_catalogue(root / "member_api/translations/zh/LC_MESSAGES/messages.po")
    assert {str(m.id): said[str(m.id)] for m in ours if m.id and len(said[str(m.id)]) > 1} == {}


@pytest.mark.browser
def test_a_desk_enrols_freezes_and_replaces_a_card_in_the_browser(
    live_server: "LiveServer", new_page: "Callable[..., Page]"
) -> None:
    database = Database(read_settings(live_server.environment), SystemClock())
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
        put_tiers(tx, [Tier("GOLD", "Gold", 1)])
    hire(database, "desk", Role.SERVICE_DESK, "林静")
    for width in (1440, 390):
        page = new_page(width=width)
        page.goto(f"{live_server.base_url}/login?next=/members/new")
        page.fill("[name=username]", "desk")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{live_server.base_url}/members/new")
        page.fill("#f-phone", "12")
        page.click("form[data-json] .primary")
        page.get_by_text("Not a mainland mobile number").wait_for()
        page.fill("#f-phone", f"1380013{width:04d}")
        page.fill("#f-card", f"C{width:07d}")
        page.fill("#f-name", "Ann Smith")
        page.check("[name='consents.sms']")
        with another_page(page):
            page.click("form[data-json] .primary")
        page.get_by_role("heading", name="A*").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        page.click("[data-dialog=freeze]")
        page.fill("#f-freeze-reason", "lost her phone")
        with another_page(page):
            page.click("#freeze .danger")
        page.get_by_text("This member is frozen.").wait_for()
        page.click("[data-dialog=lost-card]")
        page.fill("#f-lost-card-card", f"N{width:07d}")
        with another_page(page):
            page.click("#lost-card .danger")
        page.get_by_text("Lost, blocked").wait_for()
        page.click("[data-dialog=set-tier]")
        page.fill("#f-set-tier-reason", "a good customer")
        with another_page(page):
            page.click("#set-tier .primary")
        page.get_by_text("Set by hand").first.wait_for()
        with another_page(page):
            page.get_by_role("button", name="Withdraw").click()
        page.get_by_text("Recorded").wait_for()
    database.dispose()
