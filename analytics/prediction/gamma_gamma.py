"""How much a member will spend a visit: the Gamma-Gamma model.

Spend a visit varies gamma-like around a mean of the member's own, and the means vary over members as an inverse gamma.
A member with few visits is drawn towards the mean of all, one with many keeps their own.

Source: Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", 2013, equations 1a and 5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from analytics.prediction.bg_nbd import NotFitted
from analytics.prediction.reasons import Reason

Floats = NDArray[np.float64]

_LOG_BOUND = 12.0
_STEPS_MAX = 500


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model; `gamma` in the unit of the amounts."""

    p: float
    q: float
    gamma: float

    def expected_ticket(self, visits: Floats, mean_ticket: Floats) -> Floats:
        """The expected spend of the next visit. A member without a visit of positive spend gets the mean of all."""
        known = np.where(mean_ticket > 0, visits, 0.0)
        total = np.where(known > 0, mean_ticket, 0.0) * known
        # q <= 1 has no mean; the fit keeps q above 1.
        expected: Floats = self.p * (self.gamma + total) / (self.p * known + self.q - 1.0)
        return expected


def fit_gamma_gamma(visits: Floats, mean_ticket: Floats) -> GammaGamma:
    """The parameters of greatest likelihood, from the members whose mean spend a visit is positive.

    Amounts are scaled by their median for the search. Raises NotFitted with fewer than ten such members, or when all
    spend alike, so that the likelihood has no inner greatest value.
    """
    positive = (visits > 0) & (mean_ticket > 0)
    n, tickets = visits[positive], mean_ticket[positive]
    if len(n) < 10:
        raise NotFitted(Reason.TOO_FEW_TICKETS)
    unit = float(np.median(tickets))
    found = minimize(
        _cost,
        np.log([2.0, 1.0, 1.0]),
        args=(n, tickets / unit),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LOG_BOUND, _LOG_BOUND)] * 3,
        options={"maxiter": _STEPS_MAX, "ftol": 1e-13, "gtol": 1e-9},
    )
    logs = np.asarray(found.x, dtype=np.float64)
    if not np.isfinite(logs).all() or np.abs(logs).max() >= _LOG_BOUND:
        raise NotFitted(Reason.TICKETS_ALIKE)
    p, q_above_one, gamma = np.exp(logs)
    return GammaGamma(float(p), float(q_above_one + 1.0), float(gamma * unit))


def _cost(logs: Floats, n: Floats, tickets: Floats) -> tuple[float, Floats]:
    """Minus the mean log likelihood, and its gradient by the logarithms of p, q - 1 and gamma."""
    p, above_one, gamma = np.exp(logs)
    q = above_one + 1.0
    pn = p * n
    log_total = np.log(gamma + tickets * n)
    likelihood = (
        gammaln(pn + q) - gammaln(pn) - gammaln(q) + q * np.log(gamma)
        + (pn - 1.0) * np.log(tickets) + pn * np.log(n) - (pn + q) * log_total
    )  # fmt: skip
    shared = digamma(pn + q)
    by_p = n * (shared - digamma(pn) + np.log(tickets) + np.log(n) - log_total)
    by_q = shared - digamma(q) + np.log(gamma) - log_total
    by_gamma = q / gamma - (pn + q) / (gamma + tickets * n)
    gradient = np.array([by_p.mean() * p, by_q.mean() * above_one, by_gamma.mean() * gamma])
    return -float(likelihood.mean()), -gradient
