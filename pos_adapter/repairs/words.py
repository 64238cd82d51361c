"""What is wrong with a receipt, in words for people."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext

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


# What is said with figures or codes in it, and how it is said to people; the names of the parts are the same.
WITH_FIGURES: Sequence[tuple[re.Pattern[str], Any]] = [
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"tenders come to (?P<paid>-?\d+), lines less coupons to (?P<total>-?\d+)",
            lazy("tenders come to %(paid)s, lines less coupons to %(total)s"),
        ),
        (
            r"line (?P<line>\d+) sold (?P<sold>-?\d+), (?P<back>-?\d+) would be back",
            lazy("line %(line)s sold %(sold)s, %(back)s would be back"),
        ),
        (
            r"(?P<asked>\d+) (?P<unit>[\w:]+) asked for, (?P<free>\d+) available",
            lazy("%(asked)s %(unit)s asked for, %(free)s available"),
        ),
        (r"must lie between (?P<first>[\d-]+) and tomorrow", lazy("must lie between %(first)s and tomorrow")),
        (r"There is no store (?P<store>.+)", lazy("There is no store %(store)s")),
        (r"(?P<store>.+) sells in (?P<currency>[A-Z]{3})", lazy("%(store)s sells in %(currency)s")),
        (r"must be (?P<currency>[A-Z]{3})", lazy("must be %(currency)s")),
        (r"The original is (?P<state>\w+)", lazy("The original is %(state)s")),
    )
]


def problem_words(problem: Mapping[str, Any]) -> Any:
    """Why a receipt was refused; what has no words of ours is told as the service said it."""
    return PROBLEMS.get(problem.get("code", "")) or told_words(problem.get("detail", ""))


def told_words(detail: str) -> str:
    """What the service said, in the reader's language where there are words for it."""
    for pattern, words in WITH_FIGURES:
        if found := pattern.fullmatch(detail):
            return str(words) % found.groupdict()
    return gettext(detail) if detail else ""
