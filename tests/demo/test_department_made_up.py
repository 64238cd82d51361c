"""The made-up department store: sixty counters of four modes on five floors, the same whenever it is made."""

from collections import Counter
from datetime import UTC, date, datetime

import msgspec
import pytest

from member_api.earning.operations import read_programme
from pos_adapter.sales.receipts import Receipt
from pos_adapter.sales.rules import check_receipt
from regulars.demo.department.building import COUNTERS, later_terms, supplier_of, terms
from regulars.demo.department.calendar import Calendar, since_last_month
from regulars.demo.department.goods import catalogue, products_of, rebate
from regulars.demo.department.staffing import staff
from regulars.demo.department.tills import Past, past

CALENDAR = Calendar(date(2026, 11, 8), 14)
CARDS = [f"290000000{n:04d}" for n in range(40)]


@pytest.fixture(scope="module")
def receipts() -> Past:
    return past(CALENDAR, 0.1, CARDS)


def test_sixty_counters_of_four_modes_stand_on_five_floors() -> None:
    assert Counter(counter.floor for counter in COUNTERS) == {f"{floor}F": 12 for floor in range(1, 6)}
    modes = Counter(counter.mode for counter in COUNTERS)
    assert modes.keys() == {"own", "concession", "consignment", "leased"}
    assert min(modes.values()) >= 5
    assert len({counter.brand for counter in COUNTERS}) == 60
    assert len({counter.legal_unit for counter in COUNTERS}) == 3


def test_only_the_store_s_own_counters_have_no_supplier_and_only_concessions_and_consignments_a_rate() -> None:
    assert {counter.mode for counter in COUNTERS if supplier_of(counter) is None} == {"own"}
    assert {counter.mode for counter in COUNTERS if counter.percent is not None} == {"concession", "consignment"}
    assert sum(each.guaranteed_minimum is not None for each in terms()) > 20


def test_contracts_change_midway_and_for_the_anniversary() -> None:
    changed = later_terms(CALENDAR)
    assert {each.effective_from for each in changed} == {date(2026, 11, 15), CALENDAR.anniversary_from}
    assert sum(each.promotion_rates is not None for each in changed) > 30


def test_codes_of_products_are_their_own_and_own_goods_know_their_cost() -> None:
    products = catalogue()
    assert len({product["code"] for product in products}) == len(products)
    assert all(0 < product["unit_cost"] < product["regular_price"] for product in products if product["unit_cost"])
    assert {bool(products_of(counter)) for counter in COUNTERS if counter.mode == "own"} == {True}
    assert 20 < sum(counter.types_prices for counter in COUNTERS) < 40


def test_every_receipt_passes_the_till_s_checks_and_comes_after_what_it_gives_back(receipts: Past) -> None:
    seen: set[tuple[str, str, int]] = set()
    for made in receipts.receipts:
        receipt = msgspec.convert(made, Receipt, strict=False)
        check_receipt(receipt, date(2026, 11, 22))
        if receipt.original is not None:
            named = receipt.original
            assert (named.terminal, named.business_date.isoformat(), named.sequence) in seen
        seen.add((receipt.terminal, receipt.business_date.isoformat(), receipt.sequence))
    assert len(seen) == len(receipts.receipts)


def test_a_till_numbers_its_receipts_through_all_days_without_a_gap(receipts: Past) -> None:
    for terminal in {receipt["terminal"] for receipt in receipts.receipts}:
        numbers = [receipt["sequence"] for receipt in receipts.receipts if receipt["terminal"] == terminal]
        assert numbers == list(range(1, len(numbers) + 1))


def test_what_the_tills_took_adds_up_day_by_day(receipts: Past) -> None:
    totals = receipts.totals()
    assert list(totals) == list(CALENDAR)
    for total in totals.values():
        assert sum(total.tenders.values()) == total.net > 0
    assert sum(total.given_back for total in totals.values()) > 0


def test_the_same_again_is_the_same_and_each_request_has_the_key_of_its_content(receipts: Past) -> None:
    first = [(batch.lane, batch.number, batch.key) for batch in receipts.batches(2, 50)]
    again = [(batch.lane, batch.number, batch.key) for batch in past(CALENDAR, 0.1, CARDS).batches(2, 50)]
    assert first == again
    assert len({key for _, _, key in first}) == len(first) > 4


def test_the_anniversary_takes_off_and_its_rebate_is_a_rule_the_house_understands(receipts: Past) -> None:
    discounts = Counter(
        (discount["kind"], CALENDAR.celebrates(date.fromisoformat(receipt["business_date"])))
        for receipt in receipts.receipts
        if receipt["type"] == "sale"
        for line in receipt["lines"]
        for discount in line.get("discounts", ())
    )
    assert discounts["threshold", True] > 0
    assert discounts["threshold", False] == 0
    assert {kind for kind, _ in discounts} == {"markdown", "threshold", "member_price", "manual"}
    programme = read_programme({"thresholds": [rebate(CALENDAR)]})
    assert programme.thresholds[0].name == "YZ-REBATE"


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        (datetime(2026, 11, 21, 17, tzinfo=UTC), date(2026, 10, 1), date(2026, 11, 21)),
        (datetime(2026, 11, 30, 16, tzinfo=UTC), date(2026, 10, 1), date(2026, 11, 30)),
        (datetime(2026, 12, 1, 16, tzinfo=UTC), date(2026, 11, 1), date(2026, 12, 1)),
        (datetime(2027, 1, 2, 3, tzinfo=UTC), date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_the_days_hold_a_whole_month_and_end_yesterday_in_the_store_s_own_time(
    now: datetime, first: date, last: date
) -> None:
    calendar = since_last_month(now, "Asia/Shanghai")
    assert (calendar.first_day, calendar.last_day) == (first, last)


def test_every_clerk_has_a_number_and_a_counter() -> None:
    people = staff()
    assert len({person["number"] for person in people}) == len(people) == 129
    assert {counter for person in people for counter in person["counters"]} == {each.code for each in COUNTERS}
