"""Models that learn from what members did next at earlier days: a linear one, a boosted one, and the two blended.

Amounts are learned as signed square roots: between the amount itself, where a few huge buyers drown the rest, and its
logarithm, where a difference of a cent at the bottom weighs as much as the whole top.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

Floats = NDArray[np.float64]

ROWS_TO_LEARN_MIN = 200
"""With fewer rows a model learns the rows, not the members."""
EVENTS_TO_LEARN_MIN = 20

_SEED = 20260101
_RIDGE = 10.0
_INVERSE_PENALTY = 0.05
_BOOSTING: Mapping[str, Any] = {
    "max_iter": 120,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "early_stopping": False,
    "random_state": _SEED,
}
# Never further below an unbiased total than this, however much the median would like it.
_LEVEL_FLOOR = 0.75


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was known of members at some day (a row of `facts`, columns `names`), and what they did in the days after.

    Of the day whose future is unknown, `spend` and `came` are empty.
    """

    names: tuple[str, ...]
    facts: Floats
    spend: Floats
    came: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.spend)

    def column(self, name: str) -> Floats:
        """One fact of all rows."""
        return self.facts[:, self.names.index(name)]

    def enough(self) -> bool:
        """Whether there is anything to learn: rows, and events among them."""
        return len(self) >= ROWS_TO_LEARN_MIN and int(self.came.sum()) >= EVENTS_TO_LEARN_MIN


def together(lessons: Sequence[Lessons]) -> Lessons:
    """Several lessons of the same columns as one."""
    return Lessons(
        lessons[0].names,
        np.concatenate([each.facts for each in lessons]),
        np.concatenate([each.spend for each in lessons]),
        np.concatenate([each.came for each in lessons]),
    )


def signed_root(values: Floats) -> Floats:
    """The square root of the size, with the sign."""
    root: Floats = np.sign(values) * np.sqrt(np.abs(values))
    return root


@dataclass(frozen=True, slots=True)
class Scale:
    """Square roots of facts, each column to mean 0 and spread 1 as learned; a column without spread counts nothing."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, facts: Floats) -> "Scale":
        roots = signed_root(facts)
        spread = roots.std(axis=0)
        return cls(roots.mean(axis=0), np.where(spread > 1e-9, spread, np.inf))

    def __call__(self, facts: Floats) -> Floats:
        scaled: Floats = (signed_root(facts) - self.mean) / self.spread
        # A member far outside what was seen is taken as one at its edge: ten spreads.
        return np.clip(scaled, -10.0, 10.0)


class Way(StrEnum):
    """How to learn: a straight line, trees, or the mean of what both say."""

    LINEAR = "linear"
    BOOSTED = "boosted"
    BLEND = "blend"


@dataclass(frozen=True, slots=True)
class LearnedSpend:
    """Spend in the horizon, by each way; never below 0. Without trees there is only the line."""

    scale: Scale
    line: Ridge
    trees: HistGradientBoostingRegressor | None
    levels: Mapping[Way, float]

    def ways(self) -> Sequence[Way]:
        """What can be asked for."""
        return (Way.LINEAR,) if self.trees is None else tuple(Way)

    def predict(self, facts: Floats, way: Way) -> Floats:
        """In the unit of the lessons."""
        return self._raw(facts, way) * self.levels[way]

    def _raw(self, facts: Floats, way: Way) -> Floats:
        if way is Way.BLEND:
            return (self._raw(facts, Way.LINEAR) + self._raw(facts, Way.BOOSTED)) / 2.0
        if way is Way.BOOSTED:
            assert self.trees is not None
            roots = self.trees.predict(facts)
        else:
            roots = self.line.predict(self.scale(facts))
        spend: Floats = np.maximum(roots, 0.0) ** 2
        return spend


def learn_spend(lessons: Lessons, with_trees: bool = True) -> LearnedSpend:
    """Fitted to the square roots of spend, then brought to a level (see `level`)."""
    target = signed_root(lessons.spend)
    scale = Scale.of(lessons.facts)
    line = Ridge(_RIDGE, solver="cholesky").fit(scale(lessons.facts), target)
    trees = HistGradientBoostingRegressor(loss="squared_error", **_BOOSTING) if with_trees else None
    if trees is not None:
        trees.fit(lessons.facts, target)
    learned = LearnedSpend(scale, line, trees, {})
    levels = {way: level(learned._raw(lessons.facts, way), lessons.spend) for way in learned.ways()}
    return LearnedSpend(scale, line, trees, levels)


def level(predicted: Floats, actual: Floats) -> float:
    """The factor that brings predictions halfway between the least absolute error and an unbiased total.

    Spend is skewed: the factor of least absolute error makes the total some percent too small, an unbiased total
    makes the typical member too large. Halfway costs next to nothing by either measure. Among members of whom most
    stay away the least absolute error is at zero, which is no prediction: there the total decides.
    """
    some = predicted > 0
    if not some.any() or actual.sum() <= 0:
        return 1.0
    unbiased = float(actual.sum() / predicted.sum())
    return max((least_error_factor(predicted[some], actual[some]) + unbiased) / 2.0, _LEVEL_FLOOR * unbiased)


def least_error_factor(predicted: Floats, actual: Floats) -> float:
    """The factor f of least sum |f x predicted - actual|: the median of the ratios, weighted by what is predicted."""
    ratio = actual / predicted
    order = np.argsort(ratio, kind="stable")
    weight = np.cumsum(predicted[order])
    return float(ratio[order][np.searchsorted(weight, weight[-1] / 2.0)])


@dataclass(frozen=True, slots=True)
class LearnedChance:
    """The probability of at least one purchase in the horizon, by each way. Without trees there is only the line."""

    scale: Scale
    line: LogisticRegression
    trees: HistGradientBoostingClassifier | None

    def ways(self) -> Sequence[Way]:
        """What can be asked for."""
        return (Way.LINEAR,) if self.trees is None else tuple(Way)

    def predict(self, facts: Floats, way: Way) -> Floats:
        """Between 0 and 1."""
        if way is Way.BLEND:
            return (self.predict(facts, Way.LINEAR) + self.predict(facts, Way.BOOSTED)) / 2.0
        if way is Way.BOOSTED:
            assert self.trees is not None
            both = self.trees.predict_proba(facts)
        else:
            both = self.line.predict_proba(self.scale(facts))
        came: Floats = both[:, 1]
        return came


def learn_chance(lessons: Lessons, with_trees: bool = True) -> LearnedChance | None:
    """Fitted to who came; None when (nearly) all did the same, so that there is nothing to tell apart."""
    came = int(lessons.came.sum())
    if min(came, len(lessons) - came) < EVENTS_TO_LEARN_MIN:
        return None
    scale = Scale.of(lessons.facts)
    line = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000).fit(scale(lessons.facts), lessons.came)
    trees = HistGradientBoostingClassifier(loss="log_loss", **_BOOSTING) if with_trees else None
    if trees is not None:
        trees.fit(lessons.facts, lessons.came)
    return LearnedChance(scale, line, trees)


@dataclass(frozen=True, slots=True)
class VisitRates:
    """The share who came again among members of equally many visits in the last horizon: 0, 1, 2, 3, more."""

    rates: Floats

    def predict(self, visits: Floats) -> Floats:
        """The probability for members of so many visits in the last horizon."""
        return self.rates[_group(visits)]


def learn_visit_rates(lessons: Lessons) -> VisitRates:
    """Counted, with one member who came and one who did not added to each group."""
    group = _group(lessons.column("visit_last_horizon"))
    members = np.bincount(group, minlength=_GROUPS)
    came = np.bincount(group, weights=lessons.came, minlength=_GROUPS)
    return VisitRates((came + 1.0) / (members + 2.0))


_GROUPS = 5


def _group(visits: Floats) -> NDArray[np.int64]:
    return np.clip(visits, 0, _GROUPS - 1).astype(np.int64)
