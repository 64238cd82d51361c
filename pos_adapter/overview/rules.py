"""Figures of a day that add up: of tills to stores, of stores to all, never over currencies. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What was sold in one place on one business date, in minor units of `currency`.

    Sales are posted sales without the voided ones; `net` takes off what came back. Counts are receipts.
    """

    currency: str
    sales: int = 0
    sales_amount: int = 0
    returns: int = 0
    returns_amount: int = 0
    voids: int = 0
    member_sales: int = 0
    member_amount: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def net(self) -> int:
        return self.sales_amount - self.returns_amount

    @property
    def average(self) -> int | None:
        """The average ticket in minor units, rounded half up; None without sales."""
        return (2 * self.sales_amount + self.sales) // (2 * self.sales) if self.sales else None

    @property
    def member_share_permille(self) -> int | None:
        """Members' part of the sales amount (会员销售占比), in thousandths; None without sales."""
        if self.sales_amount <= 0:
            return None
        return (2_000 * self.member_amount + self.sales_amount) // (2 * self.sales_amount)

    def __add__(self, other: "DayFigures") -> "DayFigures":
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} are never summed")
        return DayFigures(
            self.currency,
            self.sales + other.sales,
            self.sales_amount + other.sales_amount,
            self.returns + other.returns,
            self.returns_amount + other.returns_amount,
            self.voids + other.voids,
            self.member_sales + other.member_sales,
            self.member_amount + other.member_amount,
            min((at for at in (self.first_at, other.first_at) if at is not None), default=None),
            max((at for at in (self.last_at, other.last_at) if at is not None), default=None),
        )


def summed(figures: Iterable[DayFigures], key: Callable[[DayFigures], K]) -> dict[K, DayFigures]:
    """Figures added up by a key that keeps currencies apart."""
    sums: dict[K, DayFigures] = {}
    for each in figures:
        name = key(each)
        sums[name] = sums[name] + each if name in sums else each
    return sums


def change_permille(now: int, before: int) -> int | None:
    """The change from `before` to `now` in thousandths of `before`; None where there is nothing to compare with."""
    return round((now - before) * 1000 / before) if before > 0 else None
