"""What a day at the counters came to, as the machines were told: to be found again, to the cent, in the day close."""

from collections import Counter as Counts
from dataclasses import dataclass, field

# What lies in a drawer, or on a slip beside it; all else moves accounts or is a promise.
IN_A_DRAWER = frozenset({"cash", "card", "code"})


@dataclass(slots=True)
class Drawer:
    """What a desk has taken in money, by kind, since it was opened with `float_amount` of change. In fen."""

    float_amount: int
    taken: Counts[str] = field(default_factory=Counts)

    def counted(self, over: int = 0) -> dict[str, int]:
        """What is there when it is counted; `over` is what somebody miscounted."""
        return {kind: self.taken[kind] for kind in sorted(IN_A_DRAWER)} | {
            "cash": self.float_amount + self.taken["cash"] + over
        }


@dataclass(slots=True)
class Takings:
    """Money in fen. `paid` and `given_back` by kind of tender; `topped_up` by how it was paid, `bonus` came with it.

    `sales` counts one for each legal unit of a settlement; `by_rail` went over card machines and wallet apps of ours.
    """

    settlements: int = 0
    sales: int = 0
    returns: int = 0
    ecoins_earned: int = 0
    by_rail: int = 0
    paid: Counts[str] = field(default_factory=Counts)
    given_back: Counts[str] = field(default_factory=Counts)
    topped_up: Counts[str] = field(default_factory=Counts)
    bonus: int = 0
    tickets: Counts[str] = field(default_factory=Counts)
    drawers: dict[str, Drawer] = field(default_factory=dict)

    @property
    def tenders(self) -> dict[str, int]:
        """What came in by each kind, what went back taken off."""
        kinds = self.paid.keys() | self.given_back.keys()
        return {kind: self.paid[kind] - self.given_back[kind] for kind in kinds}

    @property
    def net(self) -> int:
        """Net sales: all tenders and coupons, what went back taken off."""
        return sum(self.tenders.values())
