"""The wallet's proof: five wrong tries shut it, however they come, and what was right is used up."""

import threading
from datetime import timedelta

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.contract.wallet_pin import PinMissing, ProofWrong, WalletBlocked, check_code, check_pin, state_of
from member_api.phone.pins import PinTooEasy, new_spend_code, set_pin
from member_api.phone.rules import PROVED_LIFE, SPEND_CODE_LIFE, why_too_easy
from tests.member_api.people import a_member

PIN = "804217"
WRONG = "111112"


@pytest.fixture
def member(database: Database) -> int:
    member = a_member(database)
    with database.transaction() as tx:
        set_pin(tx, member, PIN)
    return member


def tried(database: Database, member: int, pin: str) -> Exception | None:
    try:
        with database.transaction() as tx:
            check_pin(tx, member, pin)
    except (ProofWrong, WalletBlocked, PinMissing) as refused:
        return refused
    return None


def shown(database: Database, member: int) -> str:
    with database.transaction() as tx:
        return new_spend_code(tx, member).code


def test_the_right_pin_opens_and_sets_the_count_back(database: Database, member: int) -> None:
    for _ in range(3):
        assert isinstance(tried(database, member, WRONG), ProofWrong)
        assert tried(database, member, PIN) is None
    assert isinstance(tried(database, member, WRONG), ProofWrong)


def test_five_wrong_tries_shut_the_wallet_even_for_the_right_pin(
    database: Database, member: int, clock: FixedClock
) -> None:
    left = []
    for _ in range(4):
        refused = tried(database, member, WRONG)
        assert isinstance(refused, ProofWrong)
        left.append(refused.facts["tries_left"])
    assert left == [4, 3, 2, 1]
    shut = tried(database, member, WRONG)
    assert isinstance(shut, WalletBlocked)
    assert shut.facts["until"] == (clock.now() + timedelta(minutes=15)).isoformat()
    assert isinstance(tried(database, member, PIN), WalletBlocked)
    clock.advance(timedelta(minutes=15))
    assert tried(database, member, PIN) is None


def test_each_block_in_a_row_is_twice_as_long_up_to_a_day(database: Database, member: int, clock: FixedClock) -> None:
    lengths = []
    for _ in range(9):
        for _ in range(5):
            tried(database, member, WRONG)
        with database.transaction(read_only=True) as tx:
            until = state_of(tx, member).blocked_until
        assert until is not None
        lengths.append((until - clock.now()).total_seconds() / 60)
        clock.advance(until - clock.now())
    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    assert tried(database, member, PIN) is None


def test_a_try_is_kept_though_the_callers_transaction_is_rolled_back(database: Database, member: int) -> None:
    for _ in range(5):
        with pytest.raises((ProofWrong, WalletBlocked)), database.transaction() as tx:
            check_pin(tx, member, WRONG)
    assert isinstance(tried(database, member, PIN), WalletBlocked)


def test_twenty_at_once_get_no_more_tries_than_one(database: Database, member: int) -> None:
    refused: list[Exception | None] = []
    threads = [threading.Thread(target=lambda: refused.append(tried(database, member, WRONG))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, ProofWrong) for each in refused) == 4
    assert sum(isinstance(each, WalletBlocked) for each in refused) == 16


def test_a_code_from_the_phone_pays_once(database: Database, member: int) -> None:
    code = shown(database, member)
    with database.transaction() as tx:
        check_code(tx, member, code)
    with pytest.raises(ProofWrong), database.transaction() as tx:
        check_code(tx, member, code)


def test_the_very_request_that_a_code_proved_may_be_sent_again_and_no_other(
    database: Database, member: int, clock: FixedClock
) -> None:
    code = shown(database, member)
    for _ in range(3):
        with database.transaction() as tx:
            check_code(tx, member, code, b"this")
    with pytest.raises(ProofWrong), database.transaction() as tx:
        check_code(tx, member, code, b"that")
    clock.advance(PROVED_LIFE)
    with pytest.raises(ProofWrong), database.transaction() as tx:
        check_code(tx, member, code, b"this")


def test_a_code_is_over_after_two_minutes_and_when_the_next_is_shown(
    database: Database, member: int, clock: FixedClock
) -> None:
    first, second = shown(database, member), shown(database, member)
    if first != second:
        with pytest.raises(ProofWrong), database.transaction() as tx:
            check_code(tx, member, first)
    clock.advance(SPEND_CODE_LIFE)
    with pytest.raises(ProofWrong), database.transaction() as tx:
        check_code(tx, member, second)


def test_codes_and_pins_share_one_count(database: Database, member: int) -> None:
    shown(database, member)
    for _ in range(3):
        tried(database, member, WRONG)
    for refusal in (ProofWrong, WalletBlocked):
        with pytest.raises(refusal), database.transaction() as tx:
            check_code(tx, member, "not it")
    assert isinstance(tried(database, member, PIN), WalletBlocked)


def test_another_members_code_opens_nothing(database: Database, member: int) -> None:
    other = a_member(database, "13900139000")
    with database.transaction() as tx:
        set_pin(tx, other, PIN)
    code = shown(database, other)
    with pytest.raises(ProofWrong), database.transaction() as tx:
        check_code(tx, member, code)


def test_who_has_set_no_pin_pays_at_the_desk(database: Database) -> None:
    nobody = a_member(database)
    assert isinstance(tried(database, nobody, PIN), PinMissing)
    with pytest.raises(PinMissing), database.transaction() as tx:
        new_spend_code(tx, nobody)


def test_a_new_pin_opens_a_wallet_that_was_shut(database: Database, member: int) -> None:
    for _ in range(5):
        tried(database, member, WRONG)
    with database.transaction() as tx:
        set_pin(tx, member, "590284")
    assert isinstance(tried(database, member, PIN), ProofWrong)
    assert tried(database, member, "590284") is None


@pytest.mark.parametrize(
    "pin", ["123456", "987654", "000000", "112211", "12345", "1234567", "12345a", "", "１２３４５６"]
)
def test_an_easy_pin_is_refused(database: Database, member: int, pin: str) -> None:
    with pytest.raises(PinTooEasy), database.transaction() as tx:
        set_pin(tx, member, pin)
    assert tried(database, member, PIN) is None


def test_what_others_know_of_a_member_is_an_easy_pin() -> None:
    assert why_too_easy("138000", phone="+8613800138000") is not None
    for pin in ("900517", "199005", "051790", "170590"):
        assert why_too_easy(pin, birthday="1990-05-17") == "it is the birthday"
    assert why_too_easy("804217", "+8613800138000", "1990-05-17") is None
