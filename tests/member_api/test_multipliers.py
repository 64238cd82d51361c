"""Multipliers: chosen members earn more for a time, and a return takes back what the factor had brought."""

from dataclasses import replace
from datetime import date

import pytest

from foundation.database import Database
from member_api.contract.coupons import (
    Multiplier,
    MultiplierDiffers,
    MultiplierInvalid,
    end_multiplier_of,
    grant_multiplier,
    multiplier_totals,
)
from tests.field.shop import a_shop, points_of, prove, sells, takes_back
from tests.member_api.people import a_member
from tests.pos_adapter.sales.factories import post, receipt

DOUBLE = Multiplier("Double points", 200, date(2026, 1, 1), date(2026, 1, 31))


@pytest.fixture
def member(database: Database) -> int:
    return a_shop(database)


def granted(database: Database, member: int, terms: Multiplier = DOUBLE, reference: str = "campaign/7") -> None:
    with database.transaction() as tx:
        assert grant_multiplier(tx, terms, [member], reference, by="test") == 1


def test_a_member_who_has_one_earns_more_and_nobody_else_does(database: Database, member: int) -> None:
    a_member(database, "13900139000")
    granted(database, member)
    sells(database, 10_000)
    assert points_of(database) == 200
    other = post(database, receipt(10_000, member={"kind": "phone", "value": "13900139000"}))
    assert other.body["points"]["earned"] == 100
    with database.transaction(read_only=True) as tx:
        came = multiplier_totals(tx, "campaign/7")
    assert (came.members, came.purchases, came.extra_points) == (1, 1, 100)
    prove(database)


def test_giving_back_takes_back_what_the_factor_brought(database: Database, member: int) -> None:
    granted(database, member)
    sold = sells(database, 7_000, 3_000)
    with database.transaction() as tx:
        end_multiplier_of(tx, "campaign/7", date(2026, 1, 1))  # over meanwhile: what was promised stays
    takes_back(database, sold, (1, 7_000))
    assert points_of(database) == 60
    takes_back(database, sold, (2, 3_000))
    assert points_of(database) == 0
    prove(database)


def test_what_earned_under_one_long_forgotten_can_come_back(
    database: Database, member: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted(database, member)
    sold = sells(database, 10_000)
    monkeypatch.setattr("member_api.multipliers.operations.MULTIPLIERS_MAX", 1)
    granted(
        database, member, replace(DOUBLE, name="Newer", starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 2)), "new"
    )
    takes_back(database, sold, (1, 10_000))
    assert points_of(database) == 0
    prove(database)


def test_it_counts_in_its_days_stores_and_formats_only(database: Database, member: int) -> None:
    granted(database, member, Multiplier("Online", 300, DOUBLE.starts_on, DOUBLE.ends_on, formats=("online",)), "a")
    granted(database, member, Multiplier("S02", 300, DOUBLE.starts_on, DOUBLE.ends_on, stores=("S02",)), "b")
    granted(database, member, Multiplier("Later", 300, date(2026, 1, 6), date(2026, 1, 31)), "c")
    sells(database, 10_000)
    assert points_of(database) == 100


def test_of_several_the_greatest_counts(database: Database, member: int) -> None:
    granted(database, member)
    granted(database, member, Multiplier("Triple", 300, DOUBLE.starts_on, DOUBLE.ends_on), "campaign/8")
    sells(database, 10_000)
    assert points_of(database) == 300


def test_one_that_has_ended_multiplies_nothing_more(database: Database, member: int) -> None:
    granted(database, member)
    sells(database, 10_000)
    with database.transaction() as tx:
        end_multiplier_of(tx, "campaign/7", date(2026, 1, 4))
    sells(database, 10_000)
    assert points_of(database) == 300


def test_other_terms_under_a_reference_are_refused(database: Database, member: int) -> None:
    granted(database, member)
    with pytest.raises(MultiplierDiffers), database.transaction() as tx:
        grant_multiplier(tx, Multiplier("Other", 250, DOUBLE.starts_on, DOUBLE.ends_on), [member], "campaign/7", by="t")
    with pytest.raises(MultiplierInvalid), database.transaction() as tx:
        grant_multiplier(tx, Multiplier("Less", 100, DOUBLE.starts_on, DOUBLE.ends_on), [member], "x", by="t")
