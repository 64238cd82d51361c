"""The figures of a back-test and the choice by them, worked by hand."""

import numpy as np
import pytest

from analytics.prediction.learners import least_error_factor, level
from analytics.prediction.trials import (
    ChanceTrial,
    Model,
    SpendTrial,
    best_chance,
    best_spend,
    merit,
    spearman,
    try_chance,
    try_spend,
)


def test_the_figures_of_a_prediction_of_spend() -> None:
    actual = np.array([0.0, 10, 20, 30, 40, 50, 60, 70, 80, 640])
    predicted = np.array([0.0, 10, 20, 30, 40, 50, 60, 80, 70, 600])
    trial = try_spend(Model.LINEAR, predicted, actual)
    assert trial.mae == 6  # (10 + 10 + 40) / 10
    assert trial.top_decile_share == 0.64
    assert trial.total_ratio == 0.96
    assert trial.spearman == pytest.approx(1 - 6 * 2 / 990)


def test_ties_share_their_ranks_and_nothing_to_tell_apart_is_no_correlation() -> None:
    assert spearman(np.array([1.0, 1, 2]), np.array([5.0, 7, 9])) == pytest.approx(0.8660254)
    assert spearman(np.zeros(4), np.arange(4.0)) == 0


def test_the_figures_of_a_probability() -> None:
    trial = try_chance(Model.LINEAR, np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False]))
    assert trial.brier == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert trial.auc == 0.75
    assert (trial.mean_predicted, trial.mean_actual) == (0.5, 0.5)
    assert try_chance(Model.LINEAR, np.array([0.9, 0.6]), np.array([True, True])).auc == 0.5


def trial(model: Model, spearman: float, mae: float, total: float = 1.0) -> SpendTrial:
    return SpendTrial(model, 0.0, spearman, mae, 0.3, total)


def test_order_amount_and_total_all_count() -> None:
    base = trial(Model.LAST_WINDOW, 0.80, 100)
    assert merit(base, base) == pytest.approx(-0.2)
    assert merit(trial(Model.LINEAR, 0.82, 90), base) == pytest.approx(-0.08)
    assert merit(trial(Model.LINEAR, 0.82, 90, total=0.5), base) == pytest.approx(-0.08 - np.log(2) / 4)
    better_order, better_amounts = trial(Model.BG_NBD, 0.85, 100), trial(Model.LINEAR, 0.80, 90)
    assert best_spend([base, better_order, better_amounts]) is better_amounts
    assert best_spend([base, trial(Model.BLEND, 0.80, 100)]) is base  # the simpler of two equals


def test_the_probability_of_least_brier_score_is_used() -> None:
    first, second = (
        ChanceTrial(model, brier, 0.9, 0.5, 0.5) for model, brier in ((Model.LINEAR, 0.1), (Model.BLEND, 0.09))
    )
    assert best_chance([first, second]) is second


def test_the_level_lies_halfway_between_least_error_and_an_unbiased_total() -> None:
    """Ratios 1 1 4 with weights 10 10 10: their median is 1; the total asks for 60 / 30 = 2; halfway is 1.5."""
    predicted, actual = np.array([10.0, 10, 10]), np.array([10.0, 10, 40])
    assert least_error_factor(predicted, actual) == 1
    assert level(predicted, actual) == 1.5
    # Where two thirds stay away the least error is at nothing: at least three quarters of the total remain.
    assert level(predicted, np.array([0.0, 0, 30])) == 0.75
    assert level(np.zeros(3), actual) == 1
    assert level(predicted, -actual) == 1
