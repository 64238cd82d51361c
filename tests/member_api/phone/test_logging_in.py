"""Logging in by a code: whoever holds the phone gets in, and nobody learns whose number it is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.members.operations import forget, freeze
from member_api.phone import codes, rules, sessions, showing
from member_api.phone.rules import SESSION_IDLE, line_of, wait_for_address, wait_for_phone
from tests.member_api.people import a_member
from tests.member_api.phone.phones import PAGE, Phone, texts


@pytest.fixture
def member(database: Database) -> int:
    return a_member(database, name="张三丰")


@pytest.fixture
def phone(app: Flask, database: Database, member: int) -> Phone:
    return Phone(app, database)


def test_a_member_gets_a_code_and_sees_their_own_page(phone: Phone) -> None:
    answer = phone.logs_in()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/m")
    home = phone.get("/m")
    assert home.status_code == 200
    assert "张三丰" in home.text


def test_the_cookie_is_closed_to_scripts_other_sites_and_other_pages(phone: Phone) -> None:
    [cookie] = [c for c in phone.logs_in().headers.getlist("Set-Cookie") if c.startswith(f"{sessions.COOKIE}=")]
    assert {"HttpOnly", "SameSite=Lax", "Path=/m"} <= set(cookie.split("; "))


def test_a_members_number_and_a_strangers_look_the_same(app: Flask, database: Database, phone: Phone) -> None:
    stranger = Phone(app, database, "13900139000")
    known, unknown = phone.asks(), stranger.asks()
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert set(texts(database)) == {"+8613800138000", "+8613900139000"}
    shown = [phone.get("/m/login/code").text, stranger.get("/m/login/code").text]
    pages = [shown[0].replace("138****8000", "number"), shown[1].replace("139****9000", "number")]
    assert pages[0] == pages[1]
    wrong = [each.types("not it") for each in (phone, stranger)]
    assert [each.status_code for each in wrong] == [422, 422]


def test_five_wrong_codes_end_a_code_even_for_the_right_one(phone: Phone, database: Database) -> None:
    phone.asks()
    code = texts(database)[phone.e164]
    wrong = "000000" if code != "000000" else "111111"
    assert [phone.types(wrong).status_code for _ in range(5)] == [422] * 5
    assert phone.types(code).status_code == 422


def test_a_code_is_good_once_and_for_five_minutes(phone: Phone, database: Database, clock: FixedClock) -> None:
    phone.asks()
    code = texts(database)[phone.e164]
    assert phone.types(code).status_code == 303
    assert phone.types(code).status_code == 303  # the handle went with the log-in: to the start
    assert phone.types(code).headers["Location"] == "/m/login"
    clock.advance(timedelta(minutes=2))
    phone.asks()
    late = texts(database)[phone.e164]
    clock.advance(timedelta(minutes=5))
    assert phone.types(late).status_code == 422


def test_a_code_opens_nothing_in_another_browser(app: Flask, database: Database, phone: Phone) -> None:
    phone.asks()
    code = texts(database)[phone.e164]
    thief = Phone(app, database)
    assert thief.types(code).headers["Location"] == "/m/login"
    assert thief.get("/m").status_code == 303


def test_codes_are_asked_for_once_a_minute_five_times_an_hour_ten_a_day(
    phone: Phone, clock: FixedClock, database: Database
) -> None:
    assert phone.asks().status_code == 303
    refused = phone.asks()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    sent = 1
    for _ in range(20):
        clock.advance(timedelta(minutes=2))
        sent += phone.asks().status_code == 303
    assert sent == 5
    for _ in range(10):
        clock.advance(timedelta(hours=1))
        sent += phone.asks().status_code == 303
    assert sent == 10


def test_what_one_address_may_ask_for_is_bounded() -> None:
    now = FixedClock().now()
    assert wait_for_address([now - timedelta(seconds=n) for n in range(59)], now) is None
    assert wait_for_address([now - timedelta(seconds=n) for n in range(60)], now) == timedelta(minutes=59, seconds=1)
    assert wait_for_phone([], now) is None
    assert wait_for_phone([now - timedelta(seconds=20)], now) == timedelta(seconds=40)


def test_a_line_is_counted_whichever_of_its_addresses_asks() -> None:
    assert line_of("2001:db8:1:2::3") == line_of("2001:db8:1:2:ffff::9") != line_of("2001:db8:1:3::3")
    assert line_of("::ffff:10.0.0.1") == line_of("10.0.0.1") != line_of("10.0.0.2")
    assert line_of("") == ""


def test_what_is_asked_for_side_by_side_from_one_address_is_bounded_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ADDRESS_HOUR_MAX", 2)
    together = Barrier(6)

    def ask(n: int) -> bool:
        try:
            with database.transaction() as tx:
                together.wait(timeout=60)
                codes.ask_code(tx, f"1380013800{n}", address="10.0.0.9", language="en")
        except codes.CodesTooOften:
            return False
        return True

    with ThreadPoolExecutor(together.parties) as threads:
        assert sum(threads.map(ask, range(together.parties))) == rules.ADDRESS_HOUR_MAX


@pytest.mark.parametrize("number", ["", "12345", "abc", "+86 010 1234 5678", "1" * 41, "138001380000"])
def test_what_is_no_phone_number_is_told_so(phone: Phone, number: str) -> None:
    assert phone.asks(phone=number).status_code == 422


def test_another_code_goes_to_the_same_number(phone: Phone, database: Database, clock: FixedClock) -> None:
    phone.asks()
    texts(database)
    assert phone.post("/m/login/again", {"next": ""}).status_code == 429
    clock.advance(timedelta(minutes=1))
    assert phone.post("/m/login/again", {"next": ""}).status_code == 303
    assert phone.types(texts(database)[phone.e164]).headers["Location"] == "/m"


def test_nothing_of_a_code_is_left_when_it_was_sent_and_of_the_number_when_it_is_over(
    phone: Phone, database: Database, clock: FixedClock
) -> None:
    phone.asks()
    texts(database)
    kept = "SELECT sealed_code IS NULL, sealed_phone IS NULL FROM member.login_code"
    with database.transaction() as tx:
        assert tx.execute(kept).one() == (True, False)
    clock.advance(timedelta(minutes=30))
    with database.transaction() as tx:
        codes.clear_away(tx)
        assert tx.execute(kept).one() == (True, True)
    clock.advance(timedelta(days=2))
    with database.transaction() as tx:
        assert codes.clear_away(tx) == 1


def test_the_page_that_was_wanted_is_shown_after_the_log_in(phone: Phone) -> None:
    away = phone.get("/m/coupons")
    assert (away.status_code, away.headers["Location"]) == (303, "/m/login?next=%2Fm%2Fcoupons")
    assert 'name="next" value="/m/coupons"' in phone.get("/m/login", next="/m/coupons").text
    asked = phone.asks(next="/m/coupons")
    assert asked.headers["Location"] == "/m/login/code?next=%2Fm%2Fcoupons"


@pytest.mark.parametrize("where", ["https://evil.example/m", "//evil.example", "/members", "/mx", "/m\\evil", "/login"])
def test_nobody_is_sent_elsewhere_by_the_log_in(phone: Phone, database: Database, where: str) -> None:
    phone.asks(next=where)
    assert phone.types(texts(database)[phone.e164], where).headers["Location"] == "/m"


def test_a_form_from_another_site_is_refused(phone: Phone) -> None:
    assert phone.post("/m/login", {"phone": phone.number}, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    phone.logs_in()
    assert phone.post("/m/logout", {}).status_code == 403
    assert phone.post("/m/logout", {"csrf_token": "0" * 64}).status_code == 403
    assert phone.get("/m").status_code == 200


def test_logging_out_ends_this_phone_or_all_of_them(
    app: Flask, database: Database, phone: Phone, clock: FixedClock
) -> None:
    phone.logs_in()
    clock.advance(timedelta(minutes=2))
    other = Phone(app, database)
    other.logs_in()
    assert phone.act("/m/me", "/m/logout").headers["Location"] == "/m/login"
    assert phone.get("/m").status_code == 303
    assert other.get("/m").status_code == 200
    clock.advance(timedelta(minutes=2))
    phone.logs_in()
    phone.act("/m/me", "/m/logout", everywhere="true")
    assert other.get("/m").status_code == 303


def test_a_session_ends_when_nobody_looks_for_two_weeks_and_in_any_case_after_ninety_days(
    phone: Phone, clock: FixedClock, database: Database
) -> None:
    phone.logs_in()
    for _ in range(8):
        clock.advance(timedelta(days=10))
        assert phone.get("/m").status_code == 200
    clock.advance(timedelta(days=10))
    assert phone.get("/m").status_code == 303
    phone.logs_in()
    clock.advance(SESSION_IDLE)
    assert phone.get("/m").status_code == 303
    with database.transaction() as tx:
        assert sessions.clear_away(tx) == 2


def test_who_is_erased_is_out_at_once_and_nothing_of_the_phone_stays(
    phone: Phone, database: Database, member: int
) -> None:
    phone.logs_in()
    phone.get("/m/code")
    with database.transaction() as tx:
        forget(tx, member, by="test")
    assert phone.get("/m").status_code == 303
    with database.transaction() as tx:
        for table in ("phone_session", "member_code", "wallet_pin"):
            assert tx.execute(f"SELECT count(*) FROM member.{table} WHERE member_id = {member}").scalar_one() == 0


def test_a_frozen_member_still_sees_what_they_own(phone: Phone, database: Database, member: int) -> None:
    with database.transaction() as tx:
        freeze(tx, member, reason="test", by="test")
    phone.logs_in()
    assert phone.get("/m").status_code == 200


def test_the_staffs_pages_and_the_members_know_nothing_of_each_other(phone: Phone, database: Database) -> None:
    phone.logs_in()
    cookie = phone.browser.get_cookie(sessions.COOKIE, path="/m")
    assert cookie is not None
    for name in (sessions.COOKIE, "regulars_session"):
        outside = phone.browser.application.test_client()
        outside.set_cookie(name, cookie.value)
        for path in ("/members", "/v1/members", "/v1/members/1/accounts"):
            assert outside.get(path).status_code == 401, (name, path)
        assert outside.get("/m", headers=PAGE).status_code == (200 if name == sessions.COOKIE else 303)
    bearer = {"Authorization": f"Bearer {cookie.value}"}
    assert phone.browser.application.test_client().get("/m", headers=bearer).status_code == 401


def test_what_is_over_is_cleared_away(phone: Phone, database: Database, clock: FixedClock) -> None:
    phone.logs_in()
    phone.get("/m/code")
    clock.advance(timedelta(minutes=2))
    with database.transaction() as tx:
        assert showing.clear_away(tx) == 1
