"""What a till with bad intentions, or a careless integrator, sends."""

from typing import Any

import pytest

from foundation.access import PlaceForbidden, Principal, PrincipalKind
from foundation.checks import run_checks
from foundation.database import Database
from foundation.errors import DomainError
from foundation.http import convert
from foundation.http.problems import FieldsInvalid
from member_api.ledger.operations import Grant, Step, grant
from member_api.ledger.rules import Kind
from pos_adapter.sales.attaching import sweep
from pos_adapter.sales.correcting import give_sale
from pos_adapter.sales.incoming import NotThisTill, incoming
from pos_adapter.sales.receipts import Receipt
from pos_adapter.sales.rules import ReceiptContradicts
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import SCOPES, anywhere, line, post, receipt, return_of, till, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}
CARD = "4111 1111 1111 1111"


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    committed_store(database, code="S02", format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def rows(database: Database, sql: str) -> list[Any]:
    with database.transaction() as tx:
        return [tuple(row) for row in tx.execute(sql)]


def with_points(database: Database, amount: int) -> int:
    """A member who has been given points."""
    member = a_member(database)
    with database.transaction() as tx:
        grant(tx, member, Grant(Kind.POINTS, amount, "welcome"), Step(f"welcome/{member}", "test"))
    return member


def handheld(counter: str) -> Principal:
    return Principal(
        PrincipalKind.MACHINE, "handheld", "handheld", SCOPES, frozenset({"store/S01"}),
        {"store": "S01", "counter": counter},
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": [line(1, 1000, tax_rate="0.13\n")]},
        {"lines": [line(1, 1000) | {"quantity": "1.5\n"}]},
        {"tenders": [{"kind": "cash\n", "amount": 1000}]},
        {"member": "5\n"},
        {"currency": "CNY\n"},
    ],
)
def test_a_line_feed_at_the_end_is_no_part_of_a_number(wrong: dict[str, Any]) -> None:
    content = {
        "store": "S01", "terminal": "T1", "business_date": "2026-01-05", "sequence": 1, "type": "sale",
        "occurred_at": "2026-01-05T10:00:00+08:00", "currency": "CNY", "lines": [line(1, 1000)],
        "tenders": [{"kind": "cash", "amount": 1000}],
    }  # fmt: skip
    convert(content, Receipt)
    with pytest.raises(FieldsInvalid):
        convert(content | wrong, Receipt)


def test_a_till_voids_in_its_own_store_only(house: Database) -> None:
    sold = receipt(1000, store="S02")
    post(house, sold)
    with pytest.raises(PlaceForbidden):
        post(house, void_of(sold), till("S01", "T1"))
    assert post(house, return_of(sold, (1, 1000)), till("S01", "T1")).status == 201
    other = receipt(1000, store="S02")
    post(house, other)
    assert post(house, void_of(other), anywhere()).status == 201


def test_a_handheld_sells_for_its_own_counter_only(house: Database) -> None:
    ours, theirs = (receipt(lines=[line(1, 0, counter=counter)], tenders=[]) for counter in ("C1", "C2"))
    assert post(house, ours, handheld("C1")).status == 201
    with pytest.raises(NotThisTill):
        post(house, theirs, handheld("C1"))


def test_nobody_sells_next_week(house: Database) -> None:
    with pytest.raises(ReceiptContradicts) as refused:
        post(house, receipt(1000, occurred_at="2027-01-05T10:00:00+08:00"))
    assert [fault.pointer for fault in refused.value.errors] == ["/occurred_at"]


def test_points_of_nobody_wait_to_be_told_whose_they_were(house: Database) -> None:
    sold = receipt(100, tenders=[{"kind": "points", "amount": 100, "units": 1000}])
    assert post(house, sold).body["flags"] == ["unknown_member"]
    assert rows(house, "SELECT member_part FROM pos.sale") == [("waiting",)]
    member = with_points(house, 1500)
    with house.transaction() as tx:
        give_sale(tx, Principal(PrincipalKind.PERSON, "7", "desk", frozenset({"receipts.repair"}), None),
                  incoming(sold).sale_id, member, "the slip says so")  # fmt: skip
    assert rows(house, "SELECT balance FROM member.account") == [(500,)]
    assert rows(house, "SELECT open_flags FROM pos.sale") == [([],)]
    assert list(run_checks(house)) == []


def test_a_card_number_on_a_refused_receipt_is_not_kept(house: Database) -> None:
    with pytest.raises(DomainError):
        post(house, receipt(1000, tenders=[{"kind": "card", "amount": 1, "reference": CARD}]))
    assert rows(house, "SELECT content->'tenders'->0->>'reference' FROM pos.parked_receipt") == [("****1111",)]


def test_a_tender_named_as_ours_with_a_reference_of_its_own_does_no_harm(house: Database) -> None:
    withheld = {"kind": "ecoin_clawback", "amount": 1000, "reference": "abc"}
    sold = receipt(1000, tenders=[withheld])
    post(house, sold)
    for _ in range(2):
        back = return_of(sold, (1, 400), quantity="0.4", tenders=[withheld | {"amount": 400}])
        assert post(house, back).status == 201


def test_money_for_what_was_given_away_free_is_looked_at_by_somebody(house: Database) -> None:
    gift = receipt(0, tenders=[])
    post(house, return_of(gift, (1, 500)))
    post(house, gift)
    assert sweep(house) == 0
    assert rows(house, "SELECT open_flags FROM pos.sale WHERE type = 'return'") == [
        (["unknown_original", "contradicts_original"],)
    ]
    assert list(run_checks(house)) == []


def test_giving_back_a_line_never_earns(house: Database) -> None:
    with_points(house, 10)
    sold = receipt(
        2_000_000, -1_000_000, member=PHONE_REF,
        tenders=[{"kind": "card", "amount": -500_000}, {"kind": "points", "amount": 1_500_000, "units": 1}],
    )  # fmt: skip
    post(house, sold)
    tenders = [{"kind": "card", "amount": -1_000_000}, {"kind": "points", "amount": 3_000_000}]
    answer = post(house, return_of(sold, (1, 2_000_000), tenders=tenders))
    assert answer.body["points"]["earned"] == 0
    assert list(run_checks(house)) == []
