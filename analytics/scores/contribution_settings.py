"""What contribution takes for granted: weights, windows, thresholds, and what a point costs. A run keeps its own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from foundation.errors import Invalid
from foundation.money import half_up

MICRO = 1_000_000
BEGINNING = date(1900, 1, 1)


class ContributionSettingsWrong(Invalid):
    """Settings that contradict themselves."""

    code = "contribution_settings_wrong"


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each of the four percentiles counts; any scale, they are divided by their sum."""

    spend: float = 0.35
    visits: float = 0.15
    profit: float = 0.35
    regular: float = 0.15


@dataclass(frozen=True, slots=True)
class PointCost:
    """What a point that is earned from a day on is expected to cost.

    `points` are worth `money` minor units when they are redeemed (10 and 1: ten points are a cent), and
    `redeemed_percent` of them are expected to be. The currency is the sale's; None: of any currency.
    """

    valid_from: date
    points: int = 10
    money: int = 1
    redeemed_percent: int = 95
    currency: str | None = None

    @property
    def micro(self) -> int:
        """The cost of one point in millionths of a minor unit, rounded half up."""
        return half_up(self.money * self.redeemed_percent * MICRO, self.points * 100)


@dataclass(frozen=True, slots=True)
class ContributionSettings:
    """The trade's defaults. `format_shares` (a_f) by format; None: each format's share of the company's profit.

    Shares that people set are divided by their sum. Days are counted back from the as-of date. `point_costs` None:
    what the earning rules say that points are worth, `redeemed_percent` of them expected to be redeemed (a run fills
    it in when it is asked for: `point_costs.with_worth_of_points`).
    """

    weights: Weights = field(default_factory=Weights)
    window_days: int = 365
    active_min: int = 100
    shrinkage_tickets: int = 3
    format_shares: Mapping[str, float] | None = None
    platinum_percent: int = 50
    gold_percent: int = 80
    new_days: int = 90
    lead_days: int = 365
    redeemed_percent: int = 95
    point_costs: Sequence[PointCost] | None = None

    def __post_init__(self) -> None:
        weights = asdict(self.weights).values()
        shares = [1.0] if self.format_shares is None else list(self.format_shares.values())
        sound = (
            min(weights) >= 0 < sum(weights)
            and min(shares, default=-1) >= 0 < sum(shares)
            and self.window_days >= 1
            and self.active_min >= 1
            and self.shrinkage_tickets >= 0
            and 0 < self.platinum_percent <= self.gold_percent <= 100
            and 0 <= self.new_days <= self.lead_days
            and all(cost.points >= 1 and cost.money >= 0 for cost in self.costs_of_points)
            and all(0 <= cost.redeemed_percent <= 100 for cost in self.costs_of_points)
        )
        if not sound:
            raise ContributionSettingsWrong("weights, shares, days or percents of contribution are out of range")

    @property
    def costs_of_points(self) -> Sequence[PointCost]:
        """The costs in force: those set, or else ten points for a minor unit."""
        if self.point_costs is not None:
            return self.point_costs
        return (PointCost(BEGINNING, redeemed_percent=self.redeemed_percent),)

    def as_json(self) -> dict[str, Any]:
        """What a run stores; `settings_from_json` reads it back."""
        facts = asdict(self)
        facts["format_shares"] = None if self.format_shares is None else dict(self.format_shares)
        if self.point_costs is not None:
            facts["point_costs"] = [
                {**asdict(cost), "valid_from": cost.valid_from.isoformat()} for cost in self.point_costs
            ]
        return facts


def settings_from_json(facts: Mapping[str, Any]) -> ContributionSettings:
    """Settings out of what a run stored; what is left out is as the defaults say. Raises ContributionSettingsWrong."""
    try:
        values = dict(facts)
        if "weights" in values:
            values["weights"] = Weights(**values["weights"])
        if values.get("point_costs") is not None:
            values["point_costs"] = tuple(
                PointCost(**{**cost, "valid_from": date.fromisoformat(cost["valid_from"])})
                for cost in values["point_costs"]
            )
        return ContributionSettings(**values)
    except (TypeError, ValueError, KeyError, AttributeError) as wrong:
        raise ContributionSettingsWrong(f"these are no settings of contribution: {wrong}") from wrong
