"""Row 25: nobody could see who received which campaign. Here contact history is kept, by campaign and by member, and
where something did not leave it says why."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Channel
from marketing.messages.sending import fill_inboxes, send_texts
from member_api.consents.rules import Channel as ConsentChannel
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import phones
from tests.member_api.callers import Caller

pytestmark = pytest.mark.field


def test_history_tells_who_got_a_campaign_who_did_not_and_why(
    http: FlaskClient, database: Database, tmp_path: Path
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        text, letter = a_template(tx), a_template(tx, channel=Channel.INBOX)
        yes = a_reader(tx, 1, words={ConsentChannel.SMS: True, ConsentChannel.APP: True})
        no = a_reader(tx, 2, words={})
        for member in (yes, no):
            queue_messages(tx, [a_wish(text, member), a_wish(letter, member, step="letter", channel=Channel.INBOX)])
    with phones(tmp_path / "book") as running:
        send_texts(database, running.gateway())
        fill_inboxes(database)
    caller = Caller(http, database, ("messages.read",))
    campaign = caller.get("/v1/messages", campaign="7").get_json()["items"]
    assert {(each["member"], each["channel"], each["state"], each["reason"]) for each in campaign} == {
        (str(yes), "sms", "sent", None),
        (str(yes), "inbox", "delivered", None),
        (str(no), "sms", "refused", "no_consent"),
        (str(no), "inbox", "refused", "no_consent"),
    }
    history = caller.get(f"/v1/members/{yes}/messages").get_json()["items"]
    assert [(each["campaign"], each["step"], each["state"]) for each in history] == [
        ("7", "letter", "delivered"),
        ("7", "invitation", "sent"),
    ]


def test_history_stays_when_the_template_changes_and_the_member_is_erased(
    database: Database, http: FlaskClient
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, words={ConsentChannel.APP: True})
        letter = a_template(tx, "Dear {{ name }}", channel=Channel.INBOX)
        queue_messages(tx, [a_wish(letter, member, channel=Channel.INBOX)])
    fill_inboxes(database)
    with database.transaction() as tx:
        a_template(tx, "Something else", channel=Channel.INBOX)
        tx.ask("DELETE FROM member.profile_field WHERE member_id = %s", (member,))
        tx.ask("DELETE FROM member.member_key WHERE member_id = %s", (member,))
    caller = Caller(http, database, ("messages.read", "members.personal"))
    (kept,) = caller.get(f"/v1/members/{member}/messages").get_json()["items"]
    (shown,) = caller.get(f"/v1/members/{member}/inbox").get_json()["items"]
    assert (kept["template"], kept["state"]) == (str(letter), "delivered")
    assert shown["text"] == "Dear"
