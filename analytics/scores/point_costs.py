"""What a point costs, from what the earning rules say that it is worth: one truth for the till and the score."""

from dataclasses import replace
from datetime import date

from analytics.scores.contribution_settings import BEGINNING, ContributionSettings, PointCost
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.contract.points import worth_of_points


def with_worth_of_points(tx: Tx, settings: ContributionSettings) -> ContributionSettings:
    """The settings with `point_costs` filled in, if nobody has set them: a cost for each version of the earning rules.

    A version holds from its day in the company's time zone, the first one since ever.
    """
    if settings.point_costs is not None:
        return settings
    timezone = get_settings().company_timezone
    costs: dict[date, PointCost] = {}
    for worth in worth_of_points(tx):
        day = local_date(worth.valid_from, timezone) if costs else BEGINNING
        # Of two versions of one day the later one holds.
        costs[day] = PointCost(day, worth.points, worth.money, settings.redeemed_percent)
    return replace(settings, point_costs=tuple(costs.values()) or None)
