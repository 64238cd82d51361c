"""What the rest of the house may do with what members own.

Every function takes the open transaction first and never commits it. Locks: the member's row shared, then the
member's accounts in order of id. `Step.reference` names the step: the same one twice is refused by the database.

    grant(tx, member, Grant(Kind.POINTS, 100, "campaign/7"), Step("campaign/7/member/12", "campaign/7"))

Errors: MemberUnknown, MemberCannotEarn, MemberCannotSpend, InsufficientBalance, AmountTooLarge, ExpiryPassed,
HoldUnknown, HoldEnded, CaptureTooLarge. After an error nothing of the transaction may be committed but what was
recorded before the call.
"""

from collections.abc import Iterator

from foundation.checks import Finding, run_checks
from foundation.database import Database
from member_api.ledger.operations import (
    Adjustment,
    ExpiryPassed,
    Grant,
    HoldUnknown,
    MemberCannotEarn,
    MemberCannotSpend,
    Posted,
    Step,
    Taking,
    capture_hold,
    grant,
    place_hold,
    redeem,
    release_hold,
)
from member_api.ledger.rules import (
    AmountTooLarge,
    CaptureTooLarge,
    Hold,
    HoldEnded,
    HoldState,
    InsufficientBalance,
    Kind,
    Origin,
)
from member_api.ledger.statements import AccountView, LotView, accounts_of, read_hold

__all__ = [
    "AccountView",
    "Adjustment",
    "AmountTooLarge",
    "CaptureTooLarge",
    "ExpiryPassed",
    "Finding",
    "Grant",
    "Hold",
    "HoldEnded",
    "HoldState",
    "HoldUnknown",
    "InsufficientBalance",
    "Kind",
    "LotView",
    "MemberCannotEarn",
    "MemberCannotSpend",
    "Origin",
    "Posted",
    "Step",
    "Taking",
    "accounts_of",
    "capture_hold",
    "grant",
    "place_hold",
    "read_hold",
    "redeem",
    "release_hold",
    "verify_ledger",
]


def verify_ledger(database: Database) -> Iterator[Finding]:
    """Prove the books on one snapshot: every registered check of every package, naming what is wrong.

    The caller has imported the rooms named `checks` (regulars.running.workers.register_everything does).
    """
    return run_checks(database)
