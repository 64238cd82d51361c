"""Where members are heading, each formula against a figure worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.scores.direction import GROWTH, Direction, heading, season_index, theil_sen

NAN = float("nan")
Floats = NDArray[np.float64]


def one(*figures: float) -> Floats:
    return np.array([figures], dtype=np.float64)


def straight(growth: float) -> Floats:
    """Figures with median 100 on which log(1 + y / median) grows by `growth` in every sub-period, in logarithms.

    log(1 + y/100) = c + growth x k, and (y3 + y4) / 2 = 100 asks for e^c = 4 / (e^(2 growth) + e^(3 growth)).
    """
    start = 4 / (np.exp(2 * growth) + np.exp(3 * growth))
    figures: Floats = 100 * (start * np.exp(growth * np.arange(6)) - 1)[None, :]
    return figures


def test_a_hand_worked_slope() -> None:
    """y = 1 2 4 4 4 7, median 4: ln 1.25, 1.5, 2, 2, 2, 2.75 = .22314 .40547 .69315 .69315 .69315 1.01160.

    Slopes of the fifteen pairs in order: 0 0 0 .0959 .1062 .1175 .1438 .1515 .1567 .1577 .1592 .1823 .2350 .2877 .3185.
    The eighth is .1515, a growth of e^.1515 - 1 = 16.4 % a sub-period; twelve of fifteen go up.
    """
    slopes = theil_sen(one(1, 2, 4, 4, 4, 7))
    assert slopes.growth[0] == pytest.approx(0.164, abs=5e-4)
    assert slopes.sign[0] == 1


def test_a_hand_worked_slope_with_a_missing_ticket() -> None:
    """10 - 20 - - 10: median 10: ln 2, ln 3, ln 2 in sub-periods 1, 3, 6: slopes .2027, 0, -.1352: the middle is 0."""
    slopes = theil_sen(one(10, NAN, 20, NAN, NAN, 10))
    assert slopes.growth[0] == 0
    assert slopes.sign[0] == 0


def test_rising_starts_at_five_percent_a_period_and_falling_is_its_mirror_image() -> None:
    assert theil_sen(straight(np.log(1.0501))).sign[0] == 1
    assert theil_sen(straight(np.log(1.0499))).sign[0] == 0
    assert theil_sen(straight(-np.log(1.0501))).sign[0] == -1
    assert theil_sen(straight(-np.log(1.0499))).sign[0] == 0
    assert theil_sen(straight(np.log(1.0501))).growth[0] == pytest.approx(GROWTH + 1e-4)


def test_two_thirds_of_the_pairs_that_differ_must_agree() -> None:
    """Both lose more than 5 % a sub-period; of the first ten pairs of fifteen go down, of the second nine."""
    ten, nine = one(170, 140, 190, 90, 70, 150), one(180, 90, 60, 190, 100, 80)
    for figures, falling, sign in ((ten, 10, -1), (nine, 9, 0)):
        assert sum(figures[0, j] < figures[0, i] for i in range(6) for j in range(i + 1, 6)) == falling
        assert theil_sen(figures).growth[0] < -0.05
        assert theil_sen(figures).sign[0] == sign


def test_a_member_who_came_in_few_sub_periods_is_measured_by_those() -> None:
    """0 0 0 0 50 100: the median is 0, so the scale is the middle of 50 and 100."""
    slopes = theil_sen(one(0, 0, 0, 0, 50, 100))
    logs = np.log1p(np.array([0, 0, 0, 0, 50, 100]) / 75)
    pairs = [(logs[j] - logs[i]) / (j - i) for i in range(6) for j in range(i + 1, 6)]
    assert slopes.growth[0] == pytest.approx(np.expm1(np.median(pairs)))
    assert slopes.sign[0] == 1  # nine of fifteen go up, the others stay where they are


def test_nothing_at_all_and_less_than_nothing_have_no_slope_but_no_nonsense_either() -> None:
    slopes = theil_sen(
        np.vstack([one(0, 0, 0, 0, 0, 0), one(-5, -5, -5, -5, -5, -5), one(*[NAN] * 6), one(1, *[NAN] * 5)])
    )
    assert np.isnan(slopes.growth).all()
    assert slopes.sign.tolist() == [0, 0, 0, 0]


def test_the_season_is_what_the_steady_members_did() -> None:
    """Thirty steady members at 10 10 10 10 10 70: mean 20, index .5 .5 .5 .5 .5 3.5."""
    figures = np.vstack([np.tile([10.0, 10, 10, 10, 10, 70], (30, 1)), np.full((5, 6), 1000.0)])
    steady = np.arange(35) < 30
    assert season_index(figures, steady).tolist() == [0.5, 0.5, 0.5, 0.5, 0.5, 3.5]
    assert season_index(figures, np.arange(35) < 29).tolist() == [1] * 6
    assert season_index(-figures, steady).tolist() == [1] * 6


def test_two_of_three_decide() -> None:
    up, flat = straight(0.2), np.full((1, 6), 10.0)
    many, known = np.array([60]), np.array([True])
    # More visits at the same ticket: spend and visits rise.
    rising = heading(10 * up, up, many, known)
    assert (rising.spend.sign[0], rising.visits.sign[0], rising.ticket.sign[0]) == (1, 1, 0)
    assert rising.direction.tolist() == [Direction.RISING]
    # The same visits at a growing ticket: spend and ticket rise.
    assert heading(10 * up, flat, many, known).direction.tolist() == [Direction.RISING]
    assert heading(10 * up[:, ::-1], flat, many, known).direction.tolist() == [Direction.FADING]
    # More visits at a smaller ticket, the same spend: one up, one down.
    split = heading(np.full((1, 6), 100.0), up, many, known)
    assert (split.spend.sign[0], split.visits.sign[0], split.ticket.sign[0]) == (0, 1, -1)
    assert split.direction.tolist() == [Direction.STEADY]


def test_too_little_to_tell_is_insufficient_and_never_fading() -> None:
    down = straight(-0.3)
    four, three = np.array([4]), np.array([3])
    assert heading(down, down, four, np.array([True])).direction.tolist() == [Direction.FADING]
    assert heading(down, down, three, np.array([True])).direction.tolist() == [Direction.INSUFFICIENT]
    assert heading(down, down, four, np.array([False])).direction.tolist() == [Direction.INSUFFICIENT]


def test_the_medians_are_numpy_s_for_any_member() -> None:
    rng = np.random.default_rng(5)
    figures = np.where(rng.random((500, 6)) < 0.3, np.nan, rng.lognormal(3, 1, (500, 6)))
    ours = theil_sen(figures).growth
    for row, growth in zip(figures, ours, strict=True):
        there = np.flatnonzero(~np.isnan(row))
        if len(there) < 3:
            assert np.isnan(growth)
            continue
        logs = np.log1p(row / np.median(row[there]))
        pairs = [(logs[j] - logs[i]) / (j - i) for i in there for j in there if j > i]
        assert growth == pytest.approx(np.expm1(np.median(pairs)))
