"""The model of purchases against the paper's figures, brute force and its own limits."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import betaln, gamma

from analytics.prediction.bg_nbd import BgNbd, NotFitted, Purchases, _cost, fit_bg_nbd
from tests.analytics.prediction import cdnow

PAPER = BgNbd(0.243, 4.414, 0.793, 2.426)


def cdnow_halves() -> tuple[Purchases, np.ndarray]:
    """What is known of each customer after 39 weeks, and on how many days each bought in the next 39."""
    days: dict[int, set[date]] = {}
    for purchase in cdnow.purchases():
        days.setdefault(purchase.customer, set()).add(purchase.day)
    last_known = cdnow.FIT_UNTIL - timedelta(days=1)
    known = {customer: sorted(day for day in of if day <= last_known) for customer, of in sorted(days.items())}
    facts = np.array([[len(of) - 1, (of[-1] - of[0]).days / 7, (last_known - of[0]).days / 7] for of in known.values()])
    later = np.array([sum(day > last_known for day in days[customer]) for customer in known], dtype=np.float64)
    return Purchases(facts[:, 0], facts[:, 1], facts[:, 2]), later


def test_cdnow_gives_the_parameters_of_the_paper_to_the_third_digit() -> None:
    known, _ = cdnow_halves()
    assert len(known) == cdnow.CUSTOMERS
    model = fit_bg_nbd(known)
    assert (round(model.r, 3), round(model.alpha, 3), round(model.a, 3), round(model.b, 3)) == (
        0.243,
        4.414,
        0.793,
        2.426,
    )


def test_the_second_half_of_cdnow_comes_out_as_published() -> None:
    known, later = cdnow_halves()
    expected = fit_bg_nbd(known).expected_purchases(known, cdnow.HORIZON_DAYS / 7)
    assert round(float(np.corrcoef(expected, later)[0, 1]), 3) == 0.626
    assert round(float(np.abs(expected - later).mean()), 3) == 0.785
    assert round(float(np.sqrt(((expected - later) ** 2).mean())), 3) == 1.608
    assert round(float(expected.sum())) == 1653
    assert later.sum() == 1882


@pytest.mark.parametrize("modified", [False, True])
def test_the_gradient_is_the_gradient(modified: bool) -> None:
    known, _ = cdnow_halves()
    weights = np.full(len(known), 1 / len(known))

    def cost(logs: np.ndarray) -> tuple[float, np.ndarray]:
        return _cost(logs, known, weights, modified)

    for logs in ([0.0, 1.0, 0.0, 1.0], [-1.0, 1.5, -0.2, 0.9], [0.5, 2.0, 0.3, -1.0]):
        assert check_grad(lambda at: cost(at)[0], lambda at: cost(at)[1], np.array(logs)) < 1e-5


def test_the_modified_model_is_the_likelier_one_for_cdnow_and_predicts_it_better() -> None:
    """Batislam, Denizel and Filiztekin's variant; parameters as `lifetimes` 0.11.3 fits them."""
    known, later = cdnow_halves()
    plain, modified = fit_bg_nbd(known), fit_bg_nbd(known, modified=True)
    fitted = (modified.r, modified.alpha, modified.a, modified.b)
    assert fitted == pytest.approx((0.52484, 6.18308, 0.89136, 1.61400), abs=1e-4)
    assert modified.likelihood > plain.likelihood
    expected = modified.expected_purchases(known, cdnow.HORIZON_DAYS / 7)
    assert np.corrcoef(expected, later)[0, 1] > 0.627
    assert np.abs(expected - later).mean() < 0.766


@pytest.mark.parametrize("modified", [False, True])
def test_the_closed_forms_agree_with_members_drawn_from_the_model(modified: bool) -> None:
    """400,000 lives after a history of 2 repeats, drawn from the posterior by weights."""
    model = replace(PAPER, modified=modified)
    rng = np.random.default_rng(7)
    x, recency, age, horizon = 2, 20.0, 30.0, 26.0
    count = 400_000
    rate = rng.gamma(PAPER.r + x, 1 / PAPER.alpha, count)
    leave = rng.beta(PAPER.a, PAPER.b, count)
    alive = np.exp(-rate * age) * (1 - leave) ** (x + modified)
    gone = np.exp(-rate * recency) * leave * (1 - leave) ** (x + modified - 1)
    coming = np.zeros(count)
    waited = rng.exponential(1 / rate)
    there = np.ones(count, dtype=bool)
    while (there & (waited <= horizon)).any():
        there &= waited <= horizon
        coming += there
        there &= rng.random(count) >= leave
        waited += rng.exponential(1 / rate)
    weight = (alive + gone).sum()
    facts = Purchases(np.array([2.0]), np.array([recency]), np.array([age]))
    assert model.probability_not_gone(facts)[0] == pytest.approx(alive.sum() / weight, rel=0.01)
    assert model.probability_of_purchase(facts, horizon)[0] == pytest.approx(
        (alive * (coming > 0)).sum() / weight, rel=0.01
    )
    assert model.expected_purchases(facts, horizon)[0] == pytest.approx((alive * coming).sum() / weight, rel=0.015)


def test_a_hand_worked_member() -> None:
    """One purchase only, 10 weeks ago: cannot have left; P = 1 - ((alpha + 10) / (alpha + 10 + 5))^r."""
    once = Purchases(np.array([0.0]), np.array([0.0]), np.array([10.0]))
    assert PAPER.probability_not_gone(once)[0] == 1
    by_hand = 1 - (14.414 / 19.414) ** 0.243  # 0.742454...^0.243 = 0.93017
    assert PAPER.probability_of_purchase(once, 5.0)[0] == pytest.approx(by_hand, abs=1e-12)
    assert by_hand == pytest.approx(0.0698, abs=5e-5)


def test_a_member_with_a_thousand_purchases_and_one_at_the_limit_have_figures() -> None:
    often = Purchases(np.array([1000.0, 3.0]), np.array([103.9, 1.0]), np.array([104.0, 300.0]))
    for model in (PAPER, BgNbd(0.5, 2.0, 1.0, 3.0), BgNbd(30.0, 9.0, 0.01, 9.0)):
        expected = model.expected_purchases(often, 52.0)
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()
    assert PAPER.expected_purchases(often, 52.0)[0] == pytest.approx(430, rel=0.1)


def test_of_members_who_never_leave_the_expectation_is_the_rate_times_the_time() -> None:
    """a / (a + b) of one in a million: (r + x) / (alpha + age) x horizon, also where the series has no digits left."""
    known = Purchases(np.array([0.0, 5.0, 300.0]), np.array([0.0, 40.0, 49.0]), np.full(3, 50.0))
    for a, b in ((1e-3, 2900.0), (4e-4, 1000.0), (1.0, 1e6)):
        expected = BgNbd(0.5, 2.0, a, b).expected_purchases(known, 10.0)
        assert expected == pytest.approx((0.5 + known.repeats) / 52.0 * 10.0, rel=2e-3)


def test_nobody_who_came_twice_is_no_model() -> None:
    once = Purchases(np.zeros(50), np.zeros(50), np.arange(50.0))
    with pytest.raises(NotFitted):
        fit_bg_nbd(once)
    with pytest.raises(NotFitted):
        fit_bg_nbd(Purchases(np.zeros(0), np.zeros(0), np.zeros(0)))


def test_the_likelihood_of_one_member_is_the_paper_s_equation_6() -> None:
    """The likelihood of one member by the paper's equation 6, with beta functions instead of gammas."""
    r, alpha, a, b = PAPER.r, PAPER.alpha, PAPER.a, PAPER.b
    x, recency, age = 3.0, 20.0, 30.0
    first = np.exp(betaln(a, b + x) - betaln(a, b)) * gamma(r + x) * alpha**r / (gamma(r) * (alpha + age) ** (r + x))
    second = (
        np.exp(betaln(a + 1, b + x - 1) - betaln(a, b))
        * gamma(r + x)
        * alpha**r
        / (gamma(r) * (alpha + recency) ** (r + x))
    )
    one = Purchases(np.array([x]), np.array([recency]), np.array([age]))
    cost, _ = _cost(np.log([r, alpha, a, b]), one, np.ones(1))
    assert -cost == pytest.approx(np.log(first + second), abs=1e-12)
