"""Every refusal of the gate: it is stored with its reason, and no phone got anything."""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.experiments.assignment import is_held_out
from marketing.experiments.standing import set_standing_control
from marketing.messages.gate import pass_gate
from marketing.messages.operations import queue_messages, stop_messages
from marketing.messages.rules import Cap, Channel, MessageClass, MessageState, QuietHours, Reason
from marketing.messages.sending import Round, send_texts
from marketing.tasks.operations import TaskWish, create_tasks
from member_api.consents.rules import Channel as ConsentChannel
from member_api.members.operations import freeze
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import Phones
from tests.organisation.factories import a_store


def standing(database: Database, campaign: int | None = 7) -> list[tuple[str, str | None]]:
    with database.transaction(read_only=True) as tx:
        rows = tx.ask(
            "SELECT state, reason FROM marketing.message WHERE campaign_id IS NOT DISTINCT FROM %s ORDER BY id",
            (campaign,),
        )
        return [(state, reason) for state, reason in rows]


def send(database: Database, phones: Phones) -> Round:
    return send_texts(database, phones.gateway())


def test_who_agreed_gets_it_with_name_sign_and_way_out(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, name="Li Ming")
        queue_messages(tx, [a_wish(a_template(tx), member)])
    assert send(database, the_phones).looked_at == 1
    (got,) = the_phones.got()
    assert (got["to"], got["text"]) == ("+8613800000001", "[Regulars] Hello Li Ming Reply STOP to opt out")
    assert standing(database) == [("sent", None)]


Case = Callable[[Tx, int], Any]


def _freeze(tx: Tx, member: int) -> None:
    freeze(tx, member, by="test", reason="test")


def _close(tx: Tx, member: int) -> None:
    tx.ask("UPDATE member.member SET status = 'closed' WHERE id = %s", (member,))


def _erase(tx: Tx, member: int) -> None:
    tx.ask(
        "UPDATE member.member SET status = 'erased', birth_year = NULL, gender = NULL, birth_month_day = NULL, "
        "creation_digest = NULL WHERE id = %s",
        (member,),
    )


def _complain(tx: Tx, member: int) -> None:
    create_tasks(tx, [TaskWish(member, "complaint", f"c/{member}")])


def _hold_out(tx: Tx, member: int) -> None:
    salt = next(f"salt-{n}" for n in range(1000) if is_held_out(f"salt-{n}", member, 2_000))
    set_standing_control(tx, tx.now.date(), 2_000, salt, "test")


def _stop(tx: Tx, _member: int) -> None:
    stop_messages(tx, 7)


def _nothing(_tx: Tx, _member: int) -> None:
    pass


REFUSALS: dict[Reason, tuple[Case, dict[str, Any]]] = {
    Reason.NO_CONSENT: (_nothing, {"words": {}}),
    Reason.OPTED_OUT: (_nothing, {"words": {ConsentChannel.SMS: False}}),
    Reason.MEMBER_FROZEN: (_freeze, {}),
    Reason.MEMBER_CLOSED: (_close, {}),
    Reason.MEMBER_ERASED: (_erase, {}),
    Reason.COMPLAINT: (_complain, {}),
    Reason.HELD_OUT: (_hold_out, {}),
    Reason.CAMPAIGN_STOPPED: (_stop, {}),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_says_why_and_nothing_was_sent(database: Database, the_phones: Phones, reason: Reason) -> None:
    make, facts = REFUSALS[reason]
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, **facts)
        make(tx, member)
        queue_messages(tx, [a_wish(a_template(tx), member)])
    send(database, the_phones)
    assert standing(database) == [(MessageState.REFUSED, reason)]
    assert the_phones.got() == []


@pytest.mark.parametrize("arm", ["held_out", "company_control"])
def test_the_control_group_of_a_campaign_gets_nothing_even_if_it_is_wished_for(
    database: Database, the_phones: Phones, arm: str
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx)
        # Only the row that the gate reads; the campaign around it is not what this is about.
        tx.ask("SET LOCAL session_replication_role = replica")
        tx.ask(
            "INSERT INTO marketing.campaign_member (campaign_id, member_id, arm, why, assigned_at) "
            "VALUES (7, %s, %s, 'control_group', %s)",
            (member, arm, tx.now),
        )
        tx.ask("SET LOCAL session_replication_role = origin")
        queue_messages(tx, [a_wish(a_template(tx), member)])
    send(database, the_phones)
    assert standing(database) == [(MessageState.REFUSED, Reason.HELD_OUT)]
    assert the_phones.got() == []


def test_nobody_is_nobody(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(a_template(tx), 4711)])
    send(database, the_phones)
    assert standing(database) == [(MessageState.REFUSED, Reason.MEMBER_UNKNOWN)]
    assert the_phones.got() == []


def test_without_a_number_nothing_is_sent(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx)
        tx.ask("UPDATE member.identifier SET kind = 'app_id' WHERE member_id = %s", (member,))
        queue_messages(tx, [a_wish(a_template(tx), member)])
    send(database, the_phones)
    assert standing(database) == [(MessageState.REFUSED, Reason.NO_ADDRESS)]
    assert the_phones.got() == []


def test_a_message_out_of_date_expires(database: Database, the_phones: Phones, clock: FixedClock) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(a_template(tx), a_reader(tx), expires_at=tx.now + timedelta(hours=1))])
    clock.advance(timedelta(hours=2))
    send(database, the_phones)
    assert standing(database) == [(MessageState.EXPIRED, Reason.TOO_LATE)]
    assert the_phones.got() == []


def test_caps_hold_within_a_batch_and_between_batches(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database, caps=(Cap(MessageClass.MARKETING, Channel.SMS, 7, 2),))
    with database.transaction() as tx:
        member, template = a_reader(tx), a_template(tx)
        queue_messages(tx, [a_wish(template, member, step=f"{n}") for n in range(3)])
    send(database, the_phones)
    assert standing(database) == [("sent", None), ("sent", None), ("refused", "capped")]
    clock.advance(timedelta(days=6))
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(template, member, step="4")])
    send(database, the_phones)
    clock.advance(timedelta(days=2))
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(template, member, step="5")])
    send(database, the_phones)
    assert [reason for _, reason in standing(database)] == [None, None, "capped", "capped", None]
    assert len(the_phones.got()) == 3


def test_a_merged_member_is_reached_once_under_the_survivor(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        first, second, template = a_reader(tx, 1), a_reader(tx, 2), a_template(tx)
        tx.ask("UPDATE member.member SET status = 'merged', merged_into = %s WHERE id = %s", (second, first))
        queue_messages(tx, [a_wish(template, first)])
    send(database, the_phones)
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(template, second)])
    send(database, the_phones)
    assert standing(database) == [("sent", None), ("refused", "duplicate")]
    assert [got["to"] for got in the_phones.got()] == ["+8613800000002"]


def test_quiet_hours_are_those_of_the_home_store(database: Database, the_phones: Phones, clock: FixedClock) -> None:
    # 02:00 UTC: ten in the morning in Shanghai, nine at night in New York.
    rules_of_sending(database, quiet=QuietHours(time(21), time(9)))
    with database.transaction() as tx:
        a_store(tx, "S01", timezone="Asia/Shanghai")
        a_store(tx, "S02", timezone="America/New_York")
        here, there, template = a_reader(tx, 1, home_store="S01"), a_reader(tx, 2, home_store="S02"), a_template(tx)
        queue_messages(tx, [a_wish(template, here), a_wish(template, there)])
        queue_messages(tx, [a_wish(template, there, step="short", expires_at=tx.now + timedelta(hours=3))])
    send(database, the_phones)
    assert standing(database) == [("sent", None), ("queued", "quiet_hours"), ("expired", "quiet_hours")]
    assert [got["to"] for got in the_phones.got()] == ["+8613800000001"]
    assert send(database, the_phones).looked_at == 0
    clock.advance(timedelta(hours=12))
    send(database, the_phones)
    assert [got["to"] for got in the_phones.got()] == ["+8613800000001", "+8613800000002"]


def test_a_text_that_cannot_be_made_is_not_sent(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        template = a_template(tx, "You have {{ points }} points")
        queue_messages(tx, [a_wish(template, a_reader(tx), facts={"points": 12})])
        tx.ask("UPDATE marketing.message SET facts = '{}'")
    send(database, the_phones)
    assert standing(database) == [(MessageState.REFUSED, Reason.UNREADABLE)]
    assert the_phones.got() == []


def test_what_the_member_did_is_answered_at_night_without_consent_and_without_caps(
    database: Database, the_phones: Phones
) -> None:
    rules_of_sending(
        database, quiet=QuietHours(time(0), time(23, 59)), caps=(Cap(MessageClass.MARKETING, Channel.SMS, 1, 0),)
    )
    with database.transaction() as tx:
        template = a_template(tx, "Your receipt", message_class=MessageClass.TRANSACTIONAL)
        member = a_reader(tx, words={ConsentChannel.SMS: False})
        kind = {"message_class": MessageClass.TRANSACTIONAL, "campaign_id": None}
        queue_messages(tx, [a_wish(template, member, step=f"receipt/{n}", **kind) for n in range(5)])
    send(database, the_phones)
    assert [got["text"] for got in the_phones.got()] == ["[Regulars] Your receipt"] * 5


def test_service_needs_no_yes_but_heeds_a_no(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        template = a_template(tx, "Your order is ready", message_class=MessageClass.SERVICE)
        never, no = a_reader(tx, 1, words={}), a_reader(tx, 2, words={ConsentChannel.SMS: False})
        queue_messages(tx, [a_wish(template, member, message_class=MessageClass.SERVICE) for member in (never, no)])
    send(database, the_phones)
    assert standing(database) == [("sent", None), ("refused", "opted_out")]
    assert len(the_phones.got()) == 1


def test_the_inbox_asks_its_own_consent(database: Database) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        template = a_template(tx, channel=Channel.INBOX)
        yes, no = a_reader(tx, 1, words={ConsentChannel.APP: True}), a_reader(tx, 2)
        queue_messages(tx, [a_wish(template, member, channel=Channel.INBOX) for member in (yes, no)])
    with database.transaction() as tx:
        assert pass_gate(tx, Channel.INBOX).outgoing == ()
    assert standing(database) == [("delivered", None), ("refused", "no_consent")]


def test_no_name_and_no_number_is_kept_outside_of_member(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(a_template(tx), a_reader(tx, name="Secretive"))])
    send(database, the_phones)
    with database.transaction(read_only=True) as tx:
        row = tx.ask("SELECT m::text FROM marketing.message m").fetchone()
    assert row is not None
    assert "Secretive" not in row[0]
    assert "13800000001" not in row[0]
