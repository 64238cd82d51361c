"""Row 20: floats: a coupon invalid by 1e-14, a point rounded to 0.

Here amounts are integers, a total is rounded once by the rule in force, and the remainder is kept.
"""

from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import pytest
from flask.testing import FlaskClient
from hypothesis import given

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.earning.operations import publish_rules
from member_api.earning.rules import EarnLine, Programme, Rate, Rounding, earn
from tests.field.shop import a_shop, points_of, prove, remainders, sells, takes_back
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import ERP, everything


def test_a_tenth_of_a_point_ten_times_is_a_point(database: Database) -> None:
    a_shop(database)
    for n in range(1, 11):
        sells(database, 10)
        assert points_of(database) == n // 10
    assert remainders(database) == []
    prove(database)


def test_a_remainder_may_be_negative_and_is_worked_off(database: Database, clock: FixedClock) -> None:
    a_shop(database)
    with database.transaction() as tx:
        publish_rules(tx, {"rounding": "half_up"}, clock.now(), "", "test")
    first = sells(database, 160)
    assert (points_of(database), remainders(database)) == (2, [-400_000])
    sells(database, 160)
    assert (points_of(database), remainders(database)) == (3, [200_000])
    takes_back(database, first, (1, 160))
    assert (points_of(database), remainders(database)) == (1, [600_000])
    prove(database)


@given(
    lines=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20),
    micro=st.integers(0, 10**6),
    before=st.integers(-(10**6), 10**6),
    rounding=st.sampled_from(list(Rounding)),
)
def test_points_and_remainders_are_exact(lines: list[int], micro: int, before: int, rounding: Rounding) -> None:
    basket = [EarnLine(n, amount, amount, (), None, None, amount) for n, amount in enumerate(lines)]
    programme = Programme(rates=(Rate(micro_points=micro),), rounding=rounding)
    earned = earn(programme, basket, format=None, tier=None, currency="CNY", day=None, remainder_before=before)  # type: ignore[arg-type]
    exact = Fraction(sum(lines) * micro, 10**6)
    assert Fraction(earned.points) + Fraction(earned.remainder, 10**6) == exact
    assert sum(points for points, _ in earned.lines) == earned.points
    assert sum(rest for _, rest in earned.lines) == earned.remainder
    for amount, (points, rest) in zip(lines, earned.lines, strict=True):
        assert points * 10**6 + rest == amount * micro
        assert points >= 0 or amount < 0


@pytest.mark.parametrize("amount", [1.0, 1.5, "1", True, 1e-14, 10**13, None])
def test_an_amount_that_is_not_a_whole_number_is_refused(database: Database, http: FlaskClient, amount: Any) -> None:
    member = a_shop(database)
    erp = Caller(http, database, ERP)
    before = everything(database)
    answer = erp.post(f"/v1/members/{member}/grants", {"kind": "points", "amount": amount, "source": "x"})
    assert answer.status_code == 422, answer.text
    assert everything(database) == before
