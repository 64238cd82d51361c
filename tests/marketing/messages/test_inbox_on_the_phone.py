"""The inbox on the member's own phone: filled in with the whole name, new until it was looked at, nobody else's."""

from flask import Flask

from foundation.database import Database
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Channel, MessageClass
from marketing.messages.sending import fill_inboxes
from member_api.consents.rules import Channel as ConsentChannel
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.member_api.phone.phones import Phone


def test_a_letter_is_new_until_its_member_looks(app: Flask, database: Database) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        template = a_template(tx, channel=Channel.INBOX, message_class=MessageClass.MARKETING)
        reader, other = (a_reader(tx, n, words={ConsentChannel.APP: True}) for n in (1, 2))
        queue_messages(tx, [a_wish(template, reader, channel=Channel.INBOX)])
    fill_inboxes(database)
    phone, others = Phone(app, database, "13800000001"), Phone(app, database, "13800000002")
    for each in (phone, others):
        each.logs_in()
    assert '<span class="badge good">1</span>' in phone.get("/m").text
    first, again = phone.get("/m/messages").text, phone.get("/m/messages").text
    assert "Hello Reader 1" in first
    assert ("New letter" in first, "New letter" in again) == (True, False)
    assert '<span class="badge good">1</span>' not in phone.get("/m").text
    assert "No messages yet" in others.get("/m/messages").text
    assert other != reader
    assert phone.get("/m/messages", cursor="x").status_code == 400
