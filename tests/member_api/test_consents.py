"""What members allow: default no, every word kept, the latest holds, withdrawing works at once."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from member_api.consents.operations import (
    WordingPublished,
    WordingUnknown,
    consents_of,
    history,
    publish_wording,
    say,
)
from member_api.consents.rules import Channel, ConsentUnreadable, ConsentWord, Purpose, latest_words, read_name
from tests.member_api.callers import COUNTER, OFFICE, Caller
from tests.member_api.people import PHONE, enrolled
from tests.member_api.test_enrolment import outbox


def word(tx: Tx, granted: bool, *, seconds: int = 0, **facts: str) -> ConsentWord:
    at = tx.now + timedelta(seconds=seconds)
    return ConsentWord(Channel.SMS, Purpose.MARKETING, granted=granted, at=at, **facts)


def holds(tx: Tx, member: int) -> list[tuple[str, str, bool]]:
    tx.flush()
    return [(c.channel, c.purpose, c.granted) for c in consents_of(tx, [member]).get(member, ())]


def test_whoever_said_nothing_said_no(tx: Tx) -> None:
    member = enrolled(tx)
    assert holds(tx, member) == []


def test_a_yes_and_its_withdrawal_are_both_kept_and_the_withdrawal_holds(tx: Tx) -> None:
    member = enrolled(tx)
    say(tx, member, [word(tx, True, place="S01", proof="form 17")], taken_by="person:1", source="desk")
    assert holds(tx, member) == [("sms", "marketing", True)]
    say(tx, member, [word(tx, False)], taken_by="member", source="sms")
    assert holds(tx, member) == [("sms", "marketing", False)]
    kept = history(tx, member, with_proof=True)
    assert [(w.granted, w.wording, w.place, w.taken_by, w.source, w.proof) for w in kept] == [
        (False, None, None, "member", "sms", None),
        (True, "1", "S01", "person:1", "desk", "form 17"),
    ]
    assert history(tx, member, with_proof=False)[1].proof is None
    assert outbox(tx, "member.consent_changed")[1] == {
        "member": str(member),
        "changes": [{"channel": "sms", "purpose": "marketing", "granted": False}],
    }


def test_an_old_yes_that_arrives_late_does_not_undo_a_no(tx: Tx) -> None:
    member = enrolled(tx)
    say(tx, member, [word(tx, False)], taken_by="member", source="sms")
    say(tx, member, [word(tx, True, seconds=-60)], taken_by="import", source="import")
    assert holds(tx, member) == [("sms", "marketing", False)]
    assert len(history(tx, member, with_proof=False)) == 2


def test_a_yes_from_a_clock_that_is_ahead_is_withdrawn_like_any_other(tx: Tx) -> None:
    member = enrolled(tx)
    say(tx, member, [word(tx, True, seconds=86_400)], taken_by="x", source="x")
    assert holds(tx, member) == [("sms", "marketing", True)]
    say(tx, member, [word(tx, False)], taken_by="member", source="sms")
    assert holds(tx, member) == [("sms", "marketing", False)]


def test_of_several_words_in_one_breath_the_one_said_last_holds(tx: Tx) -> None:
    yes, no = word(tx, True, seconds=5), word(tx, False)
    assert latest_words([yes, no]) == {(Channel.SMS, Purpose.MARKETING): yes}
    assert latest_words([word(tx, True), no]) == {(Channel.SMS, Purpose.MARKETING): no}


def test_history_is_never_rewritten(tx: Tx) -> None:
    member = enrolled(tx)
    say(tx, member, [word(tx, True)], taken_by="x", source="x")
    tx.flush()
    with pytest.raises(Exception, match="never updated or deleted"):
        tx.execute("UPDATE member.consent_record SET granted = false")


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("sms", (Channel.SMS, Purpose.MARKETING)),
        ("wecom", (Channel.WECOM, Purpose.MARKETING)),
        ("profiling", (Channel.ANY, Purpose.PROFILING)),
        ("national_id", (Channel.ANY, Purpose.NATIONAL_ID)),
    ],
)
def test_short_names_of_consents(name: str, pair: tuple[Channel, Purpose]) -> None:
    assert read_name(name) == pair


@pytest.mark.parametrize("name", ["any", "smoke", "marketing", ""])
def test_a_consent_to_nothing_we_know_is_refused(name: str) -> None:
    with pytest.raises(ConsentUnreadable):
        read_name(name)


def test_a_wording_once_published_stays_as_it_is(tx: Tx) -> None:
    publish_wording(tx, "2", "I agree", "同意")
    assert publish_wording(tx, "2", "I agree", "同意").version == "2"
    with pytest.raises(WordingPublished):
        publish_wording(tx, "2", "I agree to everything", "同意")
    member = enrolled(tx)
    with pytest.raises(WordingUnknown):
        say(tx, member, [word(tx, True, wording="3")], taken_by="x", source="x")


def test_consents_over_http(http: FlaskClient, database: Database, clock: FixedClock) -> None:
    office, counter = Caller(http, database, OFFICE), Caller(http, database, COUNTER, store="S01")
    member = office.post("/v1/members", {"phone": PHONE, "consents": {"sms": True, "profiling": False}}).json["id"]
    clock.advance(timedelta(minutes=1))
    said = [
        {"channel": "sms", "purpose": "marketing", "granted": False},
        {"channel": "email", "purpose": "marketing", "granted": True, "proof": "form 17", "wording": "1"},
    ]
    answer = counter.post(f"/v1/members/{member}/consents", {"consents": said})
    assert answer.status_code == 200, answer.text
    assert [(c["channel"], c["purpose"], c["granted"]) for c in answer.json["consents"]] == [
        ("email", "marketing", True),
        ("sms", "marketing", False),
        ("any", "profiling", False),
    ]
    kept = office.get(f"/v1/members/{member}/consents").json["items"]
    assert [w["proof"] for w in kept] == ["form 17", None, None, None]
    assert kept[0]["place"] == "S01"
    assert counter.get(f"/v1/members/{member}/consents").json["items"][0]["proof"] is None
    wrong = [{"channel": "any", "purpose": "marketing", "granted": True}]
    assert office.post(f"/v1/members/{member}/consents", {"consents": wrong}).json["code"] == "consent_unreadable"
