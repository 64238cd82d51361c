"""What is wrong with a receipt, in words for people."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from pos_adapter.repairs.rules import Subject
from pos_adapter.sales.receipts import Flag

FLAGS: Mapping[str, Any] = {
    Flag.UNKNOWN_MEMBER: lazy("Unknown member"),
    Flag.UNREADABLE_MEMBER: lazy("Unreadable member number"),
    Flag.CLOSED_MEMBER: lazy("The member is closed"),
    Flag.UNKNOWN_PRODUCT: lazy("Unknown product"),
    Flag.UNKNOWN_COUNTER: lazy("Unknown counter"),
    Flag.UNKNOWN_PROMOTION: lazy("Unknown promotion"),
    Flag.UNKNOWN_TENDER: lazy("Unknown tender"),
    Flag.UNKNOWN_ORIGINAL: lazy("Original not found"),
    Flag.MEMBER_DIFFERS: lazy("Another member than on the original"),
    Flag.POINTS_RATE_DIFFERS: lazy("Points at another rate"),
    Flag.NOT_ELIGIBLE: lazy("Paid with what does not hold for these lines"),
    Flag.CARD_NUMBER_MASKED: lazy("A card number was sent and masked"),
    Flag.RESTORED_WITH_GRACE: lazy("Expired points came back for a while"),
    Flag.BALANCE_MISSING: lazy("The balance is missing"),
}

PROBLEMS: Mapping[str, Any] = {
    "receipt_contradicts_itself": lazy("The receipt contradicts itself"),
    "store_unknown": lazy("The store is not known"),
    "wrong_currency": lazy("The store sells in another currency"),
    "coupon_unknown": lazy("A coupon is not known"),
    "receipt_number_taken": lazy("Another receipt was posted under this number"),
    "returned_too_much": lazy("More comes back than was sold"),
    "refund_split_differs": lazy("The refund does not go back the way the money came"),
    "original_closed": lazy("The original was voided or returned before"),
    "insufficient_balance": lazy("The member's balance is too small"),
    "member_cannot_spend": lazy("The member is frozen and cannot pay from accounts"),
    "ecoins_spent": lazy("E-coins that the sale brought are spent"),
}

ACTIONS: Mapping[str, Any] = {
    "posted_again": lazy("Corrected and posted"),
    "member_named": lazy("Given to a member"),
    "original_named": lazy("Original named"),
    "flags_closed": lazy("Flag closed"),
    "linked": lazy("Linked with the catalogue"),
    "discard_proposed": lazy("Proposed to discard"),
    "discarded": lazy("Discarded"),
    "discard_refused": lazy("Refused to discard"),
    "discard_withdrawn": lazy("Proposal withdrawn"),
}

SUBJECTS: Mapping[str, Any] = {
    Subject.PARKED: lazy("the parked receipt"),
    Subject.SALE: lazy("the whole receipt"),
    Subject.MEMBER_PART: lazy("only the part that waits for the member"),
}

TYPES: Mapping[str, Any] = {"sale": lazy("Sale"), "return": lazy("Return"), "void": lazy("Void")}


def problem_words(problem: Mapping[str, Any]) -> Any:
    """Why a receipt was refused; what has no words of ours is told as the service said it."""
    return PROBLEMS.get(problem.get("code", ""), problem.get("detail", ""))
