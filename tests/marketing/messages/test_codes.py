"""One-time codes leave at once, to members and strangers alike; once, in time, or not at all."""

import re
from datetime import timedelta

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import consume, move_batch
from marketing.messages.codes import send_codes, send_waiting_codes
from marketing.messages.gateway import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S
from member_api.contract.one_time_codes import codes_to_send
from member_api.phone.codes import LEASE, CodeWrong, ask_code, prove_code
from member_api.phone.rules import SEND_UNTIL
from regulars.running.workers import register_everything
from tests.marketing.messages.phones import Phones

NUMBER = "+8613900139000"
SIX = re.compile(r"[0-9]{6}")


def asked(database: Database, number: str = NUMBER, language: str = "en") -> str:
    """Somebody asks for a code; the handle."""
    with database.transaction() as tx:
        return ask_code(tx, number, address="10.0.0.1", language=language).handle


def state(database: Database) -> tuple[str, bool]:
    """Of the one code there is: how far it is, and whether it is still kept."""
    with database.transaction(read_only=True) as tx:
        row = tx.execute("SELECT state, sealed_code IS NOT NULL FROM member.login_code").one()
    return row[0], row[1]


def texts(phones: Phones) -> list[str]:
    """What the number got."""
    return [entry["text"] for entry in phones.got() if entry["to"] == NUMBER]


def still(_seconds: float) -> None:
    """No waiting in tests."""


def test_a_code_reaches_the_phone_in_the_readers_language_and_is_forgotten_here(
    database: Database, the_phones: Phones
) -> None:
    handle = asked(database, language="zh")
    send_codes(database, the_phones.gateway(), still)
    [text] = texts(the_phones)
    assert text.startswith("【Regulars】您的验证码是")
    assert state(database) == ("sent", False)
    code = SIX.findall(text)[0]
    with database.transaction() as tx:
        assert prove_code(tx, handle, code).number.value == NUMBER


def test_neither_number_nor_code_is_in_the_event_or_the_send_ledger(database: Database, the_phones: Phones) -> None:
    asked(database)
    send_codes(database, the_phones.gateway(), still)
    with database.transaction() as tx:
        move_batch(tx)
        [facts] = tx.execute("SELECT facts::text FROM foundation.event WHERE topic = 'member.code_asked'").scalars()
        assert re.fullmatch(r'\{"code": ?"[0-9]+"\}', facts)
        assert tx.execute("SELECT count(*) FROM marketing.message").scalar_one() == 0


def test_what_nobody_took_is_tried_again_and_what_would_come_too_late_is_not(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    asked(database)
    the_phones.faults(busy=1.0)
    send_codes(database, the_phones.gateway(), still)
    assert (state(database), texts(the_phones)) == (("asked", True), [])
    the_phones.faults()
    clock.advance(timedelta(seconds=4))
    send_codes(database, the_phones.gateway(), still)
    assert len(texts(the_phones)) == 1
    clock.advance(timedelta(minutes=1))
    asked(database)
    clock.advance(SEND_UNTIL)
    assert send_codes(database, the_phones.gateway(), still).looked_at == 0
    assert len(texts(the_phones)) == 1


def test_an_answer_that_was_lost_makes_no_second_text(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    asked(database)
    the_phones.faults(silent=1.0)
    send_codes(database, the_phones.gateway(answer_timeout_s=0.5), still)
    assert state(database) == ("sending", True)
    the_phones.faults()
    clock.advance(LEASE)
    send_codes(database, the_phones.gateway(), still)
    assert state(database) == ("sent", False)
    assert len(texts(the_phones)) == 1


def test_a_sender_that_died_leaves_the_code_to_the_next(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    asked(database)
    with database.transaction() as tx:
        assert len(codes_to_send(tx, 10)) == 1  # taken, and never heard of again
    assert send_codes(database, the_phones.gateway(), still).looked_at == 0
    clock.advance(LEASE)
    send_waiting_codes(database, the_phones.gateway())
    assert len(texts(the_phones)) == 1


def test_a_code_is_leased_for_longer_than_the_longest_call() -> None:
    # A connection of the pool, the connection itself, the words there, the answer.
    assert timedelta(seconds=2 * CONNECT_TIMEOUT_S + 2 * ANSWER_TIMEOUT_S) < LEASE


def test_without_a_gateway_nothing_leaves(database: Database) -> None:
    handle = asked(database)
    send_waiting_codes(database, None)
    assert state(database) == ("asked", True)
    with pytest.raises(CodeWrong), database.transaction() as tx:
        prove_code(tx, handle, "not it")


def test_asking_is_told_to_whoever_sends(database: Database) -> None:
    register_everything()
    asked(database)
    with database.transaction() as tx:
        move_batch(tx)
    assert consume(database, "marketing.codes") == 1
