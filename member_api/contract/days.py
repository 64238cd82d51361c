"""What the close of a store's day asks of the accounts: journals, what they moved, and what was paid in.

Every function takes the open transaction first and reads only; everything is set-based. Ids of journals and purchases
carry their day, so that no more than those days are read. Nothing personal leaves: sums and ids.

Errors: none beyond the database's.
"""

from member_api.ledger.days import (
    CAUSES,
    JOURNALS_MAX,
    OF_RECEIPTS,
    Cause,
    JournalOfDay,
    JournalSum,
    Movement,
    PeriodMovement,
    PurchaseBooked,
    Standing,
    journal_sums,
    journals_named,
    journals_of_store,
    moved_by_tenders,
    movements_of,
    purchases_off,
    roll_forward,
    standing_before,
)
from member_api.topups.operations import (
    TOPUPS_MAX,
    TopUpOfDay,
    first_topup_between,
    journals_without_topup,
    topups_between,
    topups_named,
)

__all__ = [
    "CAUSES",
    "JOURNALS_MAX",
    "OF_RECEIPTS",
    "TOPUPS_MAX",
    "Cause",
    "JournalOfDay",
    "JournalSum",
    "Movement",
    "PeriodMovement",
    "PurchaseBooked",
    "Standing",
    "TopUpOfDay",
    "first_topup_between",
    "journal_sums",
    "journals_named",
    "journals_of_store",
    "journals_without_topup",
    "moved_by_tenders",
    "movements_of",
    "purchases_off",
    "roll_forward",
    "standing_before",
    "topups_between",
    "topups_named",
]
