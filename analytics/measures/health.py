"""How the members are: new, active, won back, sleeping or lost, and how many come again. By their days of purchase.

A day of purchase is a business date with at least one receipt in the day roll-up, in any format and currency: people
are counted here, not money.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from analytics.lake.reading import Lake
from analytics.measures.measure import Measure, Source, Unit
from analytics.measures.sales import ratio
from foundation.pages import lazy


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """Days: `active` since the last purchase; `away` without one before somebody is won back; `lost` without one."""

    active_days: int = 90
    away_days: int = 180
    lost_days: int = 365


NO_SETTINGS = HealthSettings()


def member_states(lake: Lake, as_of: date, settings: HealthSettings = NO_SETTINGS) -> ir.Table:
    """One row a member who bought before `as_of` (exclusive): member_id, state, came_before, came_again.

    new: the first purchase lies in the last `active_days`. won_back: bought in them, for the first time after
    `away_days` or more. active: bought in them otherwise. sleeping: not for `active_days`. lost: not for `lost_days`.
    `came_before`: bought in the `active_days` before the last ones; `came_again`: and in the last ones as well.
    """
    window = as_of - timedelta(days=settings.active_days)
    day = lake.member_day
    bought = day.filter((day.receipts > 0) & (day.business_date < as_of))
    dates = bought.business_date
    member = bought.group_by("member_id").aggregate(
        first=dates.min(),
        last=dates.max(),
        came=dates.min(where=dates >= window),
        before=dates.max(where=dates < window),
    )
    came_before = (member.before >= as_of - timedelta(days=2 * settings.active_days)).fill_null(False)
    # An old purchase is at most a `before`; what is null compares to null, which no case takes.
    away = member.came.delta(member.before, unit="day")
    state = ibis.cases(
        (member.first >= window, "new"),
        (away >= settings.away_days, "won_back"),
        (member.came.notnull(), "active"),
        (member.last >= as_of - timedelta(days=settings.lost_days), "sleeping"),
        else_="lost",
    )
    return member.select(
        member.member_id, state=state, came_before=came_before, came_again=came_before & member.came.notnull()
    )


def _count(t: ir.Table, state: str) -> ir.NumericValue:
    return (t.state == state).sum().fill_null(0).cast("int64")


def new_members(t: ir.Table) -> ir.NumericValue:
    return _count(t, "new")


def active_members(t: ir.Table) -> ir.NumericValue:
    return _count(t, "active")


def won_back_members(t: ir.Table) -> ir.NumericValue:
    return _count(t, "won_back")


def sleeping_members(t: ir.Table) -> ir.NumericValue:
    return _count(t, "sleeping")


def lost_members(t: ir.Table) -> ir.NumericValue:
    return _count(t, "lost")


def came_before(t: ir.Table) -> ir.NumericValue:
    return t.came_before.sum().fill_null(0).cast("int64")


def came_again(t: ir.Table) -> ir.NumericValue:
    return t.came_again.sum().fill_null(0).cast("int64")


def repurchase_rate(t: ir.Table) -> ir.NumericValue:
    return ratio(came_again(t), came_before(t))


@dataclass(frozen=True, slots=True)
class MemberHealth:
    """Members as of a date; the first five together are everybody who ever bought before it."""

    new: int
    active: int
    won_back: int
    sleeping: int
    lost: int
    came_before: int
    came_again: int

    @property
    def repurchase_rate(self) -> float | None:
        """The share of those who came before who came again; None if nobody came before."""
        return self.came_again / self.came_before if self.came_before else None


_FIELDS = {
    "new": new_members,
    "active": active_members,
    "won_back": won_back_members,
    "sleeping": sleeping_members,
    "lost": lost_members,
    "came_before": came_before,
    "came_again": came_again,
}
assert tuple(_FIELDS) == tuple(field.name for field in fields(MemberHealth))


def member_health(lake: Lake, as_of: date, settings: HealthSettings = NO_SETTINGS) -> MemberHealth:
    """Everybody who bought before `as_of` (exclusive), counted in one of five states."""
    states = member_states(lake, as_of, settings)
    counted = states.aggregate(**{name: count(states) for name, count in _FIELDS.items()}).to_pyarrow()
    (row,) = counted.to_pylist()
    return MemberHealth(**row)


HEALTH_MEASURES = (
    Measure(
        "new_members",
        lazy("New members"),
        lazy("Members whose first purchase lies in the last 90 days."),
        Unit.COUNT,
        Source.MEMBERS,
        new_members,
        adds_up=True,
    ),
    Measure(
        "active_members",
        lazy("Active members"),
        lazy("Members who bought in the last 90 days and are neither new nor won back."),
        Unit.COUNT,
        Source.MEMBERS,
        active_members,
        adds_up=True,
    ),
    Measure(
        "won_back_members",
        lazy("Won-back members"),
        lazy("Members who bought in the last 90 days, for the first time after 180 days or more."),
        Unit.COUNT,
        Source.MEMBERS,
        won_back_members,
        adds_up=True,
    ),
    Measure(
        "sleeping_members",
        lazy("Sleeping members"),
        lazy("Members who have not bought for 90 days, and did within the last 365."),
        Unit.COUNT,
        Source.MEMBERS,
        sleeping_members,
        adds_up=True,
    ),
    Measure(
        "lost_members",
        lazy("Lost members"),
        lazy("Members who have not bought for 365 days."),
        Unit.COUNT,
        Source.MEMBERS,
        lost_members,
        adds_up=True,
    ),
    Measure(
        "repurchase_rate",
        lazy("Repurchase rate"),
        lazy(
            "Of the members who bought in the 90 days before the last 90, the share that bought in the last 90 as well."
        ),
        Unit.SHARE,
        Source.MEMBERS,
        repurchase_rate,
    ),
)
