"""Days, shifts and what does not agree in words for people."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from pos_adapter.day.books import Account
from pos_adapter.day.rules import About, DayState, DifferenceKind, ObstacleKind, WarningKind
from pos_adapter.day.shifts import ShiftState

DAY_STATES: Mapping[DayState, tuple[Any, str]] = {
    DayState.OPEN: (lazy("Not closed"), "info"),
    DayState.CLOSED: (lazy("Day closed"), "good"),
}
SHIFT_STATES: Mapping[ShiftState, tuple[Any, str]] = {
    ShiftState.OPEN: (lazy("Running"), "info"),
    ShiftState.COUNTED: (lazy("Counted"), "warn"),
    ShiftState.HANDED_IN: (lazy("Handed in"), "good"),
}
DIFFERENCE_WORDS: Mapping[DifferenceKind, Any] = {
    DifferenceKind.LINES: lazy("The lines do not come to what the receipt says"),
    DifferenceKind.TENDERS: lazy("What was paid does not come to what the receipt says"),
    DifferenceKind.TOTAL: lazy("Lines and payments agree, the receipt says something else"),
    DifferenceKind.ALLOCATION: lazy("Who paid for which line does not add up"),
    DifferenceKind.SETTLEMENT: lazy("The settlement and its sales do not agree"),
    DifferenceKind.TICKET: lazy("A ticket and its settlement are not in the same state"),
    DifferenceKind.ACCOUNTS: lazy("The ledger moved other units than the receipt says"),
    DifferenceKind.EARNED: lazy("The ledger has other units than the purchase earned"),
    DifferenceKind.JOURNAL: lazy("A journal does not balance, or has no receipt"),
    DifferenceKind.PAYMENT: lazy("A payment that we took is not the tender"),
    DifferenceKind.REFUND: lazy("A refund is not what the return says"),
    DifferenceKind.TOPUP: lazy("A top-up is not in the account, or nobody recorded it"),
    DifferenceKind.CLOSED: lazy("The receipt is not what it was when it was posted"),
}
ABOUT_WORDS: Mapping[About, Any] = {
    About.RECEIPT: lazy("Receipt"),
    About.SETTLEMENT: lazy("Settlement"),
    About.TOPUP: lazy("Top-up"),
    About.JOURNAL: lazy("Journal"),
}
OBSTACLE_WORDS: Mapping[ObstacleKind, Any] = {
    ObstacleKind.EARLIER_DAY: lazy("An earlier day is not closed"),
    ObstacleKind.SHIFT: lazy("A shift is not handed in"),
    ObstacleKind.PAYMENT: lazy("Payments or refunds are not decided"),
    ObstacleKind.SETTLEMENT: lazy("Settlements wait for their payment"),
    ObstacleKind.RETURN: lazy("Refunds of red tickets are under way"),
}
WARNING_WORDS: Mapping[WarningKind, Any] = {
    WarningKind.MISSING_NUMBERS: lazy("Receipt numbers are missing"),
    WarningKind.PARKED: lazy("Receipts are parked"),
    WarningKind.FLAGGED: lazy("Receipts of the day are flagged"),
    WarningKind.OPEN_TICKETS: lazy("E-tickets are open and will expire"),
    WarningKind.RED_TICKETS: lazy("Red tickets wait for a refund"),
}
MODE_WORDS: Mapping[str, Any] = {
    "own": lazy("Own goods"),
    "concession": lazy("Concession"),
    "consignment": lazy("Consignment"),
    "leased": lazy("Leased"),
}
LINE_WORDS: Mapping[str, Any] = {
    "goods": lazy("Goods"),
    "gift_card": lazy("Gift cards"),
    "topup": lazy("Top-ups"),
    "deposit": lazy("Deposits"),
    "freight": lazy("Freight"),
    "service": lazy("Services"),
}
ACCOUNT_KINDS: Mapping[str, Any] = {
    "points": lazy("Points"),
    "ecoin": lazy("E-coins"),
    "cash": lazy("Stored cash"),
}
BOOK_WORDS: Mapping[str, Any] = {
    Account.TENDER.value: lazy("Tenders received"),
    Account.BENEFIT.value: lazy("Benefits used"),
    Account.STORED_VALUE.value: lazy("Stored cash, principal"),
    Account.STORED_BONUS.value: lazy("Stored cash, bonus"),
    Account.BONUS_GIVEN.value: lazy("Bonus given"),
    Account.SALES.value: lazy("Sales without tax"),
    Account.OUTPUT_TAX.value: lazy("Output tax"),
    Account.OWED.value: lazy("Owed to buyers"),
    Account.COLLECTED.value: lazy("Collected for others"),
    Account.COST_OF_OTHERS.value: lazy("Cost of others' goods"),
    Account.SUPPLIERS.value: lazy("Owed to suppliers"),
    Account.OVER_SHORT.value: lazy("Drawers over or short"),
    Account.NOT_AGREED.value: lazy("What does not agree"),
}
