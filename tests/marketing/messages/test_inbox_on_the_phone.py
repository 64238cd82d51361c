"""The inbox on the member's own phone: filled in with the whole name, new until it was looked at, nobody else's."""

from datetime import timedelta

from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.messages.history import inbox_of, mark_shown
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
    phone.browser.head("/m/messages")
    phone.browser.get("/m/messages", headers={"Sec-Purpose": "prefetch;prerender"})
    first, again = phone.get("/m/messages").text, phone.get("/m/messages").text
    assert "Hello Reader 1" in first
    assert ("New letter" in first, "New letter" in again) == (True, False)
    assert '<span class="badge good">1</span>' not in phone.get("/m").text
    assert "No messages yet" in others.get("/m/messages").text
    assert other != reader
    assert phone.get("/m/messages", cursor="x").status_code == 400


def test_what_a_page_shows_is_read_at_once_and_only_the_own_and_only_the_new(
    database: Database, clock: FixedClock
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        reader, other = (a_reader(tx, n, words={ConsentChannel.APP: True}) for n in (1, 2))
        for n in range(3):
            template = a_template(tx, channel=Channel.INBOX, message_class=MessageClass.MARKETING, code=f"T{n}")
            wishes = [a_wish(template, each, channel=Channel.INBOX, step=f"s{n}") for each in (reader, other)]
            queue_messages(tx, wishes)
    fill_inboxes(database)
    with database.transaction() as tx:
        mine = inbox_of(tx, reader, None, 20, personal=True)
        theirs = inbox_of(tx, other, None, 20, personal=True)
        assert mark_shown(tx, reader, mine[:1]) == 1
        first_read = tx.now
    clock.advance(timedelta(minutes=1))
    with database.transaction() as tx:
        assert mark_shown(tx, reader, [*inbox_of(tx, reader, None, 20, personal=True), *theirs]) == 2
        assert mark_shown(tx, reader, inbox_of(tx, reader, None, 20, personal=True)) == 0
        read = [letter.read_at for letter in inbox_of(tx, reader, None, 20, personal=True)]
        assert read == [first_read, tx.now, tx.now]
        assert {letter.read_at for letter in inbox_of(tx, other, None, 20, personal=True)} == {None}
