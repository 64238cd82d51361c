"""The trade's examples, worked by hand, through the real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from member_api.earning.operations import publish_rules
from pos_adapter.sales.rules import RefundSplitDiffers
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}
LATER = datetime(2026, 1, 5, 2, 1, tzinfo=UTC).isoformat()
BUY_300_GET_60 = {
    "name": "anniversary", "currency": "CNY", "spend": 30_000, "get": 6_000, "repeat": True, "funder": "store",
}  # fmt: skip


@pytest.fixture
def house(database: Database, clock: FixedClock) -> Database:
    committed_store(database, format="department", currency="CNY", timezone="Asia/Shanghai")
    with database.transaction() as tx:
        publish_rules(tx, {"thresholds": [BUY_300_GET_60], "points_life": {"months": 1}}, clock.now(), "", "test")
    a_member(database)
    return database


def ecoins(house: Database) -> int:
    with house.transaction() as tx:
        return int(tx.execute("SELECT coalesce(sum(balance), 0) FROM member.account WHERE kind = 'ecoin'").scalar_one())


def sale(*amounts: int, **more: Any) -> Any:
    return receipt(*amounts, **{"member": PHONE_REF, "occurred_at": LATER} | more)


def test_buy_300_get_60_return_200_keeps_nothing_it_would_not_have_earned(house: Database) -> None:
    sold = sale(20_000, 10_000)
    assert post(house, sold).body["ecoins"] == {"earned": 6_000, "withheld": 0}
    back = post(house, return_of(sold, (1, 20_000))).body
    assert back["ecoins"] == {"earned": -6_000, "withheld": 0}
    assert back["points"]["balance"] == 100
    assert ecoins(house) == 0


def test_e_coins_spent_already_come_off_the_refund_at_face_value(house: Database) -> None:
    sold = sale(20_000, 10_000)
    post(house, sold)
    spent = sale(5_000, tenders=[{"kind": "ecoin", "amount": 4_500}, {"kind": "card", "amount": 500}])
    post(house, spent)
    assert ecoins(house) == 1_500
    with pytest.raises(RefundSplitDiffers) as refused:
        post(house, return_of(sold, (1, 20_000)))
    assert refused.value.facts["expected"]["tenders"] == [
        {"kind": "card", "amount": 15_500},
        {"kind": "ecoin_clawback", "amount": 4_500},
    ]
    assert ecoins(house) == 1_500
    back = post(house, return_of(sold, (1, 20_000), tenders=refused.value.facts["expected"]["tenders"])).body
    assert back["ecoins"] == {"earned": -6_000, "withheld": 4_500}
    assert ecoins(house) == 0
    # The rest goes back whole: what was withheld is not withheld twice.
    post(house, return_of(sold, (2, 10_000)))
    # And the sale that the e-coins had paid for gives them back as such.
    post(
        house,
        return_of(spent, (1, 5_000), tenders=[{"kind": "ecoin", "amount": 4_500}, {"kind": "card", "amount": 500}]),
    )
    assert ecoins(house) == 4_500


def test_points_spent_before_the_return_become_a_debt_that_later_earnings_repay(house: Database) -> None:
    sold = sale(100_000)
    post(house, sold)
    post(house, sale(1_000, tenders=[{"kind": "points", "amount": 90, "units": 900}, {"kind": "cash", "amount": 910}]))
    # 1,000 earned, 900 spent, 9 earned on the money part: 109 left.
    back = post(house, return_of(sold, (1, 100_000))).body
    assert back["points"]["balance"] == 109 - 1_000
    assert back["points"]["available"] == 109 - 1_000
    assert post(house, sale(50_000)).body["points"]["balance"] == 109 - 1_000 + 500
    assert post(house, sale(50_000)).body["points"]["balance"] == 109
    with house.transaction() as tx:
        assert tx.execute("SELECT debt FROM member.account WHERE kind = 'points'").scalar_one() == 0


def test_a_lot_that_expired_meanwhile_comes_back_for_thirty_days(house: Database, clock: FixedClock) -> None:
    post(house, sale(100_000))
    spent = sale(2_000, tenders=[{"kind": "points", "amount": 100, "units": 1_000}, {"kind": "cash", "amount": 1_900}])
    post(house, spent)
    clock.advance(timedelta(days=60))
    split = [{"kind": "points", "amount": 100, "units": 1_000}, {"kind": "cash", "amount": 1_900}]
    back = return_of(spent, (1, 2_000), tenders=split, business_date="2026-03-06")
    answer = post(house, back).body
    assert answer["flags"] == ["restored_with_grace"]
    assert answer["points"]["balance"] == 1_000
    assert answer["points"]["next_expiry"] == {"amount": 1_000, "on": "2026-04-05"}


def test_the_return_of_one_line_of_a_mixed_payment_gives_back_its_allocated_shares(house: Database) -> None:
    with house.transaction() as tx:
        publish_rules(tx, {}, tx.now, "no thresholds", "test")
    post(house, sale(1_000_000))
    sold = sale(
        10, 10, 10,
        lines=[line(1, 1000), line(2, 1000), line(3, 1000)],
        tenders=[{"kind": "points", "amount": 100, "units": 1_000}, {"kind": "card", "amount": 2_900}],
    )  # fmt: skip
    post(house, sold)
    with pytest.raises(RefundSplitDiffers) as refused:
        post(house, return_of(sold, (1, 1000)))
    split = refused.value.facts["expected"]["tenders"]
    assert split == [{"kind": "points", "amount": 34, "units": 340}, {"kind": "card", "amount": 966}]
    answer = post(house, return_of(sold, (1, 1000), tenders=split)).body
    assert answer["points"]["redeemed"] == -340
