"""What is known of each member before a day, in figures that tell what comes next.

Windows end with that day, so a year ago's features and today's mean the same. There are no gaps: whoever did nothing
has zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analytics.prediction.bg_nbd import BgNbd, NotFitted, fit_bg_nbd
from analytics.prediction.gamma_gamma import GammaGamma, fit_gamma_gamma
from analytics.prediction.history import DAYS_OF_A_WEEK, Floats, History, Ints
from analytics.prediction.reasons import Reason

WEEKS = (1, 2, 4, 8, 13, 26, 52)
_WEEKLY = 26
_BLOCK_WEEKS = 4
_BLOCKS = 6


@dataclass(frozen=True, slots=True)
class LifeModel:
    """BG/NBD and Gamma-Gamma as fitted before a day, either of which may have no fit; then `why_not` says why.

    `purchases` is the one that is used: BG/NBD or its modification, whichever is likelier; `bg_nbd` is the plain one.
    """

    bg_nbd: BgNbd | None
    purchases: BgNbd | None
    ticket: GammaGamma | None
    why_not: tuple[Reason, ...] = ()

    def results(self, history: History, before: int, horizon_days: int) -> "LifeResults":
        """What the two expect of each member in the days after."""
        known = history.purchases(before)
        horizon = horizon_days / DAYS_OF_A_WEEK
        tickets = self._tickets(history, before)
        if self.purchases is not None:
            visits = self.purchases.expected_purchases(known, horizon)
            chance = self.purchases.probability_of_purchase(known, horizon)
        else:
            # Without a model of purchases everyone comes again at the rate of all, which is taken to have been half a
            # purchase in four weeks before anything was known.
            rate = (float(known.repeats.sum()) + 0.5) / (float(known.age.sum()) + 4.0)
            visits = np.full(len(history), rate * horizon)
            chance = 1.0 - np.exp(-visits)
        return LifeResults(visits, chance, visits * tickets)

    def _tickets(self, history: History, before: int) -> Floats:
        visits, mean = _visits_and_ticket(history, before)
        if self.ticket is not None:
            return self.ticket.expected_ticket(visits, mean)
        everyone = float((visits * np.maximum(mean, 0)).sum() / max(visits.sum(), 1.0))
        # One visit's worth of everyone's mean beside the member's own.
        tickets: Floats = (np.maximum(mean, 0) * visits + everyone) / (visits + 1.0)
        return tickets


@dataclass(frozen=True, slots=True)
class LifeResults:
    """Expected visits, probability of at least one, and expected spend in minor units."""

    visits: Floats
    chance: Floats
    spend: Floats


def fit_life_model(history: History, before: int) -> LifeModel:
    """Both models as of a day, from the members known before it."""
    known = history.known_before(before)
    reasons: list[Reason] = []
    plain, modified, ticket = None, None, None
    purchases = history.purchases(before).some(known)
    try:
        plain = fit_bg_nbd(purchases)
        modified = fit_bg_nbd(purchases, modified=True)
    except NotFitted as failure:
        reasons.append(failure.reason)
    likelier = modified if plain and modified and modified.likelihood > plain.likelihood else plain
    visits, mean = _visits_and_ticket(history, before)
    try:
        ticket = fit_gamma_gamma(visits[known], mean[known])
    except NotFitted as failure:
        reasons.append(failure.reason)
    return LifeModel(plain, likelier, ticket, tuple(reasons))


def features(history: History, before: int, horizon_days: int, life: LifeModel) -> Mapping[str, Floats]:
    """The features of every member as of a day, by name; amounts in minor units."""
    ends = {week: history.rows_before(before - 7 * week) for week in range(_WEEKLY + 1)}
    ends[52] = history.rows_before(before - 364)
    first, last = history.first_and_last_visit(before)
    tenure = np.clip(before - first, 7, None).astype(np.float64)
    found: dict[str, Floats] = {}
    for what in ("spend", "visit"):
        at = {week: history.sums(what, rows).astype(np.float64) for week, rows in ends.items()}
        for weeks in WEEKS:
            found[f"{what}_{weeks}_weeks"] = at[0] - at[weeks]
        found[f"{what}_last_horizon"] = at[0] - history.sums(what, history.rows_before(before - horizon_days))
        everything = at[0] - history.sums(what, history.first_row[:-1])
        found[f"{what}_ever"] = everything
        for weeks in (13, 26, 52):
            found[f"{what}_pace_{weeks}"] = (at[0] - at[weeks]) / np.minimum(tenure, 7.0 * weeks) * horizon_days
        found[f"{what}_pace_ever"] = everything / tenure * horizon_days
        weekly = np.column_stack([at[week] - at[week + 1] for week in range(_WEEKLY)])
        found |= _shape(what, weekly)
    found |= _rhythm(found, first, last, before)
    promoted = history.sums("promoted", ends[0]) - history.sums("promoted", ends[26])
    found["promoted_share"] = np.clip(promoted / np.maximum(found["spend_26_weeks"], 1.0), 0.0, 1.0)
    expected = life.results(history, before, horizon_days)
    found |= {"life_visits": expected.visits, "life_chance": expected.chance, "life_spend": expected.spend}
    return found


def _shape(what: str, weekly: Floats) -> dict[str, Floats]:
    """How a measure was spread over the last half year of weeks."""
    blocks = weekly[:, : _BLOCKS * _BLOCK_WEEKS].reshape(len(weekly), _BLOCKS, _BLOCK_WEEKS).sum(axis=2)
    shape = {f"{what}_block_{number}": blocks[:, number] for number in range(4)}
    shape[f"{what}_block_median"] = np.median(blocks, axis=1)
    shape[f"{what}_block_least"] = blocks.min(axis=1)
    if what == "spend":
        shape["best_week"] = weekly[:, :8].max(axis=1)
        shape["middle_week"] = np.median(weekly[:, :8], axis=1)
    else:
        shape["weeks_with_visit_8"] = (weekly[:, :8] > 0).sum(axis=1).astype(np.float64)
        shape["weeks_with_visit_26"] = (weekly > 0).sum(axis=1).astype(np.float64)
    return shape


def _rhythm(found: Mapping[str, Floats], first: Ints, last: Ints, before: int) -> dict[str, Floats]:
    """How long ago, how long known, how far apart, and how overdue."""
    visits, since_last = found["visit_ever"], before - last
    gap = (last - first) / np.maximum(visits - 1, 1.0)
    return {
        "days_since_last": since_last.astype(np.float64),
        "days_known": (before - first).astype(np.float64),
        "days_between": gap,
        "overdue": since_last / np.maximum(gap, 1.0),
        "ticket_ever": found["spend_ever"] / np.maximum(visits, 1.0),
    }


def _visits_and_ticket(history: History, before: int) -> tuple[Floats, Floats]:
    """Visits before a day, and mean spend a visit (0 without a visit)."""
    rows, start = history.rows_before(before), history.first_row[:-1]
    visits = (history.sums("visit", rows) - history.sums("visit", start)).astype(np.float64)
    spend = (history.sums("spend", rows) - history.sums("spend", start)).astype(np.float64)
    return visits, np.where(visits > 0, spend / np.maximum(visits, 1.0), 0.0)
