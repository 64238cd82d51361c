"""Joining on one's own phone: the shop's sign credits who invited, and nobody makes a sign up."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.identifiers.rules import Identifier
from member_api.members.lookup import resolve_member
from member_api.members.views import Member, read_members
from member_api.phone.joining import Invitation, InvitationUnreadable, read_invitation, write_invitation
from organisation.staff.roles import Role
from tests.member_api.people import a_member
from tests.member_api.phone.phones import Phone, texts
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.factories import a_counter, committed_store

SIGN = Invitation("S01", "C12", "E7")


@pytest.fixture
def shop(database: Database) -> None:
    committed_store(database, currency="CNY", timezone="Asia/Shanghai")
    with database.transaction() as tx:
        a_counter(tx, code="C12", name="Cosmetics")


@pytest.fixture
def phone(app: Flask, database: Database, shop: None) -> Phone:
    return Phone(app, database, "13900139000")


def member_of(database: Database, phone: Phone) -> Member:
    with database.transaction(read_only=True) as tx:
        id = resolve_member(tx, Identifier("phone", phone.number)).id
        return read_members(tx, [id])[id]


def test_the_sign_of_a_counter_credits_store_counter_and_clerk(phone: Phone, database: Database) -> None:
    page = phone.get("/join", i=write_invitation(SIGN))
    assert "Join Store S01" in page.text
    answer = phone.logs_in(i=write_invitation(SIGN))
    assert answer.headers["Location"] == "/m/join"
    form = phone.get("/m/join")
    assert "checked" not in form.text  # default no
    joined = phone.post("/m/join", {"name": "李四", "birthday": "1990-05-17", "wording": "1", "channels": "sms"})
    assert joined.headers["Location"] == "/m?new=1"
    assert "李四" in phone.get("/m").text
    member = member_of(database, phone)
    credited = (member.joined.store, member.joined.counter, member.joined.staff, member.joined.channel)
    assert credited == ("S01", "C12", "E7", "shop_sign")
    assert (member.home_store, member.birthday.text) == ("S01", "1990-05-17")
    assert [(str(c.channel), c.granted) for c in member.consents] == [("sms", True)]
    with database.transaction(read_only=True) as tx:
        said = tx.execute("SELECT wording, place, source FROM member.consent_record").one()
    assert tuple(said) == ("1", "S01", "phone")


def test_who_ticks_nothing_has_allowed_nothing(phone: Phone, database: Database) -> None:
    phone.logs_in()
    assert phone.post("/m/join", {"name": "李四", "birthday": "", "wording": "1"}).status_code == 303
    member = member_of(database, phone)
    assert (member.consents, member.joined.channel, member.home_store) == ((), "phone_page", None)


def test_a_member_who_scans_a_sign_is_simply_in_and_credited_to_nobody(
    app: Flask, database: Database, shop: None
) -> None:
    a_member(database)
    phone = Phone(app, database)
    assert phone.logs_in(i=write_invitation(SIGN)).headers["Location"] == "/m"
    assert member_of(database, phone).joined.store is None


def test_joining_twice_makes_one_member(phone: Phone, database: Database, app: Flask, clock: FixedClock) -> None:
    other = Phone(app, database, phone.number)
    phone.logs_in()
    clock.advance(timedelta(minutes=1))
    other.logs_in()
    form = {"name": "李四", "birthday": "", "wording": "1"}
    assert phone.post("/m/join", form).headers["Location"] == "/m?new=1"
    assert other.post("/m/join", form | {"name": "Li Si"}).headers["Location"] == "/m?new=1"
    assert phone.post("/m/join", form).headers["Location"] == "/m/login"
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM member.member").scalar_one() == 1


def test_nobody_joins_without_a_proved_phone(phone: Phone, database: Database, clock: FixedClock) -> None:
    form = {"name": "李四", "birthday": "", "wording": "1"}
    assert phone.get("/m/join").headers["Location"] == "/m/login"
    assert phone.post("/m/join", form).headers["Location"] == "/m/login"
    phone.asks()
    assert phone.post("/m/join", form).headers["Location"] == "/m/login"
    phone.types(texts(database)[phone.e164])
    clock.advance(timedelta(minutes=31))
    assert phone.post("/m/join", form).headers["Location"] == "/m/login"


@pytest.mark.parametrize(
    "form",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "\u202e\u200b"},
        {"name": "a\u0007"},
        {"name": "x" * 201},
        {"birthday": "2090-01-01"},
        {"birthday": "1990-02-30"},
    ],
)
def test_a_form_that_will_not_do_is_shown_again_with_what_was_typed(phone: Phone, form: dict[str, str]) -> None:
    phone.logs_in()
    refused = phone.post("/m/join", {"name": "李四", "birthday": "", "wording": "1", "channels": "sms"} | form)
    assert refused.status_code == 422
    assert "checked" in refused.text


@pytest.mark.parametrize("name", ["x" * 100_000, "a\u0000b"])
def test_a_form_that_no_browser_sends_is_refused(phone: Phone, name: str) -> None:
    phone.logs_in()
    assert phone.post("/m/join", {"name": name, "birthday": "", "wording": "1"}).status_code == 400


def test_a_made_up_wording_is_not_what_was_agreed_to(phone: Phone, database: Database) -> None:
    phone.logs_in()
    phone.post("/m/join", {"name": "李四", "birthday": "", "wording": "nonsense", "channels": "sms"})
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT wording FROM member.consent_record").scalar_one() == "1"


@given(st.text(max_size=80))
def test_no_made_up_sign_is_read(text: str) -> None:
    with pytest.raises(InvitationUnreadable):
        read_invitation(text)


def test_a_sign_that_was_changed_is_worth_nothing(phone: Phone, database: Database) -> None:
    said, _, signature = write_invitation(SIGN).partition(".")
    other = write_invitation(Invitation("S02")).partition(".")[0]
    for forged in (f"{said}x.{signature}", f"{said}.", said, f"{other}.{signature}"):
        with pytest.raises(InvitationUnreadable):
            read_invitation(forged)
        assert "cannot be read" in phone.get("/join", i=forged).text
    phone.logs_in(i=f"{said}x.{signature}")
    phone.post("/m/join", {"name": "李四", "birthday": "", "wording": "1"})
    assert member_of(database, phone).joined.store is None


def test_the_staff_print_a_sign_for_each_counter_of_their_own_store(app: Flask, database: Database, shop: None) -> None:
    committed_store(database, code="S02", currency="CNY", timezone="Asia/Shanghai")
    hire(database, "clerk", Role.COUNTER_STAFF, "王芳")
    clerk = Browser(app, "clerk")
    page = clerk.get("/invitations?store=S02&counter=*")
    assert "Scan to join" in page
    assert ("C12 Cosmetics" in page, "Store S02" in page) == (True, False)
    assert app.test_client().get("/invitations").status_code == 401


def test_what_a_sign_says_is_what_is_read_back() -> None:
    for invitation in (SIGN, Invitation("S01"), Invitation("南京路", None, "E7", "event")):
        address = f"https://shop.example/join?i={write_invitation(invitation)}"
        assert read_invitation(parse_qs(urlsplit(address).query)["i"][0]) == invitation
