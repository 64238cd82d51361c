"""What a day of a store may be, and what may stand in the way of closing it: pure decisions on values.

open -> closed      closed is terminal; what arrives later keeps its business date and takes the next posting date
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from foundation.errors import Conflict, Invalid, NotFound

# Days are reckoned forwards and backwards from a date; the calendar ends somewhere.
LATEST_DAY = date(9998, 12, 31)


class DayState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class DayUnknown(NotFound):
    """There is no such day of this store, or it is not yours to see."""

    code = "day_unknown"


class DayClosed(Conflict):
    """The day was closed before."""

    code = "day_closed"


class DayNotReady(Conflict):
    """Something stands in the way of closing the day; `obstacles` names each thing and where to look."""

    code = "day_not_ready"


class DayDiffers(Conflict):
    """Figures of the day do not agree, and nobody has said why it is closed all the same; `differences` names them."""

    code = "day_differs"


class DayTooLarge(Conflict):
    """More belongs to the day than is posted in one close; nothing of it is left out in silence."""

    code = "day_too_large"


class DayNotHere(Invalid):
    """The day has not begun yet at this store."""

    code = "day_not_begun"


class DifferenceKind(StrEnum):
    """What did not agree."""

    LINES = "lines"  # the lines of a receipt do not come to what the receipt says
    TENDERS = "tenders"  # what was paid does not come to what the receipt says
    TOTAL = "total"  # lines and tenders agree, the receipt says something else
    ALLOCATION = "allocation"  # who paid for which line does not add up
    SETTLEMENT = "settlement"  # a settlement is not its sales
    TICKET = "ticket"  # a ticket is paid by a settlement that is not, or the other way round
    ACCOUNTS = "accounts"  # a receipt and the ledger have other units of an account
    EARNED = "earned"  # the ledger has other points or e-coins for a purchase than the accounts say it earned
    JOURNAL = "journal"  # a journal that does not balance, or that no receipt caused
    PAYMENT = "payment"  # a payment that we took is not the tender of its receipt
    REFUND = "refund"  # a refund that no return asked for, or another amount
    TOPUP = "topup"  # a top-up that is not in the ledger, or the other way round
    CLOSED = "closed"  # a receipt is not what it was when its day was closed


class About(StrEnum):
    """What the id of a difference is the id of, and so where to look."""

    RECEIPT = "receipt"
    SETTLEMENT = "settlement"
    TOPUP = "topup"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not agree. `receipt` is the id of what it is about: a receipt wherever one is concerned.

    `expected` and `found` are minor units, or units of an account where `unit` says so ("points"); None: not there.
    `words` say it in English, for logs and machines; pages say it in the reader's language by kind.
    """

    kind: DifferenceKind
    receipt: str
    expected: int | None
    found: int | None
    words: str
    about: About = About.RECEIPT
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptSums:
    """What a receipt says it came to, and what its lines and its tenders come to, coupons included."""

    amount: int
    lines: int
    tenders: int
    allocated: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """The one thing about a receipt that explains its sums."""

    kind: DifferenceKind
    expected: int | None
    found: int | None
    words: str


def receipt_fault(sums: ReceiptSums) -> Fault | None:
    """What is wrong with a receipt, by which two of the three sums agree; None where nothing is."""
    if sums.amount == sums.lines == sums.tenders:
        words = "who paid for which line does not add up"
        return None if sums.allocated else Fault(DifferenceKind.ALLOCATION, None, None, words)
    if sums.lines == sums.tenders:
        return Fault(DifferenceKind.TOTAL, sums.lines, sums.amount, "lines and tenders agree, the receipt says other")
    if sums.amount == sums.lines:
        return Fault(DifferenceKind.TENDERS, sums.amount, sums.tenders, "what was paid is not what the lines come to")
    return Fault(DifferenceKind.LINES, sums.amount, sums.lines, "the lines do not come to what the receipt says")


def payment_fault(n: int, expected: int | None, taken: int | None, state: str | None) -> str:
    """What is wrong with tender `n` of a settlement, in words."""
    if expected is None:
        return f"money was taken by tender {n} of a settlement that came to nothing"
    if taken is None:
        return f"tender {n} is paid, its payment is {state}" if state else f"the payment of tender {n} is gone"
    return f"tender {n} is not what was taken"


def moments_of(day: date, timezone: str) -> tuple[datetime, datetime]:
    """When a day begins at a store, and when it ends."""
    zone = ZoneInfo(timezone)
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def whole_months(since: date, until: date) -> list[tuple[date, date]]:
    """First and last day of each calendar month that lies wholly in [since, until]."""
    found = []
    first = since if since.day == 1 else _next_month(since)
    while (last := _next_month(first) - timedelta(days=1)) <= until:
        found.append((first, last))
        first = _next_month(first)
    return found


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


class ObstacleKind(StrEnum):
    """What keeps a day open."""

    EARLIER_DAY = "earlier_day"
    SHIFT = "shift"
    PAYMENT = "payment"
    SETTLEMENT = "settlement"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that is open, how many of it there are, and the page where somebody can end it."""

    kind: ObstacleKind
    count: int
    name: str
    link: str


class WarningKind(StrEnum):
    """What somebody should look at, though the day can be closed."""

    MISSING_NUMBERS = "missing_numbers"
    PARKED = "parked"
    FLAGGED = "flagged"
    OPEN_TICKETS = "open_tickets"
    RED_TICKETS = "red_tickets"


@dataclass(frozen=True, slots=True)
class Warned:
    """So many things that do not keep the day open, and the page that lists them."""

    kind: WarningKind
    count: int
    link: str


@dataclass(frozen=True, slots=True)
class DayClose:
    """A closed day: `amount` is net sales in minor units (returns taken off), `late` those posted here of earlier days.

    `receipts` counts sales, returns and voids of the posting date; `differences` is what did not agree at the close,
    `note` why it was closed all the same.
    """

    store: str
    day: date
    state: DayState
    closed_at: datetime
    closed_by: str
    currency: str
    receipts: int
    late: int
    amount: int
    differences: tuple[Difference, ...]
    note: str | None = None


# ------------------------------------------------------------------------------------------------ figures


class TenderFigure(msgspec.Struct, frozen=True):
    """What one tender brought in for goods of one legal unit, by terminal and cashier; returns taken off.

    `source` is receipt or topup; `units` are points, e-coins or stored value that were used, of a top-up its bonus.
    """

    source: str
    legal_unit: str
    terminal: str | None
    cashier: str | None
    kind: str
    role: str
    receipts: int
    amount: int
    units: int | None


class SalesFigure(msgspec.Struct, frozen=True):
    """What a counter sold under the same terms and tax; `counter` is empty for what no counter sold.

    `tax` is the part of the money received that is tax. `base` and what follows are for other people's goods: the
    contract base, what the store keeps of it by `rate` (`commission`), and the suppliers' part of `benefits` (`borne`).
    """

    legal_unit: str
    counter_id: int | None
    counter: str
    mode: str
    supplier: str | None
    kind: str
    promotion: str | None
    rate: Decimal | None
    tax_rate: int | None
    lines: int
    amount: int
    tax: int
    benefits: int
    borne: int
    base: int
    commission: int

    @property
    def owed(self) -> int:
        """What the supplier is paid: base less commission, less the benefits that it bears; 0 without a rate."""
        return self.base - self.commission - self.borne if self.rate is not None else 0


class AccountFigure(msgspec.Struct, frozen=True):
    """Units of one kind of account and funder that the store brought in and took; `currency` is empty for points.

    `opening` and `closing` are None before the store's first close: all its history is read once, by that close.
    """

    kind: str
    currency: str
    legal_unit: str
    funder: str
    opening: int | None
    issued: int
    reversed_in: int
    used: int
    expired: int
    reversed_out: int
    adjusted: int
    closing: int | None


class Entry(msgspec.Struct, frozen=True):
    """An entry of the journal for finance, in minor units; one side is 0."""

    legal_unit: str
    account: str
    detail: str
    debit: int
    credit: int


@dataclass(frozen=True, slots=True)
class Drawer:
    """What drawers of a day were over, or short (below zero), of one tender."""

    kind: str
    over: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Every figure of a day."""

    tenders: tuple[TenderFigure, ...]
    sales: tuple[SalesFigure, ...]
    accounts: tuple[AccountFigure, ...]
    entries: tuple[Entry, ...]

    @property
    def amount(self) -> int:
        """Net sales of the day, all kinds of lines."""
        return sum(figure.amount for figure in self.sales)

    def counters(self) -> list["CounterDay"]:
        """What each counter sold, summed over its bands, by legal unit and code."""
        found: dict[tuple[str, str, str], CounterDay] = {}
        for figure in self.sales:
            key = (figure.legal_unit, figure.counter, figure.mode)
            before = found.get(key) or CounterDay(*key)
            found[key] = replace(
                before, lines=before.lines + figure.lines, amount=before.amount + figure.amount,
                commission=before.commission + figure.commission, payable=before.payable + figure.owed,
            )  # fmt: skip
        return [found[key] for key in sorted(found)]

    def by_tender(self) -> list["TenderTotal"]:
        """What each tender brought in, over all terminals and legal units: receipts and top-ups apart."""
        found: dict[tuple[str, str], TenderTotal] = {}
        for figure in self.tenders:
            key = (figure.kind, figure.role)
            before = found.get(key) or TenderTotal(*key)
            sold = figure.amount if figure.source == "receipt" else 0
            units = (figure.units or 0) if figure.source == "receipt" else 0
            found[key] = replace(
                before, sold=before.sold + sold, paid_in=before.paid_in + figure.amount - sold,
                units=before.units + units,
            )  # fmt: skip
        return [found[key] for key in sorted(found, key=lambda key: (ROLE_ORDER.get(key[1], 9), key[0]))]

    def by_cashier(self) -> list["CashierTotal"]:
        """What each cashier took at each terminal, all tenders together; last, what nobody is named for, wherever."""
        found: dict[tuple[str, str], CashierTotal] = {}
        for figure in self.tenders:
            terminal, cashier = figure.terminal or "", figure.cashier or ""
            key = (terminal if cashier else "", cashier)
            before = found.get(key) or CashierTotal(cashier)
            is_money = figure.role == "money"
            found[key] = replace(
                before, terminals=before.terminals | {terminal} - {""}, amount=before.amount + figure.amount,
                money=before.money + (figure.amount if is_money else 0),
            )  # fmt: skip
        return [found[key] for key in sorted(found, key=lambda key: (not key[1], key))]

    def modes(self) -> list["ModeDay"]:
        """What counters sold by legal unit and mode, each with its counters."""
        found: dict[tuple[str, str], list[CounterDay]] = {}
        for each in self.counters():
            found.setdefault((each.legal_unit, each.mode), []).append(each)
        return [ModeDay(*key, tuple(found[key])) for key in sorted(found)]

    def journal(self) -> list["BookTotal"]:
        """The journal for finance as sums by legal unit and account, in the journal's order, each with its entries."""
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault((entry.legal_unit, entry.account), []).append(entry)
        return [BookTotal(*key, tuple(parts)) for key, parts in found.items()]

    def by_tax(self) -> list["TaxTotal"]:
        """Sales by tax rate (None: not stated), with the tax in them."""
        found: dict[int | None, TaxTotal] = {}
        for figure in self.sales:
            before = found.get(figure.tax_rate) or TaxTotal(figure.tax_rate)
            found[figure.tax_rate] = replace(before, amount=before.amount + figure.amount, tax=before.tax + figure.tax)
        return [found[rate] for rate in sorted(found, key=lambda rate: (rate is None, rate or 0))]


ROLE_ORDER = {"money": 0, "stored": 1, "benefit": 2}


@dataclass(frozen=True, slots=True)
class CounterDay:
    """A counter's day; `counter` is empty for what no counter sold."""

    legal_unit: str
    counter: str
    mode: str
    lines: int = 0
    amount: int = 0
    commission: int = 0
    payable: int = 0


@dataclass(frozen=True, slots=True)
class TenderTotal:
    """A tender over the whole store: what it paid for goods, what was paid in by it, the units it took."""

    kind: str
    role: str
    sold: int = 0
    paid_in: int = 0
    units: int = 0


@dataclass(frozen=True, slots=True)
class ModeDay:
    """The counters of a legal unit that sell on the same terms."""

    legal_unit: str
    mode: str
    counters: tuple[CounterDay, ...]

    @property
    def amount(self) -> int:
        return sum(each.amount for each in self.counters)


@dataclass(frozen=True, slots=True)
class BookTotal:
    """An account of the journal for finance, with its entries."""

    legal_unit: str
    account: str
    parts: tuple[Entry, ...]

    @property
    def debit(self) -> int:
        return sum(part.debit for part in self.parts)

    @property
    def credit(self) -> int:
        return sum(part.credit for part in self.parts)


@dataclass(frozen=True, slots=True)
class CashierTotal:
    """What one cashier took at a terminal, and how much of it was money; empty: nobody is named, at these terminals."""

    cashier: str
    terminals: frozenset[str] = frozenset()
    amount: int = 0
    money: int = 0


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """Sales under one tax rate, in hundredths of a percent, and the tax in the money received for them."""

    rate: int | None
    amount: int = 0
    tax: int = 0
