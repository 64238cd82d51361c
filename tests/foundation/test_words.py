"""Pages speak two languages: every word of theirs has its Chinese, whoever wrote it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from flask import Flask
from jinja2 import Environment, FileSystemLoader

from foundation.http import Room
from foundation.pages.formats import money
from foundation.pages.words import OWN_TRANSLATIONS, read_catalogue
from regulars.web import load_rooms
from tests.foundation.conftest import SignedIn

ROOT = Path(__file__).parents[2]
PACKAGES = ("foundation", "organisation", "member_api", "pos_adapter", "analytics", "marketing")
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy": None, "ngettext": (1, 2), "lazy_gettext": None}


def messages_of(package: str) -> Iterator[tuple[str, str]]:
    """Words (the singular of plurals) and where they stand."""
    folder = ROOT / package
    options = {"**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
    for file, line, message, _, _ in extract_from_dir(folder, METHODS, options, KEYWORDS):
        words = message[0] if isinstance(message, tuple) else message
        if words:
            yield words, f"{package}/{file}:{line}"


def catalogues() -> dict[str, str]:
    """Every message with a Chinese translation, of all rooms together as the application has them."""
    rooms: list[Room] = load_rooms()
    folders = [OWN_TRANSLATIONS, *(folder for room in rooms for folder in room.translations)]
    known: dict[str, str] = {}
    for folder in folders:
        path = folder / "zh" / "LC_MESSAGES" / "messages.po"
        for message in read_catalogue(path) if path.exists() else ():
            if message.id and message.string:
                ident = message.id if isinstance(message.id, str) else message.id[0]
                known[ident] = str(message.string)
    return known


@pytest.mark.parametrize("package", PACKAGES)
def test_every_word_on_a_page_has_its_chinese(package: str) -> None:
    known = catalogues()
    missing = {f"{place}: {words!r}" for words, place in messages_of(package) if words not in known}
    assert missing == set()


def test_a_translation_keeps_the_places_for_values() -> None:
    holder = re.compile(r"%\(\w+\)[sd]")
    wrong = {
        english: chinese
        for english, chinese in catalogues().items()
        if set(holder.findall(chinese)) - set(holder.findall(english))
    }
    assert wrong == {}


def test_all_templates_of_the_shell_can_be_read() -> None:
    folder = ROOT / "foundation" / "pages" / "templates"
    environment = Environment(loader=FileSystemLoader(folder), extensions=["jinja2.ext.i18n"], autoescape=True)
    environment.filters.update(exponent=int)
    for path in sorted(folder.rglob("*.html")):
        environment.get_template(str(path.relative_to(folder)))


@pytest.mark.parametrize(
    ("accept", "cookie", "own", "shown"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", None, None, "登录"),
        ("en-US,en;q=0.9", None, None, "Log in"),
        ("de", None, None, "Log in"),
        ("en", "zh", None, "登录"),
        ("zh", "en", None, "Log in"),
        ("en", "xx", None, "Log in"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(
    web: Flask, accept: str, cookie: str | None, own: str | None, shown: str
) -> None:
    calls = web.test_client()
    if cookie:
        calls.set_cookie("regulars_language", cookie)
    assert f"<h1>{shown}</h1>" in calls.get("/login", headers={"Accept-Language": accept}).text


def test_a_persons_own_language_comes_before_the_browsers(sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in(locale="zh")
    page = signed_in.calls.get("/account", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert 'lang="zh-CN"' in page.text
    assert "修改密码" in page.text


def test_the_switch_is_remembered_and_leads_back(web: Flask) -> None:
    calls = web.test_client()
    answer = calls.get("/language?to=zh&next=/login%3Fnext%3D/notes")
    assert answer.headers["Location"] == "/login?next=/notes"
    assert "登录" in calls.get("/login", headers={"Accept-Language": "en"}).text
    assert calls.get("/language?to=xx").status_code == 400
    assert calls.get("/language?to=en&next=//evil.example").headers["Location"] == "/"


def test_money_is_written_as_the_reader_is_used_to(web: Flask) -> None:
    def shown(amount: int, currency: str, language: str) -> str:
        with web.test_request_context("/", headers={"Accept-Language": language}):
            return money(amount, currency)

    assert shown(199_000, "CNY", "zh") == "¥1,990.00"
    assert shown(199_000, "CNY", "en") == "¥1,990.00"
    assert shown(-4_500, "CNY", "en") == "-¥45.00"
    assert shown(1_990, "JPY", "en") == "¥1,990"
    assert shown(1_234, "KWD", "en").endswith("1.234")
