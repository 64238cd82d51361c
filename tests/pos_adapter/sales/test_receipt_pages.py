"""Receipts on pages: found, whole, and given to the right member; by whoever may, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.database import Database
from organisation.staff.roles import Role
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import PASSWORD, a_person_with_login, committed_store
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def sold(database: Database) -> dict[str, Any]:
    committed_store(database, "S01", name="One", currency="CNY", timezone="Asia/Shanghai")
    committed_store(database, "S02", name="Two", currency="CNY", timezone="Asia/Shanghai")
    a_member(database)
    sale = receipt(1990, 510, member=PHONE_REF, sequence=77)
    answer: dict[str, Any] = post(database, sale).body
    post(database, return_of(sale, (2, 510)))
    return answer


@pytest.fixture
def signed_in(app: Flask, database: Database) -> Callable[[str, str], FlaskClient]:
    """A store manager's browser, in a language."""

    def log_in(store: str, language: str = "en") -> FlaskClient:
        with database.transaction() as tx:
            a_person_with_login(tx, f"m-{store}", role=Role.STORE_MANAGER, home_store=store)
        browser = app.test_client()
        browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        answer = browser.post("/login", data={"username": f"m-{store}".lower(), "password": PASSWORD})
        assert answer.status_code == 303
        return browser

    return log_in


@pytest.mark.parametrize(("language", "words"), [("en", "Bank card"), ("zh", "银行卡")])
def test_a_receipt_is_found_and_shown_with_what_paid_for_what(
    sold: dict[str, Any], signed_in: Callable[..., FlaskClient], language: str, words: str
) -> None:
    browser = signed_in("S01", language)
    listed = browser.get("/receipts?store=S01&day=2026-01-05&number=77")
    assert f"/receipts/{sold['sale']['id']}" in listed.text
    shown = browser.get(f"/receipts/{sold['sale']['id']}")
    assert shown.status_code == 200
    assert words in shown.text
    assert "19.90" in shown.text
    assert PHONE not in shown.text
    assert " / 77" in browser.get("/members/1/purchases").text


def test_another_store_s_receipts_are_not_shown(sold: dict[str, Any], signed_in: Callable[..., FlaskClient]) -> None:
    browser = signed_in("S02")
    assert browser.get(f"/receipts/{sold['sale']['id']}").status_code == 403
    assert sold["sale"]["id"] not in browser.get("/receipts?store=S01&day=2026-01-05").text
    assert sold["sale"]["id"] not in browser.get("/members/1/purchases").text


def test_a_receipt_to_repair_has_the_store_s_own_time_and_marks_what_nobody_knows(
    database: Database, signed_in: Callable[..., FlaskClient]
) -> None:
    committed_store(database, "S01", name="One", currency="USD", timezone="America/New_York")
    lines = [line(1, 500), line(2, 700, product="NEW")]
    sale = receipt(1200, lines=lines, currency="USD", occurred_at="2026-01-05T10:05:00-05:00")
    posted = post(database, sale).body
    page = signed_in("S01").get(f"/repairs/flagged/{posted['sale']['id']}").text

    assert "2026-01-05 10:05" in page
    assert "Bank card" in page
    assert page.count(">not in the catalogue</span>") == 1, "on its line only"
