"""What was accepted with a flag is mended when somebody knows better."""

from datetime import timedelta
from uuid import UUID

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductWish
from pos_adapter.repairs.boards import list_flagged
from pos_adapter.repairs.flagged import (
    OriginalUnknown,
    close_flags,
    link_again,
    link_new_products,
    name_original,
)
from pos_adapter.repairs.rules import FlagNotClosable, LinesDoNotMatch
from pos_adapter.sales.receipts import Original
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.repairs.factories import changed, rows, somebody
from tests.pos_adapter.sales.factories import line, post, receipt, return_of

DESK = somebody("desk")
PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def sold(house: Database, *amounts: int, **more: object) -> UUID:
    """Post a sale; its id."""
    return UUID(post(house, receipt(*amounts, **more)).body["sale"]["id"])


def flags(house: Database, sale: UUID) -> list[str]:
    found: list[str] = rows(house, "SELECT open_flags FROM pos.sale WHERE id = :id", id=sale)[0][0]
    return found


def test_a_product_that_comes_late_is_linked_with_its_first_known_cost(house: Database, clock: FixedClock) -> None:
    sale = sold(house, 3000, lines=[line(1, 3000, product="LATE")])
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("LATE", category=("FOOD",), brand="B", unit_cost=1800)])
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("LATE", unit_cost=2000)])

    product = rows(house, "SELECT id FROM pos.product")[0][0]
    assert link_new_products(house, [product]) == 1
    assert link_new_products(house, [product]) == 0
    assert flags(house, sale) == []
    assert rows(house, "SELECT product_id, unit_cost, category_id IS NOT NULL FROM pos.sale_line") == [
        (product, 1800, True)
    ]


def test_a_sale_stays_flagged_while_one_of_its_products_is_unknown(house: Database) -> None:
    sale = sold(house, 3000, lines=[line(1, 1000, product="A"), line(2, 2000, product="B")])
    with house.transaction() as tx:
        put_products(tx, [ProductWish("A")])
        assert link_again(tx, DESK, sale) == ["unknown_product"]
    with house.transaction() as tx:
        put_products(tx, [ProductWish("B")])
        assert link_again(tx, DESK, sale) == []
    assert rows(house, "SELECT count(*) FROM pos.sale_line WHERE product_id IS NULL") == [(0,)]


def test_a_cost_that_changes_later_never_rewrites_a_posted_line(house: Database, clock: FixedClock) -> None:
    with house.transaction() as tx:
        put_products(tx, [ProductWish("A", unit_cost=600)])
    sold(house, 1000, lines=[line(1, 1000, product="A")])
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("A", unit_cost=900)])

    assert rows(house, "SELECT unit_cost FROM pos.sale_line") == [(600,)]


def test_a_cost_in_another_currency_is_not_known_on_a_line(house: Database, clock: FixedClock) -> None:
    late = sold(house, 1000, lines=[line(1, 1000, product="LATE")])
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(
            tx, [ProductWish("A", unit_cost=600, currency="USD"), ProductWish("LATE", unit_cost=7, currency="EUR")]
        )
        link_again(tx, DESK, late)
    sold(house, 1000, lines=[line(1, 1000, product="A")])
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("A", currency="CNY", unit_cost=650)])
    sold(house, 1000, lines=[line(1, 1000, product="A")])

    assert rows(
        house,
        "SELECT l.product_code, l.unit_cost FROM pos.sale_line AS l JOIN pos.sale AS s ON s.id = l.sale_id"
        " WHERE l.product_id IS NOT NULL ORDER BY s.received_at",
    ) == [("LATE", None), ("A", None), ("A", 650)]


def test_a_cost_that_names_no_currency_is_in_that_of_whichever_store_sells_it(
    house: Database, clock: FixedClock
) -> None:
    committed_store(house, "S02", format="department", currency="JPY", timezone="Asia/Tokyo")
    sold(house, 1000, lines=[line(1, 1000, product="LATE")], store="S02", currency="JPY")
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("LATE", unit_cost=600)])
    assert link_new_products(house, [rows(house, "SELECT id FROM pos.product")[0][0]]) == 1
    for store, currency in (("S01", "CNY"), ("S02", "JPY")):
        sold(house, 1000, lines=[line(1, 1000, product="LATE")], store=store, currency=currency)
    clock.advance(timedelta(days=1))
    with house.transaction() as tx:
        put_products(tx, [ProductWish("LATE", currency="CNY")])
    for store, currency in (("S01", "CNY"), ("S02", "JPY")):
        sold(house, 1000, lines=[line(1, 1000, product="LATE")], store=store, currency=currency)

    assert rows(
        house,
        "SELECT s.currency, l.unit_cost FROM pos.sale_line AS l JOIN pos.sale AS s ON s.id = l.sale_id"
        " ORDER BY s.received_at, s.currency",
    ) == [("JPY", 600), ("CNY", 600), ("JPY", 600), ("CNY", 600), ("JPY", None)]


def original_of(house: Database, sale: UUID) -> Original:
    found = rows(house, "SELECT terminal, business_date, sequence FROM pos.sale WHERE id = :id", id=sale)[0]
    return Original("S01", *found)


def test_a_return_without_its_original_takes_the_points_back_once_the_original_is_named(house: Database) -> None:
    a_member(house)
    goods = [line(1, 3000, product="COAT"), line(2, 500, product="SOCKS")]
    sale = sold(house, 3500, lines=goods, member=PHONE_REF)
    stray = return_of(receipt(1), (1, 3000))
    stray = changed(stray, lines=receipt(3000, lines=[line(1, 3000, product="COAT")]).lines)
    back = UUID(post(house, stray).body["sale"]["id"])
    assert rows(house, "SELECT balance FROM member.account") == [(35,)]

    with house.transaction() as tx:
        assert name_original(tx, DESK, back, original_of(house, sale)) == sale

    assert rows(house, "SELECT balance FROM member.account") == [(5,)]
    assert "unknown_original" not in flags(house, back)
    assert rows(house, "SELECT original_line FROM pos.sale_line WHERE sale_id = :id", id=back) == [(1,)]


def test_more_than_the_original_sold_cannot_come_back_on_it(house: Database) -> None:
    sale = sold(house, 500, lines=[line(1, 500, product="SOCKS")])
    stray = changed(return_of(receipt(1), (1, 600)), lines=receipt(600, lines=[line(1, 600, product="SOCKS")]).lines)
    back = UUID(post(house, stray).body["sale"]["id"])

    with pytest.raises(LinesDoNotMatch), house.transaction() as tx:
        name_original(tx, DESK, back, original_of(house, sale))
    assert "unknown_original" in flags(house, back)


def test_an_original_that_is_not_there_is_refused(house: Database) -> None:
    stray = return_of(receipt(1), (1, 600))
    back = UUID(post(house, stray).body["sale"]["id"])

    with pytest.raises(OriginalUnknown), house.transaction() as tx:
        name_original(tx, DESK, back, Original("S01", "T1", stray.business_date, 999_999))


def test_a_flag_that_needs_no_deed_is_closed_with_a_word(house: Database) -> None:
    sale = sold(house, 1000, tenders=[{"kind": "moonstones", "amount": 1000}])

    with house.transaction() as tx:
        assert close_flags(tx, DESK, sale, ["unknown_tender"], "a gift card of the mall") == []
    assert flags(house, sale) == []
    assert rows(house, "SELECT detail->>'why' FROM pos.repair") == [("a gift card of the mall",)]


def test_a_waiting_member_is_not_closed_by_a_word(house: Database) -> None:
    sale = sold(house, 3000, member=PHONE_REF)

    with pytest.raises(FlagNotClosable), house.transaction() as tx:
        close_flags(tx, DESK, sale, ["unknown_member"], "never mind")
    assert flags(house, sale) == ["unknown_member"]


def test_the_board_shows_open_flags_by_kind_the_latest_day_first(house: Database) -> None:
    sold(house, 3000, member=PHONE_REF)
    other = sold(house, 1000, lines=[line(1, 1000, product="UNKNOWN")])

    with house.transaction() as tx:
        stores = [tx.execute("SELECT id FROM organisation.store").scalar_one()]
        everything = list_flagged(tx, stores, flag=None, before=None, limit=10)
        first = everything[0]
        rest = list_flagged(tx, stores, flag=None, before=(first.business_date, first.id), limit=10)
        products = list_flagged(tx, stores, flag="unknown_product", before=None, limit=10)
    assert len(everything) == 2
    assert rest == everything[1:]
    assert [each.id for each in products] == [other]
