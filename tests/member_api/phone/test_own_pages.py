"""What a member sees and does on their own phone: only themselves, and all of themselves."""

from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.consents.operations import consents_of
from member_api.consents.rules import Purpose
from member_api.contract.coupons import CouponOffer, coupon_codes, issue_coupons
from member_api.contract.wallet_pin import ProofWrong, check_pin
from member_api.phone.pins import set_pin
from member_api.tiers.operations import publish_rule, put_tiers
from member_api.tiers.rules import SpendBasis, Threshold, Tier, TierRule
from tests.field.shop import a_shop, sells, takes_back
from tests.member_api.callers import Caller
from tests.member_api.people import a_member
from tests.member_api.phone.phones import Phone
from tests.organisation.factories import a_counter

PIN = "804217"


@pytest.fixture
def member(database: Database) -> int:
    return a_shop(database)


@pytest.fixture
def phone(app: Flask, database: Database, member: int) -> Phone:
    phone = Phone(app, database)
    phone.logs_in()
    return phone


@pytest.fixture
def stranger(app: Flask, database: Database, phone: Phone) -> Phone:
    a_member(database, "13900139000")
    other = Phone(app, database, "13900139000")
    other.logs_in()
    return other


# ------------------------------------------------------------------------------------------------ what I own
def test_an_empty_membership_says_what_to_do_next(phone: Phone) -> None:
    for path, words in (
        ("/m", "Your first purchase brings the first ones."),
        ("/m/balances", "Your first purchase opens your account."),
        ("/m/coupons", "No coupons yet"),
        ("/m/receipts", "No receipts yet"),
    ):
        page = phone.get(path)
        assert (page.status_code, words in page.text) == (200, True), path


def test_balances_are_shown_with_what_expires_when(
    phone: Phone, http: FlaskClient, database: Database, member: int
) -> None:
    office = Caller(http, database, ("accounts.grant",))
    for amount, day in ((300, "2026-03-31"), (50, "2026-02-28"), (20, "2026-02-28")):
        grant = {"kind": "points", "amount": amount, "source": "gift", "expires_on": day}
        assert office.post(f"/v1/members/{member}/grants", grant).status_code == 201
    desk = Caller(http, database, ("topups.write",), store="S01", terminal="D1")
    desk.post(f"/v1/members/{member}/topups", {"amount": 10_000, "bonus": 1_000, "tender": "cash"})
    home = phone.get("/m").text
    assert ">70</span>" in home
    assert "until 2026-02-28" in home
    page = phone.get("/m/balances").text
    for words in ("370", "until 2026-02-28", "until 2026-03-31", "¥110.00", "Top-up bonus", "Paid in", "gift"):
        assert words in page, words


def test_the_way_to_the_next_tier_is_counted(phone: Phone, database: Database, clock: FixedClock, member: int) -> None:
    with database.transaction() as tx:
        put_tiers(tx, [Tier("GOLD", "Gold", 1), Tier("BLACK", "Black", 2)])
        thresholds = (Threshold("GOLD", 50_000), Threshold("BLACK", 200_000))
        publish_rule(tx, TierRule(0, tx.now, SpendBasis.NET_AMOUNT, "CNY", 365, 12, thresholds), by="test")
    clock.advance(timedelta(seconds=1))
    sells(database, 20_000)
    page = phone.get("/m").text
    assert "On the way to Gold" in page
    assert "¥300.00 to go" in page


# ------------------------------------------------------------------------------------------------ receipts
def test_a_receipt_shows_its_lines_and_what_came_back(phone: Phone, database: Database) -> None:
    sold = sells(database, 12_000, 3_000)
    takes_back(database, sold, (2, 3_000))
    page = phone.get("/m/receipts")
    assert "¥150.00" in page.text
    assert "-¥30.00" in page.text
    with database.transaction(read_only=True) as tx:
        sale = tx.execute("SELECT id FROM pos.sale WHERE type = 'sale'").scalar_one()
    shown = phone.get(f"/m/receipts/{sale}").text
    for words in ("Store S01", "¥120.00", "¥30.00 of it given back", "Bank card", "What came back"):
        assert words in shown, words


def test_nobody_sees_anothers_receipt(phone: Phone, stranger: Phone, database: Database) -> None:
    sells(database, 12_000)
    with database.transaction(read_only=True) as tx:
        sale = tx.execute("SELECT id FROM pos.sale").scalar_one()
    assert phone.get(f"/m/receipts/{sale}").status_code == 200
    assert stranger.get(f"/m/receipts/{sale}").status_code == 404
    assert "¥120.00" not in stranger.get("/m/receipts").text
    for nonsense in ("x", "00000000-0000-0000-0000-000000000000", f"settlements/{sale}", "settlements/x"):
        assert phone.get(f"/m/receipts/{nonsense}").status_code == 404


# ------------------------------------------------------------------------------------------------ coupons
def test_a_coupon_says_why_it_cannot_be_used_yet(phone: Phone, database: Database, member: int) -> None:
    for name, begins, ends in (("Now", 1, 31), ("Soon", 20, 31), ("Gone", 1, 2)):
        offer = CouponOffer(name, "CNY", date(2026, 1, begins), date(2026, 1, ends), amount=500, stores=("S01",))
        with database.transaction() as tx:
            issue_coupons(tx, offer, [member], name, by="test")
    page = phone.get("/m/coupons").text
    for words in ("Usable from 2026-01-20 on", "It was good until 2026-01-02.", "¥5.00 off", "Only at Store S01"):
        assert words in page, words
    with database.transaction() as tx:
        codes = {name: coupon_codes(tx, name, [member])[member] for name in ("Now", "Gone")}
    assert codes["Now"] in page
    assert codes["Gone"] not in page


# ------------------------------------------------------------------------------------------------ what I allow
def holds(database: Database, member: int) -> dict[str, bool]:
    with database.transaction(read_only=True) as tx:
        return {
            str(c.channel): c.granted
            for c in consents_of(tx, [member]).get(member, ())
            if c.purpose is Purpose.MARKETING
        }


def test_consent_is_given_and_withdrawn_with_one_tap_on_one_page(phone: Phone, database: Database, member: int) -> None:
    sms = {"channel": "sms", "purpose": "marketing"}
    assert holds(database, member) == {}
    phone.act("/m/consents", "/m/consents", **sms, granted="true", wording="1")
    assert holds(database, member) == {"sms": True}
    assert "You get offers from us" in phone.get("/m").text
    answer = phone.act("/m/consents", "/m/consents", **sms, granted="false")
    assert answer.status_code == 303
    assert holds(database, member) == {"sms": False}
    with database.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT granted, wording, taken_by, source FROM member.consent_record ORDER BY id").all()
    by = (f"member:{member}", "phone")
    assert [tuple(row) for row in rows] == [(True, "1", *by), (False, None, *by)]


def test_who_objects_to_profiling_is_profiled_no_more(phone: Phone, database: Database, member: int) -> None:
    assert "done unless you object" in phone.get("/m/consents").text
    phone.act("/m/consents", "/m/consents", channel="any", purpose="profiling", granted="false")
    assert "done unless you object" not in phone.get("/m/consents").text
    with database.transaction(read_only=True) as tx:
        assert [(str(c.purpose), c.granted) for c in consents_of(tx, [member])[member]] == [("profiling", False)]


@pytest.mark.parametrize(
    ("channel", "purpose"), [("sms", "profiling"), ("any", "marketing"), ("pigeon", "marketing"), ("sms", ""), ("", "")]
)
def test_a_consent_that_is_none_is_refused(phone: Phone, database: Database, channel: str, purpose: str) -> None:
    refused = phone.act("/m/consents", "/m/consents", channel=channel, purpose=purpose, granted="true")
    assert refused.status_code == 422


# ------------------------------------------------------------------------------------------------ the wallet
def right(database: Database, member: int, pin: str) -> bool:
    try:
        with database.transaction() as tx:
            check_pin(tx, member, pin)
    except ProofWrong:
        return False
    return True


def test_the_first_pin_is_set_within_minutes_of_a_code(
    phone: Phone, database: Database, member: int, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=11))
    assert "log in once more by a code" in phone.get("/m/pin").text
    phone.logs_in()
    assert phone.act("/m/pin", "/m/pin", pin=PIN, again=PIN).headers["Location"] == "/m/me?said=pin"
    assert right(database, member, PIN)


def test_a_pin_is_changed_by_the_one_before(phone: Phone, database: Database, member: int, clock: FixedClock) -> None:
    with database.transaction() as tx:
        set_pin(tx, member, PIN)
    clock.advance(timedelta(minutes=11))
    wrong = phone.act("/m/pin", "/m/pin", old="111112", pin="590284", again="590284")
    assert (wrong.status_code, "Tries left: 4" in wrong.text) == (422, True)
    assert phone.act("/m/pin", "/m/pin", old=PIN, pin="590284", again="590284").status_code == 303
    assert right(database, member, "590284")


@pytest.mark.parametrize(
    ("pin", "again", "words"),
    [("590284", "590285", "differ"), ("123456", "123456", "too easy"), ("138000", "138000", "phone number")],
)
def test_a_pin_that_will_not_do_is_told_why(phone: Phone, pin: str, again: str, words: str) -> None:
    # The member's phone ends in 138000: 138 0013 8000.
    refused = phone.act("/m/pin", "/m/pin", pin=pin, again=again)
    assert refused.status_code == 422
    assert words.lower() in refused.text.lower()


def test_a_code_for_one_payment_needs_the_pin(phone: Phone, database: Database, http: FlaskClient, member: int) -> None:
    assert "needs a PIN" in phone.get("/m/pay").text
    with database.transaction() as tx:
        set_pin(tx, member, PIN)
    assert "nothing in the wallet" in phone.get("/m/pay").text
    desk = Caller(http, database, ("topups.write",), store="S01", terminal="D1")
    desk.post(f"/v1/members/{member}/topups", {"amount": 10_000, "tender": "cash"})
    wrong = phone.act("/m/pay", "/m/pay", pin="111112")
    assert (wrong.status_code, "Tries left: 4" in wrong.text) == (422, True)
    page = phone.act("/m/pay", "/m/pay", pin=PIN)
    assert page.status_code == 200
    assert "Tell the counter this code, once:" in page.text


def test_every_page_is_there_in_chinese(phone: Phone) -> None:
    phone.browser.get("/language", query_string={"to": "zh", "next": "/m"})
    for path in (
        "/m",
        "/m/code",
        "/m/balances",
        "/m/coupons",
        "/m/me",
        "/m/consents",
        "/m/pin",
        "/m/pay",
        "/m/receipts",
    ):
        page = phone.get(path)
        assert (page.status_code, 'lang="zh-CN"' in page.text) == (200, True), path


def test_the_printed_receipts_code_leads_its_member_to_all_that_was_paid_at_once(
    phone: Phone, stranger: Phone, http: FlaskClient, database: Database, member: int
) -> None:
    with database.transaction() as tx:
        for code, unit in (("C1", "MALL"), ("C3", "JEWEL")):
            a_counter(tx, code=code, name=f"Counter {code}", legal_unit=unit)
    handheld = Caller(http, database, ("tickets.write", "tickets.read"), store="S01")
    lines = [{"line": 1, "quantity": "1", "amount": 1990}]
    body = {"store": "S01", "member": str(member), "lines": lines}
    tickets = [handheld.post("/v1/tickets", body | {"counter": code}).get_json()["id"] for code in ("C1", "C3")]
    desk = Caller(http, database, ("settlements.write", "sales.post"), store="S01", terminal="D1")
    tenders = [{"kind": "card", "amount": 3980}]
    settle = {"store": "S01", "terminal": "D1", "tickets": tickets, "tenders": tenders}
    settled = desk.post("/v1/settlements", settle).get_json()["id"]
    page = phone.get(f"/m/receipts/settlements/{settled}")
    assert page.status_code == 200
    assert page.text.count("¥19.90") >= 4
    assert ("Counter C1" in page.text, "Counter C3" in page.text) == (True, True)
    assert stranger.get(f"/m/receipts/settlements/{settled}").status_code == 404
    printed = Caller(http, database, ("settlements.write", "tickets.read"), store="S01", terminal="D1")
    assert printed.get(f"/settlements/{settled}/receipt").status_code == 200
