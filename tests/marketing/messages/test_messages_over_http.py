"""Messages through the API: templates with preview, rules of sending, history, the inbox, the gateway's door."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import SystemClock
from foundation.database import Database
from foundation.settings import get_settings
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Channel, Language
from marketing.messages.sending import fill_inboxes, send_texts
from marketing.messages.signing import sign
from member_api.consents.rules import Channel as ConsentChannel
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import Phones
from tests.member_api.callers import Caller

SCOPES = ("messages.read", "messages.write", "members.read", "members.write", "members.personal")
KEY = "shared-with-the-gateway"

SPRING: dict[str, Any] = {
    "code": "spring",
    "name": "Spring",
    "channel": "sms",
    "message_class": "marketing",
    "texts": {
        "en": {"body": "Dear {{ name }}, {{ points }} points wait"},
        "zh": {"body": "{{ name }}，您有{{ points }}分"},
    },
}


@pytest.fixture
def caller(http: FlaskClient, database: Database) -> Caller:
    return Caller(http, database, SCOPES)


@pytest.fixture
def signed_key(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[str]:
    """The house shares a key with its gateway, and looks at the wall clock, as signatures do."""
    database.clock = SystemClock()
    monkeypatch.setenv("SMS_GATEWAY_KEY", KEY)
    get_settings.cache_clear()
    yield KEY
    get_settings.cache_clear()


def knock(http: FlaskClient, path: str, body: Any, *, key: str = KEY, seconds: int | None = None) -> Any:
    content = json.dumps(body).encode()
    stamp = int(time.time()) if seconds is None else seconds
    headers = {
        "webhook-id": "call-1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(key, "call-1", stamp, content),
    }
    return http.post(f"/v1/gateways/sms/{path}", data=content, headers=headers, content_type="application/json")


# ------------------------------------------------------------------------------------------------ templates
def test_a_template_is_saved_by_version_and_says_what_it_needs(caller: Caller) -> None:
    first = caller.post("/v1/message-templates", SPRING)
    assert first.status_code == 201, first.text
    again = caller.post("/v1/message-templates", SPRING)
    changed = caller.post("/v1/message-templates", {**SPRING, "texts": {"en": {"body": "Hi {{ name }}"}}})
    assert (first.get_json()["version"], first.get_json()["facts"]) == (1, ["points"])
    assert again.get_json()["id"] == first.get_json()["id"]
    assert (changed.get_json()["version"], changed.get_json()["facts"]) == (2, [])
    listed = caller.get("/v1/message-templates").get_json()["items"]
    assert [(each["code"], each["version"]) for each in listed] == [("spring", 2)]
    assert caller.get(f"/v1/message-templates/{first.get_json()['id']}").get_json()["version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        "{{ phone }}",
        "{{ name",
        "{% for x in 'aaaa' %}{{ name }}{% endfor %}",
        "{{ name.__class__ }}",
        "{{ 'a' * 999999999 }}",
        "{{ cycler() }}",
        "{% set name = 1 %}",
        "{{ name | attr('x') }}",
        "字" * 900,
    ],
)
def test_a_text_that_asks_for_more_than_a_letter_needs_is_refused_when_saved(caller: Caller, body: str) -> None:
    answer = caller.post("/v1/message-templates", {**SPRING, "texts": {"en": {"body": body}}})
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["errors"][0]["pointer"].startswith("/texts/en")
    assert caller.get("/v1/message-templates").get_json()["items"] == []


def test_a_preview_shows_parts_and_cost_and_faults(caller: Caller) -> None:
    asked = {key: SPRING[key] for key in ("channel", "message_class")}
    texts = {"en": {"body": "Hello {{ name }}"}, "zh": {"body": "您好{{ nobody }}"}}
    headers = caller.headers
    answer = caller.http.post("/v1/message-templates/preview", json={**asked, "texts": texts}, headers=headers)
    shown = answer.get_json()["texts"]
    assert shown["en"]["text"] == "[Regulars] Hello Alex Smith Reply STOP to opt out"
    assert (shown["en"]["encoding"], shown["en"]["segments"], shown["en"]["cost_milli"]) == ("gsm7", 1, 5000)
    assert "nobody" in shown["zh"]["fault"]


# ------------------------------------------------------------------------------------------------ rules of sending
def test_rules_of_sending_are_published_by_version(caller: Caller) -> None:
    (first,) = caller.get("/v1/message-policies").get_json()["items"]
    wish = {key: value for key, value in first.items() if key not in ("version", "published_at", "valid_from")}
    made = caller.post("/v1/message-policies", {**wish, "quiet_from": "22:30", "caps": []})
    assert made.status_code == 201, made.text
    listed = caller.get("/v1/message-policies").get_json()["items"]
    assert [(each["version"], each["quiet_from"], len(each["caps"])) for each in listed] == [
        (2, "22:30", 0),
        (1, "21:00", 3),
    ]
    twice = [{"message_class": "marketing", "channel": "sms", "window_days": 7, "count_max": 1}] * 2
    assert caller.post("/v1/message-policies", {**wish, "caps": twice}).status_code == 422
    free = [{"message_class": "transactional", "channel": "sms", "window_days": 7, "count_max": 1}]
    assert caller.post("/v1/message-policies", {**wish, "caps": free}).status_code == 422
    assert caller.post("/v1/message-policies", {**wish, "valid_from": "2001-01-01T00:00:00Z"}).status_code == 422


# ------------------------------------------------------------------------------------------------ the inbox
def test_a_letter_is_filled_in_when_it_is_read_and_masked_for_those_who_may_not_see(
    caller: Caller, http: FlaskClient, database: Database
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, name="Li <b>Ming</b>", words={ConsentChannel.APP: True})
        template = a_template(tx, "Dear {{ name }},\n\nsee you", channel=Channel.INBOX)
        queue_messages(tx, [a_wish(template, member, channel=Channel.INBOX)])
    fill_inboxes(database)
    (letter,) = caller.get(f"/v1/members/{member}/inbox").get_json()["items"]
    assert letter["text"] == "Dear Li <b>Ming</b>,\n\nsee you"
    assert letter["html"] == "<p>Dear Li &lt;b&gt;Ming&lt;/b&gt;,</p><p>see you</p>"
    assert letter["read_at"] is None
    stranger = Caller(http, database, ("messages.read",))
    assert "Ming" not in stranger.get(f"/v1/members/{member}/inbox").text
    read = caller.post(f"/v1/members/{member}/inbox/{letter['id']}/read", {})
    assert read.status_code == 200
    (again,) = caller.get(f"/v1/members/{member}/inbox").get_json()["items"]
    assert again["read_at"] == read.get_json()["read_at"]
    assert caller.post(f"/v1/members/{member}/inbox/999/read", {}).status_code == 404


def test_the_member_s_language_is_used(caller: Caller, database: Database) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, name="李明", words={ConsentChannel.APP: True})
    assert caller.put(f"/v1/members/{member}/language", {"language": "zh"}).status_code == 200
    with database.transaction() as tx:
        from marketing.messages.contents import Words

        texts = {Language.EN: Words("Hi", "Hi"), Language.ZH: Words("您好{{ name }}", "问候")}
        template = a_template(tx, channel=Channel.INBOX, texts=texts)
        queue_messages(tx, [a_wish(template, member, channel=Channel.INBOX)])
    fill_inboxes(database)
    (letter,) = caller.get(f"/v1/members/{member}/inbox").get_json()["items"]
    assert (letter["subject"], letter["text"], letter["language"]) == ("问候", "您好李明", "zh")


# ------------------------------------------------------------------------------------------------ the gateway's door
def test_only_the_gateway_s_key_opens_the_door(http: FlaskClient, database: Database, signed_key: str) -> None:
    assert http.post("/v1/gateways/sms/reports", json={"reports": []}).status_code == 401
    assert knock(http, "reports", {"reports": []}, key="another").status_code == 401
    assert knock(http, "reports", {"reports": []}, seconds=1_000_000_000).status_code == 401
    assert knock(http, "reports", {"reports": []}).get_json() == {"news": 0}
    assert knock(http, "reports", {"reports": [{"id": 1}]}).status_code == 400


def test_a_gateway_without_a_key_has_no_door(http: FlaskClient, database: Database) -> None:
    database.clock = SystemClock()
    assert knock(http, "reports", {"reports": []}, key="").status_code == 401


def test_reports_come_late_twice_and_out_of_order(
    signed_key: str, http: FlaskClient, database: Database, the_phones: Phones, caller: Caller
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx)
        queue_messages(tx, [a_wish(a_template(tx), member)])
    send_texts(database, the_phones.gateway())
    (got,) = the_phones.got()
    failed = {"id": got["id"], "status": "failed", "code": "undelivered", "at": got["at"]}
    delivered = {"id": got["id"], "status": "delivered", "at": got["at"]}
    assert knock(http, "reports", {"reports": [failed]}).get_json() == {"news": 1}
    assert knock(http, "reports", {"reports": [delivered, failed]}).get_json() == {"news": 1}
    assert knock(http, "reports", {"reports": [failed, delivered]}).get_json() == {"news": 0}
    assert knock(http, "reports", {"reports": [{**failed, "id": "99-" + "0" * 32}]}).get_json() == {"news": 0}
    (shown,) = caller.get(f"/v1/members/{member}/messages").get_json()["items"]
    assert (shown["state"], shown["reason"], shown["campaign"]) == ("delivered", None, "7")


@pytest.mark.parametrize("words", ["TD", " td ", "退订", "T", "Stop.", "ＴＤ"])
def test_an_answer_that_says_no_acts_at_once_and_is_proven(
    signed_key: str, http: FlaskClient, database: Database, the_phones: Phones, caller: Caller, words: str
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member, template = a_reader(tx), a_template(tx)
        queue_messages(tx, [a_wish(template, member)])
    send_texts(database, the_phones.gateway())
    reply = {"id": "re-1", "from": the_phones.got()[0]["to"], "text": words, "at": the_phones.got()[0]["at"]}
    assert knock(http, "replies", {"replies": [reply]}).get_json() == {"news": 1}
    assert knock(http, "replies", {"replies": [reply]}).get_json() == {"news": 0}
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(template, member, step="second")])
    send_texts(database, the_phones.gateway())
    assert len(the_phones.got()) == 1
    shown = caller.get(f"/v1/members/{member}/messages").get_json()["items"][0]
    assert (shown["state"], shown["reason"]) == ("refused", "opted_out")
    word = caller.get(f"/v1/members/{member}/consents").get_json()["items"][0]
    assert (word["granted"], word["source"], word["taken_by"]) == (False, "reply", "gateway:sms")
    assert word["proof"] == f"SMS answer re-1: {words.strip()}"


def test_another_answer_changes_no_consent(
    signed_key: str, http: FlaskClient, database: Database, caller: Caller
) -> None:
    with database.transaction() as tx:
        member = a_reader(tx)
    reply = {"id": "re-2", "from": "+8613800000001", "text": "Thank you, stop by soon", "at": "2026-01-01T00:00:00Z"}
    assert knock(http, "replies", {"replies": [reply]}).get_json() == {"news": 1}
    assert all(word["granted"] for word in caller.get(f"/v1/members/{member}/consents").get_json()["items"])


def test_who_received_a_campaign_is_listed_and_paged(caller: Caller, database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        template = a_template(tx)
        members = [a_reader(tx, n, words=None if n < 4 else {}) for n in range(1, 6)]
        queue_messages(tx, [a_wish(template, member) for member in members])
    send_texts(database, the_phones.gateway())
    page = caller.get("/v1/messages", campaign="7", state="sent", limit=2).get_json()
    rest = caller.get("/v1/messages", campaign="7", state="sent", limit=2, cursor=page["next_cursor"]).get_json()
    assert [each["member"] for each in page["items"] + rest["items"]] == [str(m) for m in reversed(members[:3])]
    assert rest["next_cursor"] is None
    refused = caller.get("/v1/messages", campaign="7", reason="no_consent").get_json()["items"]
    assert [each["member"] for each in refused] == [str(m) for m in reversed(members[3:])]
    figures = caller.get("/v1/messages/standing").get_json()["figures"]
    assert {(each["state"], each["reason"], each["count"]) for each in figures} == {
        ("sent", None, 3),
        ("refused", "no_consent", 2),
    }


def test_whoever_acts_in_one_store_changes_no_rules_of_the_company(
    http: FlaskClient, caller: Caller, database: Database
) -> None:
    here = Caller(http, database, SCOPES, store="S01")
    in_force = here.get("/v1/message-policies").get_json()["items"][0]
    rules = {name: value for name, value in in_force.items() if name not in ("version", "published_at", "valid_from")}
    assert here.post("/v1/message-policies", rules | {"quiet_from": "03:00"}).get_json()["code"] == "place_forbidden"
    assert here.post("/v1/message-templates", SPRING).get_json()["code"] == "place_forbidden"
    made = caller.post("/v1/message-templates", SPRING).get_json()["id"]
    assert here.post(f"/v1/message-templates/{made}/retire", {}).get_json()["code"] == "place_forbidden"
    assert caller.post(f"/v1/message-templates/{made}/retire", {}).status_code == 200
