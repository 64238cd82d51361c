"""How often a member will come: the BG/NBD model of purchases without a contract.

While alive a member buys as a Poisson process with a rate of their own, gamma distributed over members (r, alpha);
after each purchase they leave for good with a probability of their own, beta distributed over members (a, b).

In the modified model (MBG/NBD) a member may leave after the first purchase too; in all formulas that is one occasion to
leave more, and nothing else. Which of the two fits a retailer better is seen in their likelihoods.

Sources: Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24(2), 2005, equations 6
(likelihood) and 10 (expected purchases); the same authors, "Computing P(alive) Using the BG/NBD Model", 2008.
The modified model: Batislam, Denizel and Filiztekin, "Empirical Validation and Comparison of Models for Customer Base
Analysis", International Journal of Research in Marketing 24(3), 2007.

Times are in weeks, as in the paper; any unit does as long as all times share it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, hyp2f1

from analytics.prediction.reasons import Reason

Floats = NDArray[np.float64]

# Parameters are searched for between e^-12 and e^12: outside, the likelihood is flat and a fit means nothing.
# Of a and b, e^8 to 1 is already nobody who leaves; further out only digits would be lost.
_LOG_BOUND = 12.0
_LOG_BOUND_LEAVING = 8.0
_STEPS_MAX = 500
# At a = 1 the expectation is a limit of 0/0; a step aside costs no digit that anybody sees.
_NEAR_ONE = 1e-6


@dataclass(frozen=True, slots=True)
class Purchases:
    """What the model needs of each member.

    `repeats`: purchases after the first (at most one a day); `recency`: time from the first purchase to the last;
    `age`: time from the first purchase to the end of what is known. 0 <= recency <= age.
    """

    repeats: Floats
    recency: Floats
    age: Floats

    def __len__(self) -> int:
        return len(self.repeats)

    def some(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Purchases":
        """The same of some members."""
        return Purchases(self.repeats[which], self.recency[which], self.age[which])


class NotFitted(Exception):
    """The search for parameters did not end at an inner point; `reason` says what was found."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model. All results have one value a member, in the members' order.

    `modified`: one may leave after the first purchase too. `likelihood`: the mean log likelihood a member at the fit.
    """

    r: float
    alpha: float
    a: float
    b: float
    modified: bool = False
    likelihood: float = field(default=float("nan"), compare=False)

    def probability_not_gone(self, purchases: Purchases) -> Floats:
        """The probability that a member has not left for good by the end of what is known."""
        x, recency, age = purchases.repeats, purchases.recency, purchases.age
        occasions = x + self.modified
        log_odds_gone = (
            np.log(self.a)
            - np.log(self.b + np.maximum(occasions, 1.0) - 1.0)
            + (self.r + x) * (np.log(self.alpha + age) - np.log(self.alpha + recency))
        )
        gone: Floats = np.where(occasions > 0, _logistic(log_odds_gone), 0.0)
        return 1.0 - gone

    def probability_of_purchase(self, purchases: Purchases, horizon: float) -> Floats:
        """The probability of at least one purchase within `horizon` after the end of what is known.

        Whoever has not gone has a rate distributed gamma(r + x, alpha + age), and waits for the next purchase as
        in any Poisson process, because leaving comes only after it:
        P = P(not gone) x (1 - ((alpha + age) / (alpha + age + horizon))^(r + x)).
        """
        stays_away = np.exp(
            (self.r + purchases.repeats)
            * (np.log(self.alpha + purchases.age) - np.log(self.alpha + purchases.age + horizon))
        )
        probability: Floats = self.probability_not_gone(purchases) * (1.0 - stays_away)
        return probability

    def expected_purchases(self, purchases: Purchases, horizon: float) -> Floats:
        """The expected number of purchases within `horizon` after the end of what is known (equation 10).

        The hypergeometric function is taken after Euler's transformation,
        2F1(A, B; C; z) = (1 - z)^(C - A - B) 2F1(C - A, C - B; C; z), whose first two arguments do not grow with
        the number of purchases: a member with a thousand of them is as exact as one with two.
        """
        a = self.a if abs(self.a - 1.0) > _NEAR_ONE else 1.0 + _NEAR_ONE
        x = purchases.repeats
        total = self.alpha + purchases.age
        z = horizon / (total + horizon)
        occasions = x + self.modified
        c = a + self.b + occasions - 1.0
        series = hyp2f1(c - self.r - x, a - 1.0, c, z)
        with np.errstate(invalid="ignore", over="ignore"):
            exact = c / (a - 1.0) * (1.0 - (1.0 - z) ** (a - 1.0) * series)
        # Where the series runs out of digits, at the mean probability of leaving instead of over its distribution.
        leaving = self.a / (self.a + self.b + occasions)
        nearly = (1.0 - (1.0 + leaving * horizon / total) ** -(self.r + x)) / leaving
        if_not_gone = np.where(np.isfinite(exact) & (exact >= 0.0), exact, nearly)
        expected: Floats = if_not_gone * self.probability_not_gone(purchases)
        return expected


def fit_bg_nbd(purchases: Purchases, *, modified: bool = False) -> BgNbd:
    """The parameters of greatest likelihood.

    Members who agree in all three figures are taken once, with their number as weight. Searched over logarithms with
    the exact gradient. Raises NotFitted when nobody came twice, or when the search runs to the edge.
    """
    if not len(purchases) or purchases.repeats.max() < 1:
        raise NotFitted(Reason.NOBODY_TWICE)
    facts = np.column_stack([purchases.repeats, purchases.recency, purchases.age])
    kinds, counts = np.unique(facts, axis=0, return_counts=True)
    weights = counts / counts.sum()
    found = minimize(
        _cost,
        np.log([0.5, max(float(np.average(kinds[:, 2], weights=weights)) / 4, 1e-3), 0.8, 2.5]),
        args=(Purchases(kinds[:, 0], kinds[:, 1], kinds[:, 2]), weights, modified),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LOG_BOUND, _LOG_BOUND)] * 2 + [(-_LOG_BOUND_LEAVING, _LOG_BOUND_LEAVING)] * 2,
        options={"maxiter": _STEPS_MAX, "ftol": 1e-14, "gtol": 1e-9},
    )
    logs = np.asarray(found.x, dtype=np.float64)
    if not np.isfinite(logs).all() or not np.isfinite(found.fun):
        raise NotFitted(Reason.NO_LIKELIHOOD)
    if abs(logs[0]) >= _LOG_BOUND or abs(logs[1]) >= _LOG_BOUND:
        raise NotFitted(Reason.RATES_ALIKE)
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    return BgNbd(r, alpha, a, b, modified, -float(found.fun))


def _cost(logs: Floats, purchases: Purchases, weights: Floats, modified: bool = False) -> tuple[float, Floats]:
    """Minus the mean log likelihood, and its gradient by the logarithms of r, alpha, a, b."""
    r, alpha, a, b = np.exp(logs)
    x, recency, age = purchases.repeats, purchases.recency, purchases.age
    occasions = x + modified
    b_left = b + np.maximum(occasions, 1.0) - 1.0
    log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)

    stayed = -(r + x) * log_age
    left = np.where(occasions > 0, np.log(a) - np.log(b_left) - (r + x) * log_recency, -np.inf)
    either = np.logaddexp(stayed, left)
    likelihood = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + occasions) - gammaln(b) - gammaln(a + b + occasions)
        + either
    )  # fmt: skip

    share_left = np.exp(left - either)
    share_stayed = 1.0 - share_left
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - share_stayed * log_age - share_left * log_recency
    by_alpha = r / alpha - (r + x) * (share_stayed / (alpha + age) + share_left / (alpha + recency))
    by_a = digamma(a + b) - digamma(a + b + occasions) + share_left / a
    by_b = digamma(a + b) + digamma(b + occasions) - digamma(b) - digamma(a + b + occasions) - share_left / b_left
    gradient = np.array([weights @ by_r * r, weights @ by_alpha * alpha, weights @ by_a * a, weights @ by_b * b])
    return -float(weights @ likelihood), -gradient


def _logistic(log_odds: Floats) -> Floats:
    result: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700, 700)))
    return result
