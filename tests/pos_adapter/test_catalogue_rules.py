"""What a promotion and a category tree may look like."""

from decimal import Decimal

import pytest

from pos_adapter.catalogue.rules import FunderSharesOff, funder_shares, with_ancestors


def test_a_promotion_that_names_no_funder_is_borne_by_the_company() -> None:
    assert funder_shares({}) == {"company": 10_000}


def test_shares_of_funders_are_kept_as_whole_hundredths_of_a_percent() -> None:
    assert funder_shares({"company": Decimal("0.6"), "supplier:V9": Decimal("0.4")}) == {
        "company": 6_000,
        "supplier:V9": 4_000,
    }


@pytest.mark.parametrize(
    "shares",
    [
        {"company": Decimal("0.6")},
        {"company": Decimal("0.6"), "supplier:V9": Decimal("0.5")},
        {"company": Decimal("1.1"), "supplier:V9": Decimal("-0.1")},
        {"company": Decimal("0.33333"), "supplier:V9": Decimal("0.66667")},
        {"company": Decimal(1), "supplier:V9": Decimal(0)},
    ],
)
def test_shares_that_do_not_make_a_whole_are_refused(shares: dict[str, Decimal]) -> None:
    with pytest.raises(FunderSharesOff):
        funder_shares(shares)


def test_every_category_above_a_named_one_exists_too_roots_first() -> None:
    by_depth = with_ancestors([("FOOD", "DAIRY", "MILK"), ("FOOD", "BREAD"), ("TOYS",)])

    assert by_depth[:4] == [
        [("FOOD",), ("TOYS",)],
        [("FOOD", "BREAD"), ("FOOD", "DAIRY")],
        [("FOOD", "DAIRY", "MILK")],
        [],
    ]
