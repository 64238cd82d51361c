"""Days side by side: this one, the same weekday a week before, the week and the one before. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from foundation.money import half_up


@dataclass(frozen=True, slots=True)
class Day:
    """Sales of one business date in one currency, in minor units; `profit` None: no cost is known."""

    day: date
    net: int = 0
    members: int = 0
    receipts: int = 0
    profit: int | None = None
    buyers: int = 0

    @property
    def others(self) -> int:
        """What was sold to nobody known."""
        return self.net - self.members


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside an earlier one. `percent` None: there is nothing to compare with."""

    now: int
    before: int

    @property
    def percent(self) -> float | None:
        return 100 * (self.now - self.before) / self.before if self.before > 0 else None


@dataclass(frozen=True, slots=True)
class DaySales:
    """The days up to `day` in one currency, oldest first, every day of them."""

    currency: str
    day: date
    days: tuple[Day, ...]

    @property
    def today(self) -> Day:
        return self.days[-1]

    @property
    def on_weekday(self) -> Change:
        """Net sales beside those of the same weekday a week before."""
        before = next((each for each in self.days if each.day == self.day - timedelta(days=7)), Day(self.day))
        return Change(self.today.net, before.net)

    @property
    def on_week(self) -> Change:
        """Net sales of the last seven days beside those of the seven before."""
        return Change(sum(each.net for each in self.days[-7:]), sum(each.net for each in self.days[-14:-7]))

    @property
    def member_share(self) -> float | None:
        """The members' part of the day's sales, in percent."""
        return share(self.today.members, self.today.net)

    @property
    def member_share_weeks(self) -> float | None:
        """The members' part of the sales of all these days, in percent."""
        return share(sum(each.members for each in self.days), sum(each.net for each in self.days))

    @property
    def average_ticket(self) -> int | None:
        """Net sales by receipt, rounded half up."""
        today = self.today
        return half_up(today.net, today.receipts) if today.receipts > 0 else None


def share(part: int, whole: int) -> float | None:
    """A part of the whole in percent; None of nothing."""
    return 100 * part / whole if whole > 0 else None


def change_of(now: int, before: int | None) -> int | None:
    """How many more; None where nothing is known of before."""
    return None if before is None else now - before


def figures_of(row: Mapping[str, Any]) -> Day:
    """A day from a row of measures."""
    known = (row["profit_coverage"] or 0) > 0
    return Day(
        row["day"],
        row["net_sales"],
        row["member_sales"],
        row["receipts"],
        row["gross_profit"] if known else None,
        row["buyers"],
    )


def ordered(names: Sequence[str], order: Sequence[str]) -> list[str]:
    """Names in a given order, those that are not in it last."""
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
