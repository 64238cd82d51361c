"""Retailers of every kind are predicted: none crashes, none gets a figure that is none, and each is told why."""

import warnings
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from analytics.prediction.forecast import Fitted, Predicted, fit
from analytics.prediction.history import History
from analytics.prediction.reasons import Reason
from analytics.prediction.trials import Model, spearman

Ints = NDArray[np.int64]
TODAY = 300


def history(member: ArrayLike, day: ArrayLike, spend: ArrayLike, visit: ArrayLike | None = None) -> History:
    """Rows in any order; several of a member and day are one."""
    columns = [np.asarray(each, dtype=np.int64) for each in (member, day, spend)]
    visits = np.ones(len(columns[0]), dtype=np.int64) if visit is None else np.asarray(visit, dtype=np.int64)
    order = np.lexsort((columns[1], columns[0]))
    who, when, amount = (each[order] for each in columns)
    start = np.flatnonzero(np.append(True, (who[1:] != who[:-1]) | (when[1:] != when[:-1])))
    nothing = np.zeros(len(start), dtype=np.int64)
    return History.of_rows(
        who[start],
        when[start],
        np.maximum.reduceat(visits[order], start),
        np.add.reduceat(amount, start),
        nothing,
    )


def strange_retailers() -> Mapping[str, tuple[History, int]]:
    rng = np.random.default_rng(0)

    def crowd(members: int, rows: int, days: int, amounts: ArrayLike, first: int = 0) -> History:
        return history(rng.integers(0, members, rows), first + rng.integers(0, days, rows), amounts)

    return {
        "one member, yesterday": (history([1], [TODAY - 1], [100]), TODAY),
        "one member, long ago": (history([1], [0], [100]), 400),
        "only returns": (history([1, 2, 3], [0, 5, 9], [-100, -50, -1], [0, 0, 0]), 60),
        "all on one day": (history(np.arange(500), np.full(500, 10), rng.integers(1, 9999, 500)), 11),
        "all on one day, long ago": (history(np.arange(500), np.full(500, 10), rng.integers(1, 9999, 500)), TODAY),
        "nobody twice": (history(np.arange(3000), rng.integers(0, 365, 3000), rng.integers(1, 9999, 3000)), 365),
        "like clockwork": (
            history(np.repeat(np.arange(300), 52), np.tile(np.arange(52) * 7, 300), [1000] * 15600),
            364,
        ),
        "huge amounts": (crowd(500, 8000, TODAY, rng.lognormal(8, 4, 8000)), TODAY),
        "greater than floats count": (crowd(400, 4000, TODAY, np.full(4000, 10**13)), TODAY),
        "nothing but gifts": (crowd(500, 8000, TODAY, np.zeros(8000)), TODAY),
        "half of it comes back": (crowd(500, 8000, TODAY, rng.normal(0, 10_000, 8000)), TODAY),
        "two members": (history([1, 1, 1, 2], [0, 100, 250, 299], [5, 5, 5, 5]), TODAY),
        "a month old": (crowd(800, 3000, 30, rng.integers(1, 9999, 3000)), 30),
        "ten weeks old": (crowd(800, 6000, 70, rng.integers(1, 9999, 6000)), 70),
        "closed a year ago": (crowd(800, 6000, TODAY, rng.integers(1, 9999, 6000)), 700),
        "ten years, rarely": (crowd(800, 6000, 3650, rng.integers(1, 9999, 6000)), 3650),
        "before the epoch": (crowd(400, 4000, 1000, rng.integers(1, 9999, 4000), -5000), -4000),
    }


STRANGE = strange_retailers()


def sound(predicted: Predicted, members: int) -> bool:
    every = (predicted.spend, predicted.visits, predicted.chance)
    return (
        all(len(each) == members and bool(np.isfinite(each).all()) for each in every)
        and bool((predicted.spend >= 0).all() and (predicted.visits >= 0).all())
        and bool((predicted.chance > 0).all() and (predicted.chance < 1).all())
    )


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("horizon_days", [1, 56, 3650])
def test_any_retailer_gets_figures_and_a_reason(kind: str, horizon_days: int) -> None:
    known, today = STRANGE[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit(known, today, horizon_days)
        assert sound(fitted.predict(known), len(known))
    assert fitted.back_test.reason


def shop(seed: int = 3, members: int = 600, days: int = 400) -> History:
    """Members with rates, tickets and ends of their own."""
    rng = np.random.default_rng(seed)
    rate, ticket = rng.gamma(1.2, 0.08, members), rng.lognormal(8, 0.7, members)
    gone = np.minimum(rng.exponential(500, members), days)
    counts = rng.poisson(rate * gone)
    who = np.repeat(np.arange(members), counts)
    when = (rng.random(len(who)) * gone[who]).astype(np.int64)
    return history(who, when, ticket[who] * rng.lognormal(0, 0.5, len(who)))


def cut(whole: History, today: int) -> History:
    """What was known before a day."""
    who = np.repeat(whole.members, np.diff(whole.first_row))
    before = whole.day < today
    return history(who[before], whole.day[before], whole.spend[before])


def test_what_was_learned_beats_the_last_window_on_days_it_has_not_seen() -> None:
    whole, today, horizon = shop(), 344, 56
    known = cut(whole, today)
    fitted = fit(known, today, horizon)
    predicted = fitted.predict(known)
    there = whole.some(np.flatnonzero(np.isin(whole.members, known.members)))
    actual = there.window("spend", today, today + horizon).astype(np.float64)
    last = known.window("spend", today - horizon, today).astype(np.float64)
    assert spearman(predicted.spend, actual) > spearman(last, actual)
    assert np.abs(predicted.spend - actual).mean() < np.abs(last - actual).mean()
    came = there.window("visit", today, today + horizon) > 0
    assert abs(predicted.chance.mean() - came.mean()) < 0.05
    chosen = {trial.model: trial for trial in fitted.back_test.spend}
    assert chosen[fitted.back_test.spend_model].mae < chosen[Model.LAST_WINDOW].mae


def test_a_receipt_dated_years_ago_does_not_make_the_history_longer() -> None:
    known = cut(shop(), 120)
    who = np.repeat(known.members, np.diff(known.first_row))
    stray = history(np.append(who, 3), np.append(known.day, -4000), np.append(known.spend, 100))
    assert abs(stray.first_day - known.first_day) <= 2
    assert fit(stray, 120, 90).back_test.horizon_days == fit(known, 120, 90).back_test.horizon_days < 90


def test_a_short_history_is_tested_on_a_shorter_horizon_and_stretched() -> None:
    known = cut(shop(), 120)
    fitted = fit(known, 120, 90)
    assert 7 <= fitted.back_test.horizon_days < 90
    assert Reason.SHORTER_TEST in fitted.back_test.reason
    shorter = fit(known, 120, fitted.back_test.horizon_days).predict(known)
    longer = fitted.predict(known)
    assert (longer.chance >= shorter.chance - 1e-9).all()
    assert longer.visits.sum() > shorter.visits.sum()


def test_a_history_of_weeks_is_predicted_by_the_model_of_lives_and_says_so() -> None:
    known = cut(shop(members=3000), 30)
    fitted = fit(known, 30, 28)
    assert fitted.back_test.spend == ()
    assert fitted.back_test.spend_model == Model.BG_NBD
    assert Reason.TOO_SHORT in fitted.back_test.reason


def test_the_same_history_gives_the_same_bytes_in_any_threads_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = cut(shop(), 344)

    def content() -> tuple[Fitted, bytes]:
        fitted = fit(known, 344, 56)
        found = fitted.predict(known)
        return fitted, found.spend.tobytes() + found.visits.tobytes() + found.chance.tobytes()

    fitted, first = content()
    monkeypatch.setattr("analytics.prediction.forecast._MEMBERS_AT_ONCE", 100)
    again, second = content()
    assert again.back_test == fitted.back_test
    assert second == first
