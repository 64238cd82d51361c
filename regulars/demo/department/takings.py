"""What a day at the counters came to, as the machines were told: to be found again, to the cent, in the day close."""

from collections import Counter as Counts
from dataclasses import dataclass, field


@dataclass(slots=True)
class Takings:
    """Money in fen. `tenders` by kind, what went back taken off; `topped_up` by how it was paid.

    `sold` and `given_back` are amounts of lines; `sales` counts one for each legal unit of a settlement. `ecoins` were
    earned less taken back; `by_rail` went over card machines and wallet apps of ours.
    """

    settlements: int = 0
    sales: int = 0
    returns: int = 0
    sold: int = 0
    given_back: int = 0
    coupons: int = 0
    ecoins: int = 0
    by_rail: int = 0
    tenders: Counts[str] = field(default_factory=Counts)
    topped_up: Counts[str] = field(default_factory=Counts)
    bonus: int = 0
    tickets: Counts[str] = field(default_factory=Counts)

    @property
    def net(self) -> int:
        return self.sold - self.given_back
