"""A point costs what the earning rules say it is worth when it pays, as far as points are redeemed."""

from dataclasses import replace
from datetime import date, timedelta

from analytics.scores.contribution_settings import ContributionSettings, PointCost, settings_from_json
from analytics.scores.point_costs import with_worth_of_points
from foundation.database import Tx
from member_api.earning.operations import publish_rules

SETTINGS = ContributionSettings(redeemed_percent=80)


def test_each_version_of_the_rules_has_its_cost(tx: Tx) -> None:
    publish_rules(tx, {"redeem_points": 100, "redeem_money": 3}, tx.now + timedelta(days=1), "", "test")
    settings = with_worth_of_points(tx, SETTINGS)
    # The clock of the tests says 5 January; the first version has always been so.
    assert settings.point_costs == (
        PointCost(date(1900, 1, 1), 10, 1, 80),
        PointCost(date(2026, 1, 6), 100, 3, 80),
    )
    assert [cost.micro for cost in settings.costs_of_points] == [80_000, 24_000]
    assert settings_from_json(settings.as_json()) == settings


def test_of_two_versions_of_a_day_the_later_one_holds(tx: Tx) -> None:
    for hours, money in ((20, 3), (21, 4)):
        publish_rules(tx, {"redeem_points": 100, "redeem_money": money}, tx.now + timedelta(hours=hours), "", "test")
    costs = with_worth_of_points(tx, SETTINGS).costs_of_points
    assert [(cost.valid_from, cost.money) for cost in costs] == [(date(1900, 1, 1), 1), (date(2026, 1, 6), 4)]


def test_costs_that_were_set_stay(tx: Tx) -> None:
    mine = replace(SETTINGS, point_costs=(PointCost(date(2026, 1, 1), 1, 1, 100),))
    assert with_worth_of_points(tx, mine) is mine
    nothing = replace(SETTINGS, point_costs=())
    assert with_worth_of_points(tx, nothing).costs_of_points == ()
