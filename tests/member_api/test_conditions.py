"""Conditions on members: who fulfils them, and what was measured."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from foundation.clock import FixedClock
from foundation.conditions import Condition, Operator
from foundation.database import Tx
from member_api.conditions.rules import birthdays_within, born_between, days_of_months, ranges_of
from member_api.consents.operations import say
from member_api.consents.rules import Channel, ConsentWord, Purpose
from member_api.contract.conditions import (
    answer,
    breakdown,
    evidence,
    in_good_standing,
    no_profiling,
    refuses_profiling,
    without_standing,
)
from member_api.contract.ledger import Grant, Kind, Step, grant
from member_api.members.operations import freeze
from member_api.members.rules import Birthday, Gender, Joined
from member_api.tiers.operations import put_tiers, set_by_hand
from member_api.tiers.rules import Tier
from member_api.vault.operations import open_keys
from tests.member_api.people import enrolled
from tests.organisation.factories import a_store

TODAY = date(2026, 1, 5)
TIERS = [Tier("SILVER", "Silver", 10), Tier("GOLD", "Gold", 20)]


def several(tx: Tx, count: int, **facts: Any) -> list[int]:
    return [enrolled(tx, f"138001380{n:02d}", **facts) for n in range(count)]


def found(tx: Tx, measure: str, operator: Operator = Operator.EQUAL, value: Any = True, **more: Any) -> set[int]:
    tx.flush()
    condition = Condition(measure, operator, value, **more)
    return set(answer(tx, [condition], TODAY)[0].within(lambda: in_good_standing(tx)))


def gives(
    tx: Tx,
    member: int,
    amount: int,
    *,
    expires_on: date | None = None,
    kind: Kind = Kind.POINTS,
    currency: str | None = None,
) -> None:
    wanted = Grant(kind, amount, "test", expires_on, currency=currency)
    grant(tx, member, wanted, Step(f"{member}/{amount}", "test"))


# ------------------------------------------------------------------------------------------------ rules
@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 12, 30), date(2027, 1, 2), [101, 102, 1230, 1231]),
        (date(2026, 2, 27), date(2026, 3, 1), [227, 228, 229, 301]),
        (date(2028, 2, 27), date(2028, 3, 1), [227, 228, 229, 301]),
        (date(2028, 2, 28), date(2028, 2, 28), [228]),
        (date(2026, 2, 28), date(2026, 2, 28), [228, 229]),
        (date(2026, 3, 1), date(2026, 3, 1), [301]),
    ],
)
def test_birthdays_go_around_the_year_and_29_february_is_kept_on_the_28th(
    first: date, last: date, days: list[int]
) -> None:
    assert birthdays_within(first, last) == days


def test_days_are_sought_in_runs() -> None:
    assert ranges_of([131, 201, 202, 229, 301, 1231]) == ([131, 229, 1231], [202, 301, 1231])
    assert ranges_of(days_of_months([2, 1, 12])) == ([101, 1201], [229, 1231])
    assert ranges_of([228, 301]) == ([228, 301], [228, 301])
    assert ranges_of([]) == ([], [])


def test_a_window_of_a_year_has_every_birthday() -> None:
    assert len(birthdays_within(date(2026, 3, 5), date(2027, 3, 4))) == 366
    assert len(birthdays_within(date(2026, 1, 1), date(2099, 1, 1))) == 366


def test_an_age_is_reached_on_the_birthday() -> None:
    after, until = born_between(18, 24, TODAY)
    assert until == (2008, 105)
    assert after == (2001, 105)
    assert after < (2001, 106) <= until


# ------------------------------------------------------------------------------------------------ answers
def test_ages_include_their_birthday_and_unknown_ones_are_never_found(tx: Tx) -> None:
    a, b, c, _ = (
        enrolled(tx, "13800138001", birthday=Birthday(2008, 105)),
        enrolled(tx, "13800138002", birthday=Birthday(2008, 106)),
        enrolled(tx, "13800138003", birthday=Birthday(1990, 1231)),
        enrolled(tx, "13800138004"),
    )
    assert found(tx, "age", Operator.AT_LEAST, 18) == {a, c}
    assert found(tx, "age", Operator.LESS, 18) == {b}
    assert found(tx, "age", Operator.BETWEEN, (17, 18)) == {a, b}
    assert found(tx, "age", Operator.UNEQUAL, 18) == {b, c}
    assert found(tx, "age", Operator.EQUAL, 35) == {c}


def test_a_birthday_window_over_the_new_year(tx: Tx) -> None:
    a = enrolled(tx, "13800138001", birthday=Birthday(1990, 1231))
    b = enrolled(tx, "13800138002", birthday=Birthday(1990, 119))
    c = enrolled(tx, "13800138003", birthday=Birthday(1990, 120))
    enrolled(tx, "13800138004")
    assert found(tx, "birthday", within_days=14) == {b}
    assert found(tx, "birthday", within_days=15) == {b, c}
    assert found(tx, "birthday", first=date(2026, 12, 25), last=date(2027, 1, 19)) == {a, b}
    assert found(tx, "birthday_month", Operator.ANY, (12,)) == {a}


def test_the_highest_tier_in_force_counts(tx: Tx, clock: FixedClock) -> None:
    put_tiers(tx, TIERS)
    both, silver, over, none = several(tx, 4)
    tx.flush()
    for member, tiers in {both: ("SILVER", "GOLD"), silver: ("SILVER",)}.items():
        for tier in tiers:
            set_by_hand(tx, open_keys(tx, [member])[member], tier, valid_to=None, reason="test", by="test")
    set_by_hand(
        tx, open_keys(tx, [over])[over], "GOLD", valid_to=tx.now + timedelta(seconds=1), reason="test", by="test"
    )
    tx.flush()
    later = Tx(tx.connection, tx.now + timedelta(seconds=2))
    assert found(later, "tier", Operator.ANY, ("GOLD",)) == {both}
    assert found(later, "tier", Operator.ANY, ("SILVER",)) == {silver}
    assert found(later, "tier", Operator.NONE, ("GOLD", "SILVER")) == {over, none}


def test_who_has_no_account_has_nothing(tx: Tx) -> None:
    rich, poor, none = several(tx, 3)
    tx.flush()
    gives(tx, rich, 500)
    gives(tx, poor, 20)
    assert found(tx, "points_balance", Operator.AT_LEAST, 100) == {rich}
    assert found(tx, "points_balance", Operator.LESS, 100) == {poor, none}
    assert found(tx, "points_balance", Operator.EQUAL, 0) == {none}
    assert found(tx, "points_balance", Operator.UNEQUAL, 0) == {rich, poor}
    assert found(tx, "points_balance", Operator.BETWEEN, (0, 20)) == {poor, none}


def test_balances_of_money_are_by_currency(tx: Tx) -> None:
    member, _ = several(tx, 2)
    tx.flush()
    gives(tx, member, 1000, kind=Kind.ECOIN, currency="CNY")
    assert found(tx, "ecoin_balance", Operator.AT_LEAST, 1) == {member}
    assert found(tx, "ecoin_balance", Operator.AT_LEAST, 1, currency="USD") == set()
    assert found(tx, "cash_balance", Operator.AT_LEAST, 1) == set()


def test_points_expire_within_days_and_lapsed_ones_are_no_balance(tx: Tx) -> None:
    soon, late, never = several(tx, 3)
    tx.flush()
    gives(tx, soon, 100, expires_on=TODAY + timedelta(days=30))
    gives(tx, late, 100, expires_on=TODAY + timedelta(days=31))
    gives(tx, never, 100)
    assert found(tx, "points_expiring", Operator.AT_LEAST, 100, within_days=30) == {soon}
    assert found(tx, "points_expiring", Operator.AT_LEAST, 100, within_days=31) == {soon, late}
    assert found(tx, "points_expiring", Operator.AT_MOST, 0, within_days=30) == {late, never}
    condition = Condition("points_balance", Operator.AT_LEAST, 1)
    assert set(answer(tx, [condition], TODAY + timedelta(days=31))[0].ids) == {late, never}


def test_consent_is_a_word_and_no_word_is_no_consent(tx: Tx) -> None:
    yes, no, silent = several(tx, 3)
    tx.flush()
    for member, granted in ((yes, True), (no, False)):
        words = [
            ConsentWord(Channel.SMS, Purpose.MARKETING, granted=granted, at=tx.now),
            ConsentWord(Channel.ANY, Purpose.PROFILING, granted=granted, at=tx.now),
        ]
        say(tx, member, words, taken_by="test", source="test")
    tx.flush()
    assert found(tx, "consent", Operator.ANY, ("sms",)) == {yes}
    assert found(tx, "consent", Operator.ANY, ("email", "sms")) == {yes}
    assert found(tx, "consent", Operator.ALL, ("email", "sms")) == set()
    assert found(tx, "consent", Operator.NONE, ("sms",)) == {no, silent}
    # Who was never asked has not refused: lists may use their purchases.
    assert set(no_profiling(tx)) == {no}
    assert [refuses_profiling(tx, member) for member in (yes, no, silent)] == [False, True, False]
    assert found(tx, "no_profiling", value=False) == {yes, silent}


def test_standing_home_store_gender_and_joining(tx: Tx) -> None:
    a_store(tx, "S01")
    a_store(tx, "S02")
    before, after = (Joined(at=datetime(2025, 12, 31, hour, 59, tzinfo=UTC)) for hour in (15, 16))
    a = enrolled(tx, "13800138001", home_store="S01", gender=Gender.FEMALE, joined=before)
    b = enrolled(tx, "13800138002", home_store="S02", gender=Gender.MALE, joined=after)
    tx.flush()
    freeze(tx, b, reason="test", by="test")
    tx.flush()
    assert found(tx, "home_store", Operator.ANY, ("S01",)) == {a}
    assert found(tx, "home_store", Operator.NONE, ("S01",)) == {b}
    assert found(tx, "gender", Operator.ANY, ("female",)) == {a}
    # Midnight in Shanghai.
    assert found(tx, "joined", first=date(2026, 1, 1)) == {b}
    assert found(tx, "joined", last=date(2025, 12, 31)) == {a}
    assert found(tx, "status", Operator.ANY, ("frozen",)) == {b}
    assert found(tx, "status", Operator.ANY, ("active",)) == {a}
    assert found(tx, "status", Operator.NONE, ("active", "frozen")) == set()


def test_whose_membership_has_ended_is_in_no_good_standing(tx: Tx) -> None:
    here, gone = several(tx, 2)
    tx.flush()
    tx.execute("UPDATE member.member SET status = 'closed' WHERE id = :id", {"id": gone})
    assert set(in_good_standing(tx)) == {here}
    assert set(without_standing(tx)) == {gone}


# ------------------------------------------------------------------------------------------------ evidence
def test_evidence_says_what_was_measured_but_no_birthday(tx: Tx) -> None:
    a_store(tx, "S01")
    member, other = several(tx, 2, birthday=Birthday(1990, 120), home_store="S01")
    tx.flush()
    gives(tx, member, 500)
    tx.flush()
    conditions = [
        Condition("points_balance", Operator.AT_LEAST, 1),
        Condition("birthday", Operator.EQUAL, True, within_days=30),
        Condition("home_store", Operator.ANY, ("S01",)),
        Condition("age", Operator.AT_LEAST, 1),
    ]
    facts = evidence(tx, conditions, TODAY, BitMap([member, other]))
    assert [fact.of([member, other]) for fact in facts] == [[500, None], [True, True], ["S01", "S01"], [True, True]]


def test_a_set_is_broken_down_by_tier_store_and_age(tx: Tx) -> None:
    a_store(tx, "S01")
    put_tiers(tx, TIERS)
    a = enrolled(tx, "13800138001", home_store="S01", birthday=Birthday(1990, 120))
    b = enrolled(tx, "13800138002", home_store="S01", birthday=Birthday(2010, 120))
    c = enrolled(tx, "13800138003")
    tx.flush()
    set_by_hand(tx, open_keys(tx, [a])[a], "GOLD", valid_to=None, reason="test", by="test")
    tx.flush()
    assert breakdown(tx, BitMap([a, b, c]), TODAY) == {
        "tier": {"GOLD": 1, "": 2},
        "store": {"S01": 2, "": 1},
        "age": {"0-17": 1, "35-44": 1, "": 1},
    }
