"""Which money of a line earns."""

from member_api.earning.rules import EarnBase, earn_base

ONLY_MONEY = EarnBase(without=("points",))


def test_what_points_paid_earns_nothing() -> None:
    assert earn_base(1000, 0, [("points", 300), ("voucher", 100)], ONLY_MONEY) == 700
    assert earn_base(-1000, 0, [("points", -300)], ONLY_MONEY) == -700


def test_change_given_on_points_never_turns_the_sign_of_a_line() -> None:
    """Or giving back a line whose base is below zero would earn points."""
    assert earn_base(1000, 0, [("points", 1500)], ONLY_MONEY) == 0
    assert earn_base(-1000, 0, [("points", -1500)], ONLY_MONEY) == 0
    assert earn_base(0, 0, [("points", 200)], ONLY_MONEY) == 0
