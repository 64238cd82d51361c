"""All models after some lessons, side by side, each asked by its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.prediction.features import features, fit_life_model
from analytics.prediction.history import Floats, History
from analytics.prediction.learners import (
    LearnedChance,
    LearnedSpend,
    Lessons,
    VisitRates,
    Way,
    learn_chance,
    learn_spend,
    learn_visit_rates,
    together,
)
from analytics.prediction.trials import Model

CHANCE_LEAST = 0.0001
_WINDOWS = {
    Model.LAST_WINDOW: "spend_last_horizon",
    Model.PACE_13_WEEKS: "spend_pace_13",
    Model.PACE_26_WEEKS: "spend_pace_26",
    Model.PACE_EVER: "spend_pace_ever",
    Model.BG_NBD: "life_spend",
}


@dataclass(frozen=True, slots=True)
class Candidates:
    """All models after some lessons; those that had nothing to learn from are None."""

    spend: LearnedSpend | None
    chance: LearnedChance | None
    rates: VisitRates

    def spend_by(self, model: Model, facts: Lessons) -> Floats:
        """One model's predictions of spend, at least 0."""
        if model in _WINDOWS:
            return np.maximum(facts.column(_WINDOWS[model]), 0.0)
        assert self.spend is not None
        return self.spend.predict(facts.facts, Way(model.value))

    def chance_by(self, model: Model, facts: Lessons) -> Floats:
        """One model's probabilities."""
        if model is Model.LAST_WINDOW:
            chance = self.rates.predict(facts.column("visit_last_horizon"))
        elif model is Model.BG_NBD:
            chance = facts.column("life_chance")
        else:
            assert self.chance is not None
            chance = self.chance.predict(facts.facts, Way(model.value))
        return inside(chance)

    def spend_models(self) -> list[Model]:
        """The models of spend that there are."""
        return [*_WINDOWS, *_ways(self.spend)]

    def chance_models(self) -> list[Model]:
        """The models of the probability that there are."""
        return [Model.LAST_WINDOW, Model.BG_NBD, *_ways(self.chance)]


def _ways(learned: LearnedSpend | LearnedChance | None) -> list[Model]:
    return [] if learned is None else [Model(way.value) for way in learned.ways()]


def learn(lessons: Lessons, with_trees: bool) -> Candidates:
    """Every model that can be learned from so many lessons."""
    enough = lessons.enough()
    return Candidates(
        learn_spend(lessons, with_trees) if enough else None,
        learn_chance(lessons, with_trees) if enough else None,
        learn_visit_rates(lessons),
    )


class Classroom:
    """The lessons of one sample of members; each is prepared once, folds and the final fit share them."""

    def __init__(self, sample: History, horizon_days: int) -> None:
        self._sample = sample
        self._horizon_days = horizon_days
        self._lessons: dict[int, Lessons] = {}

    def lesson(self, day: int) -> Lessons:
        """What was known of the members known before a day, and what they did in the horizon from it."""
        if day not in self._lessons:
            life = fit_life_model(self._sample, day)
            known = self._sample.some(np.flatnonzero(self._sample.known_before(day)))
            facts = features(known, day, self._horizon_days, life)
            stop = day + self._horizon_days
            self._lessons[day] = Lessons(
                tuple(facts),
                np.column_stack(list(facts.values())),
                known.window("spend", day, stop).astype(np.float64),
                known.window("visit", day, stop) > 0,
            )
        return self._lessons[day]

    def together(self, days: Sequence[int]) -> Lessons:
        """Several of them as one."""
        return together([self.lesson(day) for day in days])


def facts_of(by_name: Mapping[str, Floats]) -> Lessons:
    """The facts of the day whose future is unknown."""
    return Lessons(tuple(by_name), np.column_stack(list(by_name.values())), np.zeros(0), np.zeros(0, dtype=np.bool_))


def inside(chance: Floats) -> Floats:
    """Nothing is certain: probabilities between 0.0001 and 0.9999."""
    return np.clip(chance, CHANCE_LEAST, 1.0 - CHANCE_LEAST)
