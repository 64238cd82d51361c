"""What a day of a store may be, and what may stand in the way of closing it: pure decisions on values.

open -> closed      closed is terminal; what arrives later keeps its business date and takes the next posting date
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from foundation.errors import Conflict, Invalid, NotFound


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

    `receipts` counts sales, returns and voids of the posting date; `differences` what did not agree at the close.
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
