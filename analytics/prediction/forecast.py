"""The prediction of a group of members: every model is tried on the past, the best is used, and by how much is said.

Deterministic to the byte: members and rows are sorted, samples and models have fixed seeds, sums are of integers or in
a fixed order. Fitting is bounded by a sample of members; predicting is vectorised over all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from analytics.prediction.features import LifeModel, features, fit_life_model
from analytics.prediction.history import Floats, History
from analytics.prediction.learners import (
    ROWS_TO_LEARN_MIN,
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
from analytics.prediction.plan import FOLDS_MAX, Fold, plan
from analytics.prediction.trials import (
    ChanceTrial,
    Model,
    SpendTrial,
    best_chance,
    best_spend,
    mean_chance_trial,
    mean_spend_trial,
    merit,
    try_chance,
    try_spend,
)

LEARN_MEMBERS_MAX = 12_000
"""Members from whom is learned, drawn by a fixed seed: more of them change the third digit and cost the night."""

MANY_MEMBERS = 6_000

_SEED = 20260101
_CHANCE_LEAST = 0.0001
_MEMBERS_AT_ONCE = 25_000
_THREADS = 2
LEAST_CHANCES = (0.0, 0.1, 0.2, 0.3)
"""Tried as the probability of purchase below which a member is predicted to spend nothing.

Where most members stay away, the small differences between those who nearly surely will are noise, and ranking by them
hides the rest; the typical spend of such a member is 0.
"""
CUT = (Model.BG_NBD, Model.LINEAR, Model.BOOSTED, Model.BLEND)
"""The models whose smallest predictions may be cut to nothing."""
_WINDOWS = {
    Model.LAST_WINDOW: "spend_last_horizon",
    Model.PACE_13_WEEKS: "spend_pace_13",
    Model.PACE_26_WEEKS: "spend_pace_26",
    Model.PACE_EVER: "spend_pace_ever",
    Model.BG_NBD: "life_spend",
}


@dataclass(frozen=True, slots=True)
class Predicted:
    """One value a member: `spend` in minor units, at least 0; `visits` expected (BG/NBD); `chance`: the probability of
    at least one purchase, between 0.0001 and 0.9999."""

    spend: Floats
    visits: Floats
    chance: Floats


@dataclass(frozen=True, slots=True)
class BackTest:
    """How the models did on the past, and which are used for what.

    The trials are means over the folds that begin at `days`, of a horizon of `horizon_days` (shorter than asked where
    the history is). Without a test they are empty. `reason` says what was done and why.
    """

    spend: tuple[SpendTrial, ...]
    chance: tuple[ChanceTrial, ...]
    spend_model: Model
    chance_model: Model
    least_chance: float
    members: int
    horizon_days: int
    days: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """The models used for one group of members as of a day."""

    back_test: BackTest
    life: LifeModel
    as_of: int
    horizon_days: int
    _learned: "_Learned | None"

    def predict(self, history: History) -> Predicted:
        """The days as_of <= day < as_of + horizon_days of every member of a history that ends before `as_of`."""
        learned = self._learned
        if learned is None:
            results = self.life.results(history, self.as_of, self.horizon_days)
            return Predicted(np.maximum(results.spend, 0.0), results.visits, _inside(results.chance))
        with threadpool_limits(limits=1), ThreadPoolExecutor(_THREADS) as threads:
            # Which thread does which part changes nothing: each is worked out by itself, and they keep their order.
            parts = list(threads.map(lambda part: self._predict(part, learned), _parts(history)))
        return Predicted(
            np.concatenate([part.spend for part in parts]),
            np.concatenate([part.visits for part in parts]),
            np.concatenate([part.chance for part in parts]),
        )

    def _predict(self, part: History, learned: "_Learned") -> Predicted:
        """What was learned of a shorter horizon is stretched to the one asked for as BG/NBD stretches each member:
        spend by the ratio of expected visits, the chance of staying away by the ratio of its logarithms."""
        test = self.back_test
        facts = _facts(features(part, self.as_of, test.horizon_days, self.life))
        chance = learned.chance_by(test.chance_model, facts)
        spend = np.where(chance < test.least_chance, 0.0, learned.spend_by(test.spend_model, facts))
        visits = facts.column("life_visits")
        if test.horizon_days < self.horizon_days:
            longer, most = self.life.results(part, self.as_of, self.horizon_days), self.horizon_days / test.horizon_days
            spend = spend * _ratio(longer.visits, visits, most)
            stay_longer, stay = -np.log1p(-_inside(longer.chance)), -np.log1p(-_inside(facts.column("life_chance")))
            chance = _inside(1.0 - (1.0 - chance) ** _ratio(stay_longer, stay, most))
            visits = longer.visits
        return Predicted(spend, visits, chance)


def fit(
    history: History, as_of: int, horizon_days: int, members_max: int = LEARN_MEMBERS_MAX, *, with_trees: bool = True
) -> Fitted:
    """Tries every model on the past of at most `members_max` members and fits the best to all of it.

    `history` is not empty and ends before `as_of`. A history too short for a test is predicted by BG/NBD and
    Gamma-Gamma as far as they fit, else at the mean pace of all.
    """
    with threadpool_limits(limits=1):
        sample = _sample(history, members_max)
        life = fit_life_model(sample, as_of)
        planned = plan(history.first_day, as_of, horizon_days, _folds_for(len(sample)))
        if not planned.folds:
            return Fitted(_untested(as_of - history.first_day, life), life, as_of, horizon_days, None)
        class_ = _Classroom(sample, planned.horizon_days)
        learned = _learn(class_.together(planned.lessons), with_trees)
        trials = _back_test(class_, planned.folds, learned, with_trees)
    spend, chance = best_spend(trials.spend), best_chance(trials.chance)
    back_test = BackTest(
        trials.spend,
        trials.chance,
        spend.model,
        chance.model,
        spend.least_chance,
        trials.members,
        planned.horizon_days,
        tuple(fold.day for fold in planned.folds),
        _reason(learned, planned.horizon_days, horizon_days, life),
    )
    return Fitted(back_test, life, as_of, horizon_days, learned)


# ---------------------------------------------------------------------------------------------------- learning
@dataclass(frozen=True, slots=True)
class _Learned:
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
        return _inside(chance)

    def spend_models(self) -> list[Model]:
        """The models of spend that there are."""
        return [*_WINDOWS, *_learned_models(self.spend)]

    def chance_models(self) -> list[Model]:
        """The models of the probability that there are."""
        return [Model.LAST_WINDOW, Model.BG_NBD, *_learned_models(self.chance)]


def _learned_models(learned: LearnedSpend | LearnedChance | None) -> list[Model]:
    return [] if learned is None else [Model(way.value) for way in learned.ways()]


def _learn(lessons: Lessons, with_trees: bool) -> _Learned:
    enough = lessons.enough()
    return _Learned(
        learn_spend(lessons, with_trees) if enough else None,
        learn_chance(lessons, with_trees) if enough else None,
        learn_visit_rates(lessons),
    )


class _Classroom:
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


# ---------------------------------------------------------------------------------------------------- testing
@dataclass(frozen=True, slots=True)
class _Trials:
    spend: tuple[SpendTrial, ...]
    chance: tuple[ChanceTrial, ...]
    members: int


def _back_test(class_: _Classroom, folds: Sequence[Fold], final: _Learned, with_trees: bool) -> _Trials:
    """Every model on every fold; a model that could not learn in some fold, or in the end, is not a candidate."""
    tests = [class_.lesson(fold.day) for fold in folds]
    learned = [_learn(class_.together(fold.lessons), with_trees) for fold in folds]
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
    return _Trials(_spend_trials(spends, [fold[best] for fold in chances], tests), chance_trials, len(tests[0]))


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


# ---------------------------------------------------------------------------------------------------- predicting
def _facts(by_name: Mapping[str, Floats]) -> Lessons:
    """The facts of the day whose future is unknown."""
    return Lessons(tuple(by_name), np.column_stack(list(by_name.values())), np.zeros(0), np.zeros(0, dtype=np.bool_))


def _ratio(longer: Floats, shorter: Floats, most: float) -> Floats:
    """How much more a longer horizon holds: at least as much, at most in proportion to its days."""
    ratio: Floats = np.clip(longer / np.maximum(shorter, 1e-12), 1.0, most)
    return ratio


def _untested(known_days: int, life: LifeModel) -> BackTest:
    """What is said instead of a test."""
    reason = f"{known_days} days of history are too few to test a prediction of even one week"
    if life.why_not:
        reason += f"; {life.why_not}"
    model = Model.BG_NBD if life.purchases is not None else Model.PACE_EVER
    return BackTest((), (), model, model, 0.0, 0, 0, (), reason)


def _reason(learned: _Learned, tested_days: int, horizon_days: int, life: LifeModel) -> str:
    said = ["best in the rolling back-test"]
    if tested_days < horizon_days:
        said.append(f"the history allows a test of {tested_days} days only; longer by BG/NBD")
    if learned.spend is None:
        said.append(f"fewer than {ROWS_TO_LEARN_MIN} cases or too few purchases to learn from")
    elif learned.chance is None:
        said.append("nearly all did the same, so there was no probability to learn")
    if life.why_not:
        said.append(life.why_not)
    return "; ".join(said)


def _inside(chance: Floats) -> Floats:
    """Nothing is certain: probabilities between 0.0001 and 0.9999."""
    return np.clip(chance, _CHANCE_LEAST, 1.0 - _CHANCE_LEAST)


def _sample(history: History, members_max: int) -> History:
    """The members to learn from, in order."""
    if len(history) <= members_max:
        return history
    drawn = np.random.default_rng(_SEED).choice(len(history), members_max, replace=False)
    return history.some(np.sort(drawn))


def _folds_for(members: int) -> int:
    """Many members make one fold sure enough; few need more."""
    return 2 if members >= MANY_MEMBERS else FOLDS_MAX


def _parts(history: History) -> Iterator[History]:
    """The members by tens of thousands, so that memory is bounded."""
    if len(history) <= _MEMBERS_AT_ONCE:
        yield history
        return
    for start in range(0, len(history), _MEMBERS_AT_ONCE):
        yield history.some(np.arange(start, min(start + _MEMBERS_AT_ONCE, len(history))))
