"""Where a member is heading: the slopes of spend, visits and ticket over six sub-periods, and two of three.

Pure arrays. A member's figures are rows of six columns, the oldest sub-period first. Season is taken out before: each
figure is divided by the index of the format's steady members in the same sub-period.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERIODS = 6
PERIOD_DAYS = 28
VISITS_MIN = 4
GROWTH = 0.05
"""A slope is rising from +5 % a sub-period on, falling from the mirror image: x 1 / 1.05, which is -4.8 %."""
STEADY_MEMBERS_MIN = 30
"""With fewer steady members an index would say more about them than about the season."""

_PAIRS = tuple(combinations(range(PERIODS), 2))
_AGREEING_OF_THREE = 2


class Direction(StrEnum):
    """What two of the three measures say."""

    RISING = "rising"
    FADING = "fading"
    STEADY = "steady"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Slopes:
    """Growth a sub-period of one measure, for each member: 0.05 is +5 %; nan where it cannot be told.

    `sign`: +1 rising, -1 falling, 0 neither.
    """

    growth: Floats
    sign: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Heading:
    """The three measures and what comes of them; `direction` holds values of Direction."""

    spend: Slopes
    visits: Slopes
    ticket: Slopes
    direction: NDArray[np.str_]


def season_index(figures: Floats, steady: NDArray[np.bool_]) -> Floats:
    """For each sub-period what the steady members did, 1 being their mean sub-period.

    Steady are who came in every one of the six. All 1 when they are fewer than 30, or nothing remains of what they did
    in some sub-period (returns).
    """
    if int(steady.sum()) < STEADY_MEMBERS_MIN:
        return np.ones(PERIODS)
    total = figures[steady].sum(axis=0)
    if (total <= 0).any():
        return np.ones(PERIODS)
    index: Floats = total / total.mean()
    return index


def theil_sen(figures: Floats) -> Slopes:
    """The Theil-Sen slope of log(1 + y / median) over the sub-periods, y = 0 for what came to less than nothing.

    The slope is the median of the slopes of all pairs of sub-periods; `median` is the middle of the member's own
    figures, or of those above 0 if that is 0. Sub-periods without a figure (nan) are left out; a member with fewer than
    three has no slope. The growth is e^slope - 1. Rising needs +5 % or more and, so that no single sub-period decides,
    two thirds or more of the pairs that differ going up; falling is the mirror image.
    """
    y = np.maximum(figures, 0.0)
    scale = np.abs(_median(y))
    scale = np.where(scale > 0, scale, _median(np.where(y > 0, y, np.nan)))
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log1p(y / scale[:, None])
        slopes = np.column_stack([(logs[:, later] - logs[:, earlier]) / (later - earlier) for earlier, later in _PAIRS])
    slope = _median(slopes)
    slope[(~np.isnan(figures)).sum(axis=1) < 3] = np.nan
    with np.errstate(invalid="ignore"):
        up, down = (slopes > 0).sum(axis=1), (slopes < 0).sum(axis=1)
        rising = (slope >= np.log1p(GROWTH)) & (3 * up >= 2 * (up + down))
        falling = (slope <= -np.log1p(GROWTH)) & (3 * down >= 2 * (up + down))
    return Slopes(np.expm1(slope), rising.astype(np.int8) - falling.astype(np.int8))


def heading(spend: Floats, visits: Floats, visit_count: Ints, known_for_all: NDArray[np.bool_]) -> Heading:
    """The direction of each member.

    `spend` and `visits` without season; `visit_count`: visits as they were, all six together; `known_for_all`: whether
    the member was there already when the first sub-period began. The ticket is missing where there was no visit.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ticket = np.where(visits > 0, spend / visits, np.nan)
    three = theil_sen(spend), theil_sen(visits), theil_sen(ticket)
    signs = np.column_stack([each.sign for each in three])
    direction = np.full(len(spend), Direction.STEADY.value, dtype="<U12")
    direction[(signs > 0).sum(axis=1) >= _AGREEING_OF_THREE] = Direction.RISING.value
    direction[(signs < 0).sum(axis=1) >= _AGREEING_OF_THREE] = Direction.FADING.value
    direction[~known_for_all | (visit_count < VISITS_MIN)] = Direction.INSUFFICIENT.value
    return Heading(*three, direction)


def _median(rows: Floats) -> Floats:
    """The median of each row without its nans; nan for a row of nothing else.

    Sorted once: nans go last, so the middle is found by counting. (numpy's nanmedian goes row by row.)
    """
    order = np.sort(rows, axis=1)
    count = (~np.isnan(rows)).sum(axis=1)
    row = np.arange(len(rows))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows.shape[1] - 1)
    middle: Floats = (order[row, low] + order[row, high]) / 2.0
    return np.where(count > 0, middle, np.nan)
