"""The ledger once more, in the plainest Python: every unit of every amount is moved by itself.

Written from RETAIL.md section 2 and the ADR on lots, not from the wallet: no sums are carried, no entries are made,
and what a clawback borrowed is a pile of units, each of which knows who lent it. Slow, and easy to believe.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import count
from typing import Any

AccountKey = tuple[str, str | None]  # kind, format
NEVER = date.max


class Refused(Exception):
    """The model says that this cannot be done; nothing has changed."""


@dataclass(eq=False)
class Lot:
    number: int
    account: AccountKey
    origin: str
    source: str
    expires: date | None
    usable: bool = True
    purchase: object = None
    root: "Lot | None" = None
    left: int = 0
    held: int = 0
    expired: int = 0
    loans: Counter["Lot"] = field(default_factory=Counter)

    @property
    def family(self) -> "Lot":
        return self.root or self

    @property
    def free(self) -> int:
        return self.left - self.held

    @property
    def is_debt(self) -> bool:
        return self.origin == "debt"

    def is_over(self, today: date) -> bool:
        return self.expires is not None and self.expires < today


@dataclass(eq=False)
class Hold:
    kind: str
    units: list[Lot]
    until: datetime
    state: str = "open"
    captured: int = 0


@dataclass(frozen=True)
class Offer:
    name: str
    spend: int
    get: int
    repeat: bool
    days: int


@dataclass(frozen=True)
class Rules:
    """What the model knows of a programme: points for a hundred minor units, by format; rounding; e-coin offers."""

    per_hundred: Fraction
    market_per_hundred: Fraction
    rounding: str
    keep_remainder: bool
    split: bool
    points_days: int
    grace_points: int
    grace_ecoin: int
    offers: tuple[Offer, ...]


@dataclass(eq=False)
class Purchase:
    ref: Any
    day: date
    format: str
    rules: Rules
    amounts: list[int]
    bases: list[int]
    left: list[int]
    remainder_before: Fraction
    account: AccountKey
    spent: list[tuple[str, list[Lot]]]  # per tender: kind, the lots of its units in the order taken
    units: list[int]  # per tender, as spent


def rounded(points: Fraction, how: str) -> int:
    if points <= 0:
        return 0
    whole = points.numerator // points.denominator
    rest = points - whole
    up = (how == "half_up" and rest >= Fraction(1, 2)) or (
        how == "half_even" and (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1))
    )
    return whole + (1 if up else 0)


class Member:
    """One member's accounts as the model sees them."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.remainders: dict[AccountKey, Fraction] = {}
        self.holds: list[Hold] = []
        self.numbers = count(1)
        self.withheld = 0

    # -------------------------------------------------------------------------------- what can be seen
    def balance(self, account: AccountKey) -> int:
        return sum(lot.left for lot in self.lots if lot.account == account)

    def held(self, account: AccountKey) -> int:
        return sum(lot.held for lot in self.lots if lot.account == account)

    def debt(self, account: AccountKey) -> int:
        return -sum(lot.left for lot in self.lots if lot.account == account and lot.is_debt)

    def open_lots(self) -> Counter[tuple[AccountKey, str, str, date | None]]:
        """What is left, by account, origin, source and last day."""
        seen: Counter[tuple[AccountKey, str, str, date | None]] = Counter()
        for lot in self.lots:
            if lot.left:
                seen[lot.account, lot.origin, lot.source, lot.expires] += lot.left
        return seen

    # -------------------------------------------------------------------------------- time
    def catch_up(self, now: datetime, today: date) -> None:
        """Holds whose time is over let go; free lots whose day has passed are gone. What locks a wallet does first."""
        for hold in self.holds:
            if hold.state == "open" and hold.until <= now:
                self.let_go(hold.units, today)
                hold.state = "expired"
        self.expire(today)

    def has_overdue_points(self, today: date) -> bool:
        return any(lot.account[0] == "points" and lot.left > 0 and lot.is_over(today) for lot in self.lots)

    def expire(self, today: date) -> None:
        for lot in self.lots:
            if lot.is_over(today):
                lot.expired += lot.free
                lot.left -= lot.free

    # -------------------------------------------------------------------------------- in and out
    def bring_in(
        self, account: AccountKey, amount: int, origin: str, source: str, expires: date | None, *,
        usable: bool = True, purchase: object = None,
    ) -> Lot:  # fmt: skip
        lot = Lot(next(self.numbers), account, origin, source, expires, usable, purchase)
        self.lots.append(lot)
        for _ in range(amount):
            debt = next((d for d in self.lots if d.is_debt and d.account == account and d.left < 0), None)
            if debt is None:
                lot.left += 1
            else:
                debt.left += 1
                borrower = next(each for each in self.lots if each.loans[debt])
                borrower.loans[debt] -= 1
                borrower.loans[lot] += 1
        return lot

    def available(self, kind: str) -> int:
        return sum(lot.left - lot.held for lot in self.lots if lot.account[0] == kind)

    def choose(
        self, kind: str, amount: int, today: date, *, near: str | None = None,
        usable: Callable[[Lot], bool] = lambda lot: lot.usable,
    ) -> list[Lot]:  # fmt: skip
        """The lots of the next `amount` units: soonest day first, the format at hand before others, oldest first."""
        lots = [
            lot
            for lot in self.lots
            if lot.account[0] == kind and lot.free > 0 and not lot.is_debt and not lot.is_over(today) and usable(lot)
        ]
        lots.sort(key=lambda lot: (lot.expires or NEVER, near is not None and lot.account[1] != near, lot.number))
        units = [lot for lot in lots for _ in range(lot.free)]
        if amount > min(len(units), self.available(kind)):
            raise Refused
        return units[:amount]

    def spend(self, kind: str, amount: int, today: date, **how: Any) -> list[Lot]:
        units = self.choose(kind, amount, today, **how)
        for lot in units:
            lot.left -= 1
        return units

    def give_back(self, units: Iterable[Lot], today: date, grace: date) -> None:
        """Units go back where they came from: to who lent them, into the lot, or into a lot of grace."""
        revived: dict[Lot, Lot] = {}
        for lot in units:
            self.one_back(lot, today, max(grace, today), revived)

    def one_back(self, lot: Lot, today: date, grace: date, revived: dict[Lot, Lot]) -> None:
        lenders = [lender for lender, lent in lot.family.loans.items() if lent]
        if lenders:
            lender = min(lenders, key=lambda each: (not each.is_debt, -each.number))
            lot.family.loans[lender] -= 1
            self.one_back(lender, today, grace, revived)
        elif lot.is_over(today):
            if lot not in revived:
                revived[lot] = Lot(
                    next(self.numbers), lot.account, lot.origin, lot.source, grace, lot.usable, lot.purchase, lot.family
                )
                self.lots.append(revived[lot])
            revived[lot].left += 1
        else:
            lot.left += 1

    # -------------------------------------------------------------------------------- holds
    def hold(self, kind: str, amount: int, until: datetime, today: date) -> Hold:
        units = self.choose(kind, amount, today)
        for lot in units:
            lot.held += 1
        hold = Hold(kind, units, until)
        self.holds.append(hold)
        return hold

    def let_go(self, units: Iterable[Lot], today: date) -> None:
        for lot in units:
            lot.held -= 1
            if any(lot.family.loans.values()):
                lot.left -= 1
                self.one_back(lot, today, today, {})

    def capture(self, hold: Hold, amount: int, today: date) -> None:
        units = sorted(hold.units, key=lambda lot: (lot.expires or NEVER, lot.number))
        for lot in units[:amount]:
            lot.held -= 1
            lot.left -= 1
        self.let_go(units[amount:], today)
        hold.state, hold.captured = "captured", amount

    # -------------------------------------------------------------------------------- taking back
    def claw_back(self, purchase: object, kind: str, source: str, amount: int, today: date) -> int:
        """Take back units that a purchase earned; returns how many e-coins could not be found any more."""
        own = [
            lot
            for lot in self.lots
            if lot.purchase is purchase and lot.account[0] == kind and lot.source == source and not lot.is_debt
        ]
        short = 0
        debt: Lot | None = None
        for _ in range(amount):
            mine = next((lot for lot in own if lot.free > 0), None)
            gone = next((lot for lot in own if lot.expired > 0), None)
            if mine is not None:
                mine.left -= 1
            elif gone is not None:
                gone.expired -= 1
            elif kind != "points":
                short += 1
            else:
                debt = self.borrow(own, today, debt)
        return short

    def borrow(self, own: list[Lot], today: date, debt: Lot | None) -> Lot | None:
        others = [
            lot
            for lot in self.lots
            if lot.account[0] == "points" and lot.free > 0 and not lot.is_debt and not lot.is_over(today)
        ]
        lender = min(others, key=lambda lot: (lot.expires or NEVER, lot.number), default=None)
        if lender is None:
            if debt is None:
                debt = Lot(next(self.numbers), own[0].account, "debt", "clawback", None, purchase=own[0].purchase)
                self.lots.append(debt)
            lender = debt
        lender.left -= 1
        own[0].family.loans[lender] += 1
        return debt

    # -------------------------------------------------------------------------------- purchases
    def earned(self, purchase: Purchase) -> tuple[int, Fraction, dict[str, int]]:
        """Points, remainder and e-coins by offer of what is left of a purchase."""
        rules = purchase.rules
        rate = rules.market_per_hundred if purchase.format == "market" else rules.per_hundred
        bases = [
            base if left == amount else base * left // amount
            for base, left, amount in zip(purchase.bases, purchase.left, purchase.amounts, strict=True)
        ]
        exact = sum((Fraction(base, 100) * rate for base in bases), Fraction(0))
        points = 0
        if exact:
            points = rounded(exact + (purchase.remainder_before if rules.keep_remainder else 0), rules.rounding)
        ecoins = {}
        for offer in rules.offers:
            times = sum(bases) // offer.spend
            if times > 0:
                ecoins[offer.name] = offer.get * (times if offer.repeat else 1)
        return points, exact - points if rules.keep_remainder else Fraction(0), ecoins

    def buy(self, purchase: Purchase, spends: list[tuple[str, int]], today: date) -> tuple[int, int]:
        needed: Counter[str] = Counter()
        for kind, units in spends:
            needed[kind] += units
        for kind, units in needed.items():
            self.choose(kind, units, today)
        for kind, units in spends:
            purchase.spent.append((kind, self.spend(kind, units, today, near=purchase.format)))
            purchase.units.append(units)
        purchase.remainder_before = self.remainders.setdefault(purchase.account, Fraction(0))
        points, remainder, ecoins = self.earned(purchase)
        self.remainders[purchase.account] += remainder
        if points:
            days = purchase.rules.points_days
            lasts = purchase.day + timedelta(days=days) if days else None
            self.bring_in(purchase.account, points, "purchase", "purchase", lasts, purchase=purchase)
        for offer in purchase.rules.offers:
            if ecoins.get(offer.name):
                lasts = purchase.day + timedelta(days=offer.days)
                self.bring_in(
                    ("ecoin", None), ecoins[offer.name], "purchase", offer.name, lasts, purchase=purchase
                )  # fmt: skip
        return points, sum(ecoins.values())

    def take_back(
        self, purchase: Purchase, returned: dict[int, int], restored: dict[int, int], today: date
    ) -> tuple[int, int, int]:
        """Points and e-coins taken back, and e-coins that come off the refund."""
        for tender, units in restored.items():
            kind, lots = purchase.spent[tender]
            days = {"points": purchase.rules.grace_points, "ecoin": purchase.rules.grace_ecoin, "cash": 0}[kind]
            back = lots[len(lots) - units :]
            del lots[len(lots) - units :]
            self.give_back(reversed(back), today, today + timedelta(days=days))
        points, remainder, ecoins = self.earned(purchase)
        for line, amount in returned.items():
            purchase.left[line] -= amount
        points_after, remainder_after, ecoins_after = self.earned(purchase)
        self.remainders[purchase.account] += remainder_after - remainder
        short = 0
        self.claw_back(purchase, "points", "purchase", points - points_after, today)
        for offer in purchase.rules.offers:
            less = ecoins.get(offer.name, 0) - ecoins_after.get(offer.name, 0)
            short += self.claw_back(purchase, "ecoin", offer.name, less, today)
        self.withheld += short
        return points - points_after, sum(ecoins.values()) - sum(ecoins_after.values()), short
