"""How good a prediction turned out: the figures of a back-test, and the choice among models by them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

Floats = NDArray[np.float64]


class Model(StrEnum):
    """The ways to predict, simplest first: of two equally good the earlier is used."""

    LAST_WINDOW = "last_window"  # what the last days, as many as the horizon has, brought
    PACE_13_WEEKS = "pace_13_weeks"  # the mean pace of the last 13 weeks, or of as long as the member is known
    PACE_26_WEEKS = "pace_26_weeks"
    PACE_EVER = "pace_ever"
    BG_NBD = "bg_nbd"  # BG/NBD or its modification, whichever is likelier; for spend times Gamma-Gamma
    LINEAR = "linear"  # ridge or logistic regression on behaviour
    BOOSTED = "boosted"  # gradient-boosted trees on behaviour
    BLEND = "blend"  # the mean of linear and boosted


@dataclass(frozen=True, slots=True)
class SpendTrial:
    """One model's predictions of spend against what came.

    `spearman` and `mae` over members; `top_decile_share`: the part of all spend that came from the tenth predicted
    highest; `total_ratio`: predicted total by actual total (1 where nothing was spent). `mae` is in minor units.
    `least_chance`: members with a smaller probability of purchase were predicted to spend nothing.
    """

    model: Model
    least_chance: float
    spearman: float
    mae: float
    top_decile_share: float
    total_ratio: float


@dataclass(frozen=True, slots=True)
class ChanceTrial:
    """One model's probabilities against who came.

    `brier`: mean squared error of the probability; `auc`: the probability that one who came was given more than one
    who stayed away (0.5 where all did the same); the two means tell calibration at large.
    """

    model: Model
    brier: float
    auc: float
    mean_predicted: float
    mean_actual: float


def try_spend(model: Model, predicted: Floats, actual: Floats, least_chance: float = 0.0) -> SpendTrial:
    """The figures of one fold."""
    total = float(actual.sum())
    top = np.argsort(-predicted, kind="stable")[: max(1, round(len(actual) / 10))]
    return SpendTrial(
        model,
        least_chance,
        spearman(predicted, actual),
        float(np.abs(predicted - actual).mean()),
        float(actual[top].sum()) / total if total > 0 else 0.0,
        float(predicted.sum()) / total if total > 0 else 1.0,
    )


def try_chance(model: Model, predicted: Floats, came: NDArray[np.bool_]) -> ChanceTrial:
    """The figures of one fold."""
    told_apart = bool(came.any()) and not bool(came.all())
    return ChanceTrial(
        model,
        float(((predicted - came) ** 2).mean()),
        float(roc_auc_score(came, predicted)) if told_apart else 0.5,
        float(predicted.mean()),
        float(came.mean()),
    )


def mean_spend_trial(folds: Sequence[SpendTrial]) -> SpendTrial:
    """The mean figures of one model over its folds."""
    return SpendTrial(
        folds[0].model,
        folds[0].least_chance,
        _mean([fold.spearman for fold in folds]),
        _mean([fold.mae for fold in folds]),
        _mean([fold.top_decile_share for fold in folds]),
        _mean([fold.total_ratio for fold in folds]),
    )


def mean_chance_trial(folds: Sequence[ChanceTrial]) -> ChanceTrial:
    """The mean figures of one model over its folds."""
    return ChanceTrial(
        folds[0].model,
        _mean([fold.brier for fold in folds]),
        _mean([fold.auc for fold in folds]),
        _mean([fold.mean_predicted for fold in folds]),
        _mean([fold.mean_actual for fold in folds]),
    )


def merit(trial: SpendTrial, base: SpendTrial) -> float:
    """What a model of spend is chosen by, greater is better: spearman - mae / (mae of the base) - |ln total_ratio| / 4.

    The first term asks for the right order of members, the second for the right amounts, the third for the right
    total; who picks a list by rank and plans its money needs all three, and no model can buy one by giving up another.
    """
    bias = abs(math.log(max(trial.total_ratio, 1e-3)))
    return trial.spearman - trial.mae / max(base.mae, 1.0) - bias / 4.0


def best_spend(trials: Sequence[SpendTrial]) -> SpendTrial:
    """The one of greatest merit, beside the last window; the earlier of two that agree to six digits."""
    base = next(trial for trial in trials if trial.model is Model.LAST_WINDOW)
    return max(trials, key=lambda trial: round(merit(trial, base), 6))


def best_chance(trials: Sequence[ChanceTrial]) -> ChanceTrial:
    """The model to use: the least Brier score, which punishes wrong order and wrong level alike."""
    return min(trials, key=lambda trial: round(trial.brier, 6))


def spearman(one: Floats, other: Floats) -> float:
    """The correlation of ranks, ties sharing theirs; 0 where one of the two is the same for all."""
    ranks, others = rankdata(one), rankdata(other)
    if np.ptp(ranks) == 0 or np.ptp(others) == 0:
        return 0.0
    return float(np.corrcoef(ranks, others)[0, 1])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
