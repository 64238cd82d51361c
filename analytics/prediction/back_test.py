"""The rolling back-test: every model on days that are past, from what was known before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.prediction.candidates import Candidates, Classroom, learn
from analytics.prediction.history import Floats
from analytics.prediction.learners import Lessons
from analytics.prediction.plan import Fold
from analytics.prediction.trials import (
    ChanceTrial,
    Model,
    SpendTrial,
    best_chance,
    mean_chance_trial,
    mean_spend_trial,
    merit,
    try_chance,
    try_spend,
)

LEAST_CHANCES = (0.0, 0.1, 0.2, 0.3)
"""Tried as the probability of purchase below which a member is predicted to spend nothing.

Where most members stay away, the small differences between those who nearly surely will are noise, and ranking by them
hides the rest; the typical spend of such a member is 0.
"""
CUT = (Model.BG_NBD, Model.LINEAR, Model.BOOSTED, Model.BLEND)
"""The models whose smallest predictions may be cut to nothing."""


@dataclass(frozen=True, slots=True)
class Trials:
    """The mean figures of each candidate over the folds; `members` in the latest fold."""

    spend: tuple[SpendTrial, ...]
    chance: tuple[ChanceTrial, ...]
    members: int


def back_test(class_: Classroom, folds: Sequence[Fold], final: Candidates, with_trees: bool) -> Trials:
    """Every model on every fold; a model that could not learn in some fold, or in the end, is not a candidate."""
    tests = [class_.lesson(fold.day) for fold in folds]
    learned = [learn(class_.together(fold.lessons), with_trees) for fold in folds]
    every = [final, *learned]
    chances = [
        {model: each.chance_by(model, test) for model in _in_all([one.chance_models() for one in every])}
        for each, test in zip(learned, tests, strict=True)
    ]
    spends = [
        {model: each.spend_by(model, test) for model in _in_all([one.spend_models() for one in every])}
        for each, test in zip(learned, tests, strict=True)
    ]
    chance_trials = _chance_trials(chances, tests)
    best = best_chance(chance_trials).model
    return Trials(_spend_trials(spends, [fold[best] for fold in chances], tests), chance_trials, len(tests[0]))


def _in_all(models: Sequence[Sequence[Model]]) -> list[Model]:
    return [model for model in models[0] if all(model in each for each in models)]


def _chance_trials(chances: Sequence[Mapping[Model, Floats]], tests: Sequence[Lessons]) -> tuple[ChanceTrial, ...]:
    return tuple(
        mean_chance_trial(
            [try_chance(model, chance[model], test.came) for chance, test in zip(chances, tests, strict=True)]
        )
        for model in chances[0]
    )


def _spend_trials(
    spends: Sequence[Mapping[Model, Floats]], chances: Sequence[Floats], tests: Sequence[Lessons]
) -> tuple[SpendTrial, ...]:
    """Of each model the trial with the least chance that serves it best; windows are left as simple as they are."""

    def trial(model: Model, least: float) -> SpendTrial:
        folds = zip(spends, chances, tests, strict=True)
        return mean_spend_trial(
            [
                try_spend(model, np.where(chance < least, 0.0, spend[model]), test.spend, least)
                for spend, chance, test in folds
            ]
        )

    base = trial(Model.LAST_WINDOW, 0.0)
    tried = {
        model: [trial(model, least) for least in (LEAST_CHANCES if model in CUT else LEAST_CHANCES[:1])]
        for model in spends[0]
    }
    return tuple(max(trials, key=lambda each: round(merit(each, base), 6)) for trials in tried.values())
