"""Exactly once towards the member, whatever the gateway does: it is slow, silent, late, away, dies, or says no."""

from datetime import timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.messages import sending, tasks
from marketing.messages.gate import Passed, pass_gate
from marketing.messages.gateway import NotTaken, Taken, Uncertain, open_gateway
from marketing.messages.operations import queue_messages
from marketing.messages.reports import Report, hear_reports
from marketing.messages.rules import Cap, Channel, MessageClass, MessageState, Reason
from marketing.messages.sending import (
    FAILURES_MAX,
    PROBE,
    Tried,
    ask_about_left,
    ask_leave,
    expire_overdue,
    give_back,
    only_sender,
    send_texts,
    settle,
)
from member_api.consents.rules import Channel as ConsentChannel
from regulars.running.postgres import free_port
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import KEY, Phones, phones

HASTE_S = 0.5


def queued_for(database: Database, count: int = 1, **wishes: object) -> None:
    with database.transaction() as tx:
        template = a_template(tx)
        queue_messages(tx, [a_wish(template, a_reader(tx, n + 1), **wishes) for n in range(count)])


def standing(database: Database) -> list[tuple[str, str | None]]:
    with database.transaction(read_only=True) as tx:
        return [(s, r) for s, r in tx.ask("SELECT state, reason FROM marketing.message ORDER BY id")]


@pytest.mark.parametrize("fault", ["silent", "error"])
def test_a_gateway_that_took_it_and_says_nothing_is_asked_not_told_again(
    database: Database, the_phones: Phones, clock: FixedClock, fault: str
) -> None:
    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(**{fault: 1.0})
    send_texts(database, the_phones.gateway(HASTE_S))
    assert standing(database) == [("sending", None)]
    assert send_texts(database, the_phones.gateway()).looked_at == 0
    the_phones.faults()
    clock.advance(timedelta(seconds=6))
    ask_about_left(database, the_phones.gateway())
    assert standing(database) == [("sent", None)]
    assert len(the_phones.got()) == 1


def test_a_call_that_comes_late_is_the_same_message(database: Database, the_phones: Phones, clock: FixedClock) -> None:
    import time

    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(late=1.0)
    send_texts(database, the_phones.gateway(HASTE_S))
    the_phones.faults()
    clock.advance(timedelta(seconds=6))
    ask_about_left(database, the_phones.gateway())
    clock.advance(timedelta(seconds=60))
    send_texts(database, the_phones.gateway())
    assert standing(database) == [("sent", None)]
    time.sleep(12.5)
    assert len(the_phones.got()) == 1


def test_a_gateway_that_cannot_be_asked_is_told_at_most_once(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    rules_of_sending(database, gateway_idempotent=False)
    queued_for(database)
    with phones(tmp_path / "book", "--no-idempotent") as plain:
        plain.faults(silent=1.0)
        send_texts(database, plain.gateway(HASTE_S))
        assert standing(database) == [(MessageState.UNKNOWN, Reason.NO_ANSWER)]
        clock.advance(timedelta(days=1))
        plain.faults()
        send_texts(database, plain.gateway())
        ask_about_left(database, plain.gateway())
        assert len(plain.got()) == 1


def test_without_questions_a_sender_that_died_leaves_unknown_never_a_second_message(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    rules_of_sending(database, gateway_idempotent=False)
    queued_for(database)
    with phones(tmp_path / "book", "--no-idempotent") as plain:
        with database.transaction() as tx:
            taken = pass_gate(tx, Channel.SMS)
        plain.gateway().hand_over(taken.outgoing)  # and here it dies
        clock.advance(timedelta(seconds=91))
        ask_about_left(database, plain.gateway())
        send_texts(database, plain.gateway())
        assert standing(database) == [(MessageState.UNKNOWN, Reason.NO_ANSWER)]
        assert len(plain.got()) == 1


def test_a_sender_that_dies_before_the_call_loses_nothing(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database)
    queued_for(database)
    with database.transaction() as tx:
        pass_gate(tx, Channel.SMS)
    gateway = the_phones.gateway()
    assert ask_about_left(database, gateway).looked_at == 0
    clock.advance(timedelta(seconds=91))
    ask_about_left(database, gateway)
    clock.advance(timedelta(seconds=6))
    send_texts(database, gateway)
    assert standing(database) == [("sent", None)]
    assert len(the_phones.got()) == 1


def test_a_gateway_that_is_away_costs_nobody_a_message_and_is_left_alone_for_a_while(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database)
    queued_for(database)
    nobody = open_gateway(f"http://127.0.0.1:{free_port()}", KEY, HASTE_S)
    for _ in range(FAILURES_MAX):
        assert send_texts(database, nobody).looked_at == 1
        clock.advance(timedelta(minutes=11))
    assert standing(database) == [("queued", "gateway_away")]
    clock.advance(timedelta(minutes=-11))
    with database.transaction() as tx:
        queue_messages(tx, [a_wish(a_template(tx), a_reader(tx, 2))])
    again = send_texts(database, nobody)
    assert (again.looked_at, again.again_at is not None) == (0, True)
    clock.advance(timedelta(minutes=11))
    send_texts(database, the_phones.gateway())
    assert standing(database) == [("sent", None), ("sent", None)]
    assert len(the_phones.got()) == 2
    with database.transaction() as tx:
        assert tx.ask("SELECT failures, open_until FROM marketing.message_gateway").fetchone() == (0, None)


def test_a_no_of_the_network_is_final_and_costs_nothing(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(refuse=1.0)
    send_texts(database, the_phones.gateway())
    assert standing(database) == [(MessageState.FAILED, Reason.BLOCKED_BY_NETWORK)]
    assert the_phones.got() == []


def test_trying_again_asks_the_gate_again(database: Database, the_phones: Phones, clock: FixedClock) -> None:
    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(busy=1.0)
    send_texts(database, the_phones.gateway())
    assert standing(database) == [("queued", "gateway_away")]
    with database.transaction() as tx:
        tx.ask("UPDATE member.consent SET granted = false")
    the_phones.faults()
    clock.advance(timedelta(minutes=1))
    send_texts(database, the_phones.gateway())
    assert standing(database) == [(MessageState.REFUSED, Reason.OPTED_OUT)]
    assert the_phones.got() == []


def test_what_a_gateway_may_have_is_never_called_refused(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(late=1.0)
    send_texts(database, the_phones.gateway(HASTE_S))
    clock.advance(timedelta(seconds=6))
    ask_about_left(database, the_phones.gateway())
    with database.transaction() as tx:
        tx.ask("UPDATE member.consent SET granted = false")
    clock.advance(timedelta(minutes=1))
    send_texts(database, the_phones.gateway())
    assert standing(database) in ([(MessageState.UNKNOWN, Reason.OPTED_OUT)], [("sent", None)])


def test_tries_are_bounded(database: Database, the_phones: Phones, clock: FixedClock) -> None:
    rules_of_sending(database)
    queued_for(database)
    the_phones.faults(busy=1.0)
    for _ in range(20):
        send_texts(database, the_phones.gateway())
        clock.advance(timedelta(minutes=15))
    assert standing(database) == [(MessageState.FAILED, Reason.GATEWAY_AWAY)]
    assert the_phones.got() == []


def test_what_waits_too_long_for_a_gateway_expires(database: Database, clock: FixedClock) -> None:
    queued_for(database)
    clock.advance(timedelta(days=8))
    assert expire_overdue(database) == 1
    assert standing(database) == [(MessageState.EXPIRED, Reason.TOO_LATE)]


def test_the_agreed_rate_is_kept_by_all_senders_together(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database, rate_per_second=2)
    queued_for(database, 10)
    slept: list[float] = []
    for _ in range(3):
        send_texts(database, the_phones.gateway(), sleep=slept.append)
    assert len(the_phones.got()) == 6
    assert slept == [1.0, 2.0]
    assert send_texts(database, the_phones.gateway(), sleep=slept.append).looked_at == 0


def test_a_code_somebody_waits_for_does_not_stand_behind_a_campaign(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database, rate_per_second=1)
    queued_for(database, 3)
    with database.transaction() as tx:
        kind = MessageClass.TRANSACTIONAL
        code = a_template(tx, "Your code", message_class=kind)
        queue_messages(tx, [a_wish(code, a_reader(tx, 9), campaign_id=None, step="code/1", message_class=kind)])
    send_texts(database, the_phones.gateway())
    assert [got["text"] for got in the_phones.got()] == ["[Regulars] Your code"]


def test_one_tries_a_gateway_that_was_away_with_a_few_and_the_others_wait(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database)
    queued_for(database, PROBE + 3)
    with database.transaction() as tx:
        tx.ask("UPDATE marketing.message_gateway SET failures = %s, open_until = %s", (FAILURES_MAX, tx.now))
    with database.transaction() as tx:
        first = ask_leave(tx, Channel.SMS, 500)
        second = ask_leave(tx, Channel.SMS, 500)
    assert (first.count, first.probe, second.count) == (PROBE, True, 0)
    with database.transaction() as tx:
        give_back(tx, Channel.SMS, first, used=0)
    clock.advance(timedelta(seconds=1))
    send_texts(database, the_phones.gateway())
    assert len(the_phones.got()) == PROBE
    clock.advance(timedelta(seconds=1))
    send_texts(database, the_phones.gateway())
    assert len(the_phones.got()) == PROBE + 3


def test_one_worker_of_the_house_sends_at_a_time(database: Database) -> None:
    with only_sender(database) as first, only_sender(database) as second:
        assert (first, second) == (True, False)
    with only_sender(database) as again:
        assert again


def test_the_task_sends_what_is_due_on_every_channel(
    database: Database, the_phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, words={ConsentChannel.SMS: True, ConsentChannel.APP: True})
        queue_messages(tx, [a_wish(a_template(tx), member)])
        queue_messages(tx, [a_wish(a_template(tx, channel=Channel.INBOX), member, step="2", channel=Channel.INBOX)])
    monkeypatch.setattr(tasks, "the_gateway", the_phones.gateway)
    tasks.send_messages_task()
    assert standing(database) == [("sent", None), ("delivered", None)]


def test_without_a_gateway_text_messages_wait_and_letters_arrive(database: Database) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        member = a_reader(tx, words={ConsentChannel.SMS: True, ConsentChannel.APP: True})
        queue_messages(tx, [a_wish(a_template(tx), member)])
        queue_messages(tx, [a_wish(a_template(tx, channel=Channel.INBOX), member, step="2", channel=Channel.INBOX)])
    tasks.send_messages_task()
    assert standing(database) == [("queued", None), ("delivered", None)]


def test_what_a_slow_sender_makes_of_its_failed_call_is_not_about_the_next_try(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database, caps=(Cap(MessageClass.MARKETING, Channel.SMS, 7, 1),))
    queued_for(database)
    with database.transaction() as tx:
        (slow,) = pass_gate(tx, Channel.SMS).outgoing
    clock.advance(timedelta(seconds=91))
    ask_about_left(database, the_phones.gateway())
    clock.advance(timedelta(seconds=6))
    with database.transaction() as tx:
        pass_gate(tx, Channel.SMS)
    with database.transaction() as tx:
        settle(tx, [Tried(slow.id, slow.attempts, NotTaken())], can_ask=True)
        settle(tx, [Tried(slow.id, slow.attempts, Uncertain())], can_ask=True)
        assert tx.ask("SELECT state, recipient_id IS NULL, attempts FROM marketing.message").fetchone() == (
            "sending", False, 2,
        )  # fmt: skip
        settle(tx, [Tried(slow.id, slow.attempts, Taken("gw-1"))], can_ask=True)
        assert tx.ask("SELECT state FROM marketing.message").fetchone() == ("sent",)


def test_a_sender_that_was_held_up_does_not_call_any_more(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database)
    queued_for(database)

    def slow_gate(tx: Tx, channel: Channel, limit: int) -> Passed:
        passed = pass_gate(tx, channel, limit)
        clock.advance(timedelta(seconds=50))
        return passed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "pass_gate", slow_gate)
        send_texts(database, the_phones.gateway())
    assert the_phones.got() == []
    assert standing(database) == [("queued", "gateway_away")]


def test_what_a_gateway_took_counts_even_if_the_phone_was_not_reached(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database, caps=(Cap(MessageClass.MARKETING, Channel.SMS, 7, 1),))
    with database.transaction() as tx:
        member, template = a_reader(tx), a_template(tx)
        queue_messages(tx, [a_wish(template, member)])
    send_texts(database, the_phones.gateway())
    with database.transaction() as tx:
        hear_reports(tx, [Report(the_phones.got()[0]["id"], False, tx.now, "undelivered")])
        queue_messages(tx, [a_wish(template, member, step="second")])
    send_texts(database, the_phones.gateway())
    assert standing(database) == [("failed", "undelivered"), ("refused", "capped")]
    assert len(the_phones.got()) == 1
