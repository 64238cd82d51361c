"""The comparison of source and database finds what is missing, doubled or changed."""

import numpy as np
import pytest

from regulars.demo.check import Check, Columns, compare
from regulars.demo.dates import wall_times
from regulars.demo.places import Places
from regulars.demo.receipts import per_basket
from regulars.demo.source import Source

PART = 400


@pytest.fixture
def part(source: Source) -> Source:
    return source.first(PART)


@pytest.fixture
def receipts(part: Source, places: Places) -> Columns:
    """The receipts as a faithful database would give them."""
    times = wall_times(part.baskets.at, 0)
    amount, coupons = per_basket(part.lines.amount, part.baskets), per_basket(part.lines.coupon, part.baskets)
    return {
        "store": part.baskets.store.copy(),
        "terminal": places.terminal_of_basket[:PART].copy(),
        "sequence": places.sequence_of_basket[:PART].copy(),
        "business_day": times.local.astype("datetime64[D]").astype(np.int64),
        "at": times.utc().astype(np.int64),
        "amount": amount.copy(),
        "member": part.baskets.household + 7,
        "done": np.ones(PART, dtype=np.int64),
        "paid": amount.copy(),
        "voucher": np.minimum(amount, coupons),
        "face": coupons.copy(),
    }


@pytest.fixture
def lines(part: Source, places: Places) -> Columns:
    """The lines as a faithful database would give them, in another order."""
    counts = np.diff(part.baskets.first_line)
    columns = {
        "store": np.repeat(part.baskets.store, counts),
        "terminal": np.repeat(places.terminal_of_basket[:PART], counts),
        "sequence": np.repeat(places.sequence_of_basket[:PART], counts),
        "line": np.arange(counts.sum()) - np.repeat(part.baskets.first_line[:-1], counts) + 1,
        "product": part.lines.product,
        "known": np.isin(part.lines.product, part.products.id).astype(np.int64),
        "quantity": part.lines.quantity,
        "amount": part.lines.amount,
        "regular_amount": part.lines.regular_amount,
        "discount": part.lines.regular_amount - part.lines.amount,
    }
    return {name: column[::-1].copy() for name, column in columns.items()}


def _wrong(check: Check) -> set[str]:
    return {found.what.strip() for found in check.findings if not found.equal}


def test_a_faithful_database_differs_in_nothing(
    part: Source, places: Places, receipts: Columns, lines: Columns
) -> None:
    assert _wrong(compare(part, places, 0, receipts, lines)) == set()


def test_one_cent_moved_between_two_lines_is_found_although_the_sum_is_right(
    part: Source, places: Places, receipts: Columns, lines: Columns
) -> None:
    lines["amount"][:2] += (1, -1)
    check = compare(part, places, 0, receipts, lines)
    assert _wrong(check) == {"amount, cents"}
    assert [found.different for found in check.findings if not found.equal] == [2]


def test_a_missing_a_doubled_and_a_foreign_receipt_are_found(
    part: Source, places: Places, receipts: Columns, lines: Columns
) -> None:
    missing = {name: column[1:] for name, column in receipts.items()}
    doubled = {name: np.append(column, column[:1]) for name, column in receipts.items()}
    foreign = {name: column.copy() for name, column in receipts.items()}
    foreign["sequence"][0] += 1_000
    for broken in (missing, doubled, foreign):
        assert "receipts" in _wrong(compare(part, places, 0, broken, lines))


def test_a_purchase_given_to_somebody_else_and_another_day_are_found(
    part: Source, places: Places, receipts: Columns, lines: Columns
) -> None:
    receipts["member"][0] = receipts["member"][1:].max()
    receipts["business_day"][5] += 1
    assert _wrong(compare(part, places, 0, receipts, lines)) == {"households as members", "business date"}


def test_an_empty_database_lacks_everything(part: Source, places: Places, receipts: Columns, lines: Columns) -> None:
    empty_receipts = {name: column[:0] for name, column in receipts.items()}
    empty_lines = {name: column[:0] for name, column in lines.items()}
    check = compare(part, places, 0, empty_receipts, empty_lines)
    assert not check.equal
    assert check.findings[0].different == PART
