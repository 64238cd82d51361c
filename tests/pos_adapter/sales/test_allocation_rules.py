"""Who paid for which line: pro rata, by largest remainder, exact by line and by tender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_adapter.sales.rules import (
    LineRefund,
    SoldLine,
    allocate,
    allocate_tenders,
    allocate_units,
    looks_like_card_number,
    millionths,
    refund_lines,
    refund_tenders,
)
from pos_adapter.tenders.rules import TenderRole
from tests.pos_adapter.sales.factories import receipt, return_of

amounts = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1000, 1000, 1000], [34, 33, 33]),
        (100, [1, 2, 3], [17, 33, 50]),
        (10, [5, 5, 5, 5], [3, 3, 2, 2]),
        (7, [0, 3, 0, 4], [0, 3, 0, 4]),
        (-1, [1990, 510], [-1, 0]),
        (5, [0, 0], [5, 0]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_largest_remainder_ties_by_line(total: int, weights: list[int], shares: list[int]) -> None:
    assert allocate(total, weights) == shares


def test_two_tenders_with_remainders_add_up_by_line_and_by_tender() -> None:
    matrix, stretched = allocate_tenders([1000, 1000, 1000], [100, 2900], [None, None])
    assert matrix == [[34, 966], [33, 967], [33, 967]]
    assert not stretched


def test_points_pay_only_for_lines_that_take_part() -> None:
    matrix, stretched = allocate_tenders([1000, 500], [1300, 200], [None, [False, True]])
    assert matrix == [[1000, 0], [300, 200]]
    assert not stretched


def test_a_benefit_larger_than_its_lines_is_shared_over_all_and_said() -> None:
    matrix, stretched = allocate_tenders([1000, 500], [700, 800], [None, [False, True]])
    assert [sum(row) for row in matrix] == [1000, 500]
    assert [sum(column) for column in zip(*matrix, strict=True)] == [700, 800]
    assert stretched


@given(amounts, st.data())
def test_every_allocation_is_exact_both_ways(lines: list[int], data: st.DataObject) -> None:
    left = sum(lines)
    tenders = []
    for _ in range(data.draw(st.integers(0, 4))):
        tenders.append(data.draw(st.integers(0, left)))
        left -= tenders[-1]
    tenders.append(left)
    matrix, _ = allocate_tenders(lines, tenders, [None] * len(tenders))
    assert [sum(row) for row in matrix] == lines
    assert [sum(column) for column in zip(*matrix, strict=True)] == tenders
    assert all(share >= 0 for row in matrix for share in row)


@given(st.integers(0, 10**6), amounts)
def test_units_are_shared_exactly(units: int, shares: list[int]) -> None:
    assert sum(allocate_units(units, shares)) == units


def sold(amount: int, allocated: tuple[int, ...], units: tuple[int, ...], back: list[LineRefund]) -> SoldLine:
    return SoldLine(
        1, "goods", amount, millionths("1.000"), allocated, units,
        sum(b.amount for b in back), 0,
        tuple(sum(b.shares[k] for b in back) for k in range(len(allocated))),
        tuple(sum(b.units[k] for b in back) for k in range(len(allocated))),
    )  # fmt: skip


@given(st.lists(st.integers(0, 500), min_size=2, max_size=4), st.integers(0, 5000), st.data())
def test_partial_returns_of_a_line_add_up_to_its_allocation(parts: list[int], units: int, data: st.DataObject) -> None:
    amount = sum(parts)
    spent = (units if parts[0] else 0, *([0] * (len(parts) - 1)))
    back: list[LineRefund] = []
    left = amount
    original = receipt(amount, tenders=[{"kind": "card", "amount": amount}])
    while left:
        piece = data.draw(st.integers(1, left))
        left -= piece
        line = sold(amount, tuple(parts), spent, back)
        back += refund_lines(return_of(original, (1, piece), quantity="0"), {1: line})
        assert all(share >= 0 for share in back[-1].shares)
        assert sum(back[-1].shares) == piece
    if amount:
        assert [sum(b.shares[k] for b in back) for k in range(len(parts))] == parts
        assert sum(b.units[0] for b in back) == spent[0]


def test_what_is_withheld_comes_off_the_money_and_every_line_still_adds_up() -> None:
    refunds = [LineRefund(1, 1, 150, (100, 50), (0, 0)), LineRefund(2, 2, 50, (50, 0), (0, 0))]
    roles = {"cash": TenderRole.MONEY, "points": TenderRole.BENEFIT}
    columns, matrix, missing = refund_tenders(refunds, ["cash", "points"], [None, None], 60, roles)
    assert [(c.kind, c.amount) for c in columns] == [("cash", 90), ("points", 50), ("ecoin_clawback", 60)]
    assert [sum(row) for row in matrix] == [150, 50]
    assert missing == 0


@pytest.mark.parametrize(
    ("reference", "is_card"),
    [("4111 1111 1111 1111", True), ("6222021234567890129", False), ("AUTH-991", False), ("20261121000123456", False)],
)
def test_card_numbers_are_recognised(reference: str, is_card: bool) -> None:
    assert looks_like_card_number(reference) is is_card
