"""What is wrong with a receipt, in words for people."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from pos_adapter.repairs.audit import GIVEN
from pos_adapter.repairs.rules import Subject

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
    GIVEN: lazy("Given to a member"),
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


def problem_words(problem: Mapping[str, Any]) -> Any:
    """Why a receipt was refused; what has no words of ours is told as the service said it."""
    return PROBLEMS.get(problem.get("code", ""), problem.get("detail", ""))
