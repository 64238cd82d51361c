"""What the ledger's states and kinds are called on pages."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy

ACCOUNT_WORDS: Mapping[str, Any] = {
    "points": lazy("Points"),
    "ecoin": lazy("E-coins"),
    "cash": lazy("Stored value"),
}
JOURNAL_WORDS: Mapping[str, Any] = {
    "earn": lazy("Earned with a purchase"),
    "spend": lazy("Paid for a purchase"),
    "earn_reversal": lazy("Taken back: goods returned"),
    "spend_reversal": lazy("Given back: goods returned"),
    "grant": lazy("Granted"),
    "topup": lazy("Paid in"),
    "redemption": lazy("Redeemed"),
    "adjustment": lazy("Adjusted by hand"),
    "capture": lazy("Taken from what was held"),
    "release": lazy("No longer held"),
    "expire": lazy("Expired"),
    "moved_away": lazy("Given to another member"),
}
ORIGIN_WORDS: Mapping[str, Any] = {
    "purchase": lazy("Purchase"),
    "grant": lazy("Grant"),
    "compensation": lazy("Compensation"),
    "topup": lazy("Top-up"),
    "bonus": lazy("Top-up bonus"),
    "import": lazy("Brought along"),
    "debt": lazy("Debt"),
}
ACTION_WORDS: Mapping[str, Any] = {"adjustment": lazy("Adjustment"), "grant": lazy("Grant")}
STATE_WORDS: Mapping[str, tuple[Any, str]] = {
    "pending": (lazy("Waits"), "warn"),
    "approved": (lazy("Approved"), "good"),
    "refused": (lazy("Refused"), "danger"),
    "withdrawn": (lazy("Withdrawn"), ""),
}
