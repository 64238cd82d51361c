"""A till posts sales; the member's account moves exactly."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from foundation.checks import run_checks
from foundation.clock import FixedClock, local_date
from foundation.database import Database
from foundation.events import move_batch
from member_api.earning.operations import publish_rules
from member_api.ledger.endings import expire_lots
from member_api.seal import subscribers as _seal  # noqa: F401 - registers
from member_api.seal.operations import seal_everything
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductWish
from pos_adapter.sales.quoting import Quote, quote
from pos_adapter.sales.receipts import Basket, MemberRef
from pos_adapter.sales.rules import ReceiptContradicts, ReceiptNumberTaken, StoreUnknown, WrongCurrency
from tests.member_api.ledger.callers import SOON, given
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import a_counter, committed_store
from tests.pos_adapter.sales.factories import anywhere, line, post, receipt, return_of, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def rows(database: Database, sql: str) -> list[Any]:
    with database.transaction() as tx:
        return [tuple(row) for row in tx.execute(sql)]


def test_a_sale_is_recorded_with_lines_tender_and_allocation(house: Database) -> None:
    member = a_member(house)
    answer = post(house, receipt(1990, 510, member=PHONE_REF))
    assert answer.status == 201
    assert answer.body["member"] == {"id": str(member), "tier": None}
    assert answer.body["points"] == {
        "earned": 25, "redeemed": 0, "balance": 25, "available": 25,
        "next_expiry": {"amount": 25, "on": "2028-01-31"},
    }  # fmt: skip
    assert answer.body["flags"] == []
    assert rows(house, "SELECT line, amount, allocated FROM pos.sale_line ORDER BY line") == [
        (1, 1990, [1990]),
        (2, 510, [510]),
    ]
    assert rows(house, "SELECT balance, held, debt, remainder FROM member.account") == [(25, 0, 0, 0)]
    assert rows(house, "SELECT unit, sum(amount) FROM member.entry GROUP BY unit") == [("points", 0)]


def test_the_remainder_is_kept_for_the_next_sale(house: Database) -> None:
    a_member(house)
    assert post(house, receipt(160, member=PHONE_REF)).body["points"]["earned"] == 1
    assert post(house, receipt(160, member=PHONE_REF)).body["points"]["earned"] == 2
    assert rows(house, "SELECT balance, remainder FROM member.account") == [(3, 200_000)]


def test_the_same_receipt_under_another_key_is_answered_as_before(house: Database) -> None:
    a_member(house)
    sold = receipt(1000, member=PHONE_REF)
    first, again = post(house, sold), post(house, sold)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert rows(house, "SELECT balance FROM member.account") == [(10,)]


def test_the_same_key_is_replayed(house: Database) -> None:
    a_member(house)
    sold = receipt(1000, member=PHONE_REF)
    first, again = post(house, sold, key="k"), post(house, sold, key="k")
    assert (again.status, again.replayed, again.body) == (201, True, first.body)


def test_another_receipt_under_the_same_number_is_refused(house: Database) -> None:
    post(house, receipt(1000, sequence=7))
    with pytest.raises(ReceiptNumberTaken):
        post(house, receipt(1001, sequence=7))
    assert rows(house, "SELECT amount FROM pos.sale") == [(1000,)]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"tenders": [{"kind": "card", "amount": 999}]}, ReceiptContradicts),
        ({"lines": []}, ReceiptContradicts),
        ({"lines": [line(1, 500), line(1, 500)]}, ReceiptContradicts),
        ({"business_date": "2026-02-01"}, ReceiptContradicts),
        ({"business_date": "1969-12-31"}, ReceiptContradicts),
        ({"currency": "USD"}, WrongCurrency),
        ({"store": "S99"}, StoreUnknown),
    ],
)
def test_what_contradicts_itself_is_refused_and_changes_nothing(
    house: Database, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        post(house, receipt(1000, **wrong))
    assert rows(house, "SELECT 1 FROM pos.sale") == []


def test_an_unknown_member_is_accepted_and_waits(house: Database) -> None:
    answer = post(house, receipt(1000, member=PHONE_REF))
    assert (answer.status, answer.body["flags"], answer.body["points"]) == (201, ["unknown_member"], None)
    assert rows(house, "SELECT member_part, claim_id IS NOT NULL FROM pos.sale") == [("waiting", True)]


def test_points_pay_and_do_not_earn(house: Database) -> None:
    a_member(house)
    post(house, receipt(100_000, member=PHONE_REF))
    answer = post(
        house,
        receipt(
            2000,
            member=PHONE_REF,
            tenders=[{"kind": "points", "amount": 50, "units": 500}, {"kind": "cash", "amount": 1950}],
        ),
    )
    assert answer.body["points"]["redeemed"] == 500
    assert answer.body["points"]["earned"] == 19
    assert answer.body["points"]["balance"] == 1000 - 500 + 19


def test_a_full_return_leaves_the_account_as_if_nothing_had_happened(house: Database) -> None:
    a_member(house)
    post(house, receipt(4250, member=PHONE_REF))
    before = rows(house, "SELECT balance, held, debt, remainder FROM member.account")
    sold = receipt(1990, 515, 777, member=PHONE_REF)
    post(house, sold)
    first = post(house, return_of(sold, (2, 515)))
    assert first.body["points"]["earned"] == -5
    post(house, return_of(sold, (1, 990), quantity="0.500"))
    post(house, return_of(sold, (1, 1000), (3, 777), quantity="0.500"))
    assert rows(house, "SELECT balance, held, debt, remainder FROM member.account") == before
    assert rows(house, "SELECT remaining FROM member.lot ORDER BY id") == [(42,), (0,)]


def test_a_void_undoes_a_sale_and_its_points(house: Database) -> None:
    a_member(house)
    sold = receipt(1990, member=PHONE_REF)
    post(house, sold)
    assert post(house, void_of(sold)).body["points"]["balance"] == 0
    assert rows(house, "SELECT type, state FROM pos.sale ORDER BY type") == [("sale", "voided"), ("void", "posted")]


def test_a_brand_of_the_product_or_else_of_the_counter_earns_at_its_own_rate(house: Database) -> None:
    a_member(house)
    with house.transaction() as tx:
        put_products(tx, [ProductWish("A", brand="MEADOW"), ProductWish("B", brand="OTHER"), ProductWish("C")])
        a_counter(tx, brand="MEADOW")
        publish_rules(tx, {"rates": [{"micro_points": 30_000, "brand": "MEADOW"}]}, tx.now, "", "test")
    lines = [line(1, 1000, product="A"), line(2, 1000, product="B"), line(3, 100, product="C", counter="C1")]
    at = house.clock.now().isoformat()
    answer = post(house, receipt(1000, 1000, 100, member=PHONE_REF, lines=lines, occurred_at=at))
    assert answer.body["points"]["earned"] == 33


def test_a_quote_promises_what_the_sale_then_earns(house: Database) -> None:
    a_member(house)
    post(house, receipt(160, member=PHONE_REF))
    with house.transaction() as tx:
        publish_rules(tx, {"base": {"net_of_tax": True}}, tx.now, "", "test")
    lines = [line(1, 113, tax_rate="0.13"), line(2, 50)]
    basket = msgspec.convert({"store": "S01", "lines": lines}, Basket)
    with house.transaction(read_only=True) as tx:
        promised = quote(tx, anywhere(), Quote(basket, MemberRef("phone", PHONE)))
    assert promised.points is not None
    sold = receipt(113, 50, member=PHONE_REF, lines=lines, occurred_at=house.clock.now().isoformat())
    assert post(house, sold).body["points"]["earned"] == promised.points.to_come == 2


def test_a_return_that_names_another_member_goes_to_the_original_s_and_is_flagged(house: Database) -> None:
    a_member(house)
    a_member(house, "13900139000")
    sold = receipt(1000, member=PHONE_REF)
    post(house, sold)
    answer = post(house, return_of(sold, (1, 1000), member={"kind": "phone", "value": "13900139000"}))
    assert answer.body["flags"] == ["member_differs"]
    assert rows(house, "SELECT sum(balance) FROM member.account") == [(0,)]


def test_points_whose_day_has_passed_are_gone_from_the_receipt_before_the_job_comes(
    house: Database, clock: FixedClock
) -> None:
    member = a_member(house)
    given(house, member, 500, expires_on=local_date(clock.now(), "Asia/Shanghai"))
    given(house, member, 40, expires_on=SOON)
    clock.advance(timedelta(days=1))
    points = post(house, receipt(1000, member=PHONE_REF, occurred_at=clock.now().isoformat())).body["points"]
    assert (points["balance"], points["available"]) == (50, 50)
    assert points["next_expiry"] == {"amount": 40, "on": "2026-03-01"}
    assert expire_lots(house).members == 0
    with house.transaction() as tx:
        move_batch(tx)
    seal_everything(house)
    assert list(run_checks(house)) == []


def test_points_of_two_formats_that_expire_on_one_day_are_told_together(house: Database) -> None:
    member = a_member(house)
    post(house, receipt(1000, member=PHONE_REF))
    for format in ("supermarket", "online"):
        given(house, member, 30, format=format, expires_on=date(2027, 12, 31))
    points = post(house, receipt(100, member=PHONE_REF)).body["points"]
    assert points["next_expiry"] == {"amount": 60, "on": "2027-12-31"}
