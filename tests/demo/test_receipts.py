"""Every receipt of the demo, read back through a strict model of the contract."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import msgspec
import numpy as np
import pytest

from pos_adapter.sales.receipts import Receipt
from regulars.demo.places import Places, counters_of
from regulars.demo.receipts import Batch, Receipts, batches, totals
from regulars.demo.source import Source

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Cents = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(gt=0)]


class Member(msgspec.Struct, forbid_unknown_fields=True):
    kind: Word
    value: Annotated[str, msgspec.Meta(pattern="^29[0-9]{11}$")]


class Discount(msgspec.Struct, forbid_unknown_fields=True):
    kind: Word
    promotion: Word
    amount: Positive


class Line(msgspec.Struct, forbid_unknown_fields=True):
    line: Positive
    product: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]
    quantity: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]
    amount: Cents
    regular_amount: Cents
    counter: Annotated[str, msgspec.Meta(pattern="^C[1-5]$")] | None = None
    salesperson: Annotated[str, msgspec.Meta(pattern="^E367-[1-5]$")] | None = None
    promotion: Word | None = None
    discounts: list[Discount] = []


class Tender(msgspec.Struct, forbid_unknown_fields=True):
    kind: Word
    amount: Cents
    face: Positive | None = None


class Sale(msgspec.Struct, forbid_unknown_fields=True):
    store: Annotated[str, msgspec.Meta(pattern="^S[0-9]+$")]
    terminal: Annotated[str, msgspec.Meta(pattern="^T[1-6]$")]
    business_date: date
    sequence: Positive
    type: Word
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    currency: Word
    member: Member
    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=2_000)]
    tenders: list[Tender]


class Body(msgspec.Struct, forbid_unknown_fields=True):
    sales: Annotated[list[Sale], msgspec.Meta(min_length=1, max_length=500)]


def _read(made: Iterator[Batch]) -> list[Sale]:
    return [sale for batch in made for sale in msgspec.json.decode(batch.body, type=Body).sales]


def test_the_source_is_the_one_whose_figures_are_known(source: Source) -> None:
    assert len(source.baskets) == 155_848
    assert len(source.lines.amount) == 1_469_307
    assert totals(source.lines, source.baskets).amount == 459_603_958
    assert len(np.unique(source.baskets.household)) == 2_469
    assert len(source.products) == 92_331
    assert int((~np.isin(source.lines.product, source.products.id)).sum()) == 4_836


@pytest.mark.slow
def test_every_basket_becomes_one_sale_whose_sums_are_the_sources_to_the_cent(source: Source, places: Places) -> None:
    receipts: set[tuple[str, str, int]] = set()
    lines = amount = discounts = coupons = paid = 0
    for batch in batches(source, places, offset_weeks=0, lanes=3):
        assert len(batch.body) <= 8 * 2**20
        for sale in msgspec.json.decode(batch.body, type=Body).sales:
            total = sum(line.amount for line in sale.lines)
            assert [line.line for line in sale.lines] == list(range(1, len(sale.lines) + 1))
            assert sum(tender.amount for tender in sale.tenders) == total
            for line in sale.lines:
                off = sum(discount.amount for discount in line.discounts)
                assert line.regular_amount - off == line.amount
                assert (line.promotion is not None) == bool(line.discounts)
                discounts += off
            for tender in sale.tenders:
                if tender.kind == "voucher":
                    coupons += tender.face or tender.amount
                    assert tender.face is None or tender.face > tender.amount
                    assert tender.amount <= total
                else:
                    assert tender.amount > 0
                    paid += tender.amount
            receipts.add((sale.store, sale.terminal, sale.sequence))
            lines += len(sale.lines)
            amount += total
    expected = totals(source.lines, source.baskets)
    assert (len(receipts), lines, amount) == (155_848, 1_469_307, 459_603_958)
    assert discounts == expected.regular - expected.amount == 79_165_064 + 454_265
    assert coupons == 2_635_990
    assert paid == expected.amount - expected.vouchers


def test_a_coupon_worth_more_than_the_basket_pays_no_more_than_the_basket(source: Source, places: Places) -> None:
    part = source.first(20_000)
    sales = _read(batches(part, places, offset_weeks=0, lanes=1))
    capped = [tender for sale in sales for tender in sale.tenders if tender.face is not None]
    assert capped
    for sale in sales:
        vouchers = [tender for tender in sale.tenders if tender.kind == "voucher"]
        if any(voucher.face for voucher in vouchers):
            assert [tender.kind for tender in sale.tenders] == ["voucher"]


def test_every_receipt_is_one_that_the_till_route_can_read(source: Source, places: Places) -> None:
    receipts = Receipts(source, places, 0)
    for start in range(0, len(source.baskets), 10_000):
        for sale in receipts.window(start, min(start + 1_000, len(source.baskets))):
            msgspec.json.decode(sale, type=Receipt)


def test_what_the_busiest_store_sells_over_a_counter_names_it_and_nothing_else_does(
    source: Source, places: Places
) -> None:
    department = dict(zip(source.products.id.tolist(), source.products.department, strict=True))
    counter_of = {counter.category[0]: counter.code for counter in counters_of(places.busiest)}
    with_counter = 0
    for sale in _read(batches(source.first(20_000), places, offset_weeks=0, lanes=1)):
        for line in sale.lines:
            sold_at = counter_of.get(department.get(int(line.product), "")) if sale.store == "S367" else None
            assert line.counter == sold_at
            assert (line.salesperson is not None) == (sold_at is not None)
            with_counter += sold_at is not None
    assert with_counter > 100


def test_a_tills_numbers_run_without_a_gap_in_order_of_time(source: Source, places: Places) -> None:
    last: dict[tuple[str, str], Sale] = {}
    for sale in _read(batches(source.first(30_000), places, offset_weeks=0, lanes=2)):
        till = (sale.store, sale.terminal)
        before = last.get(till)
        assert sale.sequence == (before.sequence + 1 if before else 1)
        assert before is None or before.occurred_at <= sale.occurred_at
        last[till] = sale


def test_all_receipts_of_a_store_go_down_one_lane_and_the_lanes_are_about_equally_full(
    source: Source, places: Places
) -> None:
    lane_of_store: dict[str, int] = {}
    filled = [0, 0, 0]
    for batch in batches(source.first(20_000), places, offset_weeks=0, lanes=3):
        filled[batch.lane] += batch.sales
        for sale in msgspec.json.decode(batch.body, type=Body).sales:
            assert lane_of_store.setdefault(sale.store, batch.lane) == batch.lane
    assert max(filled) < 1.15 * min(filled)


def test_a_second_run_makes_the_same_bodies_and_keys_and_a_part_is_the_beginning_of_the_whole(
    source: Source, places: Places
) -> None:
    once = [(batch.key, batch.body) for batch in batches(source.first(3_000), places, offset_weeks=12, lanes=2)]
    again = [(batch.key, batch.body) for batch in batches(source.first(3_000), places, offset_weeks=12, lanes=2)]
    assert once == again
    assert len({key for key, _ in once}) == len(once)
    assert Receipts(source.first(3_000), places, 12).window(100, 120) == Receipts(source, places, 12).window(100, 120)


def test_other_dates_have_other_keys_so_that_a_key_is_never_used_with_other_content(
    source: Source, places: Places
) -> None:
    keys = [
        {batch.key for batch in batches(source.first(3_000), places, offset_weeks=weeks, lanes=2)} for weeks in (0, 1)
    ]
    assert keys[0].isdisjoint(keys[1])


def test_the_business_date_is_the_date_on_the_wall_of_the_store_not_the_one_in_utc(
    source: Source, places: Places
) -> None:
    last = msgspec.json.decode(Receipts(source, places, 0).window(155_847, 155_848)[0], type=Sale)
    assert str(last.business_date) == "2017-12-31"
    assert last.occurred_at.isoformat() == "2017-12-31T23:01:20-05:00"
