"""Figures of a day that add up."""

from datetime import UTC, datetime

import pytest

from pos_adapter.overview.rules import DayFigures, change_permille, summed


def test_figures_of_tills_add_up_to_those_of_the_store() -> None:
    early, late = datetime(2026, 1, 5, 1, tzinfo=UTC), datetime(2026, 1, 5, 12, tzinfo=UTC)
    one = DayFigures(
        "CNY", sales=2, sales_amount=3_000, member_sales=1, member_amount=1_000, first_at=late, last_at=late
    )
    other = DayFigures("CNY", sales=1, sales_amount=500, returns=1, returns_amount=200, first_at=early, last_at=early)

    both = one + other

    assert (both.sales, both.net, both.member_share_permille) == (3, 3_300, 286)
    assert (both.first_at, both.last_at) == (early, late)


def test_currencies_are_never_summed() -> None:
    yuan, dollars = DayFigures("CNY", sales_amount=100), DayFigures("HKD", sales_amount=100)

    with pytest.raises(ValueError, match="never summed"):
        yuan + dollars
    assert summed([yuan, dollars, yuan], lambda each: each.currency)["CNY"].sales_amount == 200


@pytest.mark.parametrize(("amount", "sales", "average"), [(1_000, 3, 333), (1_001, 2, 501), (0, 0, None), (5, 2, 3)])
def test_the_average_ticket_is_rounded_half_up(amount: int, sales: int, average: int | None) -> None:
    assert DayFigures("CNY", sales=sales, sales_amount=amount).average == average


def test_a_day_without_sales_has_no_member_share_and_no_change() -> None:
    assert DayFigures("CNY").member_share_permille is None
    assert change_permille(500, 0) is None
    assert change_permille(550, 500) == 100
