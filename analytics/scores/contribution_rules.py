"""How contribution is worked out (RETAIL section 5): percentiles, shrinkage, shares of formats, classes. Pure numpy.

Money stays in integers from the first column to the last. Floats appear only in ratios and percentiles, are computed
in the order of member ids, and so come out the same to the last bit whatever the order of the rows was.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class ContributionClass(StrEnum):
    """What a member is to the company, best first; `new` has not had the time to show."""

    PLATINUM = "platinum"
    GOLD = "gold"
    IRON = "iron"
    LEAD = "lead"
    NEW = "new"


def mid_ranks(values: NDArray[np.generic]) -> Floats:
    """Mid-rank percentiles between 0 and 1: (how many are less + half of those that are equal, itself included) / n."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    less = np.cumsum(counts) - counts
    ranks: Floats = ((2 * less + counts) / (2 * max(len(values), 1)))[place]
    return ranks


def shrunk_share(part: Integers, whole: Integers, k: float, rho: float) -> Floats:
    """(part + k rho) / (whole + k): a share that few purchases cannot push to 0 or 1.

    What is negative (more came back than was bought) counts as nothing; with nothing to go by the share is rho.
    """
    positive = np.maximum(whole, 0).astype(np.float64)
    inside = np.minimum(np.maximum(part, 0), np.maximum(whole, 0)).astype(np.float64)
    divisor = positive + k
    known = divisor > 0
    share: Floats = np.where(known, (inside + k * rho) / np.where(known, divisor, 1.0), rho)
    return share


def whole_parts(numerators: Integers, divisor: int) -> Integers:
    """Integers close to numerators / divisor whose sum is the whole sum rounded half up (largest remainder).

    Each is its quotient rounded down, and the units then missing go to the largest remainders, the first of equals.
    Whoever has a numerator of zero gets zero.
    """
    parts = numerators // divisor
    remainders = numerators - parts * divisor
    exact = int(parts.sum()) * divisor + int(remainders.sum())  # in Python: millionths may leave 64 bits
    missing = (2 * exact + divisor) // (2 * divisor) - int(parts.sum())
    if missing:
        first = np.argsort(-remainders, kind="stable")[:missing]
        parts[first] += 1
    return parts


@dataclass(frozen=True, slots=True)
class FormatRows:
    """Members active in one format and currency, by member id; money in minor units.

    `profit_known` is False where no line of a member had a known cost: then `worth` (G) means nothing.
    """

    spend: Integers
    visits: Integers
    receipts: Integers
    worth: Integers
    profit_known: Flags
    regular: Integers


@dataclass(frozen=True, slots=True)
class FormatScores:
    """Percentiles (0 to 1) and score (0 to 100) of the same members; `pr_profit` is NaN where the profit is unknown."""

    regular_share: Floats
    pr_spend: Floats
    pr_visits: Floats
    pr_profit: Floats
    pr_regular: Floats
    score: Floats
    shrinkage: float
    rho: float


def median_ticket(spend: Integers, receipts: Integers) -> float:
    """The median of the members' own average tickets, in minor units; 0 if there are none."""
    return max(float(np.median(spend / np.maximum(receipts, 1))), 0.0) if len(spend) else 0.0


def score_format(rows: FormatRows, weights: tuple[float, float, float, float], shrinkage_tickets: int) -> FormatScores:
    """100 x (w1 PR(S) + w2 PR(N) + w3 PR(G) + w4 PR(R)) for all members active in a format.

    Where a member's profit is unknown the other three percentiles carry the score, with their weights raised to 1:
    unknown is not 0. The profit percentile ranks those whose profit is known among themselves.
    """
    k = shrinkage_tickets * median_ticket(rows.spend, rows.receipts)
    total = int(np.maximum(rows.spend, 0).sum())
    regular = int(np.minimum(np.maximum(rows.regular, 0), np.maximum(rows.spend, 0)).sum())
    rho = regular / total if total else 0.0
    share = shrunk_share(rows.regular, rows.spend, k, rho)
    pr_profit = np.full(len(rows.spend), np.nan)
    pr_profit[rows.profit_known] = mid_ranks(rows.worth[rows.profit_known])
    ranks = (mid_ranks(rows.spend), mid_ranks(rows.visits), pr_profit, mid_ranks(share))
    points = np.zeros(len(rows.spend))
    weighed = np.zeros(len(rows.spend))
    for weight, rank in zip(weights, ranks, strict=True):
        known = ~np.isnan(rank)
        points += np.where(known, weight * np.where(known, rank, 0.0), 0.0)
        weighed += np.where(known, weight, 0.0)
    score = np.where(weighed > 0, 100.0 * points / np.where(weighed > 0, weighed, 1.0), np.nan)
    return FormatScores(share, ranks[0], ranks[1], ranks[2], ranks[3], score, k, rho)


def shares_of(amounts: dict[str, int]) -> dict[str, float]:
    """Shares that sum to 1; a loss counts as nothing, and if nothing is positive all count the same."""
    positive = {name: max(amount, 0) for name, amount in amounts.items()}
    total = sum(positive.values())
    if total == 0:
        return {name: 1 / len(positive) for name in positive}
    return {name: amount / total for name, amount in positive.items()}


def best_two(worth: Integers, platinum_percent: int, gold_percent: int) -> tuple[Flags, Flags]:
    """Who is platinum and who is gold: the best, until they bring so many percent of all positive profit.

    A member belongs to the best as long as those *strictly* better together bring less than the percentage; so the
    one who crosses the line is in, equals are treated alike, and whoever brings no profit is in neither.
    """
    positive = np.maximum(worth, 0)
    distinct, place = np.unique(positive, return_inverse=True)
    sums = np.bincount(place, minlength=len(distinct)) * distinct
    better = (int(sums.sum()) - np.cumsum(sums))[place] * 100
    total = int(sums.sum())
    platinum = (positive > 0) & (better < platinum_percent * total)
    gold = (positive > 0) & (better < gold_percent * total) & ~platinum
    return platinum, gold


def classes(
    worth: Integers, ages_days: Integers, expected: Flags, percents: tuple[int, int], days: tuple[int, int]
) -> NDArray[np.object_]:
    """The class of each member of one currency.

    `worth` is G; `ages_days` days since the first purchase; `expected`: potential rises or predicted profit is above
    0; `percents` platinum and gold; `days` until when a member is new, and from when it can be lead. In this order:
    platinum and gold by worth, new, lead (nothing expected, old enough), and iron, which is everybody else.
    """
    platinum, gold = best_two(worth, *percents)
    new_days, lead_days = days
    answer = np.full(len(worth), ContributionClass.IRON.value, dtype=object)
    answer[~expected & (ages_days >= lead_days)] = ContributionClass.LEAD.value
    answer[ages_days < new_days] = ContributionClass.NEW.value
    answer[gold] = ContributionClass.GOLD.value
    answer[platinum] = ContributionClass.PLATINUM.value
    return answer


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The best `members`, `member_percent` of all (rounded up), bring `worth`: a percentage of all positive worth."""

    member_percent: int
    members: int
    worth: int
    worth_percent: float | None


def concentration(worth: Integers) -> list[CurvePoint]:
    """The curve of cumulative profit over members, best first, at each percent of members from 0 to 100."""
    best_first = np.sort(worth)[::-1]
    sums = np.concatenate([[0], np.cumsum(best_first)])
    positive = int(np.maximum(worth, 0).sum())
    points = []
    for percent in range(101):
        members = -(-len(worth) * percent // 100)
        reached = int(sums[members])
        points.append(CurvePoint(percent, members, reached, 100 * reached / positive if positive else None))
    return points
