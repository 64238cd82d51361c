"""The prediction of a group of members: every model is tried on the past, the best is used, and by how much is said.

Deterministic to the byte: members and rows are sorted, samples and models have fixed seeds, sums are of integers or in
a fixed order. Fitting is bounded by a sample of members; predicting is vectorised over all of them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from analytics.prediction.back_test import back_test
from analytics.prediction.candidates import Candidates, Classroom, facts_of, inside, learn
from analytics.prediction.features import LifeModel, features, fit_life_model
from analytics.prediction.history import Floats, History
from analytics.prediction.plan import FOLDS_MAX, plan
from analytics.prediction.reasons import Reason, said
from analytics.prediction.trials import ChanceTrial, Model, SpendTrial, best_chance, best_spend

LEARN_MEMBERS_MAX = 12_000
"""Members from whom is learned, drawn by a fixed seed: more of them change the third digit and cost the night."""

MANY_MEMBERS = 6_000
"""From so many on two folds are sure enough, where fewer take three."""

_SEED = 20260101
_MEMBERS_AT_ONCE = 25_000
_THREADS = 2


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
    _candidates: Candidates | None

    def predict(self, history: History) -> Predicted:
        """The days as_of <= day < as_of + horizon_days of every member of a history that ends before `as_of`."""
        learned = self._candidates
        if learned is None:
            results = self.life.results(history, self.as_of, self.horizon_days)
            return Predicted(np.maximum(results.spend, 0.0), results.visits, inside(results.chance))
        with threadpool_limits(limits=1), ThreadPoolExecutor(_THREADS) as threads:
            # Which thread does which part changes nothing: each is worked out by itself, and they keep their order.
            parts = list(threads.map(lambda part: self._predict(part, learned), _parts(history)))
        return Predicted(
            np.concatenate([part.spend for part in parts]),
            np.concatenate([part.visits for part in parts]),
            np.concatenate([part.chance for part in parts]),
        )

    def _predict(self, part: History, learned: Candidates) -> Predicted:
        """What was learned of a shorter horizon is stretched to the one asked for as BG/NBD stretches each member:
        spend by the ratio of expected visits, the chance of staying away by the ratio of its logarithms."""
        test = self.back_test
        facts = facts_of(features(part, self.as_of, test.horizon_days, self.life))
        chance = learned.chance_by(test.chance_model, facts)
        spend = np.where(chance < test.least_chance, 0.0, learned.spend_by(test.spend_model, facts))
        visits = facts.column("life_visits")
        if test.horizon_days < self.horizon_days:
            longer, most = self.life.results(part, self.as_of, self.horizon_days), self.horizon_days / test.horizon_days
            spend = spend * _ratio(longer.visits, visits, most)
            stay_longer, stay = -np.log1p(-inside(longer.chance)), -np.log1p(-inside(facts.column("life_chance")))
            chance = inside(1.0 - (1.0 - chance) ** _ratio(stay_longer, stay, most))
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
            return Fitted(_untested(life), life, as_of, horizon_days, None)
        class_ = Classroom(sample, planned.horizon_days)
        learned = learn(class_.together(planned.lessons), with_trees)
        trials = back_test(class_, planned.folds, learned, with_trees)
    spend, chance = best_spend(trials.spend), best_chance(trials.chance)
    tested = BackTest(
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
    return Fitted(tested, life, as_of, horizon_days, learned)


def _ratio(longer: Floats, shorter: Floats, most: float) -> Floats:
    """How much more a longer horizon holds: at least as much, at most in proportion to its days."""
    ratio: Floats = np.clip(longer / np.maximum(shorter, 1e-12), 1.0, most)
    return ratio


def _untested(life: LifeModel) -> BackTest:
    """What is said instead of a test."""
    model = Model.BG_NBD if life.purchases is not None else Model.PACE_EVER
    return BackTest((), (), model, model, 0.0, 0, 0, (), said([Reason.TOO_SHORT, *life.why_not]))


def _reason(learned: Candidates, tested_days: int, horizon_days: int, life: LifeModel) -> str:
    reasons = [Reason.BEST]
    if tested_days < horizon_days:
        reasons.append(Reason.SHORTER_TEST)
    if learned.spend is None:
        reasons.append(Reason.TOO_FEW_CASES)
    elif learned.chance is None:
        reasons.append(Reason.ALL_ALIKE)
    return said([*reasons, *life.why_not])


def _sample(history: History, members_max: int) -> History:
    """The members to learn from, in order."""
    if len(history) <= members_max:
        return history
    drawn = np.random.default_rng(_SEED).choice(len(history), members_max, replace=False)
    return history.some(np.sort(drawn))


def _folds_for(members: int) -> int:
    return 2 if members >= MANY_MEMBERS else FOLDS_MAX


def _parts(history: History) -> Iterator[History]:
    """The members by tens of thousands, so that memory is bounded."""
    if len(history) <= _MEMBERS_AT_ONCE:
        yield history
        return
    for start in range(0, len(history), _MEMBERS_AT_ONCE):
        yield history.some(np.arange(start, min(start + _MEMBERS_AT_ONCE, len(history))))
