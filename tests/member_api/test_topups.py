"""What members pay in: one bundle of principal and bonus, used up and given back in proportion."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from foundation.database import Database
from member_api.contract.days import topups_between
from member_api.contract.ledger import Kind
from member_api.contract.topups import totals_of_day
from member_api.ledger.rules import in_proportion
from tests.field.shop import a_shop, prove, sells, takes_back
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import balance
from tests.organisation.factories import a_store


@pytest.fixture
def member(database: Database) -> int:
    return a_shop(database)


@pytest.fixture
def desk(http: FlaskClient, database: Database, member: int) -> Caller:
    return Caller(http, database, ["topups.write", "accounts.read"], store="S01", terminal="D1")


def paid_in(desk: Caller, member: int, amount: int, bonus: int = 0, tender: Any = "cash", **more: Any) -> Any:
    return desk.post(f"/v1/members/{member}/topups", {"amount": amount, "bonus": bonus, "tender": tender} | more)


def lots(database: Database) -> list[tuple[str, int]]:
    with database.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT origin, remaining FROM member.lot ORDER BY id")
        return [(row.origin, row.remaining) for row in rows]


def test_a_thousand_and_two_hundred_spend_three_hundred(desk: Caller, member: int, database: Database) -> None:
    answer = paid_in(desk, member, 100_000, 20_000)
    assert (answer.status_code, answer.get_json()["balance"]) == (201, 120_000)
    sells(database, 30_000, tenders=[{"kind": "stored_value", "amount": 30_000}])
    assert lots(database)[:2] == [("topup", 75_000), ("bonus", 15_000)]
    prove(database)


def test_what_comes_back_comes_back_in_proportion(desk: Caller, member: int, database: Database) -> None:
    paid_in(desk, member, 100_000, 20_000)
    sold = sells(database, 20_000, 10_000, tenders=[{"kind": "stored_value", "amount": 30_000}])
    takes_back(database, sold, (2, 10_000))
    assert lots(database)[:2] == [("topup", 83_333), ("bonus", 16_667)]
    takes_back(database, sold, (1, 20_000))
    assert lots(database)[:2] == [("topup", 100_000), ("bonus", 20_000)]
    prove(database)


def test_two_top_ups_are_used_up_one_after_the_other(desk: Caller, member: int, database: Database) -> None:
    paid_in(desk, member, 1_000, 200)
    paid_in(desk, member, 500)
    sells(database, 1_300, tenders=[{"kind": "stored_value", "amount": 1_300}])
    assert lots(database)[:3] == [("topup", 0), ("bonus", 0), ("topup", 400)]
    assert balance(database, member, Kind.CASH) == (400, 400)


def test_a_store_takes_its_own_currency_whatever_is_that_of_the_member_s_home(
    desk: Caller, member: int, database: Database
) -> None:
    with database.transaction() as tx:
        a_store(tx, code="HK1", currency="HKD")
        tx.execute("UPDATE member.member SET home_store = 'HK1' WHERE id = :id", {"id": member})
    refused = paid_in(desk, member, 1_000, currency="HKD")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "topup_currency_foreign")
    assert lots(database) == [], "what is refused changes nothing"
    assert paid_in(desk, member, 1_000).status_code == 201
    with database.transaction(read_only=True) as tx:
        assert [(each.currency, each.amount) for each in topups_between(tx, "S01", date.min, date.max)] == [
            ("CNY", 1_000)
        ]


def test_the_same_key_again_pays_in_once(desk: Caller, member: int, database: Database) -> None:
    body = {"amount": 100, "tender": {"kind": "card", "amount": 100, "reference": "slip 7"}}
    first = desk.post(f"/v1/members/{member}/topups", body, key="k")
    again = desk.post(f"/v1/members/{member}/topups", body, key="k")
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert balance(database, member, Kind.CASH) == (100, 100)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": 400_000, "bonus": 100_001, "tender": "card"}, "topup_over_limit"),
        ({"amount": 0, "tender": "cash"}, None),
        ({"amount": 1.5, "tender": "cash"}, None),
        ({"amount": 10}, None),
        ({"amount": 10, "tender": {"kind": "cash", "amount": 11}}, None),
        ({"amount": 10, "tender": {"kind": "cash", "colour": "red"}}, None),
        ({"amount": 10, "tender": 7}, None),
        ({"amount": 10, "bonus": -1, "tender": "cash"}, None),
        ({"amount": 10, "tender": "points"}, None),
        ({"amount": 10, "tender": {"kind": "stored_value"}}, None),
        ({"amount": 10, "bonus": 5, "tender": "card", "bonus_expires_on": "2025-01-01"}, "expiry_passed"),
    ],
)
def test_what_makes_no_sense_or_is_over_a_limit_pays_nothing_in(
    desk: Caller, member: int, database: Database, body: dict[str, Any], code: str | None
) -> None:
    refused = desk.post(f"/v1/members/{member}/topups", body)
    assert refused.status_code == 422, refused.text
    assert code is None or refused.get_json()["code"] == code
    assert lots(database) == []


def test_a_day_s_top_ups_are_told_by_desk_and_tender(desk: Caller, member: int, database: Database) -> None:
    paid_in(desk, member, 1_000, 200)
    paid_in(desk, member, 500)
    paid_in(desk, member, 700, tender="card")
    with database.transaction(read_only=True) as tx:
        told = totals_of_day(tx, "S01", date(2026, 1, 5))
    assert [(t.terminal, t.tender, t.count, t.amount, t.bonus) for t in told] == [
        ("D1", "card", 1, 700, 0),
        ("D1", "cash", 2, 1_500, 200),
    ]


@hypothesis_given(st.lists(st.integers(1, 10**9), min_size=1, max_size=4), st.data())
def test_a_share_is_exact_and_never_more_than_its_part(parts: Sequence[int], data: st.DataObject) -> None:
    units = data.draw(st.integers(0, sum(parts)))
    shares = in_proportion(units, parts)
    assert sum(shares) == units
    assert all(0 <= share <= part for share, part in zip(shares, parts, strict=True))
