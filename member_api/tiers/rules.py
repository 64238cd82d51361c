"""Which tier a member holds, and what a spend earns.

A member may hold several assignments at once (an imported one to the end of the year, an earned one for twelve
months); the highest in force counts, and when it ends the next one shows again. Setting a lower tier by hand ends
the higher ones, and from then on spending counts afresh: else the next night would give back what was taken.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from foundation.errors import FieldError, Invalid

# The sweep runs every night; a tier that ends before the one after next is renewed tonight, so that none has a hole.
RENEWAL_LEAD = timedelta(hours=36)


class TierSource(StrEnum):
    """Where an assignment comes from."""

    IMPORTED = "imported"
    MANUAL = "manual"
    EARNED = "earned"


class SpendBasis(StrEnum):
    """What is counted towards a tier: money of one currency (minor units), or points earned."""

    NET_AMOUNT = "net_amount"
    POINTS = "points"


class TierRuleContradictory(Invalid):
    """The thresholds of a rule do not rise with the rank of the tiers, or name a tier twice."""

    code = "tier_rule_contradictory"


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier of the programme: of two, the one with the greater `rank` is better. Retired tiers are not given."""

    code: str
    name: str
    rank: int
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One member holding one tier from `valid_from` until before `in_force_to` (None: without end)."""

    id: int
    member_id: int
    tier: str
    source: TierSource
    valid_from: datetime
    in_force_to: datetime | None

    def in_force(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.in_force_to is None or at < self.in_force_to)


@dataclass(frozen=True, slots=True)
class Threshold:
    """Spend (minor units) or points from which a tier is earned."""

    tier: str
    amount: int


@dataclass(frozen=True, slots=True)
class TierRule:
    """Earning a tier: reach `amount` within `window_days` and hold it for `valid_months`.

    A version is in force from `valid_from` until the next version's. `currency` is None when points are counted.
    """

    version: int
    valid_from: datetime
    basis: SpendBasis
    currency: str | None
    window_days: int
    valid_months: int
    thresholds: tuple[Threshold, ...]
    note: str = ""


def highest(assignments: Iterable[Assignment], ranks: Mapping[str, int], at: datetime) -> Assignment | None:
    """The assignment that counts at a moment: the best tier in force, of equals the one given last."""
    in_force = [held for held in assignments if held.in_force(at)]
    return max(in_force, key=lambda held: (ranks[held.tier], held.id), default=None)


def ended_by_hand(
    assignments: Iterable[Assignment], ranks: Mapping[str, int], rank: int | None, at: datetime
) -> list[Assignment]:
    """What setting a tier of this rank by hand ends: everything better that is in force or still to come.

    `rank` None takes every tier away.
    """
    open_ = [held for held in assignments if held.in_force_to is None or held.in_force_to > at]
    return [held for held in open_ if rank is None or ranks[held.tier] > rank]


def earned(amount: int, thresholds: Iterable[Threshold], ranks: Mapping[str, int]) -> str | None:
    """The best tier that `amount` reaches, None for none."""
    reached = [threshold.tier for threshold in thresholds if amount >= threshold.amount]
    return max(reached, key=lambda tier: ranks[tier], default=None)


def starts(earned_rank: int, held: Sequence[Assignment], ranks: Mapping[str, int], at: datetime) -> datetime | None:
    """From when a tier just earned holds; None when what the member holds is as good for long enough.

    Better than what is held: now. Otherwise when the held one ends, if that is within RENEWAL_LEAD.
    """
    now = highest(held, ranks, at)
    if now is None or ranks[now.tier] < earned_rank:
        return at
    later = highest(held, ranks, at + RENEWAL_LEAD)
    if later is not None and ranks[later.tier] >= earned_rank:
        return None
    ends = [
        h.in_force_to for h in held if ranks[h.tier] >= earned_rank and h.in_force(at) and h.in_force_to is not None
    ]
    return max(ends, default=at)


def add_months(at: datetime, months: int) -> datetime:
    """The same day so many months later, or the last day of that month (31 January + 1 month = 28 February)."""
    year, month0 = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month0 + 1, day=min(at.day, calendar.monthrange(year, month0 + 1)[1]))


def check_thresholds(thresholds: Sequence[Threshold], ranks: Mapping[str, int]) -> None:
    """Raises TierRuleContradictory unless every tier is named once and a better tier costs more."""
    if len({threshold.tier for threshold in thresholds}) != len(thresholds):
        raise TierRuleContradictory("A tier is named twice", errors=[FieldError("/thresholds", "each tier once")])
    rising = sorted(thresholds, key=lambda threshold: ranks[threshold.tier])
    for below, above in pairwise(rising):
        if above.amount <= below.amount:
            raise TierRuleContradictory(
                f"{above.tier} is better than {below.tier} and must cost more",
                errors=[FieldError("/thresholds", "amounts rise with the rank of the tiers")],
            )
