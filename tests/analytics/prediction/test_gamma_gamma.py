"""The model of spend a visit."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from analytics.prediction.bg_nbd import NotFitted
from analytics.prediction.gamma_gamma import GammaGamma, _cost, fit_gamma_gamma


def test_the_parameters_that_made_the_data_are_found_again() -> None:
    rng = np.random.default_rng(3)
    members, p, q, gamma = 40_000, 6.0, 4.0, 15.0
    visits = rng.integers(1, 12, members).astype(np.float64)
    scale = rng.gamma(q, 1 / gamma, members)
    tickets = rng.gamma(p * visits, 1 / scale) / visits
    model = fit_gamma_gamma(visits, tickets * 100)
    assert model.p == pytest.approx(p, rel=0.05)
    assert model.q == pytest.approx(q, rel=0.05)
    assert model.gamma == pytest.approx(gamma * 100, rel=0.08)


def test_a_hand_worked_ticket() -> None:
    """(p (gamma + total)) / (p x + q - 1): 2 visits of 100 with p 6, q 4, gamma 15: 6 x 215 / 15 = 86."""
    model = GammaGamma(6.0, 4.0, 15.0)
    assert model.expected_ticket(np.array([2.0]), np.array([100.0]))[0] == pytest.approx(86.0)
    assert model.expected_ticket(np.array([0.0, 3.0]), np.array([0.0, -5.0])).tolist() == [30.0, 30.0]


def test_the_gradient_is_the_gradient() -> None:
    rng = np.random.default_rng(1)
    n, tickets = rng.integers(1, 9, 200).astype(np.float64), rng.lognormal(0, 1, 200)
    for logs in ([0.5, 0.2, 0.1], [1.5, 1.0, -1.0]):
        assert (
            check_grad(lambda at: _cost(at, n, tickets)[0], lambda at: _cost(at, n, tickets)[1], np.array(logs)) < 1e-5
        )


def test_members_who_all_spend_alike_or_nothing_are_no_model() -> None:
    with pytest.raises(NotFitted):
        fit_gamma_gamma(np.full(50, 3.0), np.full(50, -1.0))
    with pytest.raises(NotFitted):
        fit_gamma_gamma(np.full(500, 3.0), np.full(500, 10.0))
